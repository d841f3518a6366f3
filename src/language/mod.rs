//! The language in which the crate speaks to people: English in the source, other languages in gettext catalogues.
//!
//! Invariant: every text that people read passes `tr!`, whose English text is the key of its translation
//! (`zh-CN/*.po`); `tests/language.rs` finds texts that bypass it and translations that are missing, stale or name other
//! placeholders. Nothing that is signed, hashed or read by programs depends on the language.

mod foreign;
pub mod lines;
pub mod misfit;

pub use foreign::{of_library, of_program, of_system};

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};
use tr::tr;

/// A language in which the crate can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

/// Catalogues of Simplified Chinese, one for each folder of the source and each kind of document.
const CHINESE: [(&str, &str); 16] = [
    ("archive", include_str!("zh-CN/archive.po")),
    ("cli", include_str!("zh-CN/cli.po")),
    ("crypto", include_str!("zh-CN/crypto.po")),
    ("disclosure", include_str!("zh-CN/disclosure.po")),
    ("documents", include_str!("zh-CN/documents.po")),
    ("foreign", include_str!("zh-CN/foreign.po")),
    ("help", include_str!("zh-CN/help.po")),
    ("journal", include_str!("zh-CN/journal.po")),
    ("keyring", include_str!("zh-CN/keyring.po")),
    ("notices", include_str!("zh-CN/notices.po")),
    ("ops", include_str!("zh-CN/ops.po")),
    ("reports", include_str!("zh-CN/reports.po")),
    ("retention", include_str!("zh-CN/retention.po")),
    ("storage", include_str!("zh-CN/storage.po")),
    ("survey", include_str!("zh-CN/survey.po")),
    ("tlog", include_str!("zh-CN/tlog.po")),
];

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The tag of RFC 5646.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Names and texts of the gettext catalogues; none for the language of the source.
    pub fn catalogues(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::English => &[],
            Self::Chinese => &CHINESE,
        }
    }

    /// The language of a POSIX locale such as `zh_CN.UTF-8`: English where it is another one.
    pub fn of_locale(locale: &str) -> Self {
        let word = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if word.eq_ignore_ascii_case("zh") { Self::Chinese } else { Self::English }
    }

    /// A text that was marked with `text!`, or one of the help, in this language: English where there is no translation.
    pub fn translated<'a>(self, english: &'a str) -> Cow<'a, str> {
        match self {
            Self::English => Cow::Borrowed(english),
            Self::Chinese => Cow::Borrowed(CATALOGUE.get(&key(None, english)).map_or(english, String::as_str)),
        }
    }

    fn from_index(index: u8) -> Self {
        Self::ALL.get(usize::from(index)).copied().unwrap_or(Self::English)
    }
}

/// The language of this process, as an index into [`Language::ALL`].
static OF_PROCESS: AtomicU8 = AtomicU8::new(0);

thread_local! {
    /// The language of one document, while it is written.
    static OF_DOCUMENT: Cell<Option<Language>> = const { Cell::new(None) };
}

/// Translations by context and English text.
static CATALOGUE: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let messages = CHINESE.iter().flat_map(|(name, text)| {
        let catalogue = polib::po_file::parse_from_reader(text.as_bytes());
        let catalogue = catalogue.unwrap_or_else(|e| panic!("{name}.po, of which the build is made: {e}"));
        let messages: Vec<(String, String)> = catalogue
            .messages()
            .filter_map(|message| {
                let text = match message.is_plural() {
                    true => message.msgstr_plural().ok()?.first()?.clone(),
                    false => message.msgstr().ok()?.to_owned(),
                };
                (!text.is_empty()).then(|| (key(message.msgctxt(), message.msgid()), text))
            })
            .collect();
        messages
    });
    messages.collect()
});

/// Context and text as gettext's own files join them.
fn key(context: Option<&str>, english: &str) -> String {
    match context {
        Some(context) if !context.is_empty() => format!("{context}\u{4}{english}"),
        _ => english.to_owned(),
    }
}

/// Answers `tr!` in the language of the moment.
struct Translator;

impl tr::Translator for Translator {
    fn translate<'a>(&'a self, english: &'a str, context: Option<&'a str>) -> Cow<'a, str> {
        match language() {
            Language::English => Cow::Borrowed(english),
            Language::Chinese => Cow::Borrowed(CATALOGUE.get(&key(context, english)).map_or(english, String::as_str)),
        }
    }

    fn ntranslate<'a>(&'a self, n: u64, one: &'a str, many: &'a str, context: Option<&'a str>) -> Cow<'a, str> {
        match language() {
            Language::English => Cow::Borrowed(if n == 1 { one } else { many }),
            Language::Chinese => Cow::Borrowed(CATALOGUE.get(&key(context, one)).map_or(many, String::as_str)),
        }
    }
}

/// Marks a literal that is translated where it is shown, by [`said`], since it is made where no `tr!` can stand.
macro_rules! text {
    ($english:literal) => {
        $english
    };
}
pub(crate) use text;

/// A code as people read it: behind its meaning, and alone in English, where it is a word itself.
pub fn with_code(meaning: String, code: &str) -> String {
    match language() {
        Language::English => code.to_owned(),
        Language::Chinese => tr!("{meaning} ({code})", meaning = meaning, code = code),
    }
}

/// What was marked with `text!`, in the language of the moment.
pub fn said(english: &str) -> Cow<'_, str> {
    language().translated(english)
}

/// Makes this process speak a language; until this is called it speaks English.
pub fn speak(language: Language) {
    tr::set_translator!(Translator);
    OF_PROCESS.store(language as u8, Ordering::Relaxed);
}

/// The language of the moment.
pub fn language() -> Language {
    OF_DOCUMENT.get().unwrap_or_else(|| Language::from_index(OF_PROCESS.load(Ordering::Relaxed)))
}

/// Runs `write` with every text of this thread in `language`, whatever the process speaks.
pub fn in_language<T>(language: Language, write: impl FnOnce() -> T) -> T {
    /// Puts back what was, also after a panic.
    struct Before(Option<Language>);
    impl Drop for Before {
        fn drop(&mut self) {
            OF_DOCUMENT.set(self.0);
        }
    }
    tr::set_translator!(Translator);
    let _before = Before(OF_DOCUMENT.replace(Some(language)));
    write()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tr::tr;

    #[test]
    fn a_document_has_its_own_language_and_plural() {
        let records = |n: u64| tr!("{n} record" | "{n} records" % n);
        assert_eq!(in_language(Language::English, || records(1)), "1 record");
        assert_eq!(in_language(Language::English, || records(2)), "2 records");
        let nested = in_language(Language::Chinese, || {
            let inner = in_language(Language::English, || records(2));
            (records(1), inner, records(3))
        });
        assert_eq!(nested, ("1 条记录".to_owned(), "2 records".to_owned(), "3 条记录".to_owned()));
        assert_eq!(language(), Language::English);
    }

    #[test]
    fn a_locale_names_its_language() {
        for (locale, language) in [
            ("zh_CN.UTF-8", Language::Chinese),
            ("zh-Hans", Language::Chinese),
            ("zh", Language::Chinese),
            ("zha_CN", Language::English),
            ("de_DE.UTF-8", Language::English),
            ("C", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of_locale(locale), language, "{locale}");
        }
    }
}
