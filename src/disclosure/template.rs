//! Templates of letters: text that a firm edits, with places in braces that are filled for each letter.
//!
//! Invariant: a letter has no place and no blank that nobody filled, and no character that a reader cannot see. Spec:
//! `spec/notices.md`, "Template".

use super::mailing::NoticeKind;
use crate::crypto::hash::{Hash, sha256};
use crate::language::Language;
use crate::storage::escape;
use std::borrow::Cow;
use tr::tr;

/// How the first line of a template begins.
pub const FORMAT: &str = "keepuntil-notice/v1";
/// Bytes of a template, at most.
pub const MAX_TEMPLATE: u64 = 256 << 10;
/// Places in a template, at most.
const MAX_PLACES: usize = 1000;
/// Bytes of one letter, at most.
pub const MAX_LETTER: usize = 1 << 20;
/// Characters in the name of a place, at most.
const MAX_NAME: usize = 64;
/// What stands before the words of a blank that the firm has to fill.
const BLANKS: [&str; 6] = ["【", "〔", "〖", "[", "［", "{{"];

/// What is wrong with a template, or with a letter made of it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TemplateError {
    /// It is too large.
    #[error("{}", tr!("it is larger than {bytes} bytes", bytes = MAX_TEMPLATE))]
    Size,
    /// It is not text.
    #[error("{}", tr!("it is not text in UTF-8"))]
    NotText,
    /// Its first line does not say what it is.
    #[error(
        "{}",
        tr!("line 1: it is not such as \"{format} closing zh\", with closing, destruction or answer, and zh or en", format = FORMAT)
    )]
    Header,
    /// Something at one place.
    #[error("{}", tr!("line {line}, column {column}: {what}", line = line, column = column, what = what))]
    At {
        /// From 1, the first line being the one that is not printed.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// The letter would be too long.
    #[error("{}", tr!("the letter would be longer than 1,048,576 bytes"))]
    TooLong,
}

/// A place to be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What goes there.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// Its column.
    pub column: usize,
}

