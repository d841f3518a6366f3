//! `keepuntil journal …`.

use super::args::{Common, KeyringPlace, TrustArgs};
use super::error::{Failure, tell_done, tell_hint, tell_warning};
use super::progress::Bar;
use super::{Done, entry_words, home, render};
use crate::crypto::sign::VerifierKey;
use crate::journal::cosign::journal_keys;
use crate::language::text;
use crate::ops::journal::{self, CosignOptions, JournalOutcome};
use crate::storage::leftover::remove_trees;
use crate::storage::lock::Sharing;
use crate::storage::{escape, read_limited, show};
use crate::tlog::cosignature::MAX_COSIGNED;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use tr::tr;

/// Whose journal it must be.
#[derive(Args)]
pub struct JournalTrust {
    /// A verifier key of the journal; both are needed
    #[arg(long, value_name = "VKEY")]
    pub journal: Vec<String>,
    /// The verifier keys of the journal are in FILE, one a line
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
}

/// Read, check and hand out the journal of what happened in a keyring
#[derive(Subcommand)]
pub enum JournalCommand {
    /// Print the entries
    #[command(after_help = "Examples:\n  keepuntil journal show --from 120\n  \
        keepuntil journal show --checkpoint > journal.checkpoint")]
    Show {
        /// Begin with entry N; the first is 0
        #[arg(long, value_name = "N", default_value_t = 0)]
        from: u64,
        /// Print only the signed checkpoint over all entries, to be kept by somebody else
        #[arg(long, conflicts_with = "from")]
        checkpoint: bool,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Check every entry of the keyring's journal, or of an exported one
    #[command(after_help = "Exit code 3 means: consistent, but nobody said whose journal it should be.\n\n\
        Examples:\n  keepuntil journal verify --since journal.checkpoint\n  \
        keepuntil journal verify journal/ --trust firm.vkeys")]
    Verify {
        /// A folder that `journal export` wrote [default: the keyring's own journal]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Nothing that this older checkpoint covers may have changed
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<PathBuf>,
        #[command(flatten)]
        trust: JournalTrust,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// Write the journal as a static folder, or what is new since a checkpoint as one file
    #[command(after_help = "Examples:\n  keepuntil journal export -o journal/\n  \
        keepuntil journal export --since cosigned.checkpoint -o request.txt")]
    Export {
        /// Write the folder, or with --since the file, to this name
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Write only the new checkpoint, with the proof that it extends this one
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<PathBuf>,
        #[command(flatten)]
        keyring: KeyringPlace,
    },
    /// As a witness: sign the checkpoint of somebody's exported journal with your own clock
    #[command(override_usage = "keepuntil journal cosign [OPTIONS] --witness-key <FILE> --state <FILE>\n       \
        --output <FILE> <EXPORT>")]
    #[command(after_help = "The witness remembers in its state file what it signed, and refuses a journal that was \
        rewritten. The first time it must be told whose journal it is: --trust or --journal.\n\n\
        Example:\n  keepuntil journal cosign journal/ --trust firm.vkeys \\\n    \
        --witness-key witness.key --state witness.state -o cosigned.checkpoint")]
    Cosign {
        /// A folder or a file that `journal export` wrote
        #[arg(value_name = "EXPORT")]
        export: PathBuf,
        /// The witness's key, as `journal witness-key` makes it
        #[arg(long, value_name = "FILE")]
        witness_key: PathBuf,
        /// What the witness signed before; made where it is missing
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
        /// Write the checkpoint with the witness's lines to FILE
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        trust: JournalTrust,
    },
    /// Make the key of a witness, and print its two verifier keys
    #[command(
        after_help = "Example:\n  keepuntil journal witness-key -o witness.key \\\n    --name witness.example > witness.vkeys"
    )]
    WitnessKey {
        /// Write the key to FILE
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Name in its cosignatures, such as witness.example [default: made up]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
}

pub fn run(command: JournalCommand, common: Common) -> Result<Done, Failure> {
    match command {
        JournalCommand::Show { checkpoint: true, keyring, .. } => show_checkpoint(&keyring, common),
        JournalCommand::Show { from, keyring, .. } => show_entries(from, &keyring, common),
        JournalCommand::Verify { folder, since, trust, keyring } => {
            verify(folder.as_deref(), since.as_deref(), trust, &keyring, common)
        }
        JournalCommand::Export { output, since, keyring } => export(&output, since.as_deref(), &keyring, common),
        JournalCommand::Cosign { export, witness_key, state, output, trust } => {
            let keys = named_keys(trust)?;
            let (time, wait) = (now(), home::WAIT);
            let options = CosignOptions {
                export: &export,
                keys,
                witness_key: &witness_key,
                state: &state,
                output: &output,
                time,
                wait,
            };
            cosign(&options, common)
        }
        JournalCommand::WitnessKey { output, name } => witness_key(&output, name, common),
    }
}

/// Seconds since 1970; 0 before.
fn now() -> u64 {
    u64::try_from(home::now().timestamp()).unwrap_or(0)
}

/// The journal's two keys, where any were named.
fn named_keys(trust: JournalTrust) -> Result<Option<[VerifierKey; 2]>, Failure> {
    let named = home::trust(&TrustArgs { signer: trust.journal, trust: trust.trust })?.pinned;
    if named.is_empty() {
        return Ok(None);
    }
    match journal_keys(&named) {
        Ok(keys) => Ok(Some(keys)),
        Err(e) => Err(Failure::Usage(
            e.to_string(),
            tr!("name both: `keepuntil keyring info --vkeys` prints them, and --trust FILE takes its output"),
        )),
    }
}

fn show_checkpoint(place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let keyring = home::required_keyring(place, Sharing::Exclusive)?;
    let note = journal::sign(&keyring, now())?;
    if common.json {
        render::json_line(&serde_json::json!({ "message_type": "checkpoint", "note": note }));
    } else {
        render::print(&note)?;
    }
    Ok(Done::Clean)
}

fn show_entries(from: u64, place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let keyring = home::required_keyring(place, Sharing::Shared)?;
    let mut listed = 0;
    journal::show_entries(&keyring, from, |index, leaf| {
        listed += 1;
        if !common.json {
            return render::print(&entry_words::lines(index, &leaf));
        }
        render::json_line(&serde_json::json!({
            "message_type": "entry", "journal_entry": index, "kind": leaf.entry.kind(), "leaf": leaf,
        }));
        Ok(())
    })?;
    if common.json {
        render::end_of_list(listed);
    }
    Ok(Done::Clean)
}

fn verify(
    folder: Option<&Path>,
    since: Option<&Path>,
    trust: JournalTrust,
    place: &KeyringPlace,
    common: Common,
) -> Result<Done, Failure> {
    let keys = named_keys(trust)?;
    let since = since.map(|path| read_limited(path, MAX_COSIGNED)).transpose()?;
    let bar = Bar::counting(text!("checking the journal"), common.quiet);
    let found = match folder {
        Some(dir) => {
            let keys = match keys {
                Some(keys) => Some(keys),
                None => keys_of_keyring(dir, place)?,
            };
            journal::verify_folder(dir, keys.as_ref(), since.as_deref(), &bar)?
        }
        None => {
            let mut keyring = home::required_keyring(place, Sharing::Shared)?;
            keyring.watch(bar.watched());
            if keys.is_some_and(|keys| keys != keyring.verifier_keys()) {
                let what = tr!("the keyring's journal is not signed by the keys that were named");
                return Err(crate::journal::JournalError::Foreign(what).into());
            }
            journal::verify_own(&keyring, since.as_deref())?
        }
    };
    bar.done();
    report(&found, since.is_some(), common)
}

/// The keys of the keyring beside, where the folder is an export of its journal.
fn keys_of_keyring(dir: &Path, place: &KeyringPlace) -> Result<Option<[VerifierKey; 2]>, Failure> {
    let Some(keyring) = home::keyring(place, Sharing::Shared)? else { return Ok(None) };
    let own = journal::claimed_origin(dir)? == journal::origin(&keyring);
    Ok(own.then(|| keyring.verifier_keys()))
}

fn report(found: &JournalOutcome, since: bool, common: Common) -> Result<Done, Failure> {
    let JournalOutcome { origin, verified, signed, signer_known } = found;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "journal_verified",
            "origin": origin,
            "entries": verified.size,
            "root": verified.root.map(hex::encode),
            "signed_entries": signed,
            "signer": if *signer_known { "known" } else { "unknown" },
            "extends_since": since.then_some(true),
            "times_backwards": verified.backwards,
        }));
    } else {
        let state = if *signer_known { tr!("whole") } else { tr!("consistent, signer unknown") };
        let entries = match *signed {
            Some(signed) if signed == verified.size => tr!("{n} entry" | "{n} entries" % verified.size),
            Some(signed) => tr!(
                "{n} entry, {signed} of them signed" | "{n} entries, {signed} of them signed" % verified.size,
                signed = signed
            ),
            None => tr!("{n} entry, none of them signed yet" | "{n} entries, none of them signed yet" % verified.size),
        };
        let journal = escape(origin);
        let text = match since {
            false => tr!("{journal}: {state}; {entries}", journal = journal, state = state, entries = entries),
            true => tr!(
                "{journal}: {state}; {entries}; it extends the older checkpoint",
                journal = journal,
                state = state,
                entries = entries
            ),
        };
        render::print(&render::sentence(&text))?;
    }
    if !common.quiet {
        for (index, time) in &verified.backwards_at {
            let (index, time) = (index.to_string(), time.to_string());
            tell_warning(&tr!(
                "entry {index}: its time {time} is before that of an earlier entry",
                index = index,
                time = time
            ));
        }
        let more = verified.backwards - verified.backwards_at.len() as u64;
        if more > 0 {
            tell_warning(&tr!("{more} more entries have times before those of earlier ones", more = more));
        }
    }
    if !signer_known {
        tell_hint(&tr!("say whose journal it must be: --trust FILE with the firm's verifier keys"));
        return Ok(Done::Findings);
    }
    Ok(Done::Clean)
}

