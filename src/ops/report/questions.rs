//! What an assessment asks the firm, and the file in which it answers.
//!
//! Invariant: a key that is no question is an error that names its line; an answer holds nothing that cannot be seen. Spec:
//! `spec/reports.md`, "Assessment".

use crate::language::{Language, language, text};
use crate::storage::escape;
use std::collections::BTreeMap;
use toml::Spanned;
use tr::tr;

/// Bytes of a file of answers, at most.
pub const MAX_ANSWERS: u64 = 256 << 10;
/// Characters of an answer, at most.
const MAX_ANSWER: usize = 8000;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its part: one of [`PARTS`].
    pub part: &'static str,
    /// Its key in that part.
    pub key: &'static str,
    /// What is asked; show it with [`crate::language::said`].
    pub ask: &'static str,
}

/// The parts with their titles: those of article 56, and who stands for it.
pub const PARTS: [(&str, &str); 5] = [
    ("handler", text!("Who handles the personal information")),
    ("lawfulness", text!("Purpose and manner: lawful, legitimate, necessary")),
    ("impact", text!("Influence on the rights of individuals, and risks to security")),
    ("measures", text!("Measures: lawful, effective, proportionate to the risk")),
    ("conclusion", text!("Conclusion of the people who assessed")),
];

impl Question {
    /// Its name in data.
    pub fn name(&self) -> String {
        format!("{}.{}", self.part, self.key)
    }

    /// Its number among all, from 1.
    pub fn number(&self) -> usize {
        1 + QUESTIONS.iter().take_while(|question| *question != self).count()
    }
}

const fn question(part: &'static str, key: &'static str, ask: &'static str) -> Question {
    Question { part, key, ask }
}

/// The questions, in the order in which they are asked.
pub const QUESTIONS: [Question; 20] = [
    question("handler", "name", text!("Who handles the information: name and registered number of the firm")),
    question("handler", "contact", text!("Who answers for it: name, office, telephone")),
    question("handler", "reason", text!("Why an assessment is due: which case of article 55")),
    question("lawfulness", "purpose", text!("For which purposes is the information kept and shown")),
    question("lawfulness", "basis", text!("On which legal basis: the article of a law, a contract, consent")),
    question("lawfulness", "kinds", text!("Which kinds of personal information, and which of them are sensitive")),
    question("lawfulness", "people", text!("Whose information it is, and how many people it is about")),
    question("lawfulness", "necessity", text!("Why each kind is necessary, and why for so long")),
    question("lawfulness", "notice", text!("How the people concerned were told, and when")),
    question("lawfulness", "recipients", text!("Who is given the information, in the country and abroad")),
    question("impact", "rights", text!("How people can see, copy, correct and move their data, and who answers them")),
    question("impact", "harm", text!("What a leak, a change or a loss would mean for the people concerned")),
    question("impact", "likelihood", text!("How likely that is, and on which grounds this is judged")),
    question("impact", "incidents", text!("What has happened before, and what was done about it")),
    question("measures", "organisation", text!("Who may do what: duties, training, contracts with those who help")),
    question("measures", "technical", text!("Which technical measures there are beside those listed as facts")),
    question("measures", "proportion", text!("Why the measures suffice for the risk, and are no more than it needs")),
    question("conclusion", "judgement", text!("The judgement on the three points of article 56")),
    question("conclusion", "remaining", text!("What is still to be done, by whom, until when")),
    question("conclusion", "assessors", text!("Who assessed, and on which day")),
];

/// Answers by part and key.
pub type Answers = BTreeMap<(&'static str, &'static str), String>;

/// A file of answers that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", tr!("line {line}: {what}", line = line, what = what))]
pub struct AnswersError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// A file to be filled in, with every question in every language, that of the moment first.
pub fn template() -> String {
    let mut out = String::new();
    let others = Language::ALL.into_iter().filter(|other| *other != language());
    let languages: Vec<Language> = std::iter::once(language()).chain(others).collect();
    let numbered = |out: &mut String, number: &str, english: &str| {
        languages.iter().for_each(|of| out.push_str(&format!("# {number}{}\n", of.translated(english))));
    };
    let comment = |out: &mut String, english: &str| numbered(out, "", english);
    comment(&mut out, text!("Answers for `keepuntil report assessment --answers FILE`"));
    comment(&mut out, text!("Write between the quotes; several lines between three quotes each; \"\" is unanswered"));
    for (part, title) in PARTS {
        out.push('\n');
        comment(&mut out, title);
        out.push_str(&format!("[{part}]\n"));
        for question in QUESTIONS.iter().filter(|question| question.part == part) {
            out.push('\n');
            numbered(&mut out, &format!("{}. ", question.number()), question.ask);
            out.push_str(&format!("{} = \"\"\n", question.key));
        }
    }
    out
}

