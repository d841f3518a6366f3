//! Tables on paper: columns as wide as they need, rows over several lines, the head again on every page.

use super::escaped;
use super::paper::{GREY, Paper, SIDE, SOFT, Style};
use crate::cli::sheet::Table;
use crate::language::lines::pieces;

const PAD: f32 = 3.0;
const RULE: f32 = 0.4;
/// Rows that are measured to find the widths of columns.
const MEASURED: usize = 2_000;

/// A table with measured columns.
pub struct Grid {
    widths: Vec<f32>,
    right: Vec<usize>,
    style: Style,
}

impl Grid {
    /// Columns for a table, whose cells are escaped before they are measured.
    pub fn of(paper: &Paper, table: &Table) -> Self {
        let rows: Vec<Vec<String>> = table.rows.iter().take(MEASURED).map(|row| escaped(row)).collect();
        Self::new(paper, &escaped(&table.head), &rows, &table.right)
    }

    /// Height of the head with the first row under it, where that is no row of many lines.
    pub fn beginning(&self, paper: &Paper, table: &Table) -> f32 {
        let bold = Style { bold: true, ..self.style };
        let head = self.height(&self.lines(paper, &escaped(&table.head), bold));
        let first = table.rows.first().map(|row| self.height(&self.lines(paper, &escaped(row), self.style)));
        head + first.filter(|height| *height <= paper.whole() / 2.0).unwrap_or(self.style.line() + PAD)
    }

    /// Columns for these rows.
    fn new(paper: &Paper, head: &[String], rows: &[Vec<String>], right: &[usize]) -> Self {
        let style = Style::plain(if head.len() > 8 { 6.8 } else { 8.2 });
        let face = paper.face(false);
        let mut natural = vec![0f32; head.len()];
        let mut least = vec![0f32; head.len()];
        for row in std::iter::once(head).chain(rows.iter().take(MEASURED).map(Vec::as_slice)) {
            for (column, cell) in row.iter().enumerate().take(head.len()) {
                natural[column] = natural[column].max(face.width(cell, style.size) + 2.0 * PAD);
                let word = pieces(cell).into_iter().map(|piece| face.width(piece.trim_end(), style.size));
                least[column] = least[column].max(word.fold(0.0, f32::max) + 2.0 * PAD);
            }
        }
        Self { widths: fitted(&natural, &least, paper.text_width()), right: right.to_vec(), style }
    }

    /// The head; again by itself wherever a page is turned.
    pub fn head(&self, paper: &mut Paper, head: &[String]) {
        self.row_of(paper, head, Style { bold: true, ..self.style }, true);
    }

    /// One row, with the head above it where it begins a page.
    pub fn row(&self, paper: &mut Paper, head: &[String], row: &[String]) {
        let height = self.height(&self.lines(paper, row, self.style));
        if height <= paper.whole() / 2.0 && paper.need(height) {
            self.head(paper, head);
        }
        self.row_of(paper, row, self.style, false);
    }

    fn lines(&self, paper: &Paper, row: &[String], style: Style) -> Vec<Vec<String>> {
        let cells = row.iter().zip(&self.widths);
        cells.map(|(cell, width)| paper.broken(cell, style, width - 2.0 * PAD)).collect()
    }

    fn height(&self, lines: &[Vec<String>]) -> f32 {
        lines.iter().map(Vec::len).max().unwrap_or(1) as f32 * self.style.line() + PAD
    }

    fn row_of(&self, paper: &mut Paper, row: &[String], style: Style, head: bool) {
        let lines = self.lines(paper, row, style);
        let most = lines.iter().map(Vec::len).max().unwrap_or(1);
        let mut from = 0;
        while from < most {
            // A row that is taller than a page goes on on the next one.
            let fit = ((paper.room() - PAD) / style.line()) as usize;
            if fit == 0 {
                paper.next_page();
                continue;
            }
            let to = most.min(from + fit);
            self.part(paper, &lines, from..to, style, head);
            from = to;
        }
    }

    fn part(&self, paper: &mut Paper, lines: &[Vec<String>], part: std::ops::Range<usize>, style: Style, head: bool) {
        let height = part.len() as f32 * style.line() + PAD;
        let (mut x, y) = (SIDE, paper.y);
        for (column, width) in self.widths.iter().enumerate() {
            if head {
                paper.fill(x, y, *width, height, SOFT);
            }
            paper.frame(x, y, *width, height, RULE, GREY);
            let cell = lines
                .get(column)
                .map_or(&[][..], |lines| &lines[part.start.min(lines.len())..part.end.min(lines.len())]);
            for (index, line) in cell.iter().enumerate() {
                let right = self.right.contains(&column);
                let at = if right { x + width - PAD } else { x + PAD };
                paper.line(at, y + PAD / 2.0 + index as f32 * style.line(), line, style, right);
            }
            x += width;
        }
        paper.y += height;
    }
}

/// Widths that fill a line: as wide as the content, and where that is too much, at least as wide as the longest word.
fn fitted(natural: &[f32], least: &[f32], line: f32) -> Vec<f32> {
    let (all, most) = (least.iter().sum::<f32>(), natural.iter().sum::<f32>());
    if most <= line {
        let rest = (line - most) / natural.len().max(1) as f32;
        return natural.iter().map(|width| width + rest).collect();
    }
    if all >= line {
        // Long words are broken, short columns stay as they are.
        let fair = line / least.len() as f32;
        let short: f32 = least.iter().filter(|width| **width <= fair).sum();
        let long: f32 = least.iter().filter(|width| **width > fair).sum();
        let scale = (line - short) / long;
        return least.iter().map(|width| if *width <= fair { *width } else { width * scale }).collect();
    }
    let spare = (line - all) / (most - all);
    natural.iter().zip(least).map(|(natural, least)| least + (natural - least) * spare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_line_whatever_they_hold() {
        for (natural, least) in [
            (vec![40.0, 60.0], vec![20.0, 30.0]),
            (vec![400.0, 600.0, 20.0], vec![90.0, 80.0, 20.0]),
            (vec![900.0, 900.0, 30.0], vec![900.0, 700.0, 30.0]),
        ] {
            let widths = fitted(&natural, &least, 504.0);
            assert!((widths.iter().sum::<f32>() - 504.0).abs() < 0.1, "{widths:?}");
            assert!(widths.iter().all(|width| *width >= 19.0), "{widths:?}");
        }
    }
}
