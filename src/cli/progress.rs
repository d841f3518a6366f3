//! A progress line on standard error, when that is a terminal: what is done, how fast, and how long it will take.

use crate::keyring::watch::{Watched, Watcher};
use crate::language::said;
use crate::ops::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tr::tr;

/// A bar, or nothing.
pub struct Bar {
    line: Line,
}

/// What is drawn, which others may hold who only tell how far they are.
#[derive(Clone)]
struct Line {
    line: ProgressBar,
    /// Whether it counts bytes, and not things.
    in_bytes: Arc<AtomicBool>,
}

/// What a bar counts.
#[derive(Clone, Copy)]
enum Counts {
    Bytes,
    Items,
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

    /// For work in a keyring.
    pub fn watched(&self) -> Watched {
        Watched::by(Arc::new(self.line.clone()))
    }

    fn of(what: &str, counts: Counts, quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target).with_message(said(what).into_owned());
        line.set_style(style(match counts {
            Counts::Bytes => "{msg} {bytes} {bytes_per_sec} {elapsed}",
            Counts::Items => "{msg} {pos} {per_sec} {elapsed}",
        }));
        if visible {
            line.enable_steady_tick(Duration::from_millis(500));
        }
        let in_bytes = Arc::new(AtomicBool::new(matches!(counts, Counts::Bytes)));
        Self { line: Line { line, in_bytes } }
    }

    /// Removes the line.
    pub fn done(self) {
        drop(self);
    }
}

impl Drop for Bar {
    /// Also after an error, which is then told on a clean line.
    fn drop(&mut self) {
        self.line.line.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that a translation broke must not end the work.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Line {
    fn more(&self, more: u64) {
        if self.line.length().is_none() {
            let done = match self.in_bytes.load(Ordering::Relaxed) {
                true => "{msg} {bytes}/{total_bytes} {bytes_per_sec}",
                false => "{msg} {pos}/{len} {per_sec}",
            };
            let left = tr!("{time} left", time = "{eta}");
            self.line.set_style(style(&format!("{done} {left}")));
            self.line.set_length(0);
        }
        self.line.inc_length(more);
    }
}

impl Watcher for Line {
    fn total(&self, more: u64) {
        self.more(more);
    }

    fn advance(&self, done: u64) {
        self.line.inc(done);
    }
}

impl Progress for Bar {
    fn is_watched(&self) -> bool {
        !self.line.line.is_hidden()
    }

    fn advance(&self, done: u64) {
        self.line.line.inc(done);
    }

    fn total(&self, more: u64) {
        self.line.more(more);
    }

    fn stage(&self, what: &'static str, things: u64) {
        self.line.in_bytes.store(false, Ordering::Relaxed);
        self.line.line.reset();
        self.line.line.unset_length();
        self.line.line.set_message(said(what).into_owned());
        self.line.more(things);
    }
}
