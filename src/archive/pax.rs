//! Records of pax headers, and the times in them, as a reader takes them apart.
//!
//! Invariant: what does not add up is nothing at all. Spec: `spec/archive.md`, "Inside a record".

/// Splits off the first `length keyword=value` record: keyword, value and the rest; a value may hold newlines.
pub fn pax_record(text: &str) -> Option<(&str, &str, &str)> {
    let (length, _) = text.split_once(' ')?;
    let (record, tail) = text.split_at_checked(length.parse().ok()?)?;
    let (keyword, value) = record.get(length.len() + 1..)?.strip_suffix('\n')?.split_once('=')?;
    Some((keyword, value, tail))
}

/// Seconds and nanoseconds of a time as [`super::bag_writer::pax_time`] writes it.
pub fn parse_time(text: &str) -> Option<(i64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if fraction.is_empty() {
        return Some((seconds, 0));
    }
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    if whole.starts_with('-') && nanos > 0 {
        Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos))
    } else {
        Some((seconds, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_may_hold_newlines_and_must_add_up() {
        assert_eq!(pax_record("12 path=a\nb\n6 x=y\n"), Some(("path", "a\nb", "6 x=y\n")));
        for bad in ["", "5", "8 path=a\n", "99 path=a\n", "3 x\n", "0 =\n"] {
            assert_eq!(pax_record(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn pax_times_round_before_and_after_1970() {
        assert_eq!(parse_time("12.5"), Some((12, 500_000_000)));
        assert_eq!(parse_time("-0.25"), Some((-1, 750_000_000)));
        assert_eq!(parse_time("-3"), Some((-3, 0)));
        assert_eq!(parse_time("x"), None);
    }
}
