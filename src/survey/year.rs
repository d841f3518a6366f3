//! Years in names of folders and files.
//!
//! Invariant: of several years the latest counts, so that nothing is destroyed too early.

use std::ops::Range;

/// What a name says about the year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dating {
    /// The latest year in it, and where it stands when it is the only one.
    Year(i32, Option<Range<usize>>),
    /// Digits that a pattern for a year would take for one.
    Murky,
    /// Nothing.
    None,
}

/// Years that records have.
const YEARS: Range<i32> = 1950..2100;

/// The year in a name: four digits, or the beginning of six or eight that are a month or a day.
pub fn of_name(name: &str) -> Dating {
    let (mut found, mut murky) = (Vec::new(), false);
    let mut at = 0;
    for run in name.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        match year(digits) {
            Some(year) => found.push((year, at..at + 4)),
            None => {
                murky |= (4..digits.len()).any(|end| is_year(&digits[end - 4 + 1..=end]))
                    || is_year(digits.get(..4).unwrap_or(""))
            }
        }
        at += run.len();
    }
    match found.as_slice() {
        [] if murky => Dating::Murky,
        [] => Dating::None,
        [(year, place)] => Dating::Year(*year, Some(place.clone())),
        several => Dating::Year(several.iter().map(|(year, _)| *year).max().unwrap_or(YEARS.end), None),
    }
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && digits.parse().is_ok_and(|year| YEARS.contains(&year))
}

fn year(digits: &str) -> Option<i32> {
    let part = |range: Range<usize>, allowed: Range<u32>| {
        digits.get(range).and_then(|part| part.parse().ok()).is_some_and(|value: u32| allowed.contains(&value))
    };
    let fits = match digits.len() {
        4 => true,
        6 => part(4..6, 1..13),
        8 => part(4..6, 1..13) && part(6..8, 1..32),
        _ => false,
    };
    (fits && is_year(&digits[..4])).then(|| digits[..4].parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_year_counts_and_longer_numbers_are_none() {
        for (name, dating) in [
            ("2019", Dating::Year(2019, Some(0..4))),
            ("2019年", Dating::Year(2019, Some(0..4))),
            ("FY2019", Dating::Year(2019, Some(2..6))),
            ("工资台账 2019-2025.xlsx", Dating::Year(2025, None)),
            ("20190315 letter.pdf", Dating::Year(2019, Some(0..4))),
            ("201903", Dating::Year(2019, Some(0..4))),
            ("201913", Dating::Murky),
            ("invoice 24009000000021460832", Dating::None),
            ("no 1201988", Dating::Murky),
            ("0000", Dating::None),
            ("凭证", Dating::None),
        ] {
            assert_eq!(of_name(name), dating, "{name}");
        }
    }
}
