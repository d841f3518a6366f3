//! `keepuntil man`: manual pages, made from the same text as `--help`.
//!
//! Invariant: an English page is ASCII, so that it looks the same in every locale; a Chinese one is UTF-8 and says itself
//! where its lines may break. `~`, `^` and backticks can be copied from both.

use super::args::{Cli, Common};
use super::error::{Failure, MEANINGS, exit_codes};
use super::{Done, INTERRUPTED, help, render};
use crate::language::{Language, language, said, text};
use crate::ops::OpsError;
use crate::storage::output::{OutputFile, create_shared_dir};
use crate::storage::{StorageError, show};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use tr::tr;

/// Print the manual page, or write one for every command
#[derive(Args)]
#[command(after_help = "Examples:\n  keepuntil man | man -l -\n  keepuntil man -o ~/.local/share/man/man1\n  \
    man keepuntil-hold-place")]
pub struct ManArgs {
    /// Write a page for every command into DIR, which is made where it is missing
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace pages that are there
    #[arg(long, requires = "output")]
    force: bool,
}

/// What the environment says to keepuntil.
const ENVIRONMENT: [(&str, &str); 9] = [
    ("KEEPUNTIL_KEYRING", text!("The keyring, where --keyring is not given.")),
    ("KEEPUNTIL_IDENTITY", text!("An identity file, where --identity is not given.")),
    (
        "KEEPUNTIL_PASSPHRASE_COMMAND",
        text!(
            "A command for sh. What it prints is the passphrase of an identity; only where it fails is a person asked."
        ),
    ),
    ("COLUMNS", text!("How long lines of errors, warnings and hints are. Without it: 80.")),
    ("NO_COLOR", text!("Where it is set and not empty, nothing is coloured.")),
    (
        "XDG_DATA_HOME",
        text!("The keyring and the identity that create makes are in keepuntil/ below it. Without it: ~/.local/share."),
    ),
    (
        "XDG_STATE_HOME",
        text!(
            "The roots of keyrings are in keepuntil/roots/ below it, which is not to be backed up. Without it: \
             ~/.local/state."
        ),
    ),
    ("XDG_CONFIG_HOME", text!("The units of schedule install go into systemd/user/ below it. Without it: ~/.config.")),
    (
        "LC_ALL, LC_MESSAGES, LANG",
        text!(
            "Without --lang, the first of these that is set and not empty chooses the language of everything that is \
             printed and written for people: Chinese where it begins with zh, else English."
        ),
    ),
];

/// Where lines of Chinese may break, which groff does not know: before and after every character, but not before what
/// closes nor after what opens.
const BREAKS: &str = r#".if \n(.g \{\
.  class [closing] \[u2026] \[u201D] \[u3001] \[u3002] \[u300B] \[uFF01] \[uFF09] \[uFF0C] \[uFF1A] \[uFF1B] \[uFF1F]
.  class [opening] \[u201C] \[u300A] \[uFF08]
.  class [chinese] \[u4E00]-\[u9FFF]
.  cflags 128 \C'[closing]'
.  cflags 266 \C'[opening]'
.  cflags 512 \C'[chinese]'
.\}
.ds AD l
.ad l
"#;

pub fn run(args: &ManArgs, common: Common) -> Result<Done, Failure> {
    let mut command = named(Cli::command().disable_help_subcommand(true));
    command.build();
    let command = help::localised(command);
    let Some(dir) = &args.output else {
        render::text(&page(&command, None).text, common)?;
        return Ok(Done::Clean);
    };
    let pages = pages(&command, None);
    write(dir, &pages, args.force)?;
    if common.json {
        let paths: Vec<_> = pages.iter().map(|page| dir.join(&page.file).to_string_lossy().into_owned()).collect();
        render::json_line(&serde_json::json!({ "message_type": "man", "paths": paths }));
    } else if !common.quiet {
        let wrote = tr!("Wrote {n} page into {dir}" | "Wrote {n} pages into {dir}" % pages.len(), dir = show(dir));
        render::print(&format!("{wrote}\n"))?;
    }
    Ok(Done::Clean)
}

