//! What reports say of records that wait for a notice of destruction.
//!
//! Invariant: not sent, void and running are never told as one. Spec: `spec/notices.md`, N-26.

use super::deliver::fields;
use crate::cli::notify;
use crate::cli::sheet::Sheet;
use crate::ops::notify::NoticeCounts;
use tr::tr;

/// What waits for a notice of destruction; nothing where no rule asks for one.
pub fn notices(sheet: &mut Sheet, of: &NoticeCounts) {
    let or_none = |n: u64| if n > 0 { n.to_string() } else { String::new() };
    let by = of.send_by.map_or_else(String::new, |day| day.to_string());
    fields(
        sheet,
        vec![
            (tr!("Notice of destruction to be sent"), or_none(of.to_send())),
            (tr!("The first to be sent by"), by),
            (tr!("Of these late"), or_none(of.late)),
            (tr!("Of these sent, and void since the date was moved"), or_none(of.void)),
            (tr!("Notice of destruction sent, its period runs"), or_none(of.running)),
            (tr!("It runs until"), notify::running_until(of)),
        ],
    );
}
