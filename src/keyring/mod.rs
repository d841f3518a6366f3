//! Where expiry halves live until they are destroyed.
//!
//! A SQLite catalogue whose every secret is sealed under the root of the current generation, and apart from it the root
//! itself in one of two slots. Invariant: without the root of its generation a catalogue opens nothing, whichever copy of
//! it. Spec: `spec/keyring.md`.

pub mod catalogue;
pub mod export;
pub mod log;
pub mod page;
pub mod root;

use crate::crypto::CryptoError;
use crate::crypto::hash::Hash;
use crate::crypto::kdf::{ArchiveId, ExpiryHalves};
use crate::crypto::secret::{Secret32, random_id};
use crate::crypto::sign::{SigningKey, VerifierKey, is_key_name};
use crate::retention::Retention;
use crate::storage::lock::{Lock, Sharing};
use crate::storage::output::{create_private_dir, write_new};
use crate::storage::{StorageError, read_limited};
use catalogue::Catalogue;
use page::{PAGE_RECORDS, Page, PageRecord};
use root::RootSlots;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-keyring/v1";
const CONFIG: &str = "keyring.json";
const CATALOGUE: &str = "catalogue.sqlite";
const LOCK: &str = "lock";

/// What can go wrong with a keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no keyring there.
    #[error("{}: there is no keyring", crate::storage::show(.0))]
    Missing(PathBuf),
    /// The keyring holds nothing of this archive.
    #[error("the keyring holds no keys of archive {0}")]
    UnknownArchive(String),
    /// The keyring knows the archive, but not such a record.
    #[error("the keyring holds no keys of record {0} of this archive")]
    UnknownRecord(u64),
    /// The halves were destroyed here.
    #[error("record {0}: its keys were destroyed")]
    Destroyed(u64),
    /// Keys of this archive are here already.
    #[error("the keyring holds keys of archive {0} already; a second deposit is refused")]
    AlreadyDeposited(String),
    /// The catalogue is from before a purge, the root from after it.
    #[error(
        "the catalogue (generation {catalogue}) is older than its root (generation {root}): it is a copy from before a purge"
    )]
    CatalogueOlder {
        /// Generation of the catalogue.
        catalogue: u64,
        /// Generation of the root.
        root: u64,
    },
    /// No slot holds the root of the catalogue's generation.
    #[error("the root of generation {0} is not in {path}", path = crate::storage::show(.1))]
    RootMissing(u64, PathBuf),
    /// Root slots lie where those of a new keyring would go.
    #[error("{}: it holds the root of another keyring, or of one that was not finished", crate::storage::show(.0))]
    RootTaken(PathBuf),
    /// A name that no seal can carry.
    #[error("{0:?} cannot name a firm in a seal: 1 to 200 bytes, without spaces and plus signs")]
    FirmName(String),
    /// The catalogue or a page in it is not what this program wrote.
    #[error("keyring: {0}")]
    Damaged(String),
    /// The journal has no such entry, or none yet.
    #[error("the journal has no entry {0}")]
    NoEntry(u64),
    /// What the journal never does.
    #[error("journal: {0}")]
    Journal(&'static str),
    /// SQLite failed.
    #[error("keyring catalogue: {0}")]
    Catalogue(#[from] rusqlite::Error),
    /// Keys.
    #[error("keyring: {0}")]
    Crypto(#[from] CryptoError),
    /// Files.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// `keyring.json`: what a keyring is, without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// [`FORMAT`].
    pub format: String,
    /// Keyring id, 32 hex digits.
    pub keyring: String,
    /// Key name of its seals and first part of their origins.
    pub firm: String,
    /// The folder of its root slots; in the file it may be relative to the keyring's own.
    pub root: PathBuf,
}

/// The sealed table: everything that the root opens directly.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    signing: SigningSeeds,
    pages: std::collections::BTreeMap<u64, Secret32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningSeeds {
    ed25519: Secret32,
    ml_dsa_44: Secret32,
}

/// An open keyring, locked against other processes.
pub struct Keyring {
    config: Config,
    dir: PathBuf,
    catalogue: Catalogue,
    root: Secret32,
    generation: u64,
    table: Table,
    page: Option<(u64, Page)>,
    _lock: Lock,
}

/// What a keyring knows of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownArchive {
    /// Archive id.
    pub id: ArchiveId,
    /// Origin of its log.
    pub origin: String,
    /// Leaves in its tree.
    pub size: u64,
    /// Root that its seal must have.
    pub root: Hash,
    /// When it was deposited, RFC 3339.
    pub deposited: String,
}

/// What `create` hands over once, before the seal.
pub struct Deposit<'a> {
    /// The archive.
    pub archive: KnownArchive,
    /// Halves and retention of records 1, 2, 3 …
    pub records: &'a [(ExpiryHalves, Retention)],
}

