//! Sheets as text of 80 columns: wide characters count for two, hostile ones are escaped.

use super::{Block, Chart, LongTable, Sheet};
use crate::cli::error::Failure;
use crate::language::lines::pieces;
use crate::storage::escape;
use std::io::Write;
use tr::tr;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const COLUMNS: usize = 80;

/// Rows of a long table that are laid out together.
const TOGETHER: usize = 500;

/// Columns that the bars of a chart may take.
const BAR: u64 = 36;

/// Fillings of the parts of bars.
const FILLINGS: [char; 5] = ['█', '▒', '░', '▚', '·'];

pub(super) fn write(sheet: Sheet, out: &mut dyn Write) -> Result<(), Failure> {
    let title = format!("{}\n{}\n", escape(&sheet.title), "=".repeat(sheet.title.width().min(COLUMNS)));
    out.write_all(title.as_bytes()).map_err(Failure::Output)?;
    for block in sheet.blocks {
        match block {
            Block::LongTable(table) => long_table(table, out)?,
            other => out.write_all(block_text(&other).as_bytes()).map_err(Failure::Output)?,
        }
    }
    Ok(())
}

fn block_text(block: &Block) -> String {
    let colon = tr!(": ");
    let mut out = String::from("\n");
    match block {
        Block::Heading(text) => out.push_str(&format!("{}\n{}\n", escape(text), "-".repeat(text.width()))),
        Block::Subheading(text) | Block::Paragraph(text) => out.push_str(&wrap(text, 0, 0)),
        Block::Warning(text) => out.push_str(&wrap(&format!("! {text}"), 0, 2)),
        Block::Fields(fields) => {
            fields.iter().for_each(|(label, value)| out.push_str(&wrap(&format!("{label}{colon}{value}"), 2, 6)));
        }
        Block::List(items) => items.iter().for_each(|item| out.push_str(&wrap(&format!("- {item}"), 2, 4))),
        Block::Table(table) => {
            let layout = Layout::of(&table.head, &table.rows);
            out.push_str(&layout.head(&table.head, &table.right));
            out.push_str(&layout.rows(&table.head, &table.rows, &table.right));
        }
        Block::LongTable(_) => unreachable!("long tables are written as they come"),
        Block::Chart(chart) => out.push_str(&bars(chart)),
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
    out
}

fn long_table(table: LongTable, out: &mut dyn Write) -> Result<(), Failure> {
    let LongTable { head, right, rows: each } = table;
    let mut layout: Option<Layout> = None;
    let mut waiting: Vec<Vec<String>> = Vec::new();
    let mut flush = |waiting: &mut Vec<Vec<String>>| {
        let mut text = String::new();
        let widths = match &layout {
            // Once rows did not fit side by side, all that follow are set the same way.
            Some(Layout::Stacked) => Layout::Stacked,
            _ => Layout::of(&head, waiting),
        };
        let before = layout.replace(widths);
        let layout = layout.as_ref().expect("it was just set");
        if before.is_none() {
            text.push('\n');
            text.push_str(&layout.head(&head, &right));
        }
        text.push_str(&layout.rows(&head, waiting, &right));
        waiting.clear();
        out.write_all(text.as_bytes()).map_err(Failure::Output)
    };
    each(&mut |row| {
        waiting.push(row);
        if waiting.len() < TOGETHER { Ok(()) } else { flush(&mut waiting) }
    })?;
    flush(&mut waiting)
}

fn bars(chart: &Chart) -> String {
    let mut out = String::new();
    let filling = |part: usize| FILLINGS[part % FILLINGS.len()];
    if chart.legend.len() > 1 {
        let legend = chart.legend.iter().enumerate().map(|(part, name)| format!("{} {name}", filling(part)));
        out.push_str(&wrap(&legend.collect::<Vec<_>>().join("   "), 2, 2));
    }
    let widest = chart.bars.iter().map(|bar| bar.label.width()).max().unwrap_or(0);
    let longest = u128::from(chart.longest());
    for bar in &chart.bars {
        let mut line = format!("  {}{}  ", bar.label, " ".repeat(widest - bar.label.width()));
        let (mut sum, mut drawn) = (0u128, 0u128);
        for (part, size) in bar.parts.iter().enumerate() {
            sum += u128::from(*size);
            // What is there is seen, however little it is.
            let end = (sum * u128::from(BAR)).div_ceil(longest).min(u128::from(BAR));
            line.extend((drawn..end).map(|_| filling(part)));
            drawn = drawn.max(end);
        }
        out.push_str(&escape(&format!("{line} {}", bar.value)));
        out.push('\n');
    }
    out
}

/// How rows of cells are set.
enum Layout {
    /// In columns of these widths.
    Columns(Vec<usize>),
    /// Each row as a paragraph, since its columns do not fit side by side.
    Stacked,
}

impl Layout {
    fn of(head: &[String], rows: &[Vec<String>]) -> Self {
        let mut widths = vec![0; head.len()];
        for row in std::iter::once(head).chain(rows.iter().map(Vec::as_slice)) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(escape(cell).width());
            }
        }
        if total(&widths, 1) <= COLUMNS { Self::Columns(widths) } else { Self::Stacked }
    }

    fn head(&self, head: &[String], right: &[usize]) -> String {
        match self {
            Self::Columns(widths) => line(head, widths, right),
            Self::Stacked => String::new(),
        }
    }

    fn rows(&self, head: &[String], rows: &[Vec<String>], right: &[usize]) -> String {
        match self {
            Self::Columns(widths) => rows.iter().map(|row| line(row, widths, right)).collect(),
            Self::Stacked => rows.iter().map(|row| stacked(head, row)).collect(),
        }
    }
}

/// Columns that a table takes.
fn total(widths: &[usize], gap: usize) -> usize {
    widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
}

fn line(row: &[String], widths: &[usize], right: &[usize]) -> String {
    let gap = " ".repeat(if total(widths, 2) <= COLUMNS { 2 } else { 1 });
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        let cell = escape(cell);
        let fill = " ".repeat(width - cell.width());
        if right.contains(&column) { fill + &cell } else { cell + &fill }
    });
    format!("{}\n", cells.collect::<Vec<_>>().join(&gap).trim_end())
}

/// A row by its first cell, then what the head says of each other.
fn stacked(head: &[String], row: &[String]) -> String {
    let colon = tr!(": ");
    let (Some(first), Some(label)) = (row.first(), head.first()) else { return String::new() };
    let others = head.iter().zip(row).skip(1).map(|(label, cell)| format!("{label}{colon}{cell}"));
    let first = wrap(&format!("{label} {first}"), 2, 6);
    first + &wrap(&others.collect::<Vec<_>>().join(&tr!("; ")), 6, 6)
}

/// Breaks text at spaces and between wide characters; the first line is indented by `first`, the others by `rest`.
pub fn wrap(text: &str, first: usize, rest: usize) -> String {
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
