//! A comparison as text: two tables, a sentence that follows from them, and what to think of when reading it.

use std::fmt::{self, Write};

use super::{Comparison, Estimate, Row, Way, compare::minutes};
use crate::settings::Spelled;

/// Width of the first column.
const FIRST: usize = 24;
/// Width of the others.
const OTHERS: usize = 17;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.about {
            writeln!(f, "{line}")?;
        }
        let within = format!("within {}", Spelled(self.within));
        let callbacks = [
            ["Callbacks", ""],
            ["overtaken by calls", "that came 1m later"],
            ["by, on average", "(95 in 100)"],
            ["mean wait", ""],
            ["half, 95 in 100", "wait no longer"],
            ["answered", &within],
        ];
        table(f, &callbacks, self, |row| {
            let Row { measured, .. } = row;
            let class = &measured.callbacks;
            vec![
                share(measured.overtaken),
                if measured.overtaken.mean > 0.0 {
                    let [mean, most] = [measured.behind.mean, measured.behind.p95].map(minutes);
                    format!("{mean} ({most})")
                } else {
                    "-".to_owned()
                },
                wait(class.mean),
                format!("{}, {}", minutes(class.p50), minutes(class.p95)),
                share(class.within),
            ]
        })?;
        let calls = [
            ["Calls", ""],
            ["mean wait", ""],
            ["half, 95 in 100", "wait no longer"],
            ["answered", &within],
            ["hang up, of all", ""],
            ["requests a minute", "mean, busiest"],
        ];
        table(f, &calls, self, |row| {
            let Row {
                measured, requests, ..
            } = row;
            let class = &measured.calls;
            vec![
                wait(class.mean),
                format!("{}, {}", minutes(class.p50), minutes(class.p95)),
                share(class.within),
                share(measured.hung_up),
                format!("{:.1}, {:.0}", requests.mean, requests.most.ceil()),
            ]
        })?;
        let sentences = self.sentences();
        sentences
            .iter()
            .try_for_each(|sentence| writeln!(f, "\n{sentence}"))
    }
}

/// A table with a row for each policy.
fn table(
    f: &mut fmt::Formatter<'_>,
    headings: &[[&str; 2]],
    comparison: &Comparison,
    cells: impl Fn(&Row) -> Vec<String>,
) -> fmt::Result {
    writeln!(f)?;
    for line in 0..2 {
        let words: Vec<&str> = headings.iter().map(|heading| heading[line]).collect();
        writeln!(f, "{}", aligned(&words))?;
    }
    for row in &comparison.rows {
        let cells = cells(row);
        let mut words = vec![row.way.name()];
        words.extend(cells.iter().map(String::as_str));
        writeln!(f, "{}", aligned(&words))?;
    }
    Ok(())
}

/// Words in columns.
fn aligned(words: &[&str]) -> String {
    let mut line = String::new();
    for (place, word) in words.iter().enumerate() {
        let width = if place == 0 { FIRST } else { OTHERS };
        // A text does not fail.
        let _written = write!(line, "{word:<width$}  ");
    }
    line.trim_end().to_owned()
}

/// A share, and how sure it is: `12.3 % ± 0.4`.
pub(super) fn share(estimate: Estimate) -> String {
    let Estimate { mean, half_width } = estimate;
    if half_width.is_finite() {
        format!("{:.1} % ± {:.1}", mean * 100.0, half_width * 100.0)
    } else {
        format!("{:.1} %", mean * 100.0)
    }
}

/// A wait, and how sure it is: `6m 12s ± 8s`.
pub(super) fn wait(estimate: Estimate) -> String {
    let Estimate { mean, half_width } = estimate;
    if half_width.is_finite() {
        format!("{} ± {}", minutes(mean), minutes(half_width))
    } else {
        minutes(mean)
    }
}

impl Comparison {
    /// The agents' time that callers take, as a share of the time that agents are there while callers come.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.rows.first().map_or(0.0, |row| row.measured.load)
    }

    /// What follows from the numbers, in sentences.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let row = |way| self.rows.iter().find(|row| row.way == way);
        let (Some(nothing), Some(yours), Some(exactly)) =
            (row(Way::Nothing), row(Way::Yours), row(Way::Exactly))
        else {
            return Vec::new();
        };
        let [without, with, kept] = [nothing, yours, exactly].map(|row| {
            (
                row.measured.overtaken.mean,
                row.measured.callbacks.mean.mean,
            )
        });
        let mut sentences = vec![format!(
            "With your settings {:.1} % of callbacks are overtaken by a call that came a minute or more later, instead of {:.1} %, and they wait {} {} on average; keeping the place exactly it would be {:.1} %, and {} {}.",
            with.0 * 100.0,
            without.0 * 100.0,
            minutes((without.1 - with.1).abs()),
            word(without.1 - with.1),
            kept.0 * 100.0,
            minutes((without.1 - kept.1).abs()),
            word(without.1 - kept.1),
        )];
        if yours.requests.most > f64::from(self.most_requests_a_minute) {
            sentences.push(format!(
                "In the busiest minute your settings ask for {:.0} requests, and the budget is {} in a minute (genesys.requests_per_minute and burst): some raises would be late. A longer `wait` asks for fewer.",
                yours.requests.most.ceil(),
                self.most_requests_a_minute
            ));
        }
        let load = self.load();
        if load >= 1.0 {
            sentences.push(format!(
                "Callers take {:.0} % of the time that agents have while they come: the line grows until they stop coming, and no policy changes that.",
                load * 100.0
            ));
        }
        sentences
    }
}

/// Which way a wait differs.
fn word(shorter_by: f64) -> &'static str {
    if shorter_by >= 0.0 { "less" } else { "longer" }
}
