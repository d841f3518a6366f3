//! Sheets as PDF/A-2u (ISO 19005-2): A4, fonts embedded, text that can be searched and copied.
//!
//! Invariant: the same sheet, font and time give the same bytes. A PDF is laid out in memory, so long tables end at
//! [`MAX_ROWS`] rows; HTML has no such limit.

mod face;
mod grid;
mod paper;
mod together;

use super::{Block, Chart, LongTable, Sheet, Table};
use crate::cli::error::Failure;
use crate::storage::escape;
use chrono::{DateTime, Datelike, Timelike, Utc};
use face::Faces;
use grid::Grid;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::{Document, SerializeSettings};
use paper::{Colour, GREY, Mark, Paper, SIDE, SOFT, Style, WARN};
use std::io::Write;
use std::path::Path;
use tr::tr;

/// Rows of one long table, at most.
pub const MAX_ROWS: usize = 50_000;

const BODY: Style = Style::plain(9.5);
const HEADING: Style = Style::bold(11.5);
/// Lines of a field that are kept on one page, at most.
const WHOLE_FIELD: usize = 12;
/// Room above a subheading.
const ABOVE: f32 = 6.0;
/// Height of the boxes that people write into.
const BLANK: f32 = 27.0;

/// Colours of the parts of bars.
const COLOURS: [Colour; 5] = [(47, 102, 144), (217, 140, 63), (122, 158, 126), (141, 106, 159), (154, 154, 154)];

/// Where the PDF's font is, and when the PDF was made.
pub struct PdfOptions<'a> {
    pub font: Option<&'a Path>,
    pub made: DateTime<Utc>,
}

/// Writes a sheet; how many characters the font lacks.
pub(super) fn write(sheet: Sheet, options: &PdfOptions, out: &mut dyn Write) -> Result<usize, Failure> {
    // A character of every Chinese text, and names may be Chinese in any language.
    let faces = Faces::find(options.font, '的').or_else(|_| Faces::find(options.font, 'e'))?;
    let mut paper = Paper::new(&faces, sheet.landscape);
    title(&mut paper, &sheet.title);
    let blocks = sheet.blocks.into_iter().map(in_memory).collect::<Result<Vec<_>, _>>()?;
    let heights = together::heights(&paper, &blocks);
    for (block, height) in blocks.into_iter().zip(heights) {
        push(&mut paper, block, height);
    }
    let missing = paper.missing;
    let metadata = Metadata::new()
        .title(escape(&sheet.title))
        .language(sheet.language.tag().to_owned())
        .creator(format!("keepuntil {}", env!("CARGO_PKG_VERSION")))
        .creation_date(date(options.made));
    out.write_all(&finished(paper, metadata)?).map_err(Failure::Output)?;
    Ok(missing)
}