impl Keyring {
    /// Makes a new keyring in `dir`, its root slots in `root_dir`.
    ///
    /// # Errors
    /// [`KeyringError::FirmName`]; [`StorageError::Exists`] where there is one.
    pub fn create(dir: &Path, root_dir: &Path, firm: &str) -> Result<Config, KeyringError> {
        if !is_firm_name(firm) {
            return Err(KeyringError::FirmName(firm.into()));
        }
        if dir.join(CONFIG).symlink_metadata().is_ok() {
            return Err(StorageError::Exists(dir.join(CONFIG)).into());
        }
        create_private_dir(dir)?;
        create_private_dir(root_dir)?;
        let _lock = Lock::take(&dir.join(LOCK), Sharing::Exclusive, Duration::from_secs(30))?;
        // Another process may have made it meanwhile.
        if Self::exists(dir) {
            return Err(StorageError::Exists(dir.join(CONFIG)).into());
        }
        let id = random_id();
        let root = std::path::absolute(root_dir).map_err(StorageError::at(root_dir))?;
        let config = Config { format: FORMAT.into(), keyring: hex::encode(id), firm: firm.into(), root };
        let slots = RootSlots::create(root_dir).map_err(|e| match e {
            KeyringError::Storage(StorageError::Exists(_)) => KeyringError::RootTaken(root_dir.into()),
            other => other,
        })?;
        let secret = Secret32::random();
        slots.store(0, &id, &secret)?;
        let table = Table {
            signing: SigningSeeds { ed25519: Secret32::random(), ml_dsa_44: Secret32::random() },
            pages: std::collections::BTreeMap::new(),
        };
        Catalogue::create(&dir.join(CATALOGUE), &seal_table(&table, &secret)?)?;
        let mut text = serde_json::to_vec_pretty(&config).expect("a config is always JSON");
        text.push(b'\n');
        // Last: a folder without it is not yet a keyring.
        write_new(&dir.join(CONFIG), &text, 0o600)?;
        Ok(config)
    }

    /// Whether there is a keyring in `dir`.
    pub fn exists(dir: &Path) -> bool {
        dir.join(CONFIG).is_file()
    }

    /// Opens a keyring; waits at most `wait` for other processes.
    ///
    /// # Errors
    /// [`KeyringError::Missing`], [`KeyringError::CatalogueOlder`], [`KeyringError::RootMissing`],
    /// [`StorageError::Locked`], damage.
    pub fn open(dir: &Path, sharing: Sharing, wait: Duration) -> Result<Self, KeyringError> {
        if !Self::exists(dir) {
            return Err(KeyringError::Missing(dir.into()));
        }
        let mut config: Config = serde_json::from_slice(&read_limited(&dir.join(CONFIG), 1 << 16)?)
            .map_err(|e| KeyringError::Damaged(format!("{CONFIG}: {e}")))?;
        if config.format != FORMAT {
            return Err(KeyringError::Damaged(format!("its format {:?} is not {FORMAT}", config.format)));
        }
        if !is_firm_name(&config.firm) {
            return Err(KeyringError::FirmName(config.firm));
        }
        let id = crate::crypto::kdf::parse_archive_id(&config.keyring)
            .ok_or_else(|| KeyringError::Damaged("its id is malformed".into()))?;
        // A relative root lies beside the keyring, wherever the two were carried.
        config.root = dir.join(&config.root);
        let lock = Lock::take(&dir.join(LOCK), sharing, wait)?;
        let catalogue = Catalogue::open(&dir.join(CATALOGUE))?;
        let (generation, sealed_table) = catalogue.table()?;
        let root = RootSlots::open(&config.root).load(generation, &id)?;
        let table = open_table(&sealed_table, &root)?;
        Ok(Self { config, dir: dir.into(), catalogue, root, generation, table, page: None, _lock: lock })
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How often its root was replaced.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The key pair of its seals.
    pub fn signing_key(&self) -> SigningKey {
        let seeds = &self.table.signing;
        SigningKey::from_seeds(&self.config.firm, &seeds.ed25519, &seeds.ml_dsa_44)
    }

    /// The verifier keys of its seals.
    pub fn verifier_keys(&self) -> [VerifierKey; 2] {
        self.signing_key().verifier_keys()
    }

    /// Its journal, as stored.
    pub fn log(&self) -> log::Log<'_> {
        self.catalogue.log()
    }

