//! A proposed policy as a commented file that `create --policy` takes as it is.

use super::proposal::{Keep, Proposal, Setting};
use crate::language::lines::lines;
use crate::language::said;
use crate::retention::Class;
use crate::retention::rules::NO_ADVICE;
use crate::storage::escape;
use std::collections::BTreeMap;
use tr::tr;

/// Before what a person must look at.
pub const CHECK: &str = "CHECK:";

/// Columns of a comment's text: with its sign they are 80.
const COMMENT: usize = 78;

/// What is written above the parts.
#[derive(Clone, Debug, Default)]
pub struct Heading {
    /// Lines about where the policy comes from.
    pub lines: Vec<String>,
    /// Recipients of every compartment; without them those of the command line are used.
    pub recipients: Vec<String>,
}

/// The policy's text.
pub fn text(proposals: &[Proposal], setting: &Setting<'_>, heading: &Heading) -> String {
    let body = body(proposals, setting, heading);
    let mut out = String::new();
    heading.lines.iter().for_each(|line| comment(&mut out, line));
    comment(&mut out, &said(NO_ADVICE));
    let open = open_checks(&body).len();
    comment(
        &mut out,
        &tr!(
            "Lines with {check} are for a person: {open}; take each out once it is settled. The first pattern that matches decides.",
            check = CHECK,
            open = open
        ),
    );
    out + &body
}

/// A mark that is still in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCheck {
    /// Its line; the first is 1.
    pub line: usize,
    /// What stands behind the mark, also where it goes on in the comment lines that follow.
    pub text: String,
}

/// The marks in a policy's text, in whatever language it was drafted: the mark is the same in all.
pub fn open_checks(policy: &str) -> Vec<OpenCheck> {
    let mut found: Vec<OpenCheck> = Vec::new();
    let mut goes_on = false;
    for (index, line) in policy.lines().enumerate() {
        let comment = line.trim_start().strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim());
        match comment {
            Some(comment) if marked(comment).is_some() => {
                let text = marked(comment).unwrap_or_default().to_owned();
                found.push(OpenCheck { line: index + 1, text });
                goes_on = true;
            }
            Some(comment) if goes_on && !comment.is_empty() => {
                if let Some(check) = found.last_mut() {
                    join(&mut check.text, comment);
                }
            }
            _ => goes_on = false,
        }
    }
    found
}

/// What stands behind the mark; its colon may be the wide one of a Chinese keyboard.
fn marked(comment: &str) -> Option<&str> {
    let word = CHECK.trim_end_matches(':');
    let rest = comment.strip_prefix(word)?.trim_start();
    rest.strip_prefix([':', '：']).map(str::trim)
}

/// Puts together what [`lines`] broke: Chinese is broken without a blank.
fn join(text: &mut String, more: &str) {
    let is_narrow = |c: Option<char>| c.is_none_or(|c| c.is_ascii());
    if is_narrow(text.chars().last()) || is_narrow(more.chars().next()) {
        text.push(' ');
    }
    text.push_str(more);
}

