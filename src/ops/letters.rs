//! `notice merge`: one letter for each row of a table, and the mailing that says of them what may be said.
//!
//! Invariant: all letters or none, in a folder that only its owner can enter; a table inside a sealed record is never written
//! anywhere, and its letters count only when the whole record was found as it was sealed. Spec: `spec/notices.md`, "Letters".

use super::OpsError;
use super::contacts::{Columns, ContactsError, Row, read_contacts};
use super::custody::Custody;
use super::letter_facts::{Facts, Said, date_words};
use super::open::{Opener, Trust, open_archive};
use super::read_ahead::read_record;
use super::restore::{DEFAULT_MAX_MEMBERS, DEFAULT_MAX_RATIO, limits};
use super::scope::archive_id;
use crate::archive::ArchiveError;
use crate::archive::bag_reader::BagVisitor;
use crate::archive::label::Label;
use crate::archive::leaf::RecordLeaf;
use crate::archive::reader::ArchiveReader;
use crate::crypto::hash::{Hash, sha256};
use crate::crypto::identity::Identities;
use crate::crypto::secret::{Secret32, random_id};
use crate::disclosure::mailing::{self, Letter, MAX_LETTERS, MAX_NAMED, Mailing, NoticeKind, address_hash, text_hash};
use crate::disclosure::template::{Place, Template, TemplateError};
use crate::keyring::KeyringError;
use crate::language::in_language;
use crate::retention::ranges::Ranges;
use crate::retention::whole_second;
use crate::storage::extract::{OutputFolder, PartialTree};
use crate::storage::source::Attributes;
use crate::storage::{StorageError, escape};
use encoding_rs::Encoding;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tr::tr;

/// What is filled in whoever a letter is for.
pub const ALWAYS: [&str; 3] = ["firm", "today", "letter"];
/// What is filled in from the keyring where an archive is named.
pub const OF_RECORDS: [&str; 6] = ["archive", "records", "count", "kept-until", "rules", "retention"];

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
    let parent = match options.output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = options.output.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        StorageError::at(options.output)(std::io::Error::other(tr!("it is not the name of a folder")))
    })?;
    let folder = OutputFolder::open(parent, false)?;
    folder.check_free(name)?;
    let mut tree = folder.begin()?;
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
        records: mailing::union(&letters),
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
    tree.finish(None, name)?;
    folder.make_durable()?;
    Ok(Merged { mailing, left_out, secret })
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
    let mut visitor = TableInside { wanted, writer, options, interrupted, found: false, error: None };
    let outcome = read_record(file, leaf, label, key, limits, &mut visitor);
    let (found, error) = (visitor.found, visitor.error.take());
    let place = PathBuf::from(tr!("{path} in record {record}", path = escape(path), record = leaf.record));
    if let Some(error) = error {
        return Err(about(&place, error));
    }
    outcome?;
    match found {
        true => Ok(()),
        false => Err(about(&place, ContactsError::Header(tr!("the record holds no such file")).into())),
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
    error: Option<OpsError>,
}

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

/// Where a table has what the letters need.
struct Table {
    address: usize,
    records: Option<usize>,
    /// Columns of the places of the template, by name.
    columns: HashMap<String, usize>,
}

impl Table {
    fn of(
        columns: &Columns,
        template: &Template,
        has_facts: bool,
        options: &MergeOptions<'_>,
    ) -> Result<Self, OpsError> {
        let header = |what: String| ContactsError::Header(what).into();
        let taken = |name: &&String| is_fact(name, has_facts);
        if let Some(name) = columns.names().iter().find(taken) {
            return Err(header(tr!(
                "the column \"{name}\" has the name of what is filled in from the keyring",
                name = name
            )));
        }
        let needed = |name: &str| {
            // The first line may be somebody's data, where the table has no names of columns.
            let missing = || {
                header(tr!("there is no column \"{name}\"; it is the first line that names the columns", name = name))
            };
            columns.find(name).ok_or_else(missing)
        };
        let address = needed(options.address_column)?;
        let records = has_facts.then(|| needed(options.records_column)).transpose()?;
        let mut found = HashMap::new();
        for place in template.places().filter(|place| !is_fact(&place.name, has_facts)) {
            let index = columns.find(&place.name).ok_or_else(|| unknown(place, has_facts))?;
            found.insert(place.name.clone(), index);
        }
        Ok(Self { address, records, columns: found })
    }
}

fn is_fact(name: &str, has_facts: bool) -> bool {
    ALWAYS.contains(&name) || (has_facts && OF_RECORDS.contains(&name))
}

fn unknown(place: &Place, has_facts: bool) -> OpsError {
    let name = &place.name;
    let what = match OF_RECORDS.contains(&name.as_str()) && !has_facts {
        true => tr!("{{{name}}} is known only where the archive is named", name = name),
        false => tr!("{{{name}}} is neither a column of the table nor known from the keyring", name = name),
    };
    OpsError::Template { path: PathBuf::new(), source: place.error(what) }
}

/// Writes letters into a tree.
struct Writer<'w, 't> {
    template: &'w Template,
    template_path: &'w Path,
    facts: Option<&'w Facts>,
    by_name: Option<&'w HashMap<String, u64>>,
    tree: &'w mut PartialTree<'t>,
    attributes: Attributes,
    firm: &'w str,
    today: String,
    salt: [u8; 16],
    letters: Vec<Letter>,
    named: u64,
    /// Hashes of address and records, with their lines.
    seen: HashMap<Hash, u64>,
    left_out: Vec<u64>,
    secret: u64,
}