type Part = BTreeMap<Spanned<String>, Spanned<String>>;

/// Reads a file of answers; what is empty is unanswered.
///
/// # Errors
/// [`AnswersError`] names the line.
pub fn read(bytes: &[u8]) -> Result<Answers, AnswersError> {
    let fault = |at: usize, what: String| {
        let line = 1 + bytes[..at.min(bytes.len())].iter().filter(|&&byte| byte == b'\n').count();
        AnswersError { line, what }
    };
    let file = std::str::from_utf8(bytes).map_err(|e| fault(e.valid_up_to(), tr!("it is not UTF-8")))?;
    let parts: BTreeMap<Spanned<String>, Part> = toml::from_str(file).map_err(|e| {
        let what = crate::language::of_library(e.message())
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(120)
            .collect::<String>();
        fault(e.span().map_or(0, |span| span.start), escape(&what))
    })?;
    let mut answers = Answers::new();
    for (part, keys) in parts {
        let unknown = |at: usize, key: &str| {
            fault(at, tr!("{key}: there is no such question", key = escape(&key.chars().take(60).collect::<String>())))
        };
        if !PARTS.iter().any(|(known, _)| known == part.get_ref()) {
            return Err(unknown(part.span().start, part.get_ref()));
        }
        for (key, answer) in keys {
            let is_it = |question: &&Question| question.part == part.get_ref() && question.key == key.get_ref();
            let Some(question) = QUESTIONS.iter().find(is_it) else {
                return Err(unknown(key.span().start, key.get_ref()));
            };
            let (at, answer) = (answer.span().start, answer.into_inner().replace("\r\n", "\n"));
            let plain = answer.replace(['\n', '\t'], " ");
            if escape(&plain) != plain {
                return Err(fault(at, tr!("it has a control, bidirectional or invisible character")));
            }
            if answer.chars().count() > MAX_ANSWER {
                return Err(fault(at, tr!("it is longer than {most} characters", most = MAX_ANSWER)));
            }
            if !answer.trim().is_empty() {
                answers.insert((question.part, question.key), answer.replace('\t', " ").trim().to_owned());
            }
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_read_back_with_nothing_answered() {
        let text = template();
        assert_eq!(read(text.as_bytes()), Ok(Answers::new()));
        for (index, question) in QUESTIONS.iter().enumerate() {
            assert!(text.contains(&format!("\n\n# {}. {}\n", index + 1, question.ask)), "{question:?}");
            assert!(PARTS.iter().any(|(part, _)| *part == question.part), "{question:?}");
        }
        assert_eq!(text.matches(" = \"\"\n").count(), QUESTIONS.len());
        let chinese = crate::language::in_language(Language::Chinese, template);
        let first: Vec<&str> = chinese.split("\n\n").filter_map(|part| part.lines().next()).collect();
        let is_chinese = |line: &&str| line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(first.iter().all(is_chinese), "{first:?}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, what) in [
            ("[handler]\nname = \"x\"\nnam = \"y\"\n", 3, "nam: there is no such question"),
            ("\n[handlers]\nname = \"x\"\n", 2, "handlers: there is no such question"),
            ("[handler]\npurpose = \"x\"\n", 2, "purpose: there is no such question"),
            ("[handler]\nname = \"a\\u001b[2J\"\n", 2, "it has a control, bidirectional or invisible character"),
            ("[handler]\n\nname = 7\n", 3, "invalid type"),
            ("[handler]\nname = \"x\"\nname = \"y\"\n", 3, "duplicate key"),
            ("[handler\n", 1, ""),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.what.contains(what), "{text:?}: {error}");
        }
        assert_eq!(read(b"[handler]\nname = \"\xff\"\n").unwrap_err().line, 2);
        let long = format!("[handler]\nname = \"{}\"\n", "x".repeat(MAX_ANSWER + 1));
        assert!(read(long.as_bytes()).unwrap_err().what.contains("8000"));
    }

    #[test]
    fn quotes_and_lines_stay_as_they_are() {
        let answers = read("[impact]\nharm = '''\na \"quote\", a <b>,\r\n沐阳'''\n".as_bytes()).unwrap();
        assert_eq!(answers[&("impact", "harm")], "a \"quote\", a <b>,\n沐阳");
    }
}
