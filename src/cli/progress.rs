//! A progress line on standard error, when that is a terminal: what is done, how fast, and how long it will take.

use super::render;
use crate::keyring::watch::{Watched, Watcher};
use crate::language::said;
use crate::ops::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// Files that are done beside the bytes.
    things: Arc<AtomicU64>,
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
        let in_bytes = Arc::new(AtomicBool::new(matches!(counts, Counts::Bytes)));
        let line = Line { line, in_bytes, things: Arc::default() };
        line.line.set_style(line.style(match counts {
            Counts::Bytes => "{msg}{things} {done} {speed} {elapsed}",
            Counts::Items => "{msg} {pos} {per_sec} {elapsed}",
        }));
        if visible {
            line.line.enable_steady_tick(Duration::from_millis(500));
        }
        Self { line }
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

impl Line {
    /// A template in which `things` is how many files are done, where they are counted, and bytes are told as everywhere.
    fn style(&self, template: &str) -> ProgressStyle {
        let things = self.things.clone();
        let things = move |_: &ProgressState, out: &mut dyn Write| {
            let n = things.load(Ordering::Relaxed);
            let _ = if n > 0 { write!(out, " {}", render::file_count(n)) } else { Ok(()) };
        };
        // A template that a translation broke must not end the work.
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("things", things)
            .with_key("done", |state: &ProgressState, out: &mut dyn Write| {
                let _ = out.write_str(&render::bytes(state.pos()));
            })
            .with_key("all", |state: &ProgressState, out: &mut dyn Write| {
                let _ = out.write_str(&render::bytes(state.len().unwrap_or(0)));
            })
            .with_key("speed", |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{}/s", render::bytes(state.per_sec() as u64));
            })
    }
}

impl Line {
    fn more(&self, more: u64) {
        if self.line.length().is_none() {
            let done = match self.in_bytes.load(Ordering::Relaxed) {
                true => "{msg}{things} {done}/{all} {speed}",
                false => "{msg} {pos}/{len} {per_sec}",
            };
            let left = tr!("{time} left", time = "{eta}");
            self.line.set_style(self.style(&format!("{done} {left}")));
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

    fn file(&self) {
        self.line.things.fetch_add(1, Ordering::Relaxed);
    }

    fn stage(&self, what: &'static str, things: u64) {
        self.line.in_bytes.store(false, Ordering::Relaxed);
        self.line.things.store(0, Ordering::Relaxed);
        self.line.line.reset();
        self.line.line.unset_length();
        self.line.line.set_message(said(what).into_owned());
        self.line.more(things);
    }
}
