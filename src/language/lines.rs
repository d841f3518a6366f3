//! Where lines of text may end: Chinese breaks anywhere, but no line begins with what closes.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Of the number of an article of a statute, which no line breaks.
const NUMERALS: &str = "第零一二三四五六七八九十百";

/// Pieces that stay together: a word with the spaces behind it; a wide character with the marks that may not begin a line; the
/// number of an article.
pub fn pieces(text: &str) -> Vec<&str> {
    let wide = |c: char| c.width().unwrap_or(0) > 1;
    let closes = |c: char| "，。、；：？！）》”’".contains(c);
    let opens = |c: char| "（《“‘[".contains(c);
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = before.is_some_and(|b| (b == ' ' && c != ' ') || wide(b) || wide(c) || closes(b));
        let numbered = before.is_some_and(|b| NUMERALS.contains(b)) && (NUMERALS.contains(c) || "条款项章".contains(c));
        if breaks && !numbered && !closes(c) && c != ']' && c != ' ' && !before.is_some_and(opens) {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

/// The same, with commands between backticks whole: people copy them.
fn pieces_and_commands(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for piece in pieces(text) {
        end += piece.len();
        if text[start..end].matches('`').count().is_multiple_of(2) {
            out.push(&text[start..end]);
            start = end;
        }
    }
    // A backtick alone begins no command.
    out.extend(pieces(&text[start..]).into_iter().filter(|piece| !piece.is_empty()));
    out
}

/// Text in lines of so many columns; only a word or a command between backticks that is longer than that is wider.
pub fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces_and_commands(text) {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.width() + piece.trim_end().width() > columns {
            line.truncate(line.trim_end().len());
            lines.push(piece.to_owned());
        } else {
            line.push_str(piece);
        }
    }
    lines
}

/// The same, with words that no line holds broken where a line is full.
pub fn filled(text: &str, columns: usize) -> Vec<String> {
    let mut all = Vec::new();
    for line in lines(text, columns) {
        let mut part = String::new();
        for c in line.trim_end().chars() {
            if part.width() + c.width().unwrap_or(0) > columns && !part.is_empty() {
                all.push(std::mem::take(&mut part));
            }
            part.push(c);
        }
        all.push(part);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stay_whole_and_nothing_is_lost() {
        let text = "see what is due with `keepuntil due --within P90Y`，再用 `keepuntil purge` 销毁；a ` alone";
        for columns in [10, 20, 30, 40, 80] {
            let lines = lines(text, columns);
            assert!(lines.iter().any(|line| line.contains("`keepuntil due --within P90Y`")), "{lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
            let filled = filled(text, columns);
            assert!(filled.iter().all(|line| line.width() <= columns), "{filled:?}");
            assert_eq!(filled.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(filled("", 10), [""]);
        assert_eq!(lines("依法第一百三十七条", 8), ["依法", "第一百三十七条"]);
    }
}
