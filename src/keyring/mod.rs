//! Where expiry halves live until they are destroyed.
//!
//! A SQLite catalogue whose every secret is sealed under the root of the current generation, and apart from it the root
//! itself in one of two slots. Invariant: without the root of its generation a catalogue opens nothing, whichever copy of
//! it. Spec: `spec/keyring.md`.

pub mod advance;
pub mod catalogue;
pub mod export;
pub mod known;
pub mod log;
pub mod opened;
pub mod page;
pub mod parallel;
pub mod records;
pub mod root;
pub mod sealed;
pub mod table;
pub mod update;
pub mod watch;

use self::watch::Watched;
use crate::crypto::CryptoError;
use crate::crypto::kdf::ArchiveId;
use crate::crypto::secret::{Secret32, random_id};
use crate::crypto::sign::{SigningKey, VerifierKey, is_key_name};
use crate::language::{said, text};
use crate::storage::lock::{Lock, Sharing};
use crate::storage::output::{create_private_dir, write_new};
use crate::storage::{StorageError, read_limited, show};
use catalogue::Catalogue;
use opened::Opened;
use page::Page;
use root::RootSlots;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::Table;
use tr::tr;
use zeroize::Zeroizing;

pub use advance::{Recovered, Rewrite};
pub use known::{KnownArchive, KnownCompartment};
pub use page::RecordEntry;
pub use table::LastPurge;
pub use update::{Deposit, NewRecord, Update};

/// The 16 random bytes that name one purge.
pub type PurgeId = [u8; 16];

/// The format that this version writes and reads.
pub const FORMAT: &str = "keepuntil-keyring/v1";
const CONFIG: &str = "keyring.json";
const CATALOGUE: &str = "catalogue.sqlite";
const LOCK: &str = "lock";

