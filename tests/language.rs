//! Every text that people read is translated: nothing bypasses `tr!`, nothing is missing, stale or different in its
//! placeholders (src/language/mod.rs).

use keepuntil::language::Language;
use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A text of the source, as gettext would extract it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Text {
    context: String,
    english: String,
    plural: Option<String>,
}

/// What one file says to people.
#[derive(Default)]
struct Found {
    /// Texts of `tr!`, and where.
    translated: Vec<(Text, LineColumn)>,
    /// Other literals that look like sentences, and where.
    bare: Vec<(String, LineColumn)>,
}

fn sources() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 100, "the scan found the sources");
    files
}

fn name(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().into_owned()
}

fn literal(token: &TokenTree) -> Option<String> {
    syn::parse2::<syn::LitStr>(TokenStream::from(token.clone())).ok().map(|literal| literal.value())
}

/// The text of the arguments of one `tr!`.
fn text(arguments: &[TokenTree]) -> Option<Text> {
    let punct = |at: usize, c: char| matches!(arguments.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let (context, at) = match punct(1, '=') && punct(2, '>') {
        true => (literal(&arguments[0])?, 3),
        false => (String::new(), 0),
    };
    let english = literal(arguments.get(at)?)?;
    let plural = if punct(at + 1, '|') { Some(literal(arguments.get(at + 2)?)?) } else { None };
    Some(Text { context, english, plural })
}

/// Whether a literal is something that people read: words with a space between them.
fn is_sentence(text: &str) -> bool {
    let words = text.split(' ').filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() >= 2);
    words.count() >= 2
}

fn scan(tokens: TokenStream, found: &mut Found) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            // `#[cfg(test)]` and what it stands before; `#[doc = "…"]`; what only programmers read.
            TokenTree::Punct(p) if p.as_char() == '#' => {
                let mut attribute = at + 1;
                if matches!(tokens.get(attribute), Some(TokenTree::Punct(p)) if p.as_char() == '!') {
                    attribute += 1;
                }
                if let Some(TokenTree::Group(group)) = tokens.get(attribute)
                    && group.delimiter() == Delimiter::Bracket
                {
                    let inner = group.stream().to_string();
                    if inner.starts_with("cfg (test)") || inner.starts_with("cfg(test)") {
                        at = attribute + 1;
                        while let Some(token) = tokens.get(at) {
                            at += 1;
                            let ends = match token {
                                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                                TokenTree::Punct(p) => p.as_char() == ';',
                                _ => false,
                            };
                            if ends {
                                break;
                            }
                        }
                        continue;
                    }
                    // Doc comments and the help of arguments are found in the command itself.
                    if !["doc", "command", "arg", "value"].iter().any(|of_clap| inner.starts_with(of_clap)) {
                        scan(group.stream(), found);
                    }
                    at = attribute + 1;
                    continue;
                }
            }
            TokenTree::Ident(ident) => {
                let is_macro = matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                if is_macro && let Some(TokenTree::Group(group)) = tokens.get(at + 2) {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    if ident == "tr" || ident == "text" {
                        let line = ident.span().start();
                        let text = text(&inside).unwrap_or_else(|| panic!("line {}: not a literal", line.line));
                        found.translated.push((text, line));
                        // Arguments may hold further ones.
                        let rest =
                            inside.into_iter().skip_while(|t| !matches!(t, TokenTree::Punct(p) if p.as_char() == ','));
                        scan(rest.collect(), found);
                    } else if !ident.to_string().contains("assert") && ident != "panic" && ident != "unreachable" {
                        scan(group.stream(), found);
                    }
                    at += 3;
                    continue;
                }
                // What `expect` says is for programmers.
                if ident == "expect" && matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
                    at += 2;
                    continue;
                }
            }
            TokenTree::Group(group) => scan(group.stream(), found),
            TokenTree::Literal(_) => {
                if let Some(text) = literal(&tokens[at]).filter(|text| is_sentence(text)) {
                    found.bare.push((text, tokens[at].span().start()));
                }
            }
            TokenTree::Punct(_) => {}
        }
        at += 1;
    }
}

