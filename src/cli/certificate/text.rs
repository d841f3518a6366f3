//! Sheets as text of 80 columns: wide characters count for two, hostile ones are escaped.

use super::sheet::{Block, Sheet, Table};
use crate::storage::escape;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const COLUMNS: usize = 80;

pub(super) fn text(sheet: &Sheet) -> String {
    let colon = sheet.language.words().colon;
    let mut out = format!("{}\n{}\n", escape(&sheet.title), "=".repeat(sheet.title.width()));
    for block in &sheet.blocks {
        out.push('\n');
        match block {
            Block::Heading(text) => out.push_str(&format!("{}\n{}\n", escape(text), "-".repeat(text.width()))),
            Block::Subheading(text) | Block::Paragraph(text) => out.push_str(&wrap(text, 0, 0)),
            Block::Warning(text) => out.push_str(&wrap(&format!("! {text}"), 0, 2)),
            Block::Fields(fields) => {
                fields.iter().for_each(|(label, value)| out.push_str(&wrap(&format!("{label}{colon}{value}"), 2, 6)));
            }
            Block::List(items) => items.iter().for_each(|item| out.push_str(&wrap(&format!("- {item}"), 2, 4))),
            Block::Table(table) => out.push_str(&rows(table)),
            Block::Commands(lines) => lines.iter().for_each(|line| out.push_str(&format!("    {}\n", escape(line)))),
            Block::Signature(role, fields) => {
                out.push_str(&wrap(role, 0, 2));
                let widest = fields.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
                for (label, value) in fields {
                    let fill = " ".repeat(widest - label.width());
                    let value = value.clone().unwrap_or_else(|| "_".repeat(40));
                    out.push_str(&wrap(&format!("{label}{colon}{fill}{value}"), 2, 6));
                }
            }
        }
    }
    out
}

fn rows(table: &Table) -> String {
    let all: Vec<Vec<String>> = std::iter::once(&table.head)
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| escape(cell)).collect())
        .collect();
    let width = |column: usize| all.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.head.len()).map(width).collect();
    let total = |gap: usize| widths.iter().sum::<usize>() + gap * (widths.len() - 1);
    let gap = " ".repeat(if total(2) <= COLUMNS { 2 } else { 1 });
    let mut out = String::new();
    for row in &all {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let fill = " ".repeat(widths[column] - cell.width());
            if table.right.contains(&column) { fill + cell } else { cell.clone() + &fill }
        });
        out.push_str(cells.collect::<Vec<_>>().join(&gap).trim_end());
        out.push('\n');
    }
    out
}

/// Breaks text at spaces and between wide characters; the first line is indented by `first`, the others by `rest`.
fn wrap(text: &str, first: usize, rest: usize) -> String {
    let mut out = " ".repeat(first);
    let mut column = first;
    for piece in pieces(&escape(text)) {
        let width = piece.trim_end().width();
        if column + width > COLUMNS && column > rest.max(first) {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&" ".repeat(rest));
            column = rest;
        }
        for c in piece.chars() {
            // Only a piece that is longer than a whole line gets here with no room left.
            let width = c.width().unwrap_or(0);
            if column + width > COLUMNS && c != ' ' {
                out.push('\n');
                out.push_str(&" ".repeat(rest));
                column = rest;
            }
            out.push(c);
            column += width;
        }
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// Pieces that stay together: a word with the spaces behind it; a wide character with the marks that may not begin a line.
fn pieces(text: &str) -> Vec<&str> {
    let wide = |c: char| c.width().unwrap_or(0) > 1;
    let closes = |c: char| "，。、；：？！）》”’".contains(c);
    let opens = |c: char| "（《“‘".contains(c);
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let breaks = before.is_some_and(|b| (b == ' ' && c != ' ') || wide(b) || wide(c) || closes(b));
        if breaks && !closes(c) && c != ' ' && !before.is_some_and(opens) {
            pieces.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_eighty_columns_and_lose_nothing() {
        let wide = "新世代中不再包含这些记录的到期半钥，上一世代的根密钥已被覆写。".repeat(9);
        let words = "the root of the generation before was overwritten, ".repeat(9);
        let long = "f".repeat(300);
        let mixed = format!("每条 record 是一个 age 文件（X25519、ChaCha20-Poly1305），{wide} {long} {words}");
        for text in [wide.as_str(), words.trim_end(), &long, &mixed] {
            let wrapped = wrap(text, 2, 6);
            assert!(wrapped.lines().all(|line| line.width() <= COLUMNS), "{wrapped}");
            let bare = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(bare(&wrapped), bare(text));
            assert!(wrapped.lines().all(|line| !line.trim_start().starts_with(['，', '。', '）'])), "{wrapped}");
        }
    }
}
