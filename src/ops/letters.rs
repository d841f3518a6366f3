//! `notice merge`: one letter for each row of a table, and the mailing that says of them what may be said.
//!
//! Invariant: all letters or none, in a folder that only its owner can enter; a table inside a sealed record is never written
//! anywhere, and its letters count only when the whole record was found as it was sealed. Spec: `spec/notices.md`, "Letters".

use super::OpsError;
use super::contacts::{Columns, ContactsError, read_contacts};
use super::custody::Custody;
use super::letter_facts::{Facts, date_words};
pub use super::letter_writer::{ALWAYS, OF_RECORDS};
use super::letter_writer::{Table, Writer};
use super::open::{Opener, Trust, open_archive};
use super::read_ahead::read_record;
use super::restore::{DEFAULT_MAX_MEMBERS, DEFAULT_MAX_RATIO, limits};
use super::scope::archive_id;
use crate::archive::ArchiveError;
use crate::archive::bag_reader::BagVisitor;
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::hash::Hash;
use crate::crypto::identity::Identities;
use crate::crypto::secret::{Secret32, random_id};
use crate::disclosure::mailing::{self, Mailing, NoticeKind};
use crate::disclosure::template::{Template, TemplateError};
use crate::keyring::KeyringError;
use crate::language::in_language;
use crate::retention::notice::Told;
use crate::retention::ranges::Ranges;
use crate::retention::whole_second;
use crate::storage::extract::OutputFolder;
use crate::storage::leftover::remove_letters;
use crate::storage::source::Attributes;
use crate::storage::{StorageError, escape};
use chrono::Days;
use encoding_rs::Encoding;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tr::tr;

/// Days to the last one within which a notice of destruction may say that the retention soon ends, without a warning.
pub const SOON: u64 = 366;

/// Whom the letters are for.
pub enum Contacts {
    /// Those in the rows of a CSV file.
    File(PathBuf),
    /// Those in the rows of a CSV file inside a record of the archive.
    Sealed {
        /// Its number.
        record: u64,
        /// The file's path in the bag, such as `data/contacts.csv`.
        path: String,
    },
    /// Everybody: one letter about these records, to be published.
    Everybody(Ranges),
}

/// How letters are made.
pub struct MergeOptions<'a> {
    /// The template's file, for messages.
    pub template_path: &'a Path,
    /// Its bytes.
    pub template: &'a [u8],
    /// Whom the letters are for.
    pub contacts: Contacts,
    /// The archive, by file or id, where the letters are about records.
    pub archive: Option<&'a Path>,
    /// What opens it, where a table or names are to be read from it.
    pub identities: Option<&'a Identities>,
    /// The charset of the table.
    pub charset: &'static Encoding,
    /// The column with the line that the letter goes to.
    pub address_column: &'a str,
    /// The column with the records.
    pub records_column: &'a str,
    /// Whether that column holds names of records instead of numbers.
    pub by_name: bool,
    /// The folder that is made.
    pub output: &'a Path,
}

/// Letters that were made.
pub struct Merged {
    /// The mailing beside them.
    pub mailing: Mailing,
    /// Lines of the table whose records are all destroyed: no letter was made for them.
    pub left_out: Vec<u64>,
    /// Letters about records that a hold for secrecy covers.
    pub secret: u64,
    /// Records that wait for an event: a notice of their destruction will not count.
    pub undated: u64,
    /// Records of a notice of destruction whose last day is more than [`SOON`] days away, by that day.
    pub far: Vec<Told>,
}

