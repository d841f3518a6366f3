//! `keepuntil refuse`.

use super::args::{Common, KeyringPlace};
use super::codes;
use super::error::{Failure, tell_done, tell_warning};
use super::letter::letter;
use super::request::MessageArgs;
use super::{Done, home, render};
use crate::disclosure::refusal::RefusalReason;
use crate::language::language;
use crate::ops::OpsError;
use crate::ops::refuse::refuse;
use crate::storage::output::OutputFile;
use crate::storage::{StorageError, show};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use tr::tr;

/// Refuse a request, with a reason and a letter that the journal speaks for
#[derive(Args)]
#[command(
    override_usage = "keepuntil refuse [OPTIONS] --reason <CODE> --explain <TEXT>\n       \
    --output <FILE> <FILE>",
    after_help = "The reason goes into the journal as a code, the words into the letter only. --letter writes the same for \
    people to read, print and sign: what was asked, why not, and what can be done about it.\n\n\
    Example:\n  keepuntil refuse request.json --reason out-of-scope \\\n    \
    --explain 'The engagement letter covers 2019 only.' \\\n    \
    -o refusal.json --letter refusal.txt --lang zh"
)]
pub struct RefuseArgs {
    #[command(flatten)]
    pub message: MessageArgs,
    /// Why
    #[arg(long, value_name = "CODE", value_parser = codes::refusal_reasons())]
    pub reason: String,
    /// Why, in words that the requester will read
    #[arg(long, value_name = "TEXT")]
    pub explain: String,
    /// Write the refusal to FILE
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write a letter for people to FILE
    #[arg(long, value_name = "FILE")]
    pub letter: Option<PathBuf>,
    /// Replace existing files
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub keyring: KeyringPlace,
}

pub fn run(args: &RefuseArgs, common: Common) -> Result<Done, Failure> {
    let (received, signature) = args.message.read()?;
    let reason = RefusalReason::ALL.into_iter().find(|reason| reason.code() == args.reason);
    let reason = reason.expect("clap knows the codes");
    // Begun first: a letter that cannot be written is no reason to learn of it after the journal knows.
    let paper = args.letter.as_ref().map(|path| OutputFile::begin(path, 0o644, args.force)).transpose()?;
    let mut custody = home::custody(&args.keyring)?;
    let why = (reason, args.explain.as_str());
    let refused = refuse(&mut custody, &received, signature, why, (&args.output, args.force))?;
    if let (Some(mut file), Some(path)) = (paper, &args.letter) {
        let text = letter(&refused.refusal, &args.output, &received, custody.now(), language());
        file.write_all(text.as_bytes()).map_err(StorageError::at(path))?;
        file.finish()?;
    }
    if let Some(why) = &refused.unsigned {
        let file = show(&args.message.file);
        tell_warning(&tr!("{file}: nobody is named as the requester: {why}", file = file, why = words(why)));
    }
    if common.json {
        render::json_line(&serde_json::json!({
            "message_type": "refusal", "path": args.output.to_string_lossy(), "again": refused.again,
            "refusal": hex::encode(refused.refusal.refusal), "content": refused.refusal, "letter": args.letter.as_ref().map(|path| path.to_string_lossy()),
        }));
    } else if !common.quiet {
        let (file, id) = (show(&args.output), hex::encode(refused.refusal.refusal));
        match refused.again {
            false => tell_done(&tr!("Wrote {file}: refusal {id}.", file = file, id = id)),
            true => tell_done(&tr!("Wrote {file}: refusal {id} (as before).", file = file, id = id)),
        }
        if let Some(path) = &args.letter {
            eprintln!("{}", tr!("      {file}: the letter.", file = show(path)));
        }
    }
    Ok(Done::Clean)
}

fn words(error: &OpsError) -> String {
    crate::storage::escape(&error.to_string())
}
