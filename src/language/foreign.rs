//! What the operating system and libraries say of an error, in the language of the moment.
//!
//! Invariant: in English their own words stand as they are; in another language what is not known here stands in
//! brackets behind a sentence of that language, so that nothing is lost for whoever is asked for help.

use super::{Language, language, said, text};
use regex::{Captures, Regex};
use std::fmt::Display;
use std::io;
use std::sync::LazyLock;
use tr::tr;

/// An error of the operating system, or what stands in its place.
pub fn of_system(error: &io::Error) -> String {
    if language() == Language::English {
        return error.to_string();
    }
    // What is inside was said by us, or by a library that reads and writes.
    if error.get_ref().is_some() {
        return of_library(error);
    }
    let known = error.raw_os_error().and_then(by_number).or_else(|| by_kind(error.kind()));
    match (known, error.raw_os_error()) {
        (Some(words), _) => said(words).into_owned(),
        (None, Some(number)) => {
            let original = error.to_string();
            let original = original.split(" (os error").next().unwrap_or_default();
            tr!("error {number} of the operating system ({original})", number = number, original = original)
        }
        (None, None) => of_library(error),
    }
}

/// Kinds of error, in the words of Linux where it has some.
fn by_kind(kind: io::ErrorKind) -> Option<&'static str> {
    use io::ErrorKind::*;
    Some(match kind {
        NotFound => text!("No such file or directory"),
        PermissionDenied => text!("Permission denied"),
        AlreadyExists => text!("File exists"),
        WouldBlock => text!("Resource temporarily unavailable"),
        NotADirectory => text!("Not a directory"),
        IsADirectory => text!("Is a directory"),
        DirectoryNotEmpty => text!("Directory not empty"),
        ReadOnlyFilesystem => text!("Read-only file system"),
        InvalidInput => text!("Invalid argument"),
        TimedOut => text!("Connection timed out"),
        StorageFull => text!("No space left on device"),
        QuotaExceeded => text!("Disk quota exceeded"),
        FileTooLarge => text!("File too large"),
        ResourceBusy => text!("Device or resource busy"),
        ExecutableFileBusy => text!("Text file busy"),
        CrossesDevices => text!("Invalid cross-device link"),
        TooManyLinks => text!("Too many links"),
        InvalidFilename => text!("File name too long"),
        ArgumentListTooLong => text!("Argument list too long"),
        NotSeekable => text!("Illegal seek"),
        BrokenPipe => text!("Broken pipe"),
        StaleNetworkFileHandle => text!("Stale file handle"),
        OutOfMemory => text!("Cannot allocate memory"),
        Interrupted => text!("Interrupted system call"),
        Unsupported => text!("Operation not supported"),
        UnexpectedEof => text!("unexpected end of file"),
        InvalidData => text!("stream did not contain valid UTF-8"),
        WriteZero => text!("failed to write whole buffer"),
        _ => return None,
    })
}

/// Errors of Linux that have no kind, or one that says less.
fn by_number(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => text!("Operation not permitted"),
        5 => text!("Input/output error"),
        6 => text!("No such device or address"),
        8 => text!("Exec format error"),
        19 => text!("No such device"),
        23 => text!("Too many open files in system"),
        24 => text!("Too many open files"),
        40 => text!("Too many levels of symbolic links"),
        123 => text!("No medium found"),
        _ => return None,
    })
}

/// An error of a library that reads structured text, compressed or encrypted data, dates or a database.
pub fn of_library(error: impl Display) -> String {
    let original = error.to_string();
    if language() == Language::English {
        return original;
    }
    if let Some(words) = of_toml(&original) {
        return words;
    }
    static PLACE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?s)^(.*) at line (\d+),? column (\d+)$").expect("a fixed pattern"));
    static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\(os error (\d+)\)$").expect("a fixed pattern"));
    // An error of the system that went through a library, or through words.
    if let Some(number) = NUMBERED.captures(&original).and_then(|found| found[1].parse().ok()) {
        return of_system(&io::Error::from_raw_os_error(number));
    }
    match PLACE.captures(&original) {
        Some(found) => {
            let what = sentence(&found[1]).unwrap_or_else(|| unknown(&found[1]));
            tr!("{what} (line {line}, column {column})", what = what, line = &found[2], column = &found[3])
        }
        None => sentence(&original).unwrap_or_else(|| unknown(&original)),
    }
}

