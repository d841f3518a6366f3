//! Sheets as one HTML file that needs nothing else: no network, no script; made for A4 and for light and dark screens.

use super::{Block, Chart, LongTable, Sheet, Table};
use crate::cli::error::Failure;
use std::io::Write;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#999;--soft:#f2f2f2;--warn:#8a1f11}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--line:#666;--soft:#242424;--warn:#ff9c8a}}
@page{size:A4;margin:18mm 16mm;@bottom-center{content:counter(page) \" / \" counter(pages);font-size:8pt}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:52rem;color:var(--ink);background:var(--paper);
font:10.5pt/1.5 system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\",\"PingFang SC\",\"Microsoft YaHei\",\"Noto Sans CJK SC\",sans-serif}
h1{font-size:1.7em;margin:0 0 .6em;text-align:center}
h2{font-size:1.15em;margin:1.6em 0 .5em;border-bottom:1px solid var(--line)}
h3{font-size:1em;margin:1.2em 0 .4em}
p,ul,dl{margin:.5em 0}
ul{padding-left:1.3em}
.warning{border:2px solid var(--warn);color:var(--warn);padding:.5em .8em;font-weight:600}
table{border-collapse:collapse;width:100%;margin:.5em 0;font-size:.86em}
th,td{border:1px solid var(--line);padding:.22em .4em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{background:var(--soft);font-weight:600}
td.n,th.n{text-align:right}
td.n{white-space:nowrap}
table.fields th{width:30%;font-weight:600}
.wide{overflow-x:auto}
table.list th,table.list td{overflow-wrap:normal}
td.w{white-space:nowrap}
.chart th{width:1%;white-space:nowrap;font-weight:400}
.chart td.n{width:1%}
.chart td,.chart th{border:0;padding:.12em .4em}
.bar{display:flex;height:1.05em}
.bar i{display:block;height:100%;min-width:1px}
.p0{background:#2f6690}.p1{background:#d98c3f}.p2{background:#7a9e7e}.p3{background:#8d6a9f}.p4{background:#9a9a9a}
.legend{font-size:.86em}.legend i{display:inline-block;width:.9em;height:.9em;margin:0 .4em 0 1em;vertical-align:-.1em}
.sign th{width:16%}
.sign td{width:34%;height:2.6em}
@media screen and (max-width:36rem){body{padding:1rem}table.list{font-size:.7em}.list th,.list td{padding:.2em}.sign tr{display:grid;grid-template-columns:30% 70%}
.sign th,.sign td{width:auto}}
pre{font-family:ui-monospace,monospace;background:var(--soft);padding:.6em;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.86em}
@media print{:root{--ink:#000;--paper:#fff;--line:#777;--soft:#f2f2f2;--warn:#000}
body{padding:0 1px;max-width:none;font-size:9.5pt}.wide{overflow:visible}
thead{display:table-header-group}tr,.sign,.warning,pre{break-inside:avoid}h2,h3{break-after:avoid}
th,.bar i,.legend i{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";

/// What is different where a sheet is printed across.
const LANDSCAPE: &str = "@page{size:A4 landscape}\n@media screen{body{max-width:75rem}}\n\
@media screen and (max-width:36rem){table.list{min-width:46rem}}\n";

pub(super) fn write(sheet: Sheet, out: &mut dyn Write) -> Result<(), Failure> {
    let title = escape(&sheet.title);
    let mut written = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n",
        sheet.language.tag(),
        if sheet.landscape { LANDSCAPE } else { "" },
    );
    for block in sheet.blocks {
        match block {
            Block::LongTable(LongTable { head, right, rows }) => {
                push_head(&mut written, &head, &right);
                rows(&mut |row| {
                    push_row(&mut written, &row, &right);
                    if written.len() < BUFFER { Ok(()) } else { flush(&mut written, out) }
                })?;
                written.push_str(TABLE_END);
            }
            other => push(&mut written, &other),
        }
    }
    written.push_str("</body>\n</html>\n");
    flush(&mut written, out)
}

/// Bytes that are written at once.
const BUFFER: usize = 1 << 16;

fn flush(written: &mut String, out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(written.as_bytes()).map_err(Failure::Output)?;
    written.clear();
    Ok(())
}

fn push(out: &mut String, block: &Block) {
    match block {
        Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", escape(text))),
        Block::Subheading(text) => out.push_str(&format!("<h3>{}</h3>\n", escape(text))),
        Block::Paragraph(text) => out.push_str(&format!("<p>{}</p>\n", escape(text))),
        Block::Warning(text) => out.push_str(&format!("<p class=\"warning\">{}</p>\n", escape(text))),
        Block::Fields(fields) => {
            out.push_str("<table class=\"fields\">\n");
            for (label, value) in fields {
                out.push_str(&format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(label), escape(value)));
            }
            out.push_str("</table>\n");
        }
        Block::List(items) => {
            out.push_str("<ul>\n");
            items.iter().for_each(|item| out.push_str(&format!("<li>{}</li>\n", escape(item))));
            out.push_str("</ul>\n");
        }
        Block::Table(table) => push_table(out, table),
        Block::LongTable(_) => unreachable!("long tables are written as they come"),
        Block::Chart(chart) => push_chart(out, chart),
        Block::Commands(lines) => out.push_str(&format!("<pre>{}</pre>\n", escape_lines(lines))),
        Block::Signature(role, fields) => push_signature(out, role, fields),
    }
}

const TABLE_END: &str = "</tbody>\n</table>\n</div>\n";

fn push_table(out: &mut String, table: &Table) {
    push_head(out, &table.head, &table.right);
    table.rows.iter().for_each(|row| push_row(out, row, &table.right));
    out.push_str(TABLE_END);
}

fn number(column: usize, right: &[usize]) -> &'static str {
    if right.contains(&column) { " class=\"n\"" } else { "" }
}

fn push_head(out: &mut String, head: &[String], right: &[usize]) {
    out.push_str("<div class=\"wide\">\n<table class=\"list\">\n<thead><tr>");
    for (column, cell) in head.iter().enumerate() {
        out.push_str(&format!("<th scope=\"col\"{}>{}</th>", number(column, right), escape(cell)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

fn push_row(out: &mut String, row: &[String], right: &[usize]) {
    out.push_str("<tr>");
    for (column, cell) in row.iter().enumerate() {
        let number = number(column, right);
        // A date or number that is broken at its hyphens cannot be read.
        let class = if is_short_word(cell) && number.is_empty() { " class=\"w\"" } else { number };
        out.push_str(&format!("<td{class}>{}</td>", escape(cell)));
    }
    out.push_str("</tr>\n");
}

/// Colours of the parts of bars.
const COLOURS: usize = 5;

fn push_chart(out: &mut String, chart: &Chart) {
    if chart.legend.len() > 1 {
        out.push_str("<p class=\"legend\">");
        for (part, name) in chart.legend.iter().enumerate() {
            out.push_str(&format!("<i class=\"p{}\"></i>{}", part % COLOURS, escape(name)));
        }
        out.push_str("</p>\n");
    }
    out.push_str("<table class=\"chart\">\n");
    let longest = chart.longest() as f64;
    for bar in &chart.bars {
        out.push_str(&format!("<tr><th scope=\"row\">{}</th><td><div class=\"bar\">", escape(&bar.label)));
        for (part, size) in bar.parts.iter().enumerate().filter(|(_, size)| **size > 0) {
            let width = *size as f64 * 100.0 / longest;
            out.push_str(&format!("<i class=\"p{}\" style=\"width:{width:.2}%\"></i>", part % COLOURS));
        }
        out.push_str(&format!("</div></td><td class=\"n\">{}</td></tr>\n", escape(&bar.value)));
    }
    out.push_str("</table>\n");
}

fn is_short_word(cell: &str) -> bool {
    cell.len() <= 14 && cell.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'.'))
}

fn push_signature(out: &mut String, role: &str, fields: &[(String, Option<String>)]) {
    out.push_str(&format!("<div class=\"sign\">\n<h3>{}</h3>\n<table>\n", escape(role)));
    for pair in fields.chunks(2) {
        out.push_str("<tr>");
        for (label, value) in pair {
            let value = escape(value.as_deref().unwrap_or(""));
            let alone = if pair.len() == 1 { " colspan=\"3\"" } else { "" };
            out.push_str(&format!("<th scope=\"row\">{}</th><td{alone}>{value}</td>", escape(label)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n</div>\n");
}

fn escape_lines(lines: &[String]) -> String {
    lines.iter().map(|line| escape(line)).collect::<Vec<_>>().join("\n")
}

/// Text for HTML: neither markup nor characters that deceive the eye get through.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::storage::escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
