//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "keepuntil", version, about, propagate_version = true, max_term_width = 80)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 done with findings, 10 damaged or \
    forged, 12 no identity opens it, 13 key destroyed, 14 locked by another process, 130 interrupted.\n\n\
    Example:\n  keepuntil create -o firm.sealed --until 2036-12-31 clients/\n  \
    keepuntil verify firm.sealed\n  keepuntil restore firm.sealed --match 'Smith*' -o out/")]
pub struct Cli {
    /// Write one JSON object a line to standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors and what was asked for
    #[arg(long, short, global = true)]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy)]
pub struct Common {
    pub json: bool,
    pub quiet: bool,
}

#[derive(Subcommand)]
pub enum Command {
    Keygen(Keygen),
    Create(Create),
    Inspect(Inspect),
    Verify(Verify),
    Restore(Restore),
    #[command(subcommand)]
    Certificate(CertificateCommand),
    #[command(subcommand)]
    Keyring(KeyringCommand),
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
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ClassArg {
    Public,
    Sensitive,
    Confidential,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum AtExpiryArg {
    Destroy,
    Review,
}

/// Seal folders: every entry directly under DIR becomes one record
#[derive(Args)]
#[command(after_help = "Makes a keyring and an identity on first use, and says where they are.\n\n\
    Examples:\n  keepuntil create -o firm.sealed --until 2036-12-31 --class confidential clients/\n  \
    keepuntil create -o firm.sealed --retain P10Y --dated 2025-12-31 -r age1pq1... clients/\n  \
    keepuntil create -o - --policy policy.toml firm/ | ssh vault 'cat > firm.sealed'")]
pub struct Create {
    /// Write the archive to FILE; - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Folders whose entries are sealed
    #[arg(value_name = "DIR", required = true)]
    pub sources: Vec<PathBuf>,
    /// Keep every record until and including this day
    #[arg(long, value_name = "DATE", group = "keep")]
    pub until: Option<String>,
    /// Keep every record for this period (P10Y, P6M, P90D) from --dated on
    #[arg(long, value_name = "PERIOD", group = "keep")]
    pub retain: Option<String>,
    /// First day of the period of --retain [default: today]
    #[arg(long, value_name = "DATE", requires = "retain")]
    pub dated: Option<String>,
    /// Group files into records, classes and dates as FILE (TOML) says
    #[arg(long, value_name = "FILE", group = "keep", conflicts_with_all = ["class", "at_expiry"])]
    pub policy: Option<PathBuf>,
    /// What happens after the last day
    #[arg(long, value_name = "WHAT", default_value = "destroy")]
    pub at_expiry: AtExpiryArg,
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
    keepuntil verify firm.sealed --deep\n  keepuntil verify firm.sealed --against clients/")]
pub struct Verify {
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
    #[command(flatten)]
    pub identity: IdentityPlace,
    #[command(flatten)]
    pub keyring: KeyringPlace,
    #[command(flatten)]
    pub trust: TrustArgs,
}

/// Open records: each becomes a BagIt bag under DIR, with a proof beside it
#[derive(Args)]
#[command(after_help = "Examples:\n  keepuntil restore firm.sealed --record 17 -o out/\n  \
    keepuntil restore firm.sealed --match '沐阳*' -o out/\n  keepuntil restore firm.sealed --all --plain -o out/")]
pub struct Restore {
    #[arg(value_name = "ARCHIVE")]
    pub archive: PathBuf,
    /// The record with this number; may be given more than once
    #[arg(long, value_name = "N", group = "which", required = true)]
    pub record: Vec<u64>,
    /// Records whose name matches this pattern
    #[arg(long = "match", value_name = "GLOB", group = "which")]
    pub pattern: Option<String>,
    /// Every record
    #[arg(long, group = "which")]
    pub all: bool,
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

/// Make and look after the keyring that holds the expiry halves of all keys
#[derive(Subcommand)]
pub enum KeyringCommand {
    /// Make a keyring in DIR
    #[command(after_help = "Example:\n  keepuntil keyring init --firm chengming.example /srv/keyring")]
    Init {
        #[arg(value_name = "DIR", env = "KEEPUNTIL_KEYRING")]
        dir: Option<PathBuf>,
        /// Name in its seals, such as firm.example [default: made from its id]
        #[arg(long, value_name = "NAME")]
        firm: Option<String>,
        /// Folder of its root key: on a disk that is not backed up [default: in your state folder]
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Say what the keyring holds and what losing or copying it means
    #[command(after_help = "Example:\n  keepuntil keyring info --vkeys > firm.vkeys")]
    Info {
        #[command(flatten)]
        keyring: KeyringPlace,
        #[command(flatten)]
        identity: IdentityPlace,
        /// Print only the verifier keys of its seals, as verify --trust takes them
        #[arg(long)]
        vkeys: bool,
    },
    /// Open everything in the keyring, and compare it with archives
    #[command(after_help = "Example:\n  keepuntil keyring check firm.sealed")]
    Check {
        /// Archives whose keys are compared with what was sealed
        #[arg(value_name = "ARCHIVE")]
        archives: Vec<PathBuf>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Write an emergency key sheet, which opens records without keepuntil
    #[command(after_help = "The sheet opens its records for ever: destroying keys in the keyring does not \
        reach it.\n\nExample:\n  keepuntil keyring export firm.sealed --record 17 -o sheet.txt")]
    Export {
        #[arg(value_name = "ARCHIVE")]
        archive: PathBuf,
        /// Only these records
        #[arg(long, value_name = "N")]
        record: Vec<u64>,
        /// Write the sheet to FILE
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        identity: IdentityPlace,
        #[command(flatten)]
        keyring: KeyringPlace,
        #[command(flatten)]
        trust: TrustArgs,
    },
}

#[derive(Args)]
pub struct JournalArgs {
    /// Verifier key of the journal, or a file with one a line; give both keys of the firm
    #[arg(long, value_name = "VKEY")]
    pub journal: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum FormatArg {
    Text,
    Html,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LanguageArg {
    Zh,
    En,
}

/// Check and show certificates of destruction; needs no keyring
#[derive(Subcommand)]
pub enum CertificateCommand {
    /// Check that a journal says what a certificate says
    #[command(after_help = "Exit code 3 means: consistent, but nobody said whose journal it should be.\n\n\
        Example:\n  keepuntil certificate verify purge.json --journal firm.vkeys")]
    Verify {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        journal: JournalArgs,
    },
    /// Show a certificate for reading, printing and signing by hand
    #[command(after_help = "Examples:\n  keepuntil certificate show purge.json --lang en\n  \
        keepuntil certificate show purge.json --format html --lang zh --journal firm.vkeys -o purge.html")]
    Show {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How it is shown
        #[arg(long, default_value = "text")]
        format: FormatArg,
        /// In which language [default: that of the environment]
        #[arg(long)]
        lang: Option<LanguageArg>,
        /// Write it to FILE instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        journal: JournalArgs,
    },
}
