//! A sheet for people, before it is text or HTML: headings, fields, tables, lines to sign.

/// One sheet.
pub(super) struct Sheet {
    pub language: super::Language,
    pub title: String,
    pub blocks: Vec<Block>,
}

/// A part of a sheet.
pub(super) enum Block {
    Heading(String),
    Subheading(String),
    Paragraph(String),
    /// A paragraph that must not be overlooked.
    Warning(String),
    Fields(Vec<(String, String)>),
    List(Vec<String>),
    Table(Table),
    /// Commands, to be copied as they stand.
    Commands(Vec<String>),
    /// What one person fills in: name of the role, then fields that are given or blank.
    Signature(String, Vec<(String, Option<String>)>),
}

/// Rows under a head; `right` are the columns of numbers.
pub(super) struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub right: Vec<usize>,
}

impl Sheet {
    pub fn new(language: super::Language, title: &str) -> Self {
        Self { language, title: title.to_owned(), blocks: Vec::new() }
    }

    pub fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading(text.to_owned()));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    pub fn fields(&mut self, fields: Vec<(&str, String)>) {
        self.blocks.push(Block::Fields(fields.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()));
    }
}
