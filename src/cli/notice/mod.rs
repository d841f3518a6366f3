//! `keepuntil notice …`: letters to those whose data the records hold, and what they answer.

mod shown;

use crate::cli::args::{Common, IdentityPlace, KeyringPlace};
use crate::cli::codes;
use crate::cli::error::{Failure, tell_done, tell_warning};
use crate::cli::{Done, INTERRUPTED, home, render};
use crate::disclosure::mailing::{self, Mailing, NoticeKind};
use crate::disclosure::notices::{NewReply, Outcome, ReplyKind, Way};
use crate::language::language;
use crate::ops::OpsError;
use crate::ops::letters::{ALWAYS, Contacts, MergeOptions, OF_RECORDS, merge, remove_interrupted};
use crate::ops::notices::{answer, read, reply, sent, today};
use crate::ops::scope::archive_id;
use crate::retention::notice::Told;
use crate::retention::parse_date;
use crate::storage::document::MAX_DOCUMENT;
use crate::storage::output::write_new;
use crate::storage::{escape, read_limited, show};
use clap::{Args, Subcommand};
use serde_json::json;
use shown::{due, list, notice_json, reply_json, run_show};
use std::path::{Path, PathBuf};
use tr::tr;

/// Last days that warnings name one by one.
const DAYS_TOLD: usize = 10;

