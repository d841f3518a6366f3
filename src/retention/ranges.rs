//! Sets of record numbers as rising ranges, spelled `1-4,7,9-12`.
//!
//! Invariant: never expanded, so that a set of a billion records costs as much as one of two. Spec: `spec/README.md`.

use serde::{Deserialize, Serialize};
use tr::tr;

/// Ranges in a set, at most.
const MAX_RANGES: usize = 1 << 20;

/// A set of record numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds a number that is not below any that is in the set.
    ///
    /// # Panics
    /// When it is.
    pub fn push(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last == number => {}
            Some((_, last)) if *last + 1 == number => *last = number,
            Some((_, last)) if *last > number => panic!("numbers come in rising order"),
            _ => self.0.push((number, number)),
        }
    }

    /// As a person types it: parts in any order, that may touch, overlap and have blanks around them.
    ///
    /// # Errors
    /// Says which part is no number and no range.
    pub fn typed(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        for part in text.split([',', '，', '、']) {
            let part: Self = part.trim().parse()?;
            parts.extend(part.0);
        }
        Ok(Self::joined(parts))
    }

    /// From ranges in any order, that may touch and overlap.
    fn joined(mut parts: Vec<(u64, u64)>) -> Self {
        parts.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (first, last) in parts {
            match ranges.last_mut() {
                Some((_, before)) if first <= *before + 1 => *before = last.max(*before),
                _ => ranges.push((first, last)),
            }
        }
        Self(ranges)
    }

    /// Whether `number` is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Whether every number of `other` is in the set.
    pub fn contains_all(&self, other: &Self) -> bool {
        let inside = |(from, to): &(u64, u64)| {
            let at = self.0.partition_point(|(_, last)| last < from);
            self.0.get(at).is_some_and(|(first, last)| first <= from && to <= last)
        };
        other.0.iter().all(inside)
    }

    /// The numbers that are in one of the two sets or in both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::joined([&self.0[..], &other.0].concat())
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether it is the empty set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers, rising.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// The largest number.
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, last)| *last)
    }
}

impl FromIterator<u64> for Ranges {
    /// From numbers in any order.
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let mut ranges = Self::default();
        numbers.into_iter().for_each(|number| ranges.push(number));
        ranges
    }
}

impl std::fmt::Display for Ranges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Ranges {
    type Err = String;

    /// Accepts the one spelling that [`std::fmt::Display`] writes; the empty text is the empty set.
    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || {
            tr!("{} is not a list of records such as 1-4,7", format!("{:?}", text.chars().take(40).collect::<String>()))
        };
        let mut ranges = Vec::new();
        for range in text.split(',').filter(|_| !text.is_empty()) {
            let number = |digits: &str| {
                let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
                digits.parse::<u64>().ok().filter(|n| plain && *n <= i64::MAX as u64).ok_or_else(malformed)
            };
            let (first, last) = match range.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(range)?, number(range)?),
            };
            let rises = ranges.last().is_none_or(|(_, before): &(u64, u64)| before + 1 < first);
            let one_spelling = last > first || !range.contains('-');
            if !rises || !one_spelling || ranges.len() == MAX_RANGES {
                return Err(malformed());
            }
            ranges.push((first, last));
        }
        Ok(Self(ranges))
    }
}

impl TryFrom<String> for Ranges {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ranges> for String {
    fn from(ranges: Ranges) -> Self {
        ranges.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_type_them_as_they_like() {
        for (typed, meant) in
            [("1,2", "1-2"), ("7, 3-5,1", "1,3-5,7"), ("4-6，5、2", "2,4-6"), ("9", "9"), ("2-8,3", "2-8")]
        {
            assert_eq!(Ranges::typed(typed).unwrap().to_string(), meant, "{typed}");
        }
        for wrong in ["0", "a", "1-", "-3", "1,,b", "5-2", "18446744073709551615"] {
            assert!(Ranges::typed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_have_one_spelling() {
        let set: Ranges = [10, 3, 2, 1, 7, 9].into_iter().collect();
        assert_eq!(set.to_string(), "1-3,7,9-10");
        assert_eq!("1-3,7,9-10".parse(), Ok(set.clone()));
        assert_eq!((set.count(), set.last()), (6, Some(10)));
        for (number, inside) in [(1, true), (3, true), (4, false), (7, true), (8, false), (11, false)] {
            assert_eq!(set.contains(number), inside, "{number}");
        }
        for bad in ["3-1", "1-1", "1,2", "2,1", "01", "0", "1-", "-1", "1,,3", " 1", "9223372036854775808", "+1"] {
            assert!(bad.parse::<Ranges>().is_err(), "{bad}");
        }
        assert_eq!("".parse::<Ranges>(), Ok(Ranges::default()));
        assert_eq!("1-9223372036854775807".parse::<Ranges>().unwrap().count(), i64::MAX as u64);
    }
}