fn found(path: &Path) -> Found {
    let source = std::fs::read_to_string(path).unwrap();
    let mut found = Found::default();
    scan(source.parse().unwrap_or_else(|e| panic!("{}: {e}", name(path))), &mut found);
    found
}

/// Names and numbers between braces.
fn placeholders(text: &str) -> BTreeSet<String> {
    let text = text.replace("{{", "").replace("}}", "");
    let mut anonymous = 0;
    let inner =
        text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(inner, _)| inner.trim().to_owned()));
    inner
        .map(|inner| {
            if !inner.is_empty() {
                return inner;
            }
            anonymous += 1;
            (anonymous - 1).to_string()
        })
        .collect()
}

/// All texts with the first place where each stands.
fn texts() -> BTreeMap<Text, String> {
    let mut texts = BTreeMap::new();
    for path in sources() {
        for (text, at) in found(&path).translated {
            texts.entry(text).or_insert_with(|| format!("{}:{}", name(&path), at.line));
        }
    }
    for rule in keepuntil::retention::rules::built_in() {
        for english in [&rule.records, &rule.note].into_iter().flatten() {
            let text = Text { context: String::new(), english: english.clone(), plural: None };
            texts.entry(text).or_insert_with(|| format!("rule {}", rule.id));
        }
    }
    for english in keepuntil::cli::help_texts() {
        let text = Text { context: String::new(), english, plural: None };
        texts.entry(text).or_insert_with(|| "help".into());
    }
    texts
}

/// A message as a catalogue has it.
fn as_message(text: &Text, place: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let mut message = format!("#: {place}\n");
    if !text.context.is_empty() {
        message += &format!("msgctxt {}\n", quoted(&text.context));
    }
    message += &format!("msgid {}\n", quoted(&text.english));
    match &text.plural {
        Some(plural) => message += &format!("msgid_plural {}\nmsgstr[0] \"\"\n", quoted(plural)),
        None => message += "msgstr \"\"\n",
    }
    message
}

#[test]
fn every_text_is_in_every_language_with_the_same_placeholders() {
    let texts = texts();
    for language in Language::ALL {
        let mut known: BTreeMap<Text, (String, &str)> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (file, catalogue) in language.catalogues() {
            let catalogue = polib::po_file::parse_from_reader(catalogue.as_bytes()).unwrap();
            for message in catalogue.messages() {
                let plural = message.msgid_plural().ok().map(str::to_owned);
                let text = match message.is_plural() {
                    true => message.msgstr_plural().unwrap().first().cloned().unwrap_or_default(),
                    false => message.msgstr().unwrap().to_owned(),
                };
                let key = Text {
                    context: message.msgctxt().unwrap_or_default().into(),
                    english: message.msgid().into(),
                    plural,
                };
                if let Some((before, other)) = known.insert(key.clone(), (text.clone(), file))
                    && (before != text || other == *file)
                {
                    wrong.push(format!("twice, in {other}.po and {file}.po: {:?}", key.english));
                }
                if message.is_fuzzy() || text.trim().is_empty() {
                    wrong.push(format!("not translated in {file}.po: {:?}", key.english));
                }
                if !texts.contains_key(&key) {
                    wrong.push(format!("not in the source any more: {file}.po has {:?}", key.english));
                }
                let (mut of_english, of_text) = (placeholders(&key.english), placeholders(&text));
                if let Some(plural) = &key.plural {
                    of_english = placeholders(plural);
                }
                if of_english != of_text {
                    wrong.push(format!(
                        "other placeholders in {file}.po: {:?}: {of_english:?}, {of_text:?}",
                        key.english
                    ));
                }
            }
        }
        let missing: Vec<_> = match language.catalogues() {
            [] => Vec::new(),
            _ => texts.iter().filter(|(text, _)| !known.contains_key(text)).collect(),
        };
        let missing: String = missing.into_iter().map(|(text, place)| as_message(text, place) + "\n").collect();
        assert!(
            wrong.is_empty() && missing.is_empty(),
            "{language:?}:\n{}\n\nmissing, to be translated:\n\n{missing}",
            wrong.join("\n")
        );
    }
}