/// Write to those whose data the records hold, and keep track of what they answer
#[derive(Subcommand)]
pub enum NoticeCommand {
    /// Print a letter to be edited: blanks to fill, and places that merge fills
    #[command(
        after_help = "Fill every blank before the letters are made. Places are in braces: {firm}, {today} and {letter}; with an \
        archive also {archive}, {records}, {count}, {kept-until}, {rules} and {retention}; all others are columns of your table, \
        such as {name}. The table has a column address, which a letter goes to, and with an archive a column record with the \
        numbers of somebody's records; merge can be told other names. {{ and }} print a brace. With --lang the letter is in that language. It is no legal advice: have it \
        looked at.\n\n\
        Examples:\n  keepuntil notice template closing --lang zh -o closing.txt\n  keepuntil notice template destruction"
    )]
    Template {
        /// closing: who keeps the data now; destruction: before records are destroyed; answer: to what somebody wrote
        #[arg(value_name = "KIND", value_parser = codes::notice_kinds())]
        kind: String,
        /// Write it to FILE instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make a letter for each row of a table (CSV); nothing is sent
    #[command(
        override_usage = "keepuntil notice merge [OPTIONS] -o <DIR> <TEMPLATE> --contacts <FILE>\n       \
        keepuntil notice merge [OPTIONS] -o <DIR> <TEMPLATE> --archive <ARCHIVE>\n         \
        --record <N> --path <PATH> -i <FILE>\n       \
        keepuntil notice merge [OPTIONS] -o <DIR> <TEMPLATE> --archive <ARCHIVE>\n         --everybody <N>",
        after_help = "The table may lie inside a sealed record: it is read there, and written nowhere. The letters name people and \
        outlive the records: they go into a folder that only you can enter. mailing.json beside them names nobody; keep it, and \
        tell the keyring when the letters were sent: keepuntil notice sent.\n\n\
        Examples:\n  keepuntil notice merge closing.txt --contacts clients.csv -o letters\n  \
        keepuntil notice merge closing.txt --archive firm.sealed --record 17 \\\n    --path data/contacts.csv -i identity.txt -o letters\n  \
        keepuntil notice merge destruction.txt --archive firm.sealed \\\n    --everybody 1-40 -o announcement"
    )]
    Merge(Box<MergeArgs>),
    /// Note that the letters of a mailing were sent; the program itself sends nothing
    #[command(
        after_help = "A notice of destruction that was noted here lets a record go whose rule asks for one, when its time has run. It no \
        longer counts when the record's last day was moved after the one that the letter told: then write again.\n\n\
        Example:\n  keepuntil notice sent letters/mailing.json --on 2036-10-01 --by post"
    )]
    Sent {
        /// mailing.json beside the letters
        #[arg(value_name = "FILE")]
        mailing: PathBuf,
        /// The day on which they were sent
        #[arg(long, value_name = "DATE")]
        on: String,
        /// How they were sent
        #[arg(long, value_name = "HOW", value_parser = codes::ways())]
        by: String,
        /// Anything else; forgotten with the first of the records
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// List notices that were sent, and what people answered or asked
    List {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Show one notice or reply in full, and whether a mailing went to an address
    #[command(after_help = "Examples:\n  keepuntil notice show 3f5a\n  \
        keepuntil notice show 3f5a --mailing letters/mailing.json \\\n    --address 'Shanghai, …'")]
    Show {
        /// Its id, or its first digits
        #[arg(value_name = "ID")]
        id: String,
        /// The mailing of the notice
        #[arg(long, value_name = "FILE", requires = "address")]
        mailing: Option<PathBuf>,
        /// The address as it stood in the table
        #[arg(long, value_name = "LINE", requires = "mailing")]
        address: Option<String>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Note what somebody asked, objected to or complained about
    #[command(
        after_help = "An objection stops no destruction by itself: it is shown before records are destroyed. To stop it place a \
        hold. The words are forgotten with the first record that they are about. Without --due the answer is due 30 days \
        after the day of receipt: that is this program's default, and no law's.\n\n\
        Examples:\n  keepuntil notice reply --about 3f5a --record 17 --kind objection \\\n    --received 2036-10-08 --text 'needs the file for a claim'\n  \
        keepuntil notice reply --archive firm.sealed --record 17 --kind deletion \\\n    --received 2036-10-08 --due 2036-10-29"
    )]
    Reply(ReplyArgs),
    /// Note how somebody was answered; a rejection needs a reason
    #[command(after_help = "Example:\n  keepuntil notice answer 8c1d --on 2036-10-20 --outcome rejected \\\n    \
        --explain 'The statutory period has not run.'")]
    Answer {
        /// Id of the reply, or its first digits
        #[arg(value_name = "ID")]
        id: String,
        /// The day on which they were answered
        #[arg(long, value_name = "DATE")]
        on: String,
        /// What came of it
        #[arg(long, value_name = "WHAT", value_parser = codes::outcomes())]
        outcome: String,
        /// Why, in words; forgotten with the first of the records
        #[arg(long, value_name = "TEXT")]
        explain: Option<String>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// List what is to be answered, and until when
    #[command(after_help = "Exit code 3 means that an answer is overdue.")]
    Due {
        #[command(flatten)]
        keyring: KeyringPlace,
    },
}

/// How letters are made.
#[derive(Args)]
pub struct MergeArgs {
    /// The letter, with its blanks filled
    #[arg(value_name = "TEMPLATE")]
    pub template: PathBuf,
    /// The table: CSV with the names of its columns in the first row
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "everybody"], required_unless_present_any = ["record", "everybody"])]
    pub contacts: Option<PathBuf>,
    /// The archive that the letters are about: its file or its id
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Option<PathBuf>,
    /// Read the table from this record of the archive
    #[arg(long, value_name = "N", requires_all = ["archive", "path"])]
    pub record: Option<u64>,
    /// Where the table is in the record, such as data/contacts.csv
    #[arg(long, value_name = "PATH", requires = "record")]
    pub path: Option<String>,
    /// One letter about these records, to be published, such as 1-40
    #[arg(long, value_name = "N", requires = "archive", conflicts_with = "record")]
    pub everybody: Vec<String>,
    /// The column with the line that a letter goes to
    #[arg(long, value_name = "NAME", default_value = "address")]
    pub address_column: String,
    /// The column with the numbers of somebody's records, such as 17 or 1-4,9
    #[arg(long, value_name = "NAME", default_value = "record", requires = "archive")]
    pub records_column: String,
    /// That column holds names of records instead
    #[arg(long, requires = "archive")]
    pub by_name: bool,
    /// The charset of the table, such as GB18030
    #[arg(long, value_name = "CHARSET", default_value = "UTF-8")]
    pub charset: String,
    /// Make the folder DIR with the letters
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