fn date(time: DateTime<Utc>) -> krilla::metadata::DateTime {
    let small = |n: u32| u8::try_from(n).unwrap_or_default();
    krilla::metadata::DateTime::new(u16::try_from(time.year()).unwrap_or_default())
        .month(small(time.month()))
        .day(small(time.day()))
        .hour(small(time.hour()))
        .minute(small(time.minute()))
        .second(small(time.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

fn title(paper: &mut Paper, title: &str) {
    let style = Style::bold(16.0);
    for line in paper.broken(&escape(title), style, paper.text_width()) {
        let width = paper.face(true).width(&line, style.size);
        let y = paper.y;
        paper.line((paper.size.0 - width) / 2.0, y, &line, style, false);
        paper.space(style.line());
    }
    paper.space(8.0);
}

/// A block whose rows are all there, so that it can be measured.
fn in_memory(block: Block) -> Result<Block, Failure> {
    let Block::LongTable(LongTable { head, right, rows: each }) = block else { return Ok(block) };
    let mut rows = Vec::new();
    each(&mut |row| {
        if rows.len() == MAX_ROWS {
            return Err(Failure::Usage(
                tr!("the report has more than {n} rows: too many for a PDF", n = MAX_ROWS),
                tr!("write it as HTML, which has no limit: --format html"),
            ));
        }
        rows.push(row);
        Ok(())
    })?;
    Ok(Block::Table(Table { head, rows, right }))
}

/// Sets a block; `height` of it, and of what must follow it, stays on one page.
fn push(paper: &mut Paper, block: Block, height: f32) {
    match block {
        Block::Heading(text) => {
            paper.space(10.0);
            paper.need(height);
            paper.paragraph(&escape(&text), HEADING, 0.0);
            let y = paper.y;
            paper.fill(SIDE, y, paper.text_width(), 0.6, GREY);
            paper.space(4.0);
        }
        Block::Subheading(text) => {
            paper.space(ABOVE);
            paper.need(height);
            paper.paragraph(&escape(&text), Style::bold(9.5), 0.0);
            paper.space(2.0);
        }
        Block::Paragraph(text) => {
            paper.need(height);
            paper.paragraph(&escape_lines(&text), BODY, 0.0);
            paper.space(4.0);
        }
        Block::Warning(text) => warning(paper, &escape_lines(&text)),
        Block::Fields(fields) => {
            let rows: Vec<Vec<String>> =
                fields.iter().map(|(label, value)| vec![escape(label), escape_lines(value)]).collect();
            fields_table(paper, &rows);
        }
        Block::List(items) => {
            for item in items {
                paper.need(BODY.line());
                let y = paper.y;
                paper.line(SIDE + 2.0, y, "•", BODY, false);
                paper.paragraph(&escape_lines(&item), BODY, 12.0);
            }
            paper.space(4.0);
        }
        Block::Table(table) => rows(paper, &table, height),
        Block::LongTable(_) => unreachable!("all rows of it were read before"),
        Block::Chart(chart) => bars(paper, &chart),
        Block::Commands(lines) => {
            for line in lines {
                paper.paragraph(&escape(&line), Style::plain(8.2), 8.0);
            }
            paper.space(4.0);
        }
        Block::Signature(role, fields) => signature(paper, &role, &fields),
    }
}

fn escape_lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

const WARNING: Style = Style { bold: true, colour: WARN, ..BODY };

/// Lines of a warning, and how high it is.
fn warning_lines(paper: &Paper, text: &str) -> (Vec<String>, f32) {
    let lines = paper.broken(text, WARNING, paper.text_width() - 16.0);
    let height = lines.len() as f32 * WARNING.line() + 10.0;
    (lines, height)
}

fn warning(paper: &mut Paper, text: &str) {
    let style = WARNING;
    let (lines, height) = warning_lines(paper, text);
    paper.need(height);
    let top = paper.y;
    paper.frame(SIDE, top, paper.text_width(), height, 1.2, WARN);
    for (index, line) in lines.iter().enumerate() {
        paper.line(SIDE + 8.0, top + 5.0 + index as f32 * style.line(), line, style, false);
    }
    paper.space(height + 6.0);
}

fn rows(paper: &mut Paper, table: &Table, height: f32) {
    let grid = Grid::of(paper, table);
    paper.need(height);
    let head = escaped(&table.head);
    grid.head(paper, &head);
    for row in &table.rows {
        grid.row(paper, &head, &escaped(row));
    }
    paper.space(8.0);
}

fn escaped(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| escape_lines(cell)).collect()
}

/// A label and a value, broken into lines beside each other.
struct FieldLines {
    names: Vec<String>,
    values: Vec<String>,
}

impl FieldLines {
    const SIZE: f32 = 8.8;

    fn most(&self) -> usize {
        self.names.len().max(self.values.len())
    }

    fn line(&self) -> f32 {
        Style::plain(Self::SIZE).line()
    }
}

fn fields_of(paper: &Paper, label: &str, value: &str) -> FieldLines {
    let (width, size) = (paper.text_width() * 0.3, FieldLines::SIZE);
    FieldLines {
        names: paper.broken(label, Style::bold(size), width - 8.0),
        values: paper.broken(value, Style::plain(size), paper.text_width() - width - 8.0),
    }
}

fn fields_table(paper: &mut Paper, rows: &[Vec<String>]) {
    let (label, size) = (paper.text_width() * 0.3, FieldLines::SIZE);
    for row in rows {
        let (bold, plain) = (Style::bold(size), Style::plain(size));
        let lines = fields_of(paper, &row[0], &row[1]);
        let most = lines.most();
        let FieldLines { names, values } = lines;
        let mut from = 0;
        while from < most {
            let fit = ((paper.room() - 4.0) / plain.line()) as usize;
            if fit == 0 || (most - from > fit && most <= WHOLE_FIELD) {
                paper.next_page();
                continue;
            }
            let to = most.min(from + fit);
            let (top, height) = (paper.y, (to - from) as f32 * plain.line() + 4.0);
            paper.frame(SIDE, top, label, height, 0.4, GREY);
            paper.frame(SIDE + label, top, paper.text_width() - label, height, 0.4, GREY);
            for (lines, x, style) in [(&names, SIDE + 4.0, bold), (&values, SIDE + label + 4.0, plain)] {
                let part = lines.iter().skip(from).take(to - from);
                for (index, line) in part.enumerate() {
                    paper.line(x, top + 2.0 + index as f32 * style.line(), line, style, false);
                }
            }
            paper.y += height;
            from = to;
        }
    }
    paper.space(6.0);
}

fn bars(paper: &mut Paper, chart: &Chart) {
    let style = Style::plain(8.2);
    if chart.legend.len() > 1 {
        paper.need(style.line());
        let (mut x, y) = (SIDE, paper.y);
        for (part, name) in chart.legend.iter().enumerate() {
            let name = escape(name);
            let width = paper.face(false).width(&name, style.size) + 24.0;
            if x + width > SIDE + paper.text_width() {
                x = SIDE;
                paper.space(style.line());
            }
            let y = if x == SIDE { paper.y } else { y.max(paper.y) };
            paper.fill(x, y + 2.5, 7.0, 7.0, COLOURS[part % COLOURS.len()]);
            paper.line(x + 11.0, y, &name, style, false);
            x += width;
        }
        paper.space(style.line() + 4.0);
    }
    let widest = |texts: &mut dyn Iterator<Item = &String>| {
        texts.map(|text| paper.face(false).width(&escape(text), style.size)).fold(0.0, f32::max)
    };
    let label = widest(&mut chart.bars.iter().map(|bar| &bar.label)).min(paper.text_width() * 0.4);
    let value = widest(&mut chart.bars.iter().map(|bar| &bar.value)).min(paper.text_width() * 0.3);
    let (room, longest) = (paper.text_width() - label - value - 12.0, chart.longest() as f32);
    for bar in &chart.bars {
        paper.need(style.line());
        let y = paper.y;
        paper.line(SIDE, y, &escape(&bar.label), style, false);
        let mut x = SIDE + label + 6.0;
        for (part, size) in bar.parts.iter().enumerate().filter(|(_, size)| **size > 0) {
            let width = (*size as f32 / longest * room).max(0.5);
            paper.fill(x, y + 2.0, width, style.line() - 3.0, COLOURS[part % COLOURS.len()]);
            x += width;
        }
        paper.line(SIDE + paper.text_width(), y, &escape(&bar.value), style, true);
        paper.space(style.line());
    }
    paper.space(8.0);
}

/// Height of the lines of one person, with their role above them.
fn signature_height(fields: usize) -> f32 {
    fields.div_ceil(2) as f32 * BLANK + 24.0
}

fn signature(paper: &mut Paper, role: &str, fields: &[(String, Option<String>)]) {
    let style = Style::plain(8.8);
    let height = BLANK;
    paper.need(signature_height(fields.len()));
    paper.paragraph(&escape(role), Style::bold(9.5), 0.0);
    paper.space(2.0);
    let (name, blank) = (paper.text_width() * 0.17, paper.text_width() * 0.33);
    for pair in fields.chunks(2) {
        let top = paper.y;
        let mut x = SIDE;
        for (label, value) in pair {
            let blank = if pair.len() == 1 { paper.text_width() - name } else { blank };
            paper.fill(x, top, name, height, SOFT);
            paper.frame(x, top, name, height, 0.4, GREY);
            paper.frame(x + name, top, blank, height, 0.4, GREY);
            let cells = [(x, name, label.as_str()), (x + name, blank, value.as_deref().unwrap_or(""))];
            for (x, width, text) in cells {
                let broken = paper.broken(&escape(text), style, width - 6.0);
                for (index, line) in broken.iter().take(2).enumerate() {
                    paper.line(x + 3.0, top + 1.0 + index as f32 * style.line(), line, style, false);
                }
            }
            x += name + blank;
        }
        paper.y += height;
    }
    paper.space(10.0);
}

fn finished(paper: Paper, metadata: Metadata) -> Result<Vec<u8>, Failure> {
    let failed = |what: String| Failure::Output(std::io::Error::other(what));
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A2_U).finish();
    let configuration = configuration.map_err(|e| failed(format!("PDF/A: {e:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    document.set_metadata(metadata);
    let count = paper.pages.len();
    let foot = Style { colour: GREY, ..Style::plain(8.0) };
    for (index, marks) in paper.pages.into_iter().enumerate() {
        let settings = PageSettings::from_wh(paper.size.0, paper.size.1).expect("A4 has a size");
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let number = paper.faces.regular.shape(&format!("{} / {count}", index + 1));
        let x = (paper.size.0 - number.width(foot.size)) / 2.0;
        let foot =
            Mark::Text { x, y: paper.size.1 - 27.0, size: foot.size, bold: false, colour: foot.colour, shaped: number };
        for mark in marks.into_iter().chain([foot]) {
            let colour = match &mark {
                Mark::Text { colour, .. } | Mark::Box { colour, .. } => *colour,
            };
            let (red, green, blue) = colour;
            surface.set_fill(Some(Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }));
            match mark {
                Mark::Text { x, y, size, bold, shaped, .. } => {
                    let font = if bold { &paper.faces.bold } else { &paper.faces.regular };
                    let at = Point::from_xy(x, y);
                    surface.draw_glyphs(at, &shaped.glyphs, font.font.clone(), &shaped.text, size, false);
                }
                Mark::Box { x, y, width, height, .. } => {
                    let Some(rect) = Rect::from_xywh(x, y, width.max(0.1), height.max(0.1)) else { continue };
                    let mut path = PathBuilder::new();
                    path.push_rect(rect);
                    if let Some(path) = path.finish() {
                        surface.draw_path(&path);
                    }
                }
            }
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|e| failed(format!("PDF/A: {e:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sheet::{Bar, LongTable, Table};
    use crate::language::Language;

    fn everything(rows: usize) -> Sheet<'static> {
        let mut sheet = Sheet::new(Language::Chinese, "销毁清册 <&> \u{1b}[31m");
        sheet.heading("一、概况");
        sheet.paragraph("每条记录是一个独立的 age 文件（X25519、ChaCha20-Poly1305）。".repeat(20));
        sheet.blocks.push(Block::Warning("本件未核验签名。".into()));
        sheet.fields(vec![("单位", "a".repeat(400)), ("备注", "第一行\n第二行".repeat(80))]);
        sheet.blocks.push(Block::Subheading("清单".into()));
        sheet.blocks.push(Block::List(vec!["第一项".repeat(60), "second".into()]));
        let head = ["序号", "题名", "档案编号", "哈希"].map(str::to_owned).to_vec();
        let row = |n: usize| vec![n.to_string(), "沐阳贸易有限公司 𠀀".into(), "k".repeat(70), "e".repeat(64)];
        sheet.blocks.push(Block::Table(Table { head: head.clone(), rows: (0..60).map(row).collect(), right: vec![0] }));
        sheet.blocks.push(Block::LongTable(LongTable {
            head,
            right: vec![0],
            rows: Box::new(move |sink| (0..rows).try_for_each(|n| sink(row(n)))),
        }));
        let bars = (0..80).map(|n| Bar { label: (2026 + n).to_string(), parts: vec![n, 3], value: format!("{n} 条") });
        sheet.blocks.push(Block::Chart(Chart { legend: vec!["到期".into(), "复核".into()], bars: bars.collect() }));
        sheet.blocks.push(Block::Commands(vec!["keepuntil verify firm.sealed".into()]));
        let blanks = ["姓名", "职务", "日期"].map(|label| (label.to_owned(), None)).to_vec();
        sheet.blocks.push(Block::Signature("监销人".into(), blanks));
        sheet
    }

    fn pdf(rows: usize) -> Result<(usize, Vec<u8>), Failure> {
        let made = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let mut out = Vec::new();
        let missing = everything(rows).write_pdf(&PdfOptions { font: None, made }, &mut out)?;
        Ok((missing, out))
    }

    #[test]
    fn every_kind_of_block_becomes_a_valid_pdf_that_is_the_same_again() {
        let Ok((missing, first)) = pdf(200) else { panic!("the validator of PDF/A refuses it") };
        assert!(first.starts_with(b"%PDF-1.7"));
        // A title that moved the terminal's cursor is escaped; the rare character is in no font of most machines.
        assert!(missing <= 260, "{missing} characters are missing");
        let Ok((_, second)) = pdf(200) else { panic!("it was written before") };
        assert!(first == second, "two runs differ");
    }

    /// Whether a mark is text in bold: a heading, a subheading or the head of a table.
    fn is_bold(mark: &Mark) -> bool {
        matches!(mark, Mark::Text { bold: true, .. })
    }

    #[test]
    fn no_page_ends_with_a_heading_or_the_head_of_a_table() {
        let Ok(faces) = Faces::find(None, 'e') else { panic!("no font") };
        let cell = |text: &str| vec![vec![text.to_owned()]];
        // A first part that fills the page to any height, then each kind of block under heading and subheading.
        for lines in 1..60 {
            for under in 0..6 {
                let mut paper = Paper::new(&faces, false);
                let filler = Block::List((0..lines).map(|n| n.to_string()).collect());
                let tall = "first line\n".repeat(12);
                let block = match under {
                    0 => Block::Paragraph("plain text".into()),
                    1 => Block::Fields(vec![("label".into(), tall.clone())]),
                    2 => Block::Table(Table { head: vec!["head".into()], rows: cell(&tall), right: Vec::new() }),
                    3 => Block::Warning(tall.clone()),
                    4 => Block::Signature("role".into(), vec![("name".into(), None); 9]),
                    _ => Block::List(vec!["item".into()]),
                };
                let blocks = vec![filler, Block::Heading("heading".into()), Block::Subheading("part".into()), block];
                let heights = together::heights(&paper, &blocks);
                blocks.into_iter().zip(heights).for_each(|(block, height)| push(&mut paper, block, height));
                for page in paper.pages.iter().rev().skip(1) {
                    let last = page.iter().rev().find(|mark| matches!(mark, Mark::Text { .. }));
                    assert!(!last.is_some_and(is_bold), "{lines} lines, block {under}");
                }
            }
        }
    }

    #[test]
    fn a_table_that_is_too_long_is_refused() {
        assert!(matches!(pdf(MAX_ROWS + 1), Err(Failure::Usage(..))));
    }
}