/// Writes all pages, and gives none its name before all are written.
fn write(dir: &Path, pages: &[Page], force: bool) -> Result<(), Failure> {
    create_shared_dir(dir)?;
    let mut files = Vec::new();
    for page in pages {
        let path = dir.join(&page.file);
        let mut file = OutputFile::begin(&path, 0o644, force)?;
        file.write_all(page.text.as_bytes()).map_err(StorageError::at(&path))?;
        files.push(file);
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(OpsError::Interrupted.into());
        }
    }
    Ok(files.into_iter().try_for_each(OutputFile::finish)?)
}

/// A manual page and the name of its file.
struct Page {
    file: String,
    text: String,
}

/// Calls what stands below a command the same as `--help` does.
fn named(command: Command) -> Command {
    command.subcommand_help_heading("COMMANDS").mut_subcommands(named)
}

/// The pages of a command and of all below it.
fn pages(command: &Command, above: Option<&str>) -> Vec<Page> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    let below = below.flat_map(|below| pages(below, Some(name(command))));
    std::iter::once(page(command, above)).chain(below).collect()
}

/// `keepuntil-hold-place`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command, above: Option<&str>) -> Page {
    let name = name(command);
    let man = Man::new(command.clone());
    let mut text = String::new();
    // An argument without letters must be quoted by hand, or the next would take its place.
    let version = concat!("keepuntil ", env!("CARGO_PKG_VERSION"));
    text += &own(|roff| {
        roff.control("TH", [name, "1", "\"\"", version, "\"\""]);
    });
    if language() == Language::English {
        text += &generated(|out| man.render_name_section(out));
    } else {
        text += BREAKS;
        text += &own(|roff| {
            section(roff, text!("NAME"));
            roff.text([roman(format!(
                "{name} - {}",
                command.get_about().map(ToString::to_string).unwrap_or_default()
            ))]);
        });
    }
    text += &own(|roff| synopsis(roff, command));
    let (examples, notes) = notes(command);
    text += &own(|roff| {
        section(roff, text!("DESCRIPTION"));
        if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
            let about = about.to_string();
            let end = match language() {
                _ if about.ends_with(['.', '。']) => "",
                Language::English => ".",
                Language::Chinese => "。",
            };
            roff.text([roman(about + end)]);
        }
        for note in &notes {
            roff.control("PP", []);
            paragraph(roff, note);
        }
    });
    if language() != Language::English {
        text += &own(|roff| entries(roff, command));
    } else {
        if command.get_arguments().any(|argument| !argument.is_hide_set()) {
            text += &generated(|out| man.render_options_section(out));
        }
        if command.has_subcommands() {
            text += &generated(|out| man.render_subcommands_section(out));
        }
    }
    text += &own(|roff| {
        if !examples.is_empty() {
            section(roff, text!("EXAMPLES"));
            examples.iter().for_each(|lines| paragraph(roff, lines));
        }
        outside(roff, above);
    });
    Page { file: format!("{name}.1"), text: plain(&text) }
}

/// The heading of a section.
fn section(roff: &mut Roff, english: &str) {
    roff.control("SH", [said(english).as_ref()]);
}

/// Commands below, arguments and options, as the help has them.
fn entries(roff: &mut Roff, command: &Command) {
    for of_kind in help::sections(command, |below| format!("{}(1)", name(below))) {
        roff.control("SH", [of_kind.heading.as_str()]);
        for entry in of_kind.entries {
            roff.control("TP", []);
            roff.text([bold(entry.name.trim_start())]);
            roff.text([roman(entry.text)]);
        }
    }
}

/// The usage of `--help`: its lines may go on in the next.
fn synopsis(roff: &mut Roff, command: &Command) {
    section(roff, text!("SYNOPSIS"));
    let usage = command.clone().render_usage().to_string();
    let usage = match language() {
        Language::English => usage.trim_start_matches("Usage:").to_owned(),
        Language::Chinese => help::usage_lines(&usage).join(" "),
    };
    let words = usage.split_whitespace().collect::<Vec<_>>().join(" ");
    let program = command.get_bin_name().unwrap_or("keepuntil");
    for (number, rest) in words.split(program).skip(1).enumerate() {
        if number > 0 {
            roff.control("br", []);
        }
        roff.text([bold(program), roman(rest.trim_end())]);
    }
}