/// What came from somebody.
#[derive(Args)]
pub struct ReplyArgs {
    /// The notice that it replies to: its id, or its first digits
    #[arg(long, value_name = "ID", required_unless_present = "archive", conflicts_with = "archive")]
    pub about: Option<String>,
    /// The archive that it is about: its file or its id
    #[arg(long, value_name = "ARCHIVE")]
    pub archive: Option<PathBuf>,
    /// The records that it is about, such as 17 or 1-4,9
    #[arg(long, value_name = "N")]
    pub record: Vec<String>,
    /// What is wanted
    #[arg(long, value_name = "KIND", value_parser = codes::reply_kinds())]
    pub kind: String,
    /// The day on which it came
    #[arg(long, value_name = "DATE")]
    pub received: String,
    /// The last day for the answer [default: 30 days after it came]
    #[arg(long, value_name = "DATE")]
    pub due: Option<String>,
    /// What it says
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(command: NoticeCommand, common: Common) -> Result<Done, Failure> {
    match command {
        NoticeCommand::Template { kind, output } => print_template(&kind, output.as_deref(), common),
        NoticeCommand::Merge(args) => run_merge(&args, common),
        NoticeCommand::Sent { mailing, on, by, note, keyring } => {
            run_sent(&mailing, (&on, &by, note.as_deref()), &keyring, common)
        }
        NoticeCommand::List { keyring } => list(&keyring, common),
        NoticeCommand::Show { id, mailing, address, keyring } => {
            run_show(&id, mailing.as_deref().zip(address.as_deref()), &keyring, common)
        }
        NoticeCommand::Reply(args) => run_reply(&args, common),
        NoticeCommand::Answer { id, on, outcome, explain, keyring } => {
            let mut custody = home::custody(&keyring)?;
            let outcome = Outcome::ALL.into_iter().find(|known| known.code() == outcome).expect("clap knows the codes");
            let what = (parse_date(&on)?, outcome, explain.as_deref());
            let (noted, dropped) = answer(&mut custody, &id, what)?;
            warn_of_dropped(dropped);
            tell(
                &tr!(
                    "reply {id}: {outcome}",
                    id = hex::encode(noted.reply),
                    outcome = codes::of_notice(outcome.code())
                ),
                common,
            )?;
            if common.json {
                render::json_line(&reply_json(&noted, today(&custody)));
            }
            Ok(Done::Clean)
        }
        NoticeCommand::Due { keyring } => due(&keyring, common),
    }
}

fn tell(line: &str, common: Common) -> Result<(), Failure> {
    if common.json || common.quiet { Ok(()) } else { render::print(&render::sentence(line)) }
}

fn warn_of_dropped(dropped: bool) {
    if dropped {
        let text = tr!("the words are about records that are destroyed: they were not kept");
        tell_warning(&text);
    }
}

fn kind_of(code: &str) -> NoticeKind {
    NoticeKind::ALL.into_iter().find(|kind| kind.code() == code).expect("clap knows the codes")
}

fn print_template(kind: &str, output: Option<&Path>, common: Common) -> Result<Done, Failure> {
    let text = kind_of(kind).template(language());
    let Some(path) = output else {
        render::text(text, common)?;
        return Ok(Done::Clean);
    };
    write_new(path, text.as_bytes(), 0o644)?;
    if common.json {
        render::written_text(text, Some(path));
    } else if !common.quiet {
        tell_done(&tr!(
            "Wrote {path}. Fill in its blanks, and have it looked at: it is no legal advice.",
            path = show(path)
        ));
        let braces = |names: &[&str]| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
        let lines = [
            tr!("filled in always: {places}", places = braces(&ALWAYS)),
            tr!("filled in with --archive: {places}", places = braces(&OF_RECORDS)),
            tr!("all others are columns of your table"),
            tr!("the table needs the column address, and with --archive the column record"),
        ];
        lines.iter().for_each(|line| tell_done(&format!("  {line}")));
    }
    Ok(Done::Clean)
}

fn run_merge(args: &MergeArgs, common: Common) -> Result<Done, Failure> {
    let template = read_limited(&args.template, crate::disclosure::template::MAX_TEMPLATE)?;
    let charset =
        encoding_rs::Encoding::for_label(args.charset.as_bytes()).filter(|charset| charset.is_ascii_compatible());
    let charset = charset.ok_or_else(|| {
        let what = tr!("\"{charset}\" is not a charset in which a table can be read", charset = escape(&args.charset));
        Failure::Usage(what, tr!("use a name such as GB18030, Big5 or windows-1252"))
    })?;
    let contacts = match (&args.contacts, args.record, &args.path, home::records(&args.everybody)?) {
        (Some(path), ..) => Contacts::File(path.clone()),
        (_, Some(record), Some(path), _) => Contacts::Sealed { record, path: path.clone() },
        (.., Some(records)) => Contacts::Everybody(records),
        _ => unreachable!("clap asks for one of them"),
    };
    let needs_identity = args.by_name || matches!(contacts, Contacts::Sealed { .. });
    let identities = if needs_identity { Some(home::required_identities(&args.identity)?) } else { None };
    // Nothing of the keyring changes: others may read it meanwhile.
    let mut custody = home::reading(&args.keyring)?;
    let options = MergeOptions {
        template_path: &args.template,
        template: &template,
        contacts,
        archive: args.archive.as_deref(),
        identities: identities.as_ref(),
        charset,
        address_column: &args.address_column,
        records_column: &args.records_column,
        by_name: args.by_name,
        output: &args.output,
    };
    // Told at once: what follows may fail.
    let removed = remove_interrupted(&args.output)?;
    for path in &removed {
        tell_warning(&tr!("{path}: an interrupted run had left it with letters; it is removed", path = show(path)));
    }
    let merged = merge(&mut custody, &options, &INTERRUPTED)?;
    home::remember(custody)?;
    let letters = merged.mailing.letters.len() as u64;
    if common.json {
        render::json_line(&json!({
            "message_type": "letters", "path": args.output.to_string_lossy(), "letters": letters,
            "mailing": hex::encode(merged.mailing.mailing), "kind": merged.mailing.kind,
            "records": merged.mailing.records, "left_out": merged.left_out, "secret": merged.secret,
            "undated_count": merged.undated, "far": merged.far, "removed": removed.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        }));
    }
    let wrote = tr!(
        "{n} letter in {path}; nothing is sent" | "{n} letters in {path}; nothing is sent" % letters,
        path = show(&args.output)
    );
    tell(&wrote, common)?;
    let then = tr!(
        "when they were sent: keepuntil notice sent {path} --on DATE --by post",
        path = show(&args.output.join(mailing::FILE))
    );
    tell(&format!("  {then}"), common)?;
    let is_announcement = merged.mailing.letters.iter().all(|letter| letter.address.is_none());
    if !is_announcement {
        let outlive = tr!("the letters name people and outlive the records: destroy them when they were sent");
        tell_warning(&tr!("{what}: {why}", what = show(&args.output), why = outlive));
    }
    warn_of_far(&merged.far);
    if merged.secret > 0 {
        let text = tr!(
            "{n} letter is about records under a hold for secrecy, which it does not mention: look whether it may be sent"
                | "{n} letters are about records under a hold for secrecy, which they do not mention: look whether they may be sent"
                    % merged.secret
        );
        tell_warning(&text);
    }
    if merged.undated > 0 {
        tell_warning(&tr!(
            "{n} record waits for an event: this notice does not count for it; when the event is recorded, write again"
                | "{n} records wait for an event: this notice does not count for them; when the event is recorded, write again"
                    % merged.undated
        ));
    }
    if merged.left_out.is_empty() {
        return Ok(Done::Clean);
    }
    let lines: Vec<String> = merged.left_out.iter().take(20).map(u64::to_string).collect();
    let n = merged.left_out.len() as u64;
    let text = tr!(
        "{n} row has no letter, since its records are destroyed: line {lines}"
            | "{n} rows have no letter, since their records are destroyed: lines {lines}" % n,
        lines = lines.join(", ")
    );
    tell_warning(&text);
    Ok(Done::Findings)
}

/// Says which records letters announce the destruction of although their last days are far away.
fn warn_of_far(far: &[Told]) {
    for Told { until, records } in far.iter().take(DAYS_TOLD) {
        tell_warning(&tr!(
            "the letter says that the time of record {records} has run or soon will, but it is kept until {until}: look whether it is to be sent now"
                | "the letters say that the time of records {records} has run or soon will, but they are kept until {until}: look whether they are to be sent now"
                    % records.count(),
            records = records,
            until = until.to_string()
        ));
    }
    if far.len() > DAYS_TOLD {
        let more: u64 = far[DAYS_TOLD..].iter().map(|told| told.records.count()).sum();
        tell_warning(&tr!("the same holds for {n} more record" | "the same holds for {n} more records" % more));
    }
}

fn read_mailing(path: &Path) -> Result<(Mailing, Vec<u8>), Failure> {
    let bytes = read_limited(path, MAX_DOCUMENT)?;
    let mailing = Mailing::parse(&bytes).map_err(|source| OpsError::Message { path: path.into(), source })?;
    Ok((mailing, bytes))
}

fn run_sent(
    path: &Path,
    (on, by, note): (&str, &str, Option<&str>),
    place: &KeyringPlace,
    common: Common,
) -> Result<Done, Failure> {
    let (mailing, bytes) = read_mailing(path)?;
    let by = Way::ALL.into_iter().find(|known| known.code() == by).expect("clap knows the codes");
    let on = parse_date(on)?;
    let mut custody = home::custody(place)?;
    let sent = sent(&mut custody, (&mailing, &bytes), (on, by, note))?;
    warn_of_dropped(sent.words_dropped);
    if sent.void > 0 {
        tell_warning(&tr!(
            "for {n} record this notice does not count: its last day is not the one that the letter told: write again"
                | "for {n} records this notice does not count: their last day is not the one that the letters told: write again"
                    % sent.void
        ));
    }
    if common.json {
        let mut object = notice_json(&sent.noted);
        object["void_count"] = sent.void.into();
        render::json_line(&object);
    }
    let id = hex::encode(sent.noted.notice);
    tell(&tr!("notice {id}: noted as sent by {way} on {on}", id = id, way = by.words(), on = on.to_string()), common)?;
    if let Some(records) = &mailing.records {
        let kind = codes::of_notice(mailing.kind.code());
        tell(
            &tr!(
                "  {kind}, about record {records}: as somebody says, not as the program knows"
                    | "  {kind}, about records {records}: as somebody says, not as the program knows" % records.count(),
                kind = kind,
                records = records
            ),
            common,
        )?;
    }
    Ok(Done::Clean)
}

fn run_reply(args: &ReplyArgs, common: Common) -> Result<Done, Failure> {
    let mut custody = home::custody(&args.keyring)?;
    let about = match &args.about {
        Some(id) => Some(read(custody.keyring())?.notice(id)?.clone()),
        None => None,
    };
    let typed = home::records(&args.record)?;
    let (archive, records) = match (&about, &args.archive) {
        (Some(notice), _) => (notice.archive, typed.or_else(|| notice.records.clone())),
        (None, Some(archive)) => (Some(archive_id(custody.keyring(), archive)?), typed),
        (None, None) => (None, None),
    };
    if records.is_some() && archive.is_none() {
        let what = tr!("the notice is about no records of an archive");
        return Err(Failure::Usage(what, tr!("leave --record out, or name --archive instead of --about")));
    }
    let kind = ReplyKind::ALL.into_iter().find(|known| known.code() == args.kind).expect("clap knows the codes");
    let new = NewReply {
        notice: about.map(|notice| notice.notice),
        archive,
        records,
        kind,
        received: parse_date(&args.received)?,
        due: args.due.as_deref().map(parse_date).transpose()?,
        text: args.text.clone(),
    };
    let (noted, dropped) = reply(&mut custody, new)?;
    warn_of_dropped(dropped);
    if common.json {
        render::json_line(&reply_json(&noted, today(&custody)));
    }
    let id = hex::encode(noted.reply);
    tell(&tr!("reply {id}: an answer is due by {due}", id = id, due = noted.due.to_string()), common)?;
    if noted.kind == ReplyKind::Objection {
        let hint = tr!("an objection stops no destruction by itself: to stop it, `keepuntil hold place --help`");
        tell(&format!("  {hint}"), common)?;
    }
    Ok(Done::Clean)
}
