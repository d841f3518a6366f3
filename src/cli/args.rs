//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "keepuntil", version, about, propagate_version = true, max_term_width = 80)]
#[command(after_help = super::error::exit_codes() + "\n\n\
    Example:\n  keepuntil create -o firm.sealed --until 2036-12-31 clients/\n  \
    keepuntil verify firm.sealed\n  keepuntil restore firm.sealed --match 'Smith*' -o out/")]
pub struct Cli {
    /// Write one JSON object a line to standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors and what was asked for
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Language of everything that is printed and written for people [default: that of the locale]
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<LangArg>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy)]
pub struct Common {
    pub json: bool,
    pub quiet: bool,
    /// The language that was asked for, where one was.
    pub lang: Option<LangArg>,
}

#[derive(Subcommand)]
pub enum Command {
    Keygen(Keygen),
    Create(Create),
    Inspect(Inspect),
    Verify(Verify),
    Restore(Box<Restore>),
    #[command(subcommand)]
    Evidence(super::evidence::EvidenceCommand),
    Rules(Rules),
    #[command(subcommand)]
    Certificate(super::certificate::CertificateCommand),
    #[command(subcommand)]
    Keyring(super::keyring::KeyringCommand),
    #[command(subcommand)]
    Journal(super::journal::JournalCommand),
    #[command(subcommand)]
    Schedule(super::schedule::ScheduleCommand),
    Status(super::status::StatusArgs),
    Due(super::due::DueArgs),
    Extend(super::extend::ExtendArgs),
    #[command(subcommand)]
    Hold(super::hold::HoldCommand),
    #[command(subcommand)]
    Event(super::event::EventCommand),
    Purge(Box<super::purge::PurgeArgs>),
    #[command(subcommand)]
    Clock(super::clock::ClockCommand),
    #[command(subcommand)]
    Roster(super::roster::RosterCommand),
    Survey(super::survey::SurveyArgs),
    #[command(subcommand)]
    Policy(super::policy::PolicyCommand),
    /// Give the text of the PDF on standard input, for survey
    #[command(hide = true)]
    ReadPdf,
    #[command(subcommand)]
    Request(super::request::RequestCommand),
    Approve(super::approve::ApproveArgs),
    Grant(Box<super::grant::GrantArgs>),
    Refuse(super::refuse::RefuseArgs),
    #[command(subcommand)]
    Receipt(super::receipt::ReceiptCommand),
    Disclosures(super::disclosures::DisclosuresArgs),
    #[command(subcommand)]
    Notice(super::notice::NoticeCommand),
    #[command(subcommand)]
    Report(super::report::ReportCommand),
    Completions(super::completions::CompletionsArgs),
    Man(super::man::ManArgs),
}

/// Make an age identity, post-quantum unless --classic
#[derive(Args)]
#[command(after_help = "Examples:\n  keepuntil keygen -o identity.txt\n  keepuntil keygen -y identity.txt")]
pub struct Keygen {
    /// Write the identity to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Make a classical X25519 identity, which age before 1.3 reads too
    #[arg(long)]
    pub classic: bool,
    /// Protect the identity with a passphrase, as age -p does
    #[arg(long, requires = "output")]
    pub passphrase: bool,
    /// Print the recipients of the identities in FILE (- for standard input)
    #[arg(short = 'y', value_name = "FILE", conflicts_with_all = ["output", "classic", "passphrase"])]
    pub recipients_of: Option<PathBuf>,
}

#[derive(Args)]
pub struct KeyringPlace {
    /// The keyring [default: the one in your data folder]
    #[arg(long, value_name = "DIR", env = "KEEPUNTIL_KEYRING")]
    pub keyring: Option<PathBuf>,
}

#[derive(Args)]
pub struct IdentityPlace {
    /// Identity file; may be given more than once [default: the one that create made]
    #[arg(short, long, value_name = "FILE", env = "KEEPUNTIL_IDENTITY")]
    pub identity: Vec<PathBuf>,
}

#[derive(Args)]
pub struct TrustArgs {
    /// Accept only a seal by this verifier key; may be given more than once
    #[arg(long, value_name = "VKEY")]
    pub signer: Vec<String>,
    /// Accept only seals by the verifier keys in FILE, one a line
    #[arg(long, value_name = "FILE", alias = "signer-file")]
    pub trust: Option<PathBuf>,
}

