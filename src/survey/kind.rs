//! What a file is: by its first bytes, else by the end of its name.

use serde::Serialize;

/// Kinds of file as a report groups them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Plain text.
    Text,
    /// Text in columns.
    Table,
    /// XML, HTML, JSON: also electronic invoices.
    Markup,
    /// One message, as a mail program stores it.
    Mail,
    /// Word-processor text (docx, odt).
    Document,
    /// Spreadsheet (xlsx, ods).
    Spreadsheet,
    /// Slides (pptx, odp).
    Slides,
    /// PDF.
    Pdf,
    /// Office formats of before 2007 (doc, xls, ppt).
    OldOffice,
    /// OFD, the Chinese form of electronic invoices and official papers.
    Ofd,
    /// Pictures and scans.
    Image,
    /// Sound and film.
    Media,
    /// Packed folders (zip, 7z, rar, tar, …).
    Packed,
    /// Databases and the files of accounting programs.
    Database,
    /// Programs and what belongs to them.
    Program,
    /// Encrypted as a whole (age, gpg, …).
    Encrypted,
    /// Nothing in it.
    Empty,
    /// Anything else.
    Other,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Table => "table",
            Self::Markup => "markup",
            Self::Mail => "mail",
            Self::Document => "document",
            Self::Spreadsheet => "spreadsheet",
            Self::Slides => "slides",
            Self::Pdf => "pdf",
            Self::OldOffice => "old-office",
            Self::Ofd => "ofd",
            Self::Image => "image",
            Self::Media => "media",
            Self::Packed => "packed",
            Self::Database => "database",
            Self::Program => "program",
            Self::Encrypted => "encrypted",
            Self::Empty => "empty",
            Self::Other => "other",
        }
    }

    /// Whether its content is XML in a zip file.
    pub fn is_zipped_xml(self) -> bool {
        matches!(self, Self::Document | Self::Spreadsheet | Self::Slides | Self::Ofd)
    }

    /// Whether its bytes are text, unless they turn out to be none.
    pub fn may_be_text(self) -> bool {
        matches!(self, Self::Text | Self::Table | Self::Markup | Self::Mail | Self::Program | Self::Other)
    }
}

/// First bytes that say what a file is.
const MAGIC: [(&[u8], Kind); 30] = [
    (b"age-encryption.org/v1\n", Kind::Encrypted),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", Kind::Encrypted),
    (b"-----BEGIN PGP MESSAGE-----", Kind::Encrypted),
    (b"Salted__", Kind::Encrypted),
    (b"LUKS\xba\xbe", Kind::Encrypted),
    (b"\x03\xd9\xa2\x9a", Kind::Encrypted),
    (b"%PDF-", Kind::Pdf),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::OldOffice),
    (b"\x89PNG\r\n\x1a\n", Kind::Image),
    (b"\xff\xd8\xff", Kind::Image),
    (b"GIF8", Kind::Image),
    (b"II*\0", Kind::Image),
    (b"MM\0*", Kind::Image),
    (b"BM", Kind::Image),
    (b"7z\xbc\xaf\x27\x1c", Kind::Packed),
    (b"Rar!\x1a\x07", Kind::Packed),
    (b"\x1f\x8b", Kind::Packed),
    (b"\xfd7zXZ\0", Kind::Packed),
    (b"\x28\xb5\x2f\xfd", Kind::Packed),
    (b"BZh", Kind::Packed),
    (b"SQLite format 3\0", Kind::Database),
    (b"\0\x01\0\0Standard", Kind::Database),
    (b"\x7fELF", Kind::Program),
    (b"MZ", Kind::Program),
    (b"ID3", Kind::Media),
    (b"OggS", Kind::Media),
    (b"fLaC", Kind::Media),
    (b"\x1aE\xdf\xa3", Kind::Media),
    (b"<?xml", Kind::Markup),
    (b"\xef\xbb\xbf<?xml", Kind::Markup),
];