/// Makes the letters, with their mailing, in a new folder.
///
/// # Errors
/// [`OpsError::Template`], [`OpsError::Contacts`] with line and column; those of the archive, the keyring and the disk. Then there
/// is no folder.
pub fn merge(custody: &mut Custody, options: &MergeOptions<'_>, interrupted: &AtomicBool) -> Result<Merged, OpsError> {
    let of_template = |source| OpsError::Template { path: options.template_path.into(), source };
    let template = Template::parse(options.template).map_err(of_template)?;
    let opened = options.archive.map(|path| Opened::new(custody, path, options)).transpose()?;
    let (facts, sealed, names) = match opened {
        None => (None, None, HashMap::new()),
        Some(opened) => (Some(opened.facts), opened.sealed, opened.names),
    };
    let name = options.output.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        StorageError::at(options.output)(std::io::Error::other(tr!("it is not the name of a folder")))
    })?;
    let folder = OutputFolder::open(beside(options.output), false)?;
    let taken = |error| match error {
        StorageError::Exists(path) => OpsError::LettersExist(path),
        other => other.into(),
    };
    folder.check_free(name).map_err(taken)?;
    let mut tree = folder.begin_private()?;
    let now = custody.now();
    let attributes = Attributes { mode: 0o600, mtime: now.reading.wall.timestamp(), nanos: 0 };
    tree.directory("", Attributes { mode: 0o700, ..attributes })?;
    let today = in_language(template.language, || date_words(now.today()));
    let firm = custody.keyring().config().firm.clone();
    let mut writer = Writer {
        template: &template,
        template_path: options.template_path,
        facts: facts.as_ref(),
        by_name: options.by_name.then_some(&names),
        tree: &mut tree,
        attributes,
        firm: &firm,
        today,
        salt: random_id(),
        letters: Vec::new(),
        named: 0,
        seen: HashMap::new(),
        left_out: Vec::new(),
        secret: 0,
    };
    match &options.contacts {
        Contacts::File(path) => {
            let file = File::open(path).map_err(StorageError::at(path))?;
            read(file, &mut writer, options, interrupted).map_err(|e| about(path, e))?;
        }
        Contacts::Sealed { path, .. } => {
            let sealed = sealed.ok_or(OpsError::KeyringMissing)?;
            read_sealed(&sealed, path, &mut writer, options, interrupted)?;
        }
        Contacts::Everybody(records) => writer.announce(records)?,
    }
    let Writer { letters, left_out, secret, salt, .. } = writer;
    let records = mailing::union(&letters);
    let about = facts.as_ref().zip(records.as_ref()).filter(|_| template.kind == NoticeKind::Destruction);
    let told = about.map_or_else(Vec::new, |(facts, records)| facts.told(records));
    let soon = now.today().checked_add_days(Days::new(SOON)).unwrap_or(now.today());
    let far = about.map_or_else(Vec::new, |(facts, records)| facts.later_than(records, soon));
    let undated = about.map_or(0, |(facts, records)| facts.undated(records));
    let mailing = Mailing {
        format: mailing::FORMAT.into(),
        mailing: random_id(),
        keyring: custody.keyring_id(),
        firm,
        // A clock that is behind must not bring forward the first day on which it can have been sent.
        made: whole_second(custody.signing_time()),
        kind: template.kind,
        template: template.sha256,
        archive: facts.as_ref().map(|facts| facts.archive),
        records,
        told,
        salt,
        letters,
    };
    let of_mailing = |what: String| of_template(TemplateError::At { line: 1, column: 1, what });
    if mailing.letters.is_empty() {
        return Err(of_mailing(tr!("there is nobody to write to")));
    }
    mailing.check().map_err(of_mailing)?;
    tree.file(mailing::FILE, attributes, &mut &mailing.to_bytes()[..])?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(OpsError::Interrupted);
    }
    tree.finish(None, name).map_err(taken)?;
    folder.make_durable()?;
    Ok(Merged { mailing, left_out, secret, undated, far })
}

/// Removes what interrupted runs left beside a folder of letters, and returns where it was. Called before [`merge`], so that whoever
/// asks is told of it however that ends.
///
/// # Errors
/// [`StorageError::File`] when the folder cannot be listed.
pub fn remove_interrupted(output: &Path) -> Result<Vec<PathBuf>, OpsError> {
    Ok(remove_letters(beside(output), is_of_letters)?)
}