/// What can go wrong with a keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no keyring there.
    #[error("{}", tr!("{path}: there is no keyring", path = show(_0)))]
    Missing(PathBuf),
    /// The keyring holds nothing of this archive.
    #[error("{}", tr!("the keyring holds no keys of archive {archive}", archive = _0))]
    UnknownArchive(String),
    /// The keyring knows the archive, but not such a record.
    #[error("{}", tr!("the keyring holds no keys of record {record} of this archive", record = _0))]
    UnknownRecord(u64),
    /// The halves were destroyed here.
    #[error("{}", tr!("record {record}: its keys were destroyed", record = _0))]
    Destroyed(u64),
    /// Keys of this archive are here already.
    #[error("{}", tr!("the keyring holds keys of archive {archive} already; a second deposit is refused", archive = _0))]
    AlreadyDeposited(String),
    /// The catalogue is from before a purge, the root from after it.
    #[error(
        "{}",
        tr!(
            "the catalogue (generation {catalogue}) is older than its root (generation {root}): it is a copy from before a purge",
            catalogue = catalogue,
            root = root
        )
    )]
    CatalogueOlder {
        /// Generation of the catalogue.
        catalogue: u64,
        /// Generation of the root.
        root: u64,
    },
    /// No slot holds the root of the catalogue's generation.
    #[error("{}", tr!("the root of generation {generation} is not in {path}", generation = _0, path = show(_1)))]
    RootMissing(u64, PathBuf),
    /// A root that no interrupted change of this keyring can have left in the slot that is not in use.
    #[error("{}", tr!("{path}: it holds a root that is not of this generation or the next; it is left as it is", path = show(_0)))]
    RootForeign(PathBuf),
    /// A retention that would take a term from a record, or end it earlier.
    #[error("{}", tr!("record {record}: what keeps it can be added to, never taken away", record = _0))]
    Shortened(u64),
    /// An earlier write of this run failed.
    #[error("{}", tr!("the keyring: an earlier write failed; nothing more is changed in this run"))]
    Stopped,
    /// A change that is not allowed.
    #[error("{}", tr!("the keyring: {what}", what = said(_0)))]
    Refused(&'static str),
    /// Root slots lie where those of a new keyring would go.
    #[error("{}", tr!("{path}: it holds the root of another keyring, or of one that was not finished", path = show(_0)))]
    RootTaken(PathBuf),
    /// A name that no seal can carry.
    #[error("{}", tr!("{name} cannot name a firm in a seal: 1 to 200 bytes, without spaces and plus signs", name = format!("{_0:?}")))]
    FirmName(String),
    /// The catalogue or a page in it is not what this program wrote.
    #[error("{}", tr!("keyring: {what}", what = _0))]
    Damaged(String),
    /// The journal has no such entry, or none yet.
    #[error("{}", tr!("the journal has no entry {entry}", entry = _0))]
    NoEntry(u64),
    /// What the journal never does.
    #[error("{}", tr!("journal: {what}", what = said(_0)))]
    Journal(&'static str),
    /// SQLite failed.
    #[error("{}", tr!("keyring catalogue: {what}", what = crate::language::of_library(_0)))]
    Catalogue(#[from] rusqlite::Error),
    /// Keys.
    #[error("{}", tr!("keyring: {what}", what = _0))]
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

/// An open keyring, locked against other processes.
pub struct Keyring {
    config: Config,
    dir: PathBuf,
    id: [u8; 16],
    slots: RootSlots,
    opened: Opened,
    page: Option<Page>,
    sharing: Sharing,
    unfinished: bool,
    recovered: Recovered,
    stopped: bool,
    watched: Watched,
    _lock: Lock,
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
        Catalogue::create(&dir.join(CATALOGUE), &Table::fresh().seal(&secret))?;
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
    /// An exclusive opening first finishes what an interrupted change left ([`Self::recovered`]). A shared one changes
    /// nothing and reads what there is: whichever side of the point of no return that is, it opens under one root and is
    /// whole. [`Self::unfinished`] then says that an exclusive opening is needed, without which a purge may not have
    /// taken effect on older copies.
    ///
    /// # Errors
    /// [`KeyringError::Missing`], [`KeyringError::CatalogueOlder`], [`KeyringError::RootMissing`],
    /// [`StorageError::Locked`], damage.
    pub fn open(dir: &Path, sharing: Sharing, wait: Duration) -> Result<Self, KeyringError> {
        if !Self::exists(dir) {
            return Err(KeyringError::Missing(dir.into()));
        }
        let mut config: Config = serde_json::from_slice(&read_limited(&dir.join(CONFIG), 1 << 16)?)
            .map_err(|e| KeyringError::Damaged(format!("{CONFIG}: {}", crate::language::of_library(e))))?;
        if config.format != FORMAT {
            return Err(KeyringError::Damaged(tr!(
                "its format {format} is not {expected}",
                format = format!("{:?}", config.format),
                expected = FORMAT
            )));
        }
        if !is_firm_name(&config.firm) {
            return Err(KeyringError::FirmName(config.firm));
        }
        let id = crate::crypto::kdf::parse_archive_id(&config.keyring)
            .ok_or_else(|| KeyringError::Damaged(tr!("its id is malformed")))?;
        // A relative root lies beside the keyring, wherever the two were carried.
        config.root = dir.join(&config.root);
        let lock = Lock::take(&dir.join(LOCK), sharing, wait)?;
        let slots = RootSlots::open(&config.root);
        let mut opened = Opened::read(dir, &slots, &id)?;
        let (unfinished, recovered) = match sharing {
            Sharing::Shared => (advance::is_unfinished(&opened, &slots, &id)?, Recovered::Nothing),
            Sharing::Exclusive => (false, advance::recover(&mut opened, &slots, &id)?),
        };
        Ok(Self {
            config,
            dir: dir.into(),
            id,
            slots,
            opened,
            page: None,
            sharing,
            unfinished,
            recovered,
            stopped: false,
            watched: Watched::default(),
            _lock: lock,
        })
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
        self.opened.generation
    }

    /// Whether a change was interrupted and is still to be finished; only after a shared opening.
    pub fn unfinished(&self) -> bool {
        self.unfinished
    }

    /// What the exclusive opening finished.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// The last purge.
    pub fn last_purge(&self) -> Option<LastPurge> {
        self.opened.table.purge
    }

    /// The key pair of its seals.
    pub fn signing_key(&self) -> SigningKey {
        let seeds = &self.opened.table.signing;
        SigningKey::from_seeds(&self.config.firm, &seeds.ed25519, &seeds.ml_dsa_44)
    }

    /// The verifier keys of its seals.
    pub fn verifier_keys(&self) -> [VerifierKey; 2] {
        self.signing_key().verifier_keys()
    }

    /// What it knows of an archive.
    ///
    /// # Errors
    /// [`KeyringError::Stopped`].
    pub fn known_archive(&self, id: &ArchiveId) -> Result<Option<KnownArchive>, KeyringError> {
        self.may_read()?;
        Ok(self.opened.archive(id).cloned())
    }

    /// All archives that were deposited, oldest deposit first.
    ///
    /// # Errors
    /// [`KeyringError::Stopped`].
    pub fn archives(&self) -> Result<Vec<KnownArchive>, KeyringError> {
        self.may_read()?;
        Ok(self.opened.archives.clone())
    }

    /// The text of a sealed document; none where it was never stored.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`].
    pub fn document(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        self.may_read()?;
        self.opened.document(name)
    }

    /// The journal's leaves.
    pub fn log(&self) -> log::Log<'_> {
        log::Log::new(self.opened.catalogue.connection())
    }

    /// Has somebody hear how far long work is, from now on.
    pub fn watch(&mut self, watched: Watched) {
        self.watched = watched;
    }

    /// Whoever hears of it.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// After a failed write nothing is known of what the catalogue holds.
    fn may_read(&self) -> Result<(), KeyringError> {
        if self.stopped { Err(KeyringError::Stopped) } else { Ok(()) }
    }

    fn may_change(&self) -> Result<(), KeyringError> {
        self.may_read()?;
        match self.sharing {
            Sharing::Exclusive => Ok(()),
            Sharing::Shared => Err(KeyringError::Refused(text!("it was opened to be read only"))),
        }
    }
}

/// Whether `firm` can stand in seals: a key name that leaves room for the rest of an origin.
fn is_firm_name(firm: &str) -> bool {
    is_key_name(firm) && firm.len() <= 200
}
