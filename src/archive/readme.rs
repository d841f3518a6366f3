//! `README.txt`: what an archive is and how its records open without this program, in English and Chinese.
//!
//! The text and the Python program in it are those of `spec/`.

/// The Python program that finds, checks and extracts records with the standard library only.
pub const PROGRAM: &str = include_str!("../../spec/extract.py");

const TEXT: &str = include_str!("readme.txt");

/// The README.txt of the archive with this id.
pub fn text(archive: &str) -> String {
    TEXT.replace("{archive}", archive).replace("{program}\n", PROGRAM)
}