/// What another program printed when it failed.
pub fn of_program(complaint: &str) -> String {
    match language() {
        Language::English => complaint.to_owned(),
        _ => tr!("it failed ({complaint})", complaint = complaint),
    }
}

fn unknown(original: &str) -> String {
    tr!("it cannot be used ({original})", original = original.trim())
}

/// An error in TOML: its place, the lines that it shows, and its words.
fn of_toml(original: &str) -> Option<String> {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)^TOML parse error at line (\d+), column (\d+)\n((?:[ \d]*\|[^\n]*\n)*)(.*)$")
            .expect("a fixed pattern")
    });
    let found = HEAD.captures(original)?;
    let what = found[4].trim();
    let what = sentence(what).unwrap_or_else(|| unknown(what));
    let head = tr!("TOML: line {line}, column {column}", line = &found[1], column = &found[2]);
    Some(format!("{head}\n{}{what}\n", &found[3]))
}

/// Whether it was said in Chinese already, by us through a library.
fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// A sentence of a library, without its place.
fn sentence(original: &str) -> Option<String> {
    if let Some(known) = SENTENCES.iter().find(|known| **known == original) {
        return Some(said(known).into_owned());
    }
    let patterned = PATTERNS.iter().find_map(|(pattern, say)| pattern.captures(original).map(|found| say(&found)));
    // A library's own sentence may quote Chinese that somebody typed, so these are known first.
    if patterned.is_none() && is_chinese(original) {
        return Some(original.to_owned());
    }
    patterned.or_else(|| {
        let (what, expected) = original.split_once(", expected ")?;
        let known = SENTENCES.iter().find(|known| **known == what)?;
        Some(tr!("{what}: {expected} is expected", what = said(known), expected = expectation(expected)))
    })
}

