//! The closing table: the same callers under different care, measured.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::screen::{Paint, minutes};
use crate::{
    conversation::Priority,
    sandbox::{
        Media,
        scenario::{Outcome, Waits, overtakes, overtakes_by},
    },
};

/// Measured runs of the same callers.
#[derive(Default)]
pub(super) struct Verdict {
    /// One row a run; the first is the one without anything, the last is this daemon's.
    rows: Vec<Row>,
}

/// What was measured in one run.
struct Row {
    /// What was done for callbacks.
    care: &'static str,
    /// Callbacks overtaken by at least one call that came a minute or more later.
    overtaken: usize,
    /// Calls that came later and were offered to an agent before, for the average callback.
    later_calls_first: f64,
    /// Waits of callbacks.
    callbacks: Waits,
    /// Waits of calls.
    calls: Waits,
}

impl Row {
    /// Its cells, as the headings name them.
    fn cells(&self) -> [String; 7] {
        [
            self.care.to_owned(),
            format!("{} of {}", self.overtaken, self.callbacks.all),
            format!("{:.1}", self.later_calls_first),
            minutes(self.callbacks.mean),
            minutes(self.callbacks.p95),
            minutes(self.calls.mean),
            minutes(self.calls.p95),
        ]
    }
}

impl Verdict {
    /// Measures a run.
    pub(super) fn add(&mut self, care: &'static str, outcomes: &[Outcome]) {
        let by_a_point = overtakes_by(outcomes, Priority::WORTH);
        let by_any = overtakes(outcomes);
        let callbacks = Waits::of(outcomes, Media::Callback);
        self.rows.push(Row {
            care,
            overtaken: by_a_point.iter().filter(|calls| **calls > 0).count(),
            later_calls_first: mean(&by_any),
            callbacks,
            calls: Waits::of(outcomes, Media::Call),
        });
    }

    /// Prints the table and what follows from it.
    pub(super) fn print(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let ways = match self.rows.len() {
            4 => "four".to_owned(),
            other => other.to_string(),
        };
        let title = format!(
            "The same callers, measured {ways} ways (a wait is from the customer's call to the answer)"
        );
        writeln!(out, "{}", paint.bold(title))?;
        let above = [
            "",
            "overtaken by",
            "later calls",
            "callbacks'",
            "",
            "calls'",
            "",
        ];
        let below = [
            "",
            "calls 1m later",
            "served first",
            "mean wait",
            "95 %",
            "mean wait",
            "95 %",
        ];
        for headings in [above, below] {
            writeln!(out, "{}", paint.dim(aligned(&headings.map(str::to_owned))))?;
        }
        for row in &self.rows {
            writeln!(out, "{}", aligned(&row.cells()))?;
        }
        if let [without, .., with] = self.rows.as_slice() {
            writeln!(out, "\n{}", paint.green(conclusion(without, with)))?;
        }
        Ok(())
    }
}

/// The difference between two runs, in a sentence.
fn conclusion(without: &Row, with: &Row) -> String {
    let (before, now) = (without.callbacks.mean, with.callbacks.mean);
    let (difference, word) = if now <= before {
        (before.saturating_sub(now), "less")
    } else {
        (now.saturating_sub(before), "longer")
    };
    format!(
        "Keeping its place, a callback waits {} {word} on average, and {} of {} are overtaken by a call that came a minute or more later, instead of {}.",
        minutes(difference),
        with.overtaken,
        with.callbacks.all,
        without.overtaken,
    )
}

/// Cells in columns.
fn aligned(cells: &[String; 7]) -> String {
    let [care, rest @ ..] = cells;
    let padded = rest.iter().map(|cell| format!("{cell:<15}"));
    let line: Vec<String> = std::iter::once(format!("{care:<27}"))
        .chain(padded)
        .collect();
    line.concat().trim_end().to_owned()
}

/// The average of some counts.
fn mean(counts: &[usize]) -> f64 {
    let count = |number: usize| Duration::from_secs(number as u64).as_secs_f64();
    count(counts.iter().sum()) / count(counts.len().max(1))
}