/// The folder that a new one is made in.
fn beside(output: &Path) -> &Path {
    output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether this is the name of a file that a run writes.
fn is_of_letters(name: &str) -> bool {
    let is_letter = |number: &str| number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    name == mailing::FILE || name.strip_suffix(".txt").is_some_and(is_letter)
}

/// What an archive gives before its letters are made.
struct Opened {
    facts: Facts,
    sealed: Option<SealedTable>,
    names: HashMap<String, u64>,
}

/// A record that is about to be read.
struct SealedTable {
    file: Arc<File>,
    leaf: RecordLeaf,
    label: Label,
    key: Secret32,
}

impl Opened {
    fn new(custody: &mut Custody, path: &Path, options: &MergeOptions<'_>) -> Result<Self, OpsError> {
        let archive = archive_id(custody.keyring(), path)?;
        let (mut sealed, mut names, mut own_rules) = (None, HashMap::new(), Vec::new());
        if path.is_file() {
            let (mut reader, _) = open_archive(path, &Trust::default(), Some(custody.keyring()))?;
            own_rules = reader.manifest().rules.clone();
            if let Contacts::Sealed { record, .. } = options.contacts {
                sealed = Some(sealed_table(custody, &mut reader, options, record).map_err(|e| named(e, path))?);
            }
            if options.by_name {
                names = names_of(custody, &mut reader, options).map_err(|e| named(e, path))?;
            }
        } else if options.by_name || matches!(options.contacts, Contacts::Sealed { .. }) {
            return Err(OpsError::NotAFile(path.into()));
        }
        Ok(Self { facts: Facts::gather(custody, archive, own_rules)?, sealed, names })
    }
}

fn named(error: OpsError, archive: &Path) -> OpsError {
    match error {
        OpsError::Archive { source, path } if path.as_os_str().is_empty() => OpsError::archive(archive)(source),
        other => other,
    }
}

fn sealed_table(
    custody: &mut Custody,
    reader: &mut ArchiveReader,
    options: &MergeOptions<'_>,
    record: u64,
) -> Result<SealedTable, OpsError> {
    let identities = options.identities.ok_or(OpsError::IdentityMissing)?;
    let leaf = reader.record(record)?;
    let mut opener = Opener::new(reader, identities, custody.keyring_mut());
    let label = opener.label(reader, &leaf)?;
    let key = opener.record_key(reader, &leaf)?;
    Ok(SealedTable { file: reader.file().clone(), leaf, label, key })
}

/// Numbers of the records that can be opened, by name.
fn names_of(
    custody: &mut Custody,
    reader: &mut ArchiveReader,
    options: &MergeOptions<'_>,
) -> Result<HashMap<String, u64>, OpsError> {
    let identities = options.identities.ok_or(OpsError::IdentityMissing)?;
    let mut names = HashMap::new();
    let mut opener = Opener::new(reader, identities, custody.keyring_mut());
    reader.for_each_record::<OpsError>(|reader, leaf| {
        match opener.label(reader, &leaf) {
            Ok(label) => drop(names.insert(label.name, leaf.record)),
            // Destroyed, or in another's compartment: nobody can name it here.
            Err(OpsError::Keyring(KeyringError::Destroyed(_)) | OpsError::NoIdentity { .. }) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    })?;
    Ok(names)
}

/// Reads a table and writes its letters.
fn read(
    source: impl Read,
    writer: &mut Writer<'_, '_>,
    options: &MergeOptions<'_>,
    interrupted: &AtomicBool,
) -> Result<(), OpsError> {
    let (template, has_facts) = (writer.template, writer.facts.is_some());
    let begin = |columns: &Columns| Table::of(columns, template, has_facts, options);
    let table = read_contacts(source, options.charset, begin, |table, row| {
        if interrupted.load(Ordering::Relaxed) {
            return Err(OpsError::Interrupted);
        }
        writer.row(table, row)
    });
    table.map(drop).map_err(|e| match e {
        OpsError::Template { source, .. } => OpsError::Template { path: options.template_path.into(), source },
        other => other,
    })
}

/// The same from inside a record.
fn read_sealed(
    sealed: &SealedTable,
    path: &str,
    writer: &mut Writer<'_, '_>,
    options: &MergeOptions<'_>,
    interrupted: &AtomicBool,
) -> Result<(), OpsError> {
    let SealedTable { file, leaf, label, key } = sealed;
    let limits = limits(leaf, label, DEFAULT_MAX_MEMBERS, DEFAULT_MAX_RATIO)?;
    let wanted = path.strip_prefix("data/").unwrap_or(path);
    let tables = (0, Vec::new());
    let mut visitor = TableInside { wanted, writer, options, interrupted, found: false, tables, error: None };
    let outcome = read_record(file, leaf, label, key, limits, &mut visitor);
    let (found, tables, error) = (visitor.found, visitor.tables, visitor.error.take());
    let place = PathBuf::from(tr!("{path} in record {record}", path = escape(path), record = leaf.record));
    if let Some(error) = error {
        return Err(about(&place, error));
    }
    outcome?;
    match found {
        true => Ok(()),
        false => Err(about(&place, ContactsError::NoSuchFile { tables: tables.1, count: tables.0 }.into())),
    }
}

/// Names the table behind an error.
fn about(path: &Path, error: OpsError) -> OpsError {
    match error {
        OpsError::Contacts { source: ContactsError::Read(error), .. } => StorageError::at(path)(error).into(),
        OpsError::Contacts { source, .. } => OpsError::Contacts { path: path.into(), source },
        other => other,
    }
}

/// Finds the table in a bag, and reads it as it comes.
struct TableInside<'v, 'w, 't> {
    wanted: &'v str,
    writer: &'v mut Writer<'w, 't>,
    options: &'v MergeOptions<'v>,
    interrupted: &'v AtomicBool,
    found: bool,
    /// How many other files may be a table, and the first of them.
    tables: (u64, Vec<String>),
    error: Option<OpsError>,
}

/// Tables that are named where there is no such file.
const NAMED_TABLES: usize = 5;

impl BagVisitor for TableInside<'_, '_, '_> {
    fn directory(&mut self, _: &str, _: Attributes) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn file(&mut self, path: &str, _: Attributes, _: u64, content: &mut dyn Read) -> Result<(), ArchiveError> {
        if self.interrupted.load(Ordering::Relaxed) {
            self.error.get_or_insert(OpsError::Interrupted);
            return Err(ArchiveError::Io(std::io::Error::other("interrupted")));
        }
        if path != self.wanted {
            if path.to_ascii_lowercase().ends_with(".csv") {
                self.tables.0 += 1;
                if self.tables.1.len() < NAMED_TABLES {
                    self.tables.1.push(path.to_owned());
                }
            }
            return Ok(());
        }
        self.found = true;
        read(content, self.writer, self.options, self.interrupted).map_err(|e| match e {
            // What the record's own stream does wrong, its reader tells.
            OpsError::Contacts { source: ContactsError::Read(e), .. } => ArchiveError::Io(e),
            e => {
                self.error.get_or_insert(e);
                ArchiveError::Io(std::io::Error::other("no letters"))
            }
        })
    }

    fn hard_link(&mut self, _: &str, _: &str) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn link(&mut self, _: &str, _: &str, _: Attributes) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn tag_file(&mut self, _: &str, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn hashed(&mut self, _: &str, _: &Hash) -> Result<(), ArchiveError> {
        Ok(())
    }
}
