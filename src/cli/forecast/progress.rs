//! How far a forecast is, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is drawn a second.
const DRAWN: u8 = 5;

/// A bar on stderr; nothing where that is no terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Nothing of so much is done yet.
    pub(super) fn of(all: u64) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWN);
        let bar = ProgressBar::with_draw_target(Some(all), target);
        let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %, {eta} to go");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// One more is done.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    /// All is done.
    pub(super) fn end(self) {
        self.0.finish_and_clear();
    }
}
