//! Where lines of text may end: Chinese breaks anywhere, but no line begins with what closes.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Pieces that stay together: a word with the spaces behind it; a wide character with the marks that may not begin a line.
pub fn pieces(text: &str) -> Vec<&str> {
    let wide = |c: char| c.width().unwrap_or(0) > 1;
    let closes = |c: char| "，。、；：？！）》”’".contains(c);
    let opens = |c: char| "（《“‘[".contains(c);
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = before.is_some_and(|b| (b == ' ' && c != ' ') || wide(b) || wide(c) || closes(b));
        if breaks && !closes(c) && c != ']' && c != ' ' && !before.is_some_and(opens) {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

/// Text in lines of so many columns; only a word that is longer than that is wider.
pub fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(text) {
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