type Say = fn(&Captures<'_>) -> String;

/// Sentences with something inside.
static PATTERNS: LazyLock<Vec<(Regex, Say)>> = LazyLock::new(|| {
    let patterns: Vec<(&str, Say)> = vec![
        (r"(?s)^missing field `(.*)`$", |f| tr!("field `{name}` is missing", name = &f[1])),
        (r"(?s)^duplicate field `(.*)`$", |f| tr!("field `{name}` stands there twice", name = &f[1])),
        (r"(?s)^duplicate key `(.*)`.*$", |f| tr!("key `{name}` stands there twice", name = &f[1])),
        (r"(?s)^unknown field `(.*)`, there are no fields$", |f| tr!("there is no field `{name}`", name = &f[1])),
        (r"(?s)^unknown (?:field|variant) `(.*)`, expected (.*)$", |f| {
            tr!("`{name}` is unknown: {expected} is expected", name = &f[1], expected = expectation(&f[2]))
        }),
        (r"(?s)^invalid (?:type|value): (.*), expected (.*)$", |f| {
            tr!("{found} stands where {expected} is expected", found = value(&f[1]), expected = expectation(&f[2]))
        }),
        (r"(?s)^invalid length (\d+), expected (.*)$", |f| {
            tr!("its length is {found}, where {expected} is expected", found = &f[1], expected = expectation(&f[2]))
        }),
        (r"^CSV(?: parse)? error: record (\d+) \(line: (\d+), byte: \d+\): (.*)$", |f| {
            let what = sentence(&f[3]).unwrap_or_else(|| unknown(&f[3]));
            tr!("row {row} (line {line}): {what}", row = &f[1], line = &f[2], what = what)
        }),
        (r"^(?:CSV error: )?found record with (\d+) fields?, but the previous record has (\d+) fields?$", |f| {
            tr!("{found} columns, where the rows before have {expected}", found = &f[1], expected = &f[2])
        }),
        (r"^invalid utf-8.*$", |_| said(text!("stream did not contain valid UTF-8")).into_owned()),
        (r"^incomplete utf-8 byte sequence.*$", |_| said(text!("stream did not contain valid UTF-8")).into_owned()),
        (r"^(?:no such table|no such column): (.*)$", |f| {
            tr!("the database has no table or column {name}", name = &f[1])
        }),
        (r"^Invalid (?:byte|symbol) \d+, offset (\d+)\.$", |f| tr!("it is not base64: place {offset}", offset = &f[1])),
        (r"^Invalid (?:input length: \d+|padding|last symbol \d+, offset \d+\.)$", |_| tr!("it is not base64")),
        (r"^Invalid character '(.*)' at position (\d+)$", |f| {
            tr!("it is not hexadecimal: {character} at place {place}", character = &f[1], place = &f[2])
        }),
        (r"(?s)^error parsing glob '(.*)': (.*)$", |f| {
            let what = sentence(&f[2]).unwrap_or_else(|| unknown(&f[2]));
            tr!("pattern {pattern}: {what}", pattern = &f[1], what = what)
        }),
        (r"^Excessive work parameter for passphrase\.(?s:.*)$", |_| {
            tr!("its passphrase would take too long to try on this machine")
        }),
        (r"^expected (.*)$", |f| tr!("{expected} is expected", expected = expectation(&f[1]))),
        (r"^numeric field was not a number(?s:.*)$", |_| tr!("a number in a tar header is none")),
        (r"(?s)^failed to (?:unpack|iterate|read|write) .*$", |f| unknown(&f[0])),
        (r"^un(?:clos|open)ed alternate group", |_| tr!("braces do not pair")),
        (r"^Unknown frame descriptor.*$", |_| tr!("it is not compressed with zstd")),
    ];
    patterns.into_iter().map(|(pattern, say)| (Regex::new(pattern).expect("a fixed pattern"), say)).collect()
});

/// What was found, as serde says it: `string "x"`, `integer `5``, `map`.
fn value(original: &str) -> String {
    let (kind, rest) = match original.split_once(' ') {
        Some((kind, rest)) if kind != "floating" && kind != "byte" && kind != "unit" && kind != "newtype" => {
            (kind, rest)
        }
        _ => match original.strip_prefix("floating point ") {
            Some(rest) => ("number", rest),
            None => (original, ""),
        },
    };
    let kind = match kind {
        "string" => tr!("value" => "text"),
        "integer" | "number" => tr!("value" => "number"),
        "boolean" => tr!("value" => "true or false"),
        "map" => tr!("value" => "table"),
        "sequence" => tr!("value" => "list"),
        "null" | "unit" | "unit value" => tr!("value" => "nothing"),
        _ => return format!("`{original}`"),
    };
    if rest.is_empty() { kind } else { tr!("the {kind} {value}", kind = kind, value = rest) }
}

/// What was expected: names between backticks, or a kind of value.
fn expectation(original: &str) -> String {
    let words = expected(original.trim());
    // Between Chinese and what is not there is a space.
    if words.starts_with('`') { format!(" {words}") } else { words }
}

fn expected(original: &str) -> String {
    if let Some(list) = original.strip_prefix("one of ") {
        return tr!("one of {list}", list = list.replace("`, `", &tr!("expected" => "`, `")));
    }
    if let Some(known) = EXPECTED.iter().find(|known| **known == original) {
        return said(known).into_owned();
    }
    if original.starts_with("struct ") || original.starts_with("internally tagged enum ") {
        return tr!("a table of fields");
    }
    if ["u8", "u16", "u32", "u64", "i64", "usize", "f64"].contains(&original) {
        return said(text!("a number")).into_owned();
    }
    let mut parts = original.split(", ").map(|part| match EXPECTED.iter().find(|known| **known == part) {
        Some(known) => said(known).into_owned(),
        None => part.trim_start_matches("or ").replace(" or ", &tr!(" or ")),
    });
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |all, part| tr!("{one} or {other}", one = all, other = part))
}

