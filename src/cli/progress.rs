//! A progress line on standard error, when that is a terminal: what is done, how fast, and how long it will take.

use crate::language::said;
use crate::ops::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;
use tr::tr;

/// A bar, or nothing.
pub struct Bar {
    line: ProgressBar,
    counts: Counts,
}

/// What a bar counts.
#[derive(Clone, Copy)]
enum Counts {
    Bytes,
    Items,
    /// Nothing: it only shows that it goes on, and since when.
    Time,
}

impl Bar {
    /// For `what`, a text that is translated here, and its bytes; hidden where nobody would see it.
    pub fn new(what: impl AsRef<str>, quiet: bool) -> Self {
        Self::of(what.as_ref(), Counts::Bytes, quiet)
    }

    /// The same for what is counted one by one, such as records.
    pub fn counting(what: impl AsRef<str>, quiet: bool) -> Self {
        Self::of(what.as_ref(), Counts::Items, quiet)
    }

    /// The same for work of which nothing is heard before its end.
    pub fn waiting(what: impl AsRef<str>, quiet: bool) -> Self {
        Self::of(what.as_ref(), Counts::Time, quiet)
    }

    fn of(what: &str, counts: Counts, quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target).with_message(said(what).into_owned());
        line.set_style(style(match counts {
            Counts::Bytes => "{msg} {bytes} {bytes_per_sec} {elapsed}",
            Counts::Items => "{msg} {pos} {per_sec} {elapsed}",
            Counts::Time => "{msg} {elapsed}",
        }));
        if visible {
            line.enable_steady_tick(Duration::from_millis(500));
        }
        Self { line, counts }
    }

    /// Removes the line.
    pub fn done(self) {
        drop(self);
    }
}

impl Drop for Bar {
    /// Also after an error, which is then told on a clean line.
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that a translation broke must not end the work.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bar {
    fn is_watched(&self) -> bool {
        !self.line.is_hidden()
    }

    fn advance(&self, done: u64) {
        self.line.inc(done);
    }

    fn total(&self, more: u64) {
        if self.line.length().is_none() {
            let done = match self.counts {
                Counts::Bytes => "{msg} {bytes}/{total_bytes} {bytes_per_sec}",
                Counts::Items | Counts::Time => "{msg} {pos}/{len} {per_sec}",
            };
            let left = tr!("{time} left", time = "{eta}");
            self.line.set_style(style(&format!("{done} {left}")));
            self.line.set_length(0);
        }
        self.line.inc_length(more);
    }
}