impl Writer<'_, '_> {
    fn row(&mut self, table: &Table, row: &Row<'_>) -> Result<(), OpsError> {
        let address = row.value(table.address)?;
        let records = match (self.facts, table.records) {
            (Some(facts), Some(index)) => Some(self.records(facts, row, index)?),
            _ => None,
        };
        let shown = records.as_ref().map_or_else(String::new, Ranges::to_string);
        if let Some(before) = self.seen.insert(sha256(&[address.as_bytes(), b"\0", shown.as_bytes()]), row.line) {
            let what = tr!("the same address and records stand on line {line}", line = before);
            return Err(ContactsError::Row { line: row.line, what }.into());
        }
        let mut values = HashMap::new();
        for (name, index) in &table.columns {
            values.insert(name.as_str(), row.value(*index)?);
        }
        let is_written = self.letter(records, Some(&address), |name| values.get(name).map(String::as_str))?;
        if !is_written {
            self.left_out.push(row.line);
        }
        Ok(())
    }

    fn announce(&mut self, records: &Ranges) -> Result<(), OpsError> {
        let facts = self.facts.ok_or(OpsError::KeyringMissing)?;
        if !facts.has(records) {
            return Err(KeyringError::UnknownRecord(records.last().unwrap_or(0)).into());
        }
        if let Some(place) = self.template.places().find(|place| !is_fact(&place.name, true)) {
            let source = place.error(tr!("{{{name}}} is not known of everybody", name = place.name));
            return Err(OpsError::Template { path: self.template_path.into(), source });
        }
        match self.letter(Some(records.clone()), None, |_| None)? {
            true => Ok(()),
            false => Err(OpsError::AllDestroyed(records.count())),
        }
    }

    fn records(&mut self, facts: &Facts, row: &Row<'_>, index: usize) -> Result<Ranges, OpsError> {
        let value = row.value(index)?;
        let wrong = |what: String| OpsError::from(row.wrong(index, what));
        let records: Ranges = match self.by_name {
            None => {
                let parsed = Ranges::typed(&value).ok().filter(|records| !records.is_empty());
                parsed.ok_or_else(|| wrong(tr!("it names no records; they are named as 17 or as 1-4,9")))?
            }
            Some(names) => {
                let number = |name: &str| {
                    let none = || wrong(tr!("no record that can be opened has this name"));
                    names.get(name.trim()).copied().ok_or_else(none)
                };
                // Several names stand on lines of their own: a name may hold any other character.
                value.lines().map(number).collect::<Result<_, _>>()?
            }
        };
        self.named = self.named.saturating_add(records.count());
        if self.named > MAX_NAMED {
            return Err(wrong(tr!("the letters would name more than 1,000,000 records")));
        }
        match facts.has(&records) {
            true => Ok(records),
            false => Err(wrong(tr!("the archive has no such record"))),
        }
    }

    /// Writes one letter; `false` where there is nothing to say, since all records are destroyed.
    fn letter<'v>(
        &mut self,
        records: Option<Ranges>,
        address: Option<&str>,
        column: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<bool, OpsError> {
        let number = self.letters.len() as u64 + 1;
        let name = format!("{number:04}");
        let template = self.template;
        let said: Option<Said> = in_language(template.language, || Some(self.facts?.say(records.as_ref()?)));
        if let Some(said) = &said {
            // An answer may be about what was destroyed; whoever is told of keeping or destroying has something kept.
            if said.live == 0 && template.kind != NoticeKind::Answer {
                return Ok(false);
            }
            self.secret += u64::from(said.secret);
        }
        if self.letters.len() == MAX_LETTERS {
            return Err(ContactsError::Header(tr!("there are more than 100,000 letters")).into());
        }
        let shown = records.as_ref().map_or_else(String::new, Ranges::to_string);
        let text = template.fill(|place| {
            let said = |of: fn(&Said) -> &str| said.as_ref().map(|said| Cow::Borrowed(of(said)));
            let value = match place.name.as_str() {
                "firm" => Some(Cow::Borrowed(self.firm)),
                "today" => Some(Cow::Borrowed(self.today.as_str())),
                "letter" => Some(Cow::Borrowed(name.as_str())),
                "archive" => self.facts.map(|facts| hex::encode(facts.archive).into()),
                "records" => records.as_ref().map(|_| Cow::Borrowed(shown.as_str())),
                "count" => records.as_ref().map(|records| records.count().to_string().into()),
                "kept-until" => said(|said| &said.kept_until),
                "rules" => said(|said| &said.rules),
                "retention" => said(|said| &said.retention),
                _ => None,
            };
            let value = value.or_else(|| column(&place.name).map(Cow::Borrowed));
            value.ok_or_else(|| unknown(place, self.facts.is_some()))
        })?;
        self.tree.file(&format!("{name}.txt"), self.attributes, &mut text.as_bytes())?;
        self.letters.push(Letter {
            letter: number,
            records,
            address: address.map(|address| address_hash(&self.salt, number, address)),
            text: text_hash(&self.salt, number, text.as_bytes()),
        });
        Ok(true)
    }
}