/// What `--help` says at its end: the examples, and the paragraphs beside them.
fn notes(command: &Command) -> (Vec<String>, Vec<String>) {
    let text = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let text = text.unwrap_or_default();
    let mut examples = Vec::new();
    let mut notes = Vec::new();
    for paragraph in text.split("\n\n").filter(|paragraph| **paragraph != said(&exit_codes())) {
        match help::examples(paragraph) {
            Some((_, lines)) => examples.push(lines.to_owned()),
            None => notes.push(paragraph.to_owned()),
        }
    }
    (examples, notes)
}

/// Text, in which indented lines stay as they are.
fn paragraph(roff: &mut Roff, text: &str) {
    let mut verbatim = false;
    for line in text.lines() {
        let indented = line.starts_with(' ');
        if indented != verbatim {
            roff.control(if indented { "RS" } else { "fi" }, indented.then_some("4"));
            roff.control(if indented { "nf" } else { "RE" }, []);
            verbatim = indented;
        }
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    if verbatim {
        roff.control("fi", []);
        roff.control("RE", []);
    }
}

/// What all pages say: how commands end, what the environment says, where to read on.
fn outside(roff: &mut Roff, above: Option<&str>) {
    section(roff, text!("EXIT STATUS"));
    for (code, meaning) in MEANINGS {
        roff.control("TP", ["6"]);
        roff.text([bold(code.to_string())]);
        roff.text([roman(said(meaning))]);
    }
    section(roff, text!("ENVIRONMENT"));
    for (variables, meaning) in ENVIRONMENT {
        roff.control("TP", []);
        roff.text([italic(variables)]);
        roff.text([roman(said(meaning))]);
    }
    section(roff, text!("SEE ALSO"));
    let others: &[&str] = if above.is_some() { &[] } else { &["age", "ssh-keygen", "tar", "zstd"] };
    let mut line = Vec::new();
    for other in above.iter().chain(others) {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.extend([bold(*other), roman("(1)")]);
    }
    roff.text(line);
}

/// Lines of ours, without what every piece would begin with.
fn own(fill: impl FnOnce(&mut Roff)) -> String {
    let mut roff = Roff::new();
    fill(&mut roff);
    let text = roff.render();
    text.strip_prefix(&Roff::new().render()).unwrap_or(&text).to_owned()
}

/// A section that `clap_mangen` writes.
fn generated(render: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    render(&mut bytes).expect("memory takes all bytes");
    let text = String::from_utf8_lossy(&bytes);
    text.strip_prefix(&Roff::new().render()).unwrap_or(&text).to_owned()
}

/// The page with its beginning and without empty lines; an English one in ASCII.
fn plain(text: &str) -> String {
    let mut page = Roff::new().render();
    for line in text.lines().filter(|line| !line.is_empty()) {
        for c in line.chars() {
            match c {
                '~' => page.push_str("\\(ti"),
                '^' => page.push_str("\\(ha"),
                '`' => page.push_str("\\(ga"),
                c if c.is_ascii() || language() != Language::English => page.push(c),
                c => page.push_str(&format!("\\[u{:04X}]", u32::from(c))),
            }
        }
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_ascii_and_can_be_copied_from() {
        let command =
            Command::new("x").about("`a` ~ ^ 沐 𠮷").after_help("Examples:\n  x '沐*' \\\n    ~/.ssh\n\nNote:\n  .a");
        let text = page(&command, None).text;
        assert!(text.is_ascii(), "{text}");
        for line in
            ["\\(gaa\\(ga \\(ti \\(ha \\[u6C90] \\[u20BB7].", "x \\*(Aq\\[u6C90]*\\*(Aq \\\\", "  \\(ti/.ssh", "\\&.a"]
        {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }
}