/// What is typed or read by programs in a text: commands between backticks, and lines that are indented as code is.
fn without_code(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("  ")).collect();
    lines.join("\n").split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// What of European punctuation stands in a Chinese sentence.
fn european(text: &str) -> Vec<String> {
    let text = without_code(text);
    let chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars[at + 1..].iter().find(|c| **c != ' ').copied();
        let [left, right] = [before, after].map(|c| c.is_some_and(chinese));
        let wrong = match c {
            '"' | '\'' => left || right,
            ',' | ';' => left || right && before != Some('='),
            ':' | '?' | '!' => left && right,
            '(' => left && right,
            _ => false,
        };
        if wrong {
            found.push(chars[at.saturating_sub(8)..chars.len().min(at + 8)].iter().collect());
        }
    }
    found
}

#[test]
fn chinese_sentences_have_chinese_punctuation() {
    for (text, expected) in [
        ("没有“甲”列，`a \"甲\", b`；乙", 0),
        ("没有\"甲\"列", 2),
        ("甲,乙;丙: 丁", 3),
        ("  name = \"甲\"\n1,000 条（a, b）", 0),
    ] {
        assert_eq!(european(text).len(), expected, "{text}: {:?}", european(text));
    }
    let mut wrong = Vec::new();
    for (file, catalogue) in Language::Chinese.catalogues() {
        for message in polib::po_file::parse_from_reader(catalogue.as_bytes()).unwrap().messages() {
            let text = match message.is_plural() {
                true => message.msgstr_plural().unwrap().join("\n"),
                false => message.msgstr().unwrap().to_owned(),
            };
            // Samples of help are typed.
            let typed = message.msgid().starts_with('\'') && message.msgid().ends_with('\'');
            wrong.extend(european(&text).into_iter().filter(|_| !typed).map(|part| format!("{file}.po: {part}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Literals that people do not read in their language though they look like sentences: what is hashed, signed, parsed, or
/// an SQL statement. A file for each folder of the source: source file, then literals, or `*` for all of them.
fn not_for_people() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        all.extend(toml::from_str::<BTreeMap<String, BTreeSet<String>>>(&text).unwrap());
    }
    all
}

#[test]
fn nothing_that_people_read_bypasses_the_translation() {
    let mut bare = Vec::new();
    let mut excused = not_for_people();
    for path in sources() {
        let file = name(&path);
        let excused_here = excused.remove(&file).unwrap_or_default();
        let mut used = BTreeSet::new();
        for (text, at) in found(&path).bare {
            if excused_here.contains("*") {
                used.insert("*".to_owned());
            } else if excused_here.contains(&text) {
                used.insert(text);
            } else {
                bare.push(format!("{file}:{}: {text:?}", at.line));
            }
        }
        bare.extend(excused_here.difference(&used).map(|text| format!("{file}: excused, but not there: {text:?}")));
    }
    bare.extend(excused.into_keys().map(|file| format!("{file}: excused, but not there")));
    assert!(bare.is_empty(), "put them into tr!:\n{}", bare.join("\n"));
}

#[test]
fn the_scan_sees_what_bypasses() {
    let mut found = Found::default();
    let source = r#"
        /// A doc comment here.
        #[error("a bare error of ours")] struct A;
        #[error("{}", tr!("record {} is gone", _0))] struct B;
        fn f() {
            println!("bare text {}", tr!("menu" => "one item" | "{n} items" % n));
            let x = map.expect("a reason for programmers");
            let y = tr!("outer {}", tr!("inner words"));
        }
        #[cfg(test)] mod tests { fn g() { let z = "only in tests"; } }
    "#;
    scan(source.parse().unwrap(), &mut found);
    let bare: Vec<_> = found.bare.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(bare, ["a bare error of ours", "bare text {}"]);
    let translated: Vec<_> = found.translated.iter().map(|(text, _)| text.english.as_str()).collect();
    assert_eq!(translated, ["record {} is gone", "one item", "outer {}", "inner words"]);
    assert_eq!(found.translated[1].0.context, "menu");
    assert_eq!(found.translated[1].0.plural.as_deref(), Some("{n} items"));
}