/// What libraries expect.
const EXPECTED: [&str; 19] = [
    text!("a string"),
    text!("a number"),
    text!("an integer"),
    text!("a boolean"),
    text!("a map"),
    text!("a sequence"),
    text!("a table"),
    text!("an array"),
    text!("a borrowed string"),
    text!("a newline"),
    text!("newline"),
    text!("key"),
    text!("value"),
    text!("digits"),
    text!("numbers"),
    text!("literal string"),
    text!("basic string"),
    text!("fewer elements in map"),
    text!("fewer elements in array"),
];

/// What libraries say as it is.
const SENTENCES: [&str; 110] = [
    // serde_json
    text!("EOF while parsing a list"),
    text!("EOF while parsing an object"),
    text!("EOF while parsing a string"),
    text!("EOF while parsing a value"),
    text!("expected value"),
    text!("expected ident"),
    text!("key must be a string"),
    text!("trailing comma"),
    text!("trailing characters"),
    text!("invalid escape"),
    text!("invalid number"),
    text!("number out of range"),
    text!("invalid unicode code point"),
    text!("lone leading surrogate in hex escape"),
    text!("unexpected end of hex escape"),
    text!("control character (\\u0000-\\u001F) found while parsing a string"),
    text!("recursion limit exceeded"),
    // toml
    text!("`_` may only go between digits"),
    text!("cannot recurse further; max recursion depth met"),
    text!("carriage return must be followed by newline"),
    text!("duplicate key"),
    text!("extra `=`"),
    text!("extra assignment between key-value pairs"),
    text!("extra comma in array"),
    text!("extra comma in inline table"),
    text!("integers with a radix cannot be signed"),
    text!("invalid basic string"),
    text!("invalid boolean"),
    text!("invalid comment character"),
    text!("invalid date-time"),
    text!("invalid inline table element"),
    text!("invalid integer number"),
    text!("invalid key"),
    text!("invalid key-value pair"),
    text!("invalid literal string"),
    text!("invalid multi-line basic string"),
    text!("invalid multi-line literal string"),
    text!("invalid string"),
    text!("invalid table"),
    text!("invalid unquoted key"),
    text!("invalid value"),
    text!("key with no value"),
    text!("keys cannot be multi-line basic strings"),
    text!("keys cannot be multi-line literal strings"),
    text!("missing array opening"),
    text!("missing assignment between key-value pairs"),
    text!("missing comma between array elements"),
    text!("missing comma between key-value pairs"),
    text!("missing escaped value"),
    text!("missing key for inline table element"),
    text!("missing opening quote"),
    text!("missing table open"),
    text!("missing value"),
    text!("missing value for key"),
    text!("recursion limit"),
    text!("string values must be quoted"),
    text!("too few unicode value digits"),
    text!("unclosed array"),
    text!("unclosed array table"),
    text!("unclosed inline table"),
    text!("unclosed table"),
    text!("unexpected `=` in array"),
    text!("unexpected content"),
    text!("unexpected key or value"),
    text!("unexpected leading zero"),
    text!("unexpected sign"),
    text!("unquoted keys cannot be empty"),
    text!("wanted string or table"),
    // chrono
    text!("input contains invalid characters"),
    text!("input is out of range"),
    text!("input is not enough for unique date and time"),
    text!("no possible date and time matching input"),
    text!("premature end of input"),
    text!("trailing input"),
    // numbers and hexadecimal
    text!("invalid digit found in string"),
    text!("cannot parse integer from empty string"),
    text!("number too large to fit in target type"),
    text!("number too small to fit in target type"),
    text!("provided string was not `true` or `false`"),
    text!("Odd number of digits"),
    text!("Invalid string length"),
    // zstd
    text!("Data corruption detected"),
    text!("Restored data doesn't match checksum"),
    text!("Src size is incorrect"),
    text!("Unsupported frame parameter"),
    text!("Frame requires too much memory for decoding"),
    text!("Allocation error : not enough memory"),
    text!("Version not supported"),
    text!("incomplete frame"),
    // SQLite
    text!("file is not a database"),
    text!("database disk image is malformed"),
    text!("unable to open database file"),
    text!("attempt to write a readonly database"),
    text!("disk I/O error"),
    text!("database or disk is full"),
    text!("database is locked"),
    text!("Query returned no rows"),
    // age
    text!("Decryption failed"),
    text!("Decryption error"),
    text!("Failed to decrypt an encrypted key"),
    text!("Header is invalid"),
    text!("Header MAC is invalid"),
    text!("No matching keys found"),
    text!("Unknown age format. Perhaps a newer version is required?"),
    text!("This file contains a malformed age header"),
    // patterns of names
    text!("unclosed character class; missing ']'"),
    text!("nested alternate groups are not allowed"),
    text!("dangling '\\'"),
    // reading
    text!("unexpected end of file"),
    text!("failed to fill whole buffer"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::in_language;

    fn chinese<T>(say: impl FnOnce() -> T) -> T {
        in_language(Language::Chinese, say)
    }

    #[test]
    fn the_operating_system_speaks_the_language_of_the_moment() {
        for (number, words) in
            [(2, "没有这个文件或文件夹"), (13, "没有权限"), (28, "磁盘空间不足"), (5, "输入输出错误")]
        {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(chinese(|| of_system(&error)), words);
            assert_eq!(in_language(Language::English, || of_system(&error)), error.to_string());
        }
        // One without a translation keeps its number and its words.
        let rare = chinese(|| of_system(&io::Error::from_raw_os_error(95 + 20)));
        assert!(rare.starts_with("操作系统错误 115（") && !rare.contains("os error"), "{rare}");
        assert_eq!(chinese(|| of_system(&io::ErrorKind::UnexpectedEof.into())), "文件提前结束");
        assert_eq!(chinese(|| of_system(&io::Error::other("它不是普通文件"))), "它不是普通文件");
    }

    #[test]
    fn libraries_speak_it_too_with_the_place() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code)]
        struct Named {
            name: String,
            number: Option<u32>,
        }
        let json = |text: &str| chinese(|| of_library(serde_json::from_str::<Named>(text).unwrap_err()));
        assert_eq!(json("{}"), "缺少字段 `name`（第 1 行第 2 列）");
        assert_eq!(json(r#"{"nam": 1}"#), "不认识 `nam`：应为 `name` 或 `number`（第 1 行第 6 列）");
        assert_eq!(json(r#"{"name": 1}"#), "此处应为文本，却是数字 `1`（第 1 行第 10 列）");
        assert_eq!(json(r#"{"名": 1}"#), "不认识 `名`：应为 `name` 或 `number`（第 1 行第 6 列）");
        assert_eq!(json(r#"{"name": "a", "number": "三"}"#), "此处应为数字，却是文本 \"三\"（第 1 行第 29 列）");
        assert_eq!(json(r#"{"name": "a""#), "JSON 的对象没有写完（第 1 行第 12 列）");
        let toml = |text: &str| chinese(|| of_library(toml::from_str::<Named>(text).unwrap_err()));
        let said = toml("name = x");
        assert!(
            said.starts_with("TOML：第 1 行第 8 列\n  |\n1 | name = x\n")
                && said.contains("文本要用引号括起：应为加引号的文本\n"),
            "{said}"
        );
        assert!(toml("name = \"x\"\nnumber = true").contains("此处应为数字，却是布尔值 `true`"));
        let date = chinese(|| of_library("2026-02-30".parse::<chrono::NaiveDate>().unwrap_err()));
        assert_eq!(date, "没有这一天，或者数字超出范围");
        assert_eq!(chinese(|| of_library("the moon is blue")), "无法使用（the moon is blue）");
        assert_eq!(in_language(Language::English, || of_library("the moon is blue")), "the moon is blue");
    }

    #[test]
    fn every_sentence_is_translated() {
        for known in SENTENCES.iter().chain(&EXPECTED) {
            assert!(is_chinese(&Language::Chinese.translated(known)), "{known}");
        }
    }
}