fn export(output: &Path, since: Option<&Path>, place: &KeyringPlace, common: Common) -> Result<Done, Failure> {
    let since = since.map(|path| read_limited(path, MAX_COSIGNED)).transpose()?;
    let keyring = home::required_keyring(place, Sharing::Exclusive)?;
    let size = match since {
        Some(note) => journal::export_since(&keyring, &note, output, now())?,
        None => {
            let beside = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            for path in remove_trees(beside)? {
                tell_warning(&tr!("{path}: an interrupted run had left it; it is removed", path = show(&path)));
            }
            journal::export(&keyring, output, now())?
        }
    };
    if common.json {
        let path = output.to_string_lossy();
        render::json_line(&serde_json::json!({ "message_type": "journal_exported", "path": path, "entries": size }));
    } else if !common.quiet {
        let wrote =
            tr!("Wrote {path} with a checkpoint over {n} of the journal's entries.", path = show(output), n = size);
        tell_done(&wrote);
    }
    Ok(Done::Clean)
}

fn cosign(options: &CosignOptions<'_>, common: Common) -> Result<Done, Failure> {
    let head = journal::cosign(options)?;
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "cosigned", "origin": head.origin, "entries": head.size,
            "root": hex::encode(head.root), "time": render::instant(options.time),
        }));
    } else if !common.quiet {
        let cosigned = tr!(
            "Cosigned {journal} at {n} entries: {path}",
            journal = escape(&head.origin),
            n = head.size,
            path = show(options.output)
        );
        tell_done(&cosigned);
    }
    Ok(Done::Clean)
}

fn witness_key(output: &Path, name: Option<String>, common: Common) -> Result<Done, Failure> {
    let made_up = || format!("witness-{}", hex::encode(&crate::crypto::secret::random_id()[..4]));
    let keys = journal::witness_key(output, &name.unwrap_or_else(made_up))?;
    render::text(&format!("{}\n{}\n", keys[0], keys[1]), common)?;
    Ok(Done::Clean)
}