/// Ends of names. A magic of two letters is believed only where the name agrees or says nothing.
const ENDS: [(Kind, &str); 17] = [
    (Kind::Text, "txt md rst log tex ini conf cfg toml yaml yml"),
    (Kind::Table, "csv tsv"),
    (Kind::Markup, "xml html htm xhtml json svg"),
    (Kind::Mail, "eml mbox"),
    (Kind::Document, "docx docm odt wps"),
    (Kind::Spreadsheet, "xlsx xlsm ods et"),
    (Kind::Slides, "pptx pptm odp dps"),
    (Kind::Pdf, "pdf"),
    (Kind::OldOffice, "doc xls ppt msg"),
    (Kind::Ofd, "ofd"),
    (Kind::Image, "png jpg jpeg gif tif tiff bmp webp heic"),
    (Kind::Media, "mp3 mp4 m4a wav avi mov mkv ogg flac amr"),
    (Kind::Packed, "zip 7z rar tar gz tgz xz bz2 zst"),
    (Kind::Database, "db sqlite sqlite3 mdb accdb dbf mdf bak ais"),
    (Kind::Program, "exe dll so sh py js rs c h java class jar msi"),
    (Kind::Encrypted, "age gpg pgp asc p7m kdbx"),
    (Kind::Other, "bin dat"),
];

/// What a file is, from its name and its first bytes.
pub fn of(name: &str, head: &[u8]) -> Kind {
    let by_name = by_name(name);
    if head.is_empty() {
        return Kind::Empty;
    }
    if head.starts_with(b"PK\x03\x04") {
        return match by_name {
            Some(kind) if kind.is_zipped_xml() => kind,
            _ => zipped(head),
        };
    }
    let found = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
    match (found, by_name) {
        (Some((magic, kind)), by_name) if magic.len() > 3 || by_name.is_none_or(|name| name == *kind) => *kind,
        // An ascii-armoured signature or key is no secret; what begins otherwise was caught above.
        (_, Some(Kind::Encrypted)) if head.starts_with(b"-----BEGIN") => Kind::Text,
        // A document that is no zip file is damaged, or of an old format under a new name.
        (_, Some(kind)) if kind.is_zipped_xml() || matches!(kind, Kind::Pdf) => Kind::Other,
        (_, Some(kind)) => kind,
        (Some((_, kind)), None) => *kind,
        (None, None) => Kind::Other,
    }
}

fn by_name(name: &str) -> Option<Kind> {
    let (_, end) = name.rsplit_once('.')?;
    let end = end.to_ascii_lowercase();
    ENDS.iter().find(|(_, ends)| ends.split(' ').any(|own| own == end)).map(|(kind, _)| *kind)
}

/// A zip file whose name says nothing: the first members tell.
fn zipped(head: &[u8]) -> Kind {
    let has = |what: &[u8]| head.windows(what.len()).any(|window| window == what);
    match () {
        () if has(b"opendocument.text") || has(b"word/") => Kind::Document,
        () if has(b"opendocument.spreadsheet") || has(b"xl/") => Kind::Spreadsheet,
        () if has(b"opendocument.presentation") || has(b"ppt/") => Kind::Slides,
        () if has(b"OFD.xml") => Kind::Ofd,
        () => Kind::Packed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_before_names_and_short_magic_needs_a_name() {
        for (name, head, kind) in [
            ("a.pdf", b"%PDF-1.7".as_slice(), Kind::Pdf),
            ("a", b"%PDF-1.7", Kind::Pdf),
            ("a.txt", b"age-encryption.org/v1\n", Kind::Encrypted),
            ("BMW.txt", b"BMW is a car", Kind::Text),
            ("scan", b"BM\0\0", Kind::Image),
            ("a.docx", b"PK\x03\x04....", Kind::Document),
            ("a.zip", b"PK\x03\x04....", Kind::Packed),
            ("a", b"PK\x03\x04...[Content_Types].xml....xl/workbook.xml", Kind::Spreadsheet),
            ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::OldOffice),
            ("a.docx", b"nothing", Kind::Other),
            ("key.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----", Kind::Text),
            ("x.gpg", b"\x85\x02", Kind::Encrypted),
            ("a.pdf", b"", Kind::Empty),
        ] {
            assert_eq!(of(name, head), kind, "{name}");
        }
    }
}
