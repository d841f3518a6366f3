//! The face that a PDF is set in: found on this machine or named, measured and embedded.
//!
//! Invariant: a character that the face lacks is shown as `?` and counted, never left out unseen.

use crate::cli::error::Failure;
use crate::storage::{StorageError, read_limited};
use fontdb::{Database, Family, Query, Source, Weight};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};
use std::path::Path;
use std::sync::Arc;
use tr::tr;

/// Families with Latin and simplified Chinese, the likeliest first; the last ones have Latin only.
const FAMILIES: [&str; 14] = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Heiti SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimSun",
    "Noto Serif CJK SC",
    "Noto Sans",
    "DejaVu Sans",
    "Liberation Sans",
    "Arial",
];

/// Bytes of a font file, at most.
const MAX_FONT: u64 = 256 << 20;

/// One face in two weights.
pub struct Faces {
    pub regular: Face,
    pub bold: Face,
}

/// A font that can be measured and drawn.
#[derive(Clone)]
pub struct Face {
    pub font: Font,
    data: Arc<Vec<u8>>,
    index: u32,
    per_em: f32,
}

/// Text with its glyphs, which are measured in units of the font's size.
pub struct Shaped {
    pub text: String,
    pub glyphs: Vec<KrillaGlyph>,
    /// Characters that the face lacks.
    pub missing: usize,
}

impl Shaped {
    /// Width at a size.
    pub fn width(&self, size: f32) -> f32 {
        self.glyphs.iter().map(|glyph| glyph.x_advance).sum::<f32>() * size
    }
}

impl Faces {
    /// The face in `file`, or the best that is installed for text with these characters.
    pub fn find(file: Option<&Path>, sample: char) -> Result<Self, Failure> {
        if let Some(path) = file {
            let face = Face::read(path, 0)?;
            return Ok(Self { bold: face.clone(), regular: face });
        }
        let mut installed = Database::new();
        installed.load_system_fonts();
        let load = |family: &str, weight| {
            let id = installed.query(&Query { families: &[Family::Name(family)], weight, ..Query::default() })?;
            let (source, index) = installed.face_source(id)?;
            let (Source::File(path) | Source::SharedFile(path, _)) = source else { return None };
            Face::read(&path, index).ok()
        };
        let regular = FAMILIES
            .into_iter()
            .find_map(|family| load(family, Weight::NORMAL).filter(|face| face.has(sample)).map(|face| (family, face)));
        let Some((family, regular)) = regular else {
            return Err(Failure::Usage(
                tr!("no font for the PDF is installed"),
                tr!("install one (Debian: apt install fonts-noto-cjk), or name a font file: --font FILE"),
            ));
        };
        let bold = load(family, Weight::BOLD).unwrap_or_else(|| regular.clone());
        Ok(Self { regular, bold })
    }
}

impl Face {
    fn read(path: &Path, index: u32) -> Result<Self, Failure> {
        let broken = || {
            let invalid = std::io::Error::other(tr!("not a font that can be embedded"));
            Failure::from(StorageError::at(path)(invalid))
        };
        let data = Arc::new(read_limited(path, MAX_FONT)?);
        let font = Font::new(data.clone().into(), index).ok_or_else(broken)?;
        FontRef::from_index(&data, index).map_err(|_| broken())?;
        let per_em = font.units_per_em();
        if per_em <= 0.0 {
            return Err(broken());
        }
        Ok(Self { font, data, index, per_em })
    }

    fn parsed(&self) -> FontRef<'_> {
        FontRef::from_index(&self.data, self.index).expect("it was parsed when it was read")
    }

    fn has(&self, c: char) -> bool {
        self.parsed().charmap().map(c).is_some_and(|glyph| glyph.to_u32() != 0)
    }

    /// The glyphs of a line of text.
    pub fn shape(&self, text: &str) -> Shaped {
        let font = self.parsed();
        let (charmap, metrics) = (font.charmap(), GlyphMetrics::new(&font, Size::unscaled(), LocationRef::default()));
        let mut shaped = Shaped { text: String::with_capacity(text.len()), glyphs: Vec::new(), missing: 0 };
        for c in text.chars() {
            let glyph = |c: char| charmap.map(c).filter(|glyph| glyph.to_u32() != 0);
            let (c, id) = match glyph(c) {
                Some(id) => (c, id),
                None => {
                    shaped.missing += 1;
                    let Some(id) = glyph('?') else { continue };
                    ('?', id)
                }
            };
            let start = shaped.text.len();
            shaped.text.push(c);
            let advance = metrics.advance_width(id).unwrap_or_default() / self.per_em;
            let range = start..shaped.text.len();
            shaped.glyphs.push(KrillaGlyph::new(GlyphId::new(id.to_u32()), advance, 0.0, 0.0, 0.0, range, None));
        }
        shaped
    }

    /// Width of text at a size.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        self.shape(text).width(size)
    }
}