    /// What it knows of an archive.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn known_archive(&self, id: &ArchiveId) -> Result<Option<KnownArchive>, KeyringError> {
        self.catalogue.archive(id)
    }

    /// All archives that were deposited.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn archives(&self) -> Result<Vec<KnownArchive>, KeyringError> {
        self.catalogue.archives()
    }

    /// Takes the halves of a new archive; durable when it returns.
    ///
    /// # Errors
    /// [`KeyringError::AlreadyDeposited`]; those of the catalogue.
    pub fn deposit(&mut self, deposit: &Deposit<'_>) -> Result<(), KeyringError> {
        let archive = &deposit.archive;
        if self.known_archive(&archive.id)?.is_some() {
            return Err(KeyringError::AlreadyDeposited(hex::encode(archive.id)));
        }
        let mut transaction = self.catalogue.begin()?;
        transaction.add_archive(archive)?;
        for (first, records) in (1u64..).step_by(PAGE_RECORDS).zip(deposit.records.chunks(PAGE_RECORDS)) {
            let page = Page::new(&archive.id, first, records);
            let identity = Secret32::random();
            let id = transaction.add_page(&archive.id, first, records.len(), &page.seal(&identity)?)?;
            self.table.pages.insert(id, identity);
        }
        transaction.set_table(self.generation, &seal_table(&self.table, &self.root)?)?;
        transaction.commit()
    }

    /// The halves of one record.
    ///
    /// # Errors
    /// [`KeyringError::UnknownArchive`], [`KeyringError::UnknownRecord`], [`KeyringError::Destroyed`].
    pub fn halves(&mut self, archive: &ArchiveId, record: u64) -> Result<ExpiryHalves, KeyringError> {
        let entry = self.record(archive, record)?;
        entry.halves().ok_or(KeyringError::Destroyed(record))
    }

    fn record(&mut self, archive: &ArchiveId, record: u64) -> Result<&PageRecord, KeyringError> {
        let Some((id, body)) = self.catalogue.page_of(archive, record)? else {
            return Err(match self.known_archive(archive)? {
                Some(_) => KeyringError::UnknownRecord(record),
                None => KeyringError::UnknownArchive(hex::encode(archive)),
            });
        };
        if self.page.as_ref().is_none_or(|(open, _)| *open != id) {
            self.page = Some((id, self.open_page(id, &body)?));
        }
        let (_, page) = self.page.as_ref().expect("it was just opened");
        page.record(archive, record).ok_or_else(|| KeyringError::Damaged(format!("page {id} is another's")))
    }

    fn open_page(&self, id: u64, body: &[u8]) -> Result<Page, KeyringError> {
        let identity = self
            .table
            .pages
            .get(&id)
            .ok_or_else(|| KeyringError::Damaged(format!("the key of page {id} is not in the table")))?;
        Page::open(identity, body)
    }

    /// Opens every page and compares it with the catalogue; returns the number of records with keys.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] names what does not fit.
    pub fn check(&self) -> Result<u64, KeyringError> {
        self.catalogue.integrity()?;
        let mut live = 0;
        let mut seen = 0;
        self.catalogue.for_each_page(|id, archive, first, count, body| {
            let page = self.open_page(id, body)?;
            if !page.is_for(archive, first, count) {
                return Err(KeyringError::Damaged(format!("page {id} is another's")));
            }
            seen += 1;
            live += page.live();
            Ok(())
        })?;
        if seen != self.table.pages.len() {
            return Err(KeyringError::Damaged("a page is missing from the catalogue".into()));
        }
        for archive in self.archives()? {
            let records = self.catalogue.records_of(&archive.id)?;
            if records + 1 != archive.size {
                return Err(KeyringError::Damaged(format!("pages of archive {} are missing", hex::encode(archive.id))));
            }
        }
        Ok(live)
    }

    /// Remembers that record keys left the keyring on an emergency key sheet; durable when it returns.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn remember_export(&mut self, export: &export::Export) -> Result<(), KeyringError> {
        self.catalogue.add_export(export)
    }

    /// All exports that were made.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn exports(&self) -> Result<Vec<export::Export>, KeyringError> {
        self.catalogue.exports()
    }
}

/// Whether `firm` can stand in seals: a key name that leaves room for the rest of an origin.
fn is_firm_name(firm: &str) -> bool {
    is_key_name(firm) && firm.len() <= 200
}

fn seal_table(table: &Table, root: &Secret32) -> Result<Vec<u8>, KeyringError> {
    use crate::crypto::{envelope, recipient::Recipients};
    let text = zeroize::Zeroizing::new(serde_json::to_vec(table).expect("a table is always JSON"));
    Ok(envelope::seal(&Recipients::of_x25519(root), &text)?)
}

fn open_table(sealed: &[u8], root: &Secret32) -> Result<Table, KeyringError> {
    use crate::crypto::{envelope, identity::x25519_identity};
    let identity = x25519_identity(root);
    let text = envelope::open(std::iter::once(&identity as &dyn age::Identity), sealed, sealed.len() as u64)
        .map_err(|e| KeyringError::Damaged(format!("its table does not open under its root: {e}")))?;
    serde_json::from_slice(&text).map_err(|e| KeyringError::Damaged(format!("its table: {e}")))
}
