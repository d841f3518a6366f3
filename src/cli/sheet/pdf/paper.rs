//! Pages of A4 that fill from top to bottom, before they are a PDF: text, rectangles, and where the next line goes.

use super::face::{Face, Faces, Shaped};
use crate::language::lines::pieces;

/// A4 in points: the shorter and the longer side.
const SHORT: f32 = 595.28;
const LONG: f32 = 841.89;
/// Margins in points: 16 mm at the sides, 18 mm above and below.
pub const SIDE: f32 = 45.4;
const EDGE: f32 = 51.0;
/// Height of a line as a multiple of the font's size.
const LEADING: f32 = 1.45;

/// Red, green, blue.
pub type Colour = (u8, u8, u8);
pub const INK: Colour = (0, 0, 0);
pub const GREY: Colour = (119, 119, 119);
pub const SOFT: Colour = (240, 240, 240);
pub const WARN: Colour = (138, 31, 17);

/// Something on a page.
pub enum Mark {
    /// A line of text with its baseline.
    Text { x: f32, y: f32, size: f32, bold: bool, colour: Colour, shaped: Shaped },
    /// A filled rectangle: left, top, width, height.
    Box { x: f32, y: f32, width: f32, height: f32, colour: Colour },
}

/// How a text is set.
#[derive(Clone, Copy)]
pub struct Style {
    pub size: f32,
    pub bold: bool,
    pub colour: Colour,
}

impl Style {
    pub const fn plain(size: f32) -> Self {
        Self { size, bold: false, colour: INK }
    }

    pub const fn bold(size: f32) -> Self {
        Self { size, bold: true, colour: INK }
    }

    /// Height of a line.
    pub fn line(self) -> f32 {
        self.size * LEADING
    }
}

/// Pages that are being filled.
pub struct Paper<'f> {
    pub faces: &'f Faces,
    pub pages: Vec<Vec<Mark>>,
    /// Top of what comes next.
    pub y: f32,
    /// Characters that the face lacks.
    pub missing: usize,
    /// Width and height of a page.
    pub size: (f32, f32),
}

impl<'f> Paper<'f> {
    pub fn new(faces: &'f Faces, landscape: bool) -> Self {
        let size = if landscape { (LONG, SHORT) } else { (SHORT, LONG) };
        Self { faces, pages: vec![Vec::new()], y: EDGE, missing: 0, size }
    }

    /// Width of a line of text.
    pub fn text_width(&self) -> f32 {
        self.size.0 - 2.0 * SIDE
    }

    pub fn face(&self, bold: bool) -> &'f Face {
        if bold { &self.faces.bold } else { &self.faces.regular }
    }

    /// Room that is left on the page.
    pub fn room(&self) -> f32 {
        self.size.1 - EDGE - self.y
    }

    /// Room on an empty page.
    pub fn whole(&self) -> f32 {
        self.size.1 - 2.0 * EDGE
    }

    pub fn next_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = EDGE;
    }

    /// Goes to the next page where less than `height` is left.
    pub fn need(&mut self, height: f32) -> bool {
        let turns = height > self.room() && self.y > EDGE;
        if turns {
            self.next_page();
        }
        turns
    }

    pub fn space(&mut self, height: f32) {
        self.y = (self.y + height).min(self.size.1 - EDGE);
    }

    fn mark(&mut self, mark: Mark) {
        self.pages.last_mut().expect("there is a page").push(mark);
    }

    pub fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.mark(Mark::Box { x, y, width, height, colour });
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, x: f32, y: f32, width: f32, height: f32, line: f32, colour: Colour) {
        self.fill(x, y, width, line, colour);
        self.fill(x, y + height - line, width, line, colour);
        self.fill(x, y, line, height, colour);
        self.fill(x + width - line, y, line, height, colour);
    }

    /// One line whose top is `y`; right-aligned lines end at `x`.
    pub fn line(&mut self, x: f32, y: f32, text: &str, style: Style, right: bool) {
        let shaped = self.face(style.bold).shape(text);
        self.missing += shaped.missing;
        let x = if right { x - shaped.width(style.size) } else { x };
        let baseline = y + style.line() * 0.5 + style.size * 0.36;
        self.mark(Mark::Text { x, y: baseline, size: style.size, bold: style.bold, colour: style.colour, shaped });
    }

    /// Lines that are no wider than `width`: broken between words and Chinese characters, or wherever nothing else fits.
    pub fn broken(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let face = self.face(style.bold);
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            let mut used = 0.0;
            for piece in pieces(paragraph) {
                let own = face.width(piece.trim_end(), style.size);
                if used + own > width && !line.is_empty() {
                    lines.push(std::mem::take(&mut line).trim_end().to_owned());
                    used = 0.0;
                }
                if own <= width {
                    line.push_str(piece);
                    used += face.width(piece, style.size);
                    continue;
                }
                for c in piece.chars() {
                    let own = face.width(c.encode_utf8(&mut [0; 4]), style.size);
                    if used + own > width && !line.is_empty() {
                        lines.push(std::mem::take(&mut line));
                        used = 0.0;
                    }
                    line.push(c);
                    used += own;
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// A paragraph that may go on over pages.
    pub fn paragraph(&mut self, text: &str, style: Style, indent: f32) {
        for line in self.broken(text, style, self.text_width() - indent) {
            self.need(style.line());
            let y = self.y;
            self.line(SIDE + indent, y, &line, style, false);
            self.y += style.line();
        }
    }
}
