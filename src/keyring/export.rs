//! Exports: which record keys left the keyring on an emergency key sheet, so that later certificates can say so.

use crate::crypto::kdf::ArchiveId;

/// One emergency key sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// When it was written, RFC 3339.
    pub time: String,
    /// The archive.
    pub archive: ArchiveId,
    /// The records on it, in rising order.
    pub records: Vec<u64>,
}

impl Export {
    /// The records as ranges: `1-4,7,9-12`.
    pub fn ranges(&self) -> String {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &record in &self.records {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == record => *last = record,
                _ => ranges.push((record, record)),
            }
        }
        let show =
            |(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        ranges.iter().map(show).collect::<Vec<_>>().join(",")
    }

    /// Records from ranges; `None` when malformed or longer than any archive's.
    pub fn parse_ranges(text: &str) -> Option<Vec<u64>> {
        let mut records = Vec::new();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first || last - first > 1 << 32 {
                return None;
            }
            records.extend(first..=last);
        }
        Some(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_round_trip() {
        let export = Export { time: String::new(), archive: [0; 16], records: vec![1, 2, 3, 7, 9, 10] };
        assert_eq!(export.ranges(), "1-3,7,9-10");
        assert_eq!(Export::parse_ranges("1-3,7,9-10"), Some(export.records));
        assert_eq!(Export::parse_ranges("3-1"), None);
    }
}