impl Place {
    /// An error about it.
    pub fn error(&self, what: String) -> TemplateError {
        TemplateError::At { line: self.line, column: self.column, what }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// A template that can be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What its letters are for.
    pub kind: NoticeKind,
    /// The language of what is filled in from the keyring.
    pub language: Language,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`], the first that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, TemplateError> {
        if bytes.len() as u64 > MAX_TEMPLATE {
            return Err(TemplateError::Size);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| TemplateError::NotText)?;
        // An editor of Windows may have put a mark in front and ended lines with two characters.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let (first, body) = text.split_once('\n').ok_or(TemplateError::Header)?;
        let (kind, language) = header(first).ok_or(TemplateError::Header)?;
        let mut template = Self { kind, language, sha256: sha256(&[bytes]), parts: Vec::new() };
        for (line, text) in (2..).zip(body.split_inclusive('\n')) {
            template.line(line, text)?;
        }
        Ok(template)
    }

    /// What has to be filled, in its order.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place),
            Part::Text(_) => None,
        })
    }

    /// The letter with these values.
    ///
    /// # Errors
    /// Those of `value`; [`TemplateError::TooLong`].
    pub fn fill<'v, E: From<TemplateError>>(
        &self,
        mut value: impl FnMut(&Place) -> Result<Cow<'v, str>, E>,
    ) -> Result<String, E> {
        let mut letter = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => letter.push_str(text),
                Part::Place(place) => letter.push_str(&value(place)?),
            }
            if letter.len() > MAX_LETTER {
                return Err(TemplateError::TooLong.into());
            }
        }
        Ok(letter)
    }

    fn line(&mut self, line: usize, text: &str) -> Result<(), TemplateError> {
        let at = |column: usize, what: String| TemplateError::At { line, column, what };
        let column_of = |byte: usize| text[..byte].chars().count() + 1;
        if let Some(byte) = blank(text) {
            return Err(at(column_of(byte), tr!("a blank that is to be filled in is still there")));
        }
        let visible = |c: char| c == '\n' || c == '\t' || escape(c.encode_utf8(&mut [0; 4])).chars().eq([c]);
        if let Some((byte, _)) = text.char_indices().find(|(_, c)| !visible(*c)) {
            return Err(at(column_of(byte), tr!("it has a control, bidirectional or invisible character")));
        }
        let mut plain = String::new();
        let mut rest = text;
        while let Some(found) = rest.find(['{', '}']) {
            let column = column_of(text.len() - rest.len() + found);
            plain.push_str(&rest[..found]);
            rest = &rest[found..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let inner = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, after) = inner.ok_or_else(|| {
                let (two_open, two_close) = ("{{", "}}");
                let what = tr!(
                    "a brace that opens or closes no place; two of them, {open} or {close}, print one",
                    open = two_open,
                    close = two_close
                );
                at(column, what)
            })?;
            if !is_name(name) {
                return Err(at(
                    column,
                    tr!("{name} is not the name of a place", name = format!("{{{}}}", escape(name))),
                ));
            }
            self.text(std::mem::take(&mut plain));
            if self.places().count() == MAX_PLACES {
                return Err(at(column, tr!("it has more than {places} places", places = MAX_PLACES)));
            }
            self.parts.push(Part::Place(Place { name: name.to_owned(), line, column }));
            rest = after;
        }
        plain.push_str(rest);
        self.text(plain);
        Ok(())
    }

    fn text(&mut self, text: String) {
        match self.parts.last_mut() {
            Some(Part::Text(before)) => before.push_str(&text),
            _ if text.is_empty() => {}
            _ => self.parts.push(Part::Text(text)),
        }
    }
}

/// What the first line says.
fn header(line: &str) -> Option<(NoticeKind, Language)> {
    let mut words = line.split(' ');
    let (format, kind, language) = (words.next()?, words.next()?, words.next()?);
    let kind = NoticeKind::ALL.into_iter().find(|known| known.code() == kind)?;
    let language = match language {
        "zh" => Language::Chinese,
        "en" => Language::English,
        _ => return None,
    };
    (format == FORMAT && words.next().is_none()).then_some((kind, language))
}

/// Where a blank stands in the line that nobody filled: a bracket, or two braces, and the words, whatever their case and the white
/// space among them.
fn blank(line: &str) -> Option<usize> {
    let opens = |at: &usize| BLANKS.iter().filter_map(|blank| line[*at..].strip_prefix(blank)).any(asks_to_fill);
    line.char_indices().map(|(at, _)| at).find(opens)
}

fn asks_to_fill(text: &str) -> bool {
    let text = text.trim_start();
    let chinese = || text.strip_prefix('填').is_some_and(|rest| rest.trim_start().starts_with(['写', '寫']));
    let word = |text: &str, word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let english = || {
        let rest = &text["fill".len()..];
        let second = rest.trim_start();
        second.len() < rest.len() && word(second, "in") && !second[2..].starts_with(char::is_alphanumeric)
    };
    chinese() || (word(text, "fill") && english())
}

/// Whether a place, and so a column of a table, may have this name.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.chars().take(MAX_NAME + 1).count())
        && name.trim() == name
        && escape(name) == name
        && !name.contains(['{', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Template, TemplateError> {
        Template::parse(format!("{FORMAT} closing zh\n{body}").as_bytes())
    }

    fn at(line: usize, column: usize) -> impl Fn(TemplateError) -> bool {
        move |error| matches!(error, TemplateError::At { line: l, column: c, .. } if (l, c) == (line, column))
    }

    #[test]
    fn places_are_filled_and_doubled_braces_print_one() {
        let template = parsed("尊敬的{姓名}：\r\n{{x}} {firm}\n").unwrap();
        let names: Vec<_> = template.places().map(|p| (p.name.as_str(), p.line, p.column)).collect();
        assert_eq!(names, [("姓名", 2, 4), ("firm", 3, 7)]);
        let letter = template.fill::<TemplateError>(|place| Ok(format!("<{}>", place.name).into())).unwrap();
        assert_eq!(letter, "尊敬的<姓名>：\n{x} <firm>\n");
        let long = "字".repeat(MAX_LETTER / 3);
        let filled = template.fill::<TemplateError>(|_| Ok(long.as_str().into()));
        assert_eq!(filled, Err(TemplateError::TooLong));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (body, line, column) in [
            ("a\n沐阳 {name", 3, 4),
            ("a } b", 2, 3),
            ("{}", 2, 1),
            ("{ name }", 2, 1),
            ("x\u{1b}[2J", 2, 2),
            ("x\u{202e}", 2, 2),
            ("联系人：【填写：姓名】", 2, 5),
            ("Call 【fill in: number】", 2, 6),
            ("【 填写：姓名】", 2, 1),
            ("a【\u{3000}填 写", 2, 2),
            ("［填写］", 2, 1),
            ("[fill in", 2, 1),
            ("x [ FILL\u{3000} In: y]", 2, 3),
            ("{{fill in}}", 2, 1),
            ("{{ 填写 }}", 2, 1),
        ] {
            assert!(parsed(body).is_err_and(at(line, column)), "{body:?}: {:?}", parsed(body));
        }
        for plain in
            ["【沐阳】您好\n", "[fill into]", "[filling in]", "[fill]", "fill in the form", "填写", "{{fi", "[f"]
        {
            assert!(parsed(plain).is_ok(), "no blank: {plain}");
        }
        let brace = parsed("a } b").unwrap_err().to_string();
        assert!(brace.ends_with("two of them, {{ or }}, print one"), "{brace}");
    }

    #[test]
    fn a_template_says_what_it_is_and_is_bounded() {
        for first in ["", "closing zh", "keepuntil-notice/v2 closing zh", "keepuntil-notice/v1 closing de", "a"] {
            assert_eq!(Template::parse(format!("{first}\nx").as_bytes()), Err(TemplateError::Header), "{first:?}");
        }
        assert_eq!(Template::parse(&[0xff, b'\n']), Err(TemplateError::NotText));
        assert_eq!(Template::parse(&vec![b'a'; MAX_TEMPLATE as usize + 1]), Err(TemplateError::Size));
        assert!(parsed(&"{a}".repeat(1000)).is_ok());
        assert!(parsed(&"{a}".repeat(1001)).is_err_and(at(2, 3001)));
    }

    #[test]
    fn templates_that_come_with_the_program_are_whole_but_for_their_blanks() {
        for (kind, language) in NoticeKind::ALL.into_iter().flat_map(|kind| Language::ALL.map(|l| (kind, l))) {
            let text = kind.template(language);
            assert!(matches!(Template::parse(text.as_bytes()), Err(TemplateError::At { .. })), "{kind:?} {language:?}");
            let filled = text.replace("【填写", "【").replace("【fill in", "【");
            let template = Template::parse(filled.as_bytes()).unwrap();
            assert_eq!((template.kind, template.language), (kind, language));
        }
    }
}
