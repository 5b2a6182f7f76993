//! Figures, and the lines that show them.

use std::{
    io::{Write, stdout},
    process::ExitCode,
    time::Duration,
};

/// What has been measured so far.
#[derive(Default)]
pub(crate) struct Report {
    /// Figures that are not what they are meant to be.
    missed: Vec<&'static str>,
}

impl Report {
    /// A figure that is to be at most this.
    pub(crate) fn at_most(&mut self, what: &'static str, measured: f64, target: f64, unit: &str) {
        let good = measured <= target;
        let verdict = if good { "ok" } else { "MISSED" };
        say(&format!(
            "{what:<66} {measured:>10.3} {unit:<10} at most {target:<8} {verdict}"
        ));
        if !good {
            self.missed.push(what);
        }
    }

    /// What belongs to the figure above.
    #[expect(clippy::unused_self, reason = "it is part of what is reported")]
    pub(crate) fn note(&self, words: &str) {
        say(&format!("    {words}"));
    }

    /// Says what was missed.
    pub(crate) fn end(self) -> ExitCode {
        for what in &self.missed {
            say(&format!("missed: {what}"));
        }
        if self.missed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Prints a line at once, whatever the output goes to.
fn say(line: &str) {
    let _closed = writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
}

/// The time that this share of all of them, per mille, do not exceed: the nearest rank.
pub(crate) fn quantile(times: &mut [Duration], per_mille: usize) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * per_mille).div_ceil(1_000);
    times
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// A count as a figure.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests are far below 2^52"
)]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// A ratio of counts.
pub(crate) fn ratio(one: usize, other: usize) -> f64 {
    number(one) / number(other)
}
