//! A progress line on standard error, when that is a terminal.

use crate::ops::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A bar, or nothing.
pub struct Bar(ProgressBar);

impl Bar {
    /// For `what`; hidden where nobody would see it.
    pub fn new(what: &'static str, quiet: bool) -> Self {
        let visible = !quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_message(what);
        bar.set_style(
            ProgressStyle::with_template("{msg} {bytes} {bytes_per_sec} {elapsed}").expect("a fixed template"),
        );
        if visible {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        Self(bar)
    }

    /// Removes the line.
    pub fn done(self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn total(&self, bytes: u64) {
        if self.0.length().is_none() {
            let template = "{msg} {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
            self.0.set_style(ProgressStyle::with_template(template).expect("a fixed template"));
            self.0.set_length(0);
        }
        self.0.inc_length(bytes);
    }
}