/// For changes that people on the roster must agree to.
#[derive(Args)]
pub struct AgreementArgs {
    /// Print the text that people on the roster sign, and change nothing
    #[arg(long)]
    pub statement: bool,
    /// A signature under that text; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub approval: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ClassArg {
    /// Anyone might see it
    Public,
    /// For those concerned
    Sensitive,
    /// For the fewest; sizes are padded
    Confidential,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum CountingArg {
    /// From the day after
    Day,
    /// From the first day after the calendar year
    CalendarYear,
    /// From the first day after the fiscal year
    FiscalYear,
}

/// A language of the command line; [`super::home::language`] reads it before anything else is.
#[derive(Clone, Copy, ValueEnum)]
pub enum LangArg {
    #[value(aliases = ["en-US", "en-GB", "en_US", "en_GB"])]
    En,
    #[value(aliases = ["zh-CN", "zh_CN", "zh-Hans"])]
    Zh,
}

impl LangArg {
    /// The word that was typed.
    pub fn as_typed(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum AtExpiryArg {
    /// The keys are destroyed
    Destroy,
    /// A person decides
    Review,
}

/// Seal folders: every entry directly under DIR becomes one record
#[derive(Args)]
#[command(after_help = "Makes a keyring and an identity on first use, and says where they are.\n\n\
    Examples:\n  keepuntil create -o firm.sealed --until 2036-12-31 \\\n    --class confidential clients/\n  \
    keepuntil create -o firm.sealed --retain P10Y \\\n    --dated 2025-12-31 -r age1pq1... clients/\n  \
    keepuntil create -o books.sealed --rule cn-accounting-voucher \\\n    --dated 2025-06-30 books/\n  \
    keepuntil create -o - --policy policy.toml firm/ \\\n    | ssh vault 'cat > firm.sealed'")]
pub struct Create {
    /// Write the archive to FILE; - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Folders whose entries are sealed
    #[arg(value_name = "DIR", required = true)]
    pub sources: Vec<PathBuf>,
    /// Keep every record until and including this day
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// Keep every record for this period (P10Y, P6M, P90D); with --rule: the period of rules that have none
    #[arg(long, value_name = "PERIOD")]
    pub retain: Option<String>,
    /// Keep every record as this rule asks; may be given more than once: the longest wins
    #[arg(long, value_name = "ID")]
    pub rule: Vec<String>,
    /// The records' own date, after which periods count
    #[arg(long, value_name = "DATE")]
    pub dated: Option<String>,
    /// What periods begin with, where no rule says it: record-date, creation or event:NAME
    #[arg(long, value_name = "START")]
    pub start: Option<String>,
    /// How periods count, where no rule says it
    #[arg(long, value_name = "HOW")]
    pub counting: Option<CountingArg>,
    /// Last day of the firm's fiscal years [default: 12-31]
    #[arg(long, value_name = "MM-DD")]
    pub fiscal_year_end: Option<String>,
    /// Group files into records, classes and dates as FILE (TOML) says
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "class", "until", "retain", "rule", "dated", "start", "counting", "fiscal_year_end", "at_expiry",
    ])]
    pub policy: Option<PathBuf>,
    /// What happens after the last day [default: review where a rule asks for it, else destroy]
    #[arg(long, value_name = "WHAT")]
    pub at_expiry: Option<AtExpiryArg>,
    /// Who the content is meant for; confidential sizes are padded
    #[arg(long, default_value = "confidential")]
    pub class: ClassArg,
    /// Pad sizes whatever the class
    #[arg(long)]
    pub pad: bool,
    /// Encrypt to this age recipient; may be given more than once
    #[arg(short, long, value_name = "RECIPIENT")]
    pub recipient: Vec<String>,
    /// Encrypt to the recipients in FILE, one a line
    #[arg(short = 'R', long, value_name = "FILE")]
    pub recipients_file: Vec<PathBuf>,
    #[command(flatten)]
    pub keyring: KeyringPlace,
    /// Name in the seal when a keyring is made, such as firm.example
    #[arg(long, value_name = "NAME")]
    pub firm: Option<String>,
    /// Read file names that are not UTF-8 as this charset, such as GB18030
    #[arg(long, value_name = "CHARSET")]
    pub names_from: Option<String>,
    /// Leave out what cannot be read, name it in the record, and exit with 3
    #[arg(long)]
    pub skip_unreadable: bool,
    /// Replace an existing archive
    #[arg(long)]
    pub force: bool,
}

