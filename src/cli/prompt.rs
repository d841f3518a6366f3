//! Asks for secrets: a command that the user set, or the terminal.

use super::error::Failure;
use crate::crypto::identity::PromptHandler;
use std::io::{IsTerminal, Write};
use tr::tr;
use zeroize::Zeroizing;

/// The user's terminal.
pub struct Terminal;

impl PromptHandler for Terminal {
    fn message(&self, text: &str) {
        eprint!("{}", super::render::sentence_of_errors(&crate::storage::escape(text)));
    }

    fn line(&self, text: &str) -> Option<String> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        eprint!("{}: ", super::render::sentence_of_errors(&crate::storage::escape(text)).trim_end());
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn passphrase(&self, text: &str) -> Option<Zeroizing<String>> {
        from_command().or_else(|| ask(text))
    }
}

/// What somebody types at the terminal.
///
/// # Errors
/// Where there is no terminal: then nobody is there.
pub fn line(question: &str) -> Result<String, Failure> {
    let typed = if can_ask() { Terminal.line(question) } else { None };
    typed.ok_or_else(|| Failure::Usage(tr!("there is no terminal to type at"), tr!("run it at a terminal")))
}

/// What `KEEPUNTIL_PASSPHRASE_COMMAND` prints, without its line end; `None` where it is not set or fails.
pub fn from_command() -> Option<Zeroizing<String>> {
    let command = std::env::var_os("KEEPUNTIL_PASSPHRASE_COMMAND").filter(|command| !command.is_empty())?;
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::inherit())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = Zeroizing::new(String::from_utf8(output.stdout).ok()?);
    Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn ask(text: &str) -> Option<Zeroizing<String>> {
    if !can_ask() {
        return None;
    }
    rpassword::prompt_password(format!("{}: ", crate::storage::escape(text))).ok().map(Zeroizing::new)
}

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A new passphrase, asked for with `question` and then again; an empty one means none.
pub fn new_passphrase(question: &str) -> Result<Option<Zeroizing<String>>, super::error::Failure> {
    if let Some(passphrase) = from_command() {
        return Ok(Some(passphrase).filter(|text| !text.is_empty()));
    }
    let Some(first) = ask(question) else { return Ok(None) };
    if first.is_empty() {
        return Ok(None);
    }
    match ask(&tr!("The same again")) {
        Some(second) if second == first => Ok(Some(first)),
        _ => Err(super::error::Failure::Usage(tr!("the two passphrases differ"), tr!("start the command again"))),
    }
}
