//! Where things are by default, and how they are opened: keyring, root, identity.

use super::args::{IdentityPlace, KeyringPlace, TrustArgs};
use super::error::{FAILED, Failure, LOCKED, tell_warning};
use super::prompt::Terminal;
use crate::crypto::identity::{Identities, Prompts};
use crate::crypto::sign::VerifierKey;
use crate::keyring::{Keyring, KeyringError};
use crate::language::Language;
use crate::ops::OpsError;
use crate::ops::custody::{Custody, Now};
use crate::ops::open::Trust;
use crate::retention::clock::{Reading, Uptime};
use crate::retention::ranges::Ranges;
use crate::storage::lock::Sharing;
use crate::storage::{StorageError, read_limited, read_secret, show};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tr::tr;

/// How long a command waits for another that uses the keyring.
pub const WAIT: Duration = Duration::from_secs(30);
/// The same where the command can do without.
const MOMENT: Duration = Duration::from_secs(2);
const IDENTITY_LIMIT: u64 = 1 << 20;

/// The user's data folder: what should be kept, but not the root.
fn data_dir() -> Result<PathBuf, Failure> {
    xdg("XDG_DATA_HOME", ".local/share")
}

/// The user's state folder: what backup programs leave alone.
fn state_dir() -> Result<PathBuf, Failure> {
    xdg("XDG_STATE_HOME", ".local/state")
}

/// The user's folder of settings, not only ours.
pub fn config_dir() -> Result<PathBuf, Failure> {
    xdg_base("XDG_CONFIG_HOME", ".config")
}

fn xdg(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    Ok(xdg_base(variable, below_home)?.join("keepuntil"))
}

fn xdg_base(variable: &str, below_home: &str) -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below_home)))
        .ok_or_else(|| Failure::Usage(tr!("there is no home folder"), tr!("set HOME, or name --keyring and -i")))
}

pub fn keyring_dir(place: &KeyringPlace) -> Result<PathBuf, Failure> {
    match &place.keyring {
        Some(dir) => Ok(dir.clone()),
        None => Ok(data_dir()?.join("keyring")),
    }
}

/// Where the root of a keyring in `dir` goes unless the user says otherwise.
pub fn default_root_dir(dir: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(dir).map_err(StorageError::at(dir))?;
    let hash = crate::crypto::hash::sha256(&[absolute.as_os_str().as_encoded_bytes()]);
    Ok(state_dir()?.join("roots").join(hex::encode(&hash[..8])))
}

pub fn default_identity() -> Result<PathBuf, Failure> {
    Ok(data_dir()?.join("identity.txt"))
}

/// The recipients of the default identity, readable without its passphrase.
pub fn default_recipients() -> Result<PathBuf, Failure> {
    Ok(data_dir()?.join("recipients.txt"))
}

pub fn prompts() -> Prompts {
    Prompts::new(Terminal)
}

/// The identities that were named, or the default one; `None` where there is none.
pub fn identities(place: &IdentityPlace) -> Result<Option<Identities>, Failure> {
    let mut paths = place.identity.clone();
    if paths.is_empty() {
        let Ok(default) = default_identity() else { return Ok(None) };
        if !default.exists() {
            return Ok(None);
        }
        paths.push(default);
    }
    let mut all: Option<Identities> = None;
    for path in paths {
        let identities = read_identities(&path)?;
        match &mut all {
            Some(all) => all.extend(identities),
            None => all = Some(identities),
        }
    }
    Ok(all)
}

pub fn read_identities(path: &Path) -> Result<Identities, Failure> {
    let text = if path == Path::new("-") {
        read_secret(Path::new("/dev/stdin"), IDENTITY_LIMIT)?
    } else {
        read_secret(path, IDENTITY_LIMIT)?
    };
    Ok(Identities::parse(&crate::storage::show(path), &text, &prompts())?)
}

