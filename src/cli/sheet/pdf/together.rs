//! How much of a block must stay on one page, so that no heading, role or head of a table ends a page alone.
//!
//! Invariant: what is asked for is never more than a whole page.

use super::grid::Grid;
use super::paper::{Paper, Style};
use super::{ABOVE, BODY, Block, HEADING, escape_lines, fields_of, signature_height, warning_lines};
use crate::storage::escape;

/// Height that a page must have left where each block begins: headings with the beginning of what they are over.
pub fn heights(paper: &Paper, blocks: &[Block]) -> Vec<f32> {
    let mut heights = vec![0.0; blocks.len()];
    let mut after = 0.0;
    for (place, block) in blocks.iter().enumerate().rev() {
        let own = beginning(paper, block);
        after = if matches!(block, Block::Heading(_) | Block::Subheading(_)) { own + after } else { own };
        heights[place] = after.min(paper.whole());
        // A subheading keeps off what is above it; at its place that is done before it asks.
        if matches!(block, Block::Subheading(_)) {
            after += ABOVE;
        }
    }
    heights
}

/// Height of the part of a block that cannot be parted.
fn beginning(paper: &Paper, block: &Block) -> f32 {
    let lines = |text: &str, style: Style| paper.broken(text, style, paper.text_width()).len() as f32 * style.line();
    match block {
        Block::Heading(text) => lines(&escape(text), HEADING) + 5.0,
        Block::Subheading(text) => lines(&escape(text), Style::bold(BODY.size)) + 2.0,
        Block::Paragraph(text) => lines(&escape_lines(text), BODY).min(2.0 * BODY.line()),
        Block::Warning(text) => warning_lines(paper, &escape_lines(text)).1,
        Block::Fields(rows) => rows.first().map_or(0.0, |(label, value)| {
            let row = fields_of(paper, &escape(label), &escape_lines(value));
            // Longer ones go on over pages.
            (if row.most() <= super::WHOLE_FIELD { row.most() } else { 1 }) as f32 * row.line() + 4.0
        }),
        Block::Table(table) => Grid::of(paper, table).beginning(paper, table),
        // It became a table before.
        Block::LongTable(_) => 0.0,
        Block::List(_) | Block::Commands(_) => BODY.line(),
        Block::Chart(_) => 3.0 * BODY.line(),
        Block::Signature(_, fields) => signature_height(fields.len()),
    }
}