/// Show what an archive says: to anyone, or by name to those with identity and keyring
#[derive(Args)]
#[command(
    after_help = "Examples:\n  keepuntil inspect firm.sealed\n  keepuntil inspect firm.sealed --record 17 --json"
)]
pub struct Inspect {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// Show only this record
    #[arg(long, value_name = "N")]
    pub record: Vec<u64>,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Check every byte of an archive; needs no key
#[derive(Args)]
#[command(after_help = "Exit code 3 means: consistent, but nobody said whose seal it should be.\n\n\
    Examples:\n  keepuntil verify firm.sealed\n  keepuntil verify firm.sealed --trust firm.vkeys\n  \
    keepuntil verify firm.sealed --deep\n  keepuntil verify firm.sealed --against clients/\n  \
    keepuntil verify firm.sealed --deep --note")]
pub struct Verify {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// Open every record and check the bag inside
    #[arg(long)]
    pub deep: bool,
    /// Compare every record with these folders, both ways
    #[arg(long, value_name = "DIR")]
    pub against: Vec<PathBuf>,
    /// Read file names in the folders that are not UTF-8 as this charset
    #[arg(long, value_name = "CHARSET", requires = "against")]
    pub names_from: Option<String>,
    /// A certificate of destruction: the content of its records may be gone; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub certificate: Vec<PathBuf>,
    /// Note the outcome in the journal of the keyring that holds the archive's keys, whole or damaged
    #[arg(long, conflicts_with_all = ["signer", "trust"])]
    pub note: bool,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Open records: each becomes a BagIt bag under DIR, with a proof beside it
#[derive(Args)]
#[command(after_help = "With --grant nothing is needed but the archive, or the extract that came with the \
    grant, and the identity that was made with the request. That identity is wiped and removed once every \
    record of the grant was opened, unless --keep-identity. What was opened cannot be taken back by anybody: \
    its validity is a promise of whoever opened it.\n\n\
    Examples:\n  keepuntil restore firm.sealed --record 17 -o out/\n  \
    keepuntil restore firm.sealed --match '沐阳*' -o out/\n  keepuntil restore firm.sealed --all --plain -o out/\n  \
    keepuntil restore extract.tar --grant grant.json -i request.json.identity \\\n    \
    --sign-with ~/.ssh/id_ed25519 --trust firm.vkeys -o out/")]
pub struct Restore {
    /// The archive, or the extract that came with a grant
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// The record with this number; may be given more than once [with --grant: all that it names]
    #[arg(long, value_name = "N", group = "which", required_unless_present_any = ["pattern", "all", "grant"])]
    pub record: Vec<u64>,
    /// Records whose name matches this pattern
    #[arg(long = "match", value_name = "GLOB", group = "which")]
    pub pattern: Option<String>,
    /// Every record
    #[arg(long, group = "which")]
    pub all: bool,
    /// Open what this grant names, without a keyring; ARCHIVE may be an extract
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pattern", "all", "plain"])]
    pub grant: Option<PathBuf>,
    /// Sign the receipt with this SSH key
    #[arg(long, value_name = "KEY", requires = "grant")]
    pub sign_with: Option<PathBuf>,
    /// Do not wipe the one-time identity after everything was opened
    #[arg(long, requires = "grant")]
    pub keep_identity: bool,
    /// Where the records go
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Write the exact tree instead of a bag
    #[arg(long)]
    pub plain: bool,
    /// Replace what exists
    #[arg(long)]
    pub force: bool,
    /// Refuse a record that grows more than N fold
    #[arg(long, value_name = "N", default_value_t = crate::ops::restore::DEFAULT_MAX_RATIO)]
    pub max_ratio: u64,
    /// Refuse a record with more than N members
    #[arg(long, value_name = "N", default_value_t = crate::ops::restore::DEFAULT_MAX_MEMBERS)]
    pub max_members: u64,
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// List the built-in retention rules, or show one in full; they are no legal advice
#[derive(Args)]
#[command(after_help = "Examples:\n  keepuntil rules --jurisdiction cn\n  keepuntil rules cn-accounting-voucher\n  \
    keepuntil rules --policy policy.toml")]
pub struct Rules {
    /// Only this rule, in full
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Only rules of this jurisdiction: cn, de, eu, uk or us
    #[arg(long, value_name = "CODE", conflicts_with = "id")]
    pub jurisdiction: Option<String>,
    /// Also list the rules that this policy file defines
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use unicode_width::UnicodeWidthStr;

    /// Lines of help and usage that are too wide, of the command and all below it.
    fn too_wide(command: &mut clap::Command) -> Vec<String> {
        let help = command.render_long_help().to_string();
        // With errors it is shown without anything around it.
        let usage = command.render_usage().to_string();
        let wide = |line: &&str| line.width() > super::super::render::WIDTH;
        let own = help.lines().chain(usage.lines()).filter(wide).map(str::to_owned);
        own.chain(command.get_subcommands_mut().flat_map(too_wide)).collect()
    }

    #[test]
    fn every_help_fits_a_terminal() {
        let mut cli = Cli::command();
        cli.build();
        assert_eq!(too_wide(&mut cli), Vec::<String>::new());
    }
}