fn body(proposals: &[Proposal], setting: &Setting<'_>, heading: &Heading) -> String {
    let mut out = String::new();
    out.push('\n');
    comment(&mut out, &tr!("The last day of the fiscal year, as month and day (MM-DD)."));
    out.push_str(&format!("fiscal-year-end = {}\n\n", quoted(&String::from(setting.fiscal_year_end))));
    comment(
        &mut out,
        &tr!(
            "Periods (retain) are written as in ISO 8601: P30Y is 30 years, P6M 6 months, P90D 90 days; dates as YYYY-MM-DD."
        ),
    );
    comment(
        &mut out,
        &tr!(
            "Classes: public, sensitive, confidential. Unless the disclosure policy says otherwise, 0, 1 or 2 people approve \
             before such records are disclosed; sizes of confidential ones are hidden."
        ),
    );
    for (name, class) in compartments(proposals) {
        out.push_str("\n[[compartment]]\n");
        comment(&mut out, &who(&name));
        out.push_str(&format!("name = {}\nclass = {}\n", quoted(&name), quoted(class.as_str())));
        match heading.recipients.as_slice() {
            [] => out.push_str("# recipients = [\"age1pq1…\"]\n"),
            recipients => {
                let list: Vec<String> = recipients.iter().map(|recipient| quoted(recipient)).collect();
                out.push_str(&format!("recipients = [{}]\n", list.join(", ")));
            }
        }
    }
    let mut before: Option<&Proposal> = None;
    for proposal in proposals {
        let is_alike = |other: &&Proposal| words(other) == words(proposal);
        out.push('\n');
        match before.filter(is_alike) {
            Some(_) => comment(&mut out, &tr!("as above")),
            None => proposal.reasons.iter().for_each(|line| comment(&mut out, line)),
        }
        if let Some(taken) = &proposal.taken {
            comment(&mut out, &super::words::taken(taken));
        }
        // Last, for comment lines below a mark belong to it.
        if before.filter(is_alike).is_none() {
            proposal.checks.iter().for_each(|line| comment(&mut out, &[CHECK, line].join(" ")));
        }
        part(&mut out, proposal, before.is_none_or(|before| words(before) != words(proposal)));
        before = Some(proposal);
    }
    out
}

/// Everything that comments say beside counts.
fn words(proposal: &Proposal) -> (&[String], &[String], &[String]) {
    (&proposal.reasons, &proposal.checks, &proposal.instead)
}

fn part(out: &mut String, proposal: &Proposal, is_first: bool) {
    out.push_str("[[records]]\n");
    let mut line = |key: &str, value: &str| out.push_str(&format!("{key} = {}\n", quoted(value)));
    line("path", &proposal.path);
    line("record", &proposal.record);
    line("compartment", &proposal.compartment);
    match &proposal.keep {
        Keep::Rule { rule, dated, until } => {
            line("rule", rule);
            if let Some(dated) = dated {
                line("dated", dated);
            }
            if let Some(until) = until {
                line("until", &until.to_string());
                line("at-expiry", "review");
            }
        }
        Keep::Longest(period) => {
            line("retain", &period.to_string());
            line("start", "creation");
            line("at-expiry", "review");
        }
    }
    if is_first {
        proposal.instead.iter().for_each(|line| comment(out, line));
    }
}

/// The compartments, each once.
pub fn compartments(proposals: &[Proposal]) -> BTreeMap<String, Class> {
    proposals.iter().map(|proposal| (proposal.compartment.clone(), proposal.class)).collect()
}

/// What a compartment is for.
pub fn who(name: &str) -> String {
    let place = name.split('-').next().unwrap_or(name);
    match place {
        "accounts" => tr!("Books and what belongs to them: for auditors and tax authorities."),
        "staff" => tr!("Files about employees."),
        "clients" => tr!("Files about clients."),
        "company" => tr!("The firm's own papers."),
        _ => tr!("What is not known well enough."),
    }
}

/// A comment line; whatever a folder is named, it stays one.
fn comment(out: &mut String, line: &str) {
    lines(&escape(line), COMMENT).iter().for_each(|line| out.push_str(&format!("# {}\n", line.trim_end())));
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_as_people_write_them() {
        let policy = "# Lines with CHECK: are for a person\n# CHECK: how long\n# must it be?\nx = 1\n\
            #CHECK：多\n#  久\n\n  ## CHECK : last\n# CHECK: next\ny = \"CHECK: no\"\n# CHECKED: no\n# # CHECK: no\n";
        let found: Vec<(usize, String)> =
            open_checks(policy).into_iter().map(|check| (check.line, check.text)).collect();
        let expected = [(2, "how long must it be?"), (5, "多久"), (8, "last"), (9, "next")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }
}