/// The keyring that was named or is in the default place; `None` where none was named and none is there.
pub fn keyring(place: &KeyringPlace, sharing: Sharing) -> Result<Option<Keyring>, Failure> {
    let dir = match keyring_dir(place) {
        Ok(dir) => dir,
        Err(_) => return Ok(None),
    };
    match Keyring::open(&dir, sharing, WAIT) {
        Ok(keyring) => Ok(Some(keyring)),
        Err(KeyringError::Missing(_)) if place.keyring.is_none() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

pub fn required_keyring(place: &KeyringPlace, sharing: Sharing) -> Result<Keyring, Failure> {
    keyring(place, sharing)?.ok_or_else(|| OpsError::KeyringMissing.into())
}

pub fn required_identities(place: &IdentityPlace) -> Result<Identities, Failure> {
    identities(place)?.ok_or_else(|| OpsError::IdentityMissing.into())
}

/// The verifier keys of `--signer` and `--trust`.
pub fn trust(args: &TrustArgs) -> Result<Trust, Failure> {
    let mut pinned = Vec::new();
    for key in &args.signer {
        pinned.push(key.parse::<VerifierKey>()?);
    }
    if let Some(path) = &args.trust {
        for line in crate::crypto::recipient::recipients_file(&text(path, 1 << 20)?) {
            pinned.push(line.parse::<VerifierKey>()?);
        }
        if pinned.is_empty() {
            return Err(Failure::Usage(
                tr!("{file}: it holds no verifier key", file = crate::storage::show(path)),
                tr!("write one with `keepuntil keyring info --vkeys`"),
            ));
        }
    }
    Ok(Trust { pinned })
}

/// The keyring with its register, for commands about retention.
pub fn custody(place: &KeyringPlace) -> Result<Custody, Failure> {
    let keyring = required_keyring(place, Sharing::Exclusive)?;
    Ok(Custody::over(keyring, clocks())?)
}

/// The keyring with its register, for commands that only show what is in it.
pub fn reading(place: &KeyringPlace) -> Result<Custody, Failure> {
    Ok(Custody::reading(required_keyring(place, Sharing::Shared)?, clocks())?)
}

/// Stores the reading of the clock when all is shown. A disk that is full or read-only, or another process, is no reason to
/// fail: the next command reads the clock as well.
pub fn remember(custody: Custody) -> Result<(), Failure> {
    match custody.remember(MOMENT).map_err(Failure::from) {
        Err(Failure::Ops(e)) if [FAILED, LOCKED].contains(&super::error::code(&e)) => {
            tell_warning(&tr!("what the clock shows could not be stored: {error}", error = e));
            Ok(())
        }
        stored => stored,
    }
}

/// A text that somebody wrote in an editor, without the byte order mark that some editors begin it with.
///
/// # Errors
/// [`Failure::Usage`] where it is not UTF-8: guessing would take a name for another one.
pub fn text(path: &Path, limit: u64) -> Result<String, Failure> {
    let text = String::from_utf8(read_limited(path, limit)?).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Failure::Usage(
            tr!("{file}: line {line}: it is not UTF-8", file = show(path), line = line),
            tr!("save it as UTF-8, or print it so with `iconv -f GB18030 -t UTF-8 {file}`", file = show(path)),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The signatures in these files.
pub fn signatures(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    Ok(paths.iter().map(|path| read_limited(path, 1 << 20)).collect::<Result<_, _>>()?)
}

/// Record numbers as they were typed; `None` where none were.
pub fn records(typed: &[String]) -> Result<Option<Ranges>, Failure> {
    if typed.is_empty() {
        return Ok(None);
    }
    let malformed = |what: String| Failure::Usage(what, tr!("name records as 17 or as 1-4,9"));
    let mut all = Vec::new();
    for text in typed {
        let ranges = Ranges::typed(text).map_err(malformed)?;
        if ranges.is_empty() || ranges.count() > MAX_TYPED {
            return Err(malformed(tr!("{text} names no records, or too many", text = format!("{text:?}"))));
        }
        all.extend(ranges.iter());
    }
    Ok(Some(all.into_iter().collect()))
}

/// Records that can be named one by one.
const MAX_TYPED: u64 = 10_000_000;

/// How names that are not UTF-8 are read.
pub fn names(charset: Option<&str>) -> Result<crate::storage::source::Names, Failure> {
    let Some(label) = charset else { return Ok(crate::storage::source::Names::default()) };
    match encoding_rs::Encoding::for_label(label.as_bytes()) {
        Some(charset) => Ok(crate::storage::source::Names { charset: Some(charset) }),
        None => Err(Failure::Usage(
            tr!("{name} is not a charset", name = format!("{label:?}")),
            tr!("use a name such as GB18030, Big5, Shift_JIS or windows-1252"),
        )),
    }
}

/// Threads for heavy work: more than eight would only cost memory.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).min(8)
}

/// What this machine's clocks show.
pub fn clocks() -> Now {
    let wall = now();
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let boot = boot_id.zip(u64::try_from(uptime.tv_sec).ok());
    let boot = boot.map(|(id, seconds)| Uptime { boot_id: id.trim().to_owned(), seconds });
    Now { reading: Reading { wall: wall.to_utc(), boot }, zone: *wall.offset() }
}

/// Now, in the zone of this machine.
pub fn now() -> chrono::DateTime<chrono::FixedOffset> {
    // `Local::now` panics where the clock shows a time before 1970.
    chrono::DateTime::<chrono::Local>::from(std::time::SystemTime::now()).fixed_offset()
}

/// The language that `--lang` names, or else the locale; read before the arguments are, since errors in them are told in it.
pub fn language() -> Language {
    let mut arguments = std::env::args_os().skip(1).take_while(|argument| argument != "--");
    let mut named = None;
    while let Some(argument) = arguments.next() {
        if argument == "--lang" {
            named = arguments.next().and_then(|value| value.into_string().ok());
        } else if let Some(value) = argument.to_str().and_then(|argument| argument.strip_prefix("--lang=")) {
            named = Some(value.to_owned());
        }
    }
    let locale = || {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(std::env::var_os).find(|v| !v.is_empty());
        set.and_then(|locale| locale.into_string().ok())
    };
    named.or_else(locale).map_or(Language::English, |name| Language::of_locale(&name))
}
