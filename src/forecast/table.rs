//! A comparison as text: two tables, a sentence that follows from them, and what to think of when reading it.

use std::fmt::{self, Write};

use super::{Class, Comparison, Estimate, Measured, Row, Way, compare::minutes};
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
                of_some(class, share(measured.overtaken)),
                if measured.overtaken.mean > 0.0 {
                    let [mean, most] = [measured.behind.mean, measured.behind.p95].map(minutes);
                    format!("{mean} ({most})")
                } else {
                    "-".to_owned()
                },
                of_some(class, wait(class.mean)),
                of_some(
                    class,
                    format!("{}, {}", minutes(class.p50), minutes(class.p95)),
                ),
                of_some(class, share(class.within)),
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
                of_some(class, wait(class.mean)),
                of_some(
                    class,
                    format!("{}, {}", minutes(class.p50), minutes(class.p95)),
                ),
                of_some(class, share(class.within)),
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

/// What is said of a class, where there is anybody in it.
pub(super) fn of_some(class: &Class, words: String) -> String {
    if class.served > 0 {
        words
    } else {
        "-".to_owned()
    }
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
    /// What follows from the numbers, in sentences.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let row = |way| self.rows.iter().find(|row| row.way == way);
        let (Some(nothing), Some(yours), Some(exactly)) =
            (row(Way::Nothing), row(Way::Yours), row(Way::Exactly))
        else {
            return Vec::new();
        };
        let callbacks = &nothing.measured.callbacks;
        if callbacks.served == 0 {
            return vec!["Nobody takes a callback, so there is nothing to compare.".to_owned()];
        }
        let against = |row: &Row| row.measured.callbacks.longer_than(callbacks);
        let overtaken = |row: &Row| row.measured.overtaken.mean * 100.0;
        let mut sentences = vec![format!(
            "With your settings {:.1} % of callbacks are overtaken by a call that came a minute or more later, instead of {:.1} %, and they wait {}; keeping the place exactly it would be {:.1} %, and they would wait {}.",
            overtaken(yours),
            overtaken(nothing),
            longer(against(yours)),
            overtaken(exactly),
            longer(against(exactly)),
        )];
        if yours.requests.most > f64::from(self.most_requests_a_minute) {
            sentences.push(format!(
                "In the busiest minute your settings ask for {:.0} requests, and the budget is {} in a minute (genesys.requests_per_minute and burst): some raises would be late. Fewer, larger raises ask for less.",
                yours.requests.most.ceil(),
                self.most_requests_a_minute
            ));
        }
        sentences.extend(busy(&nothing.measured));
        sentences
    }
}

/// By how much longer, or less long, somebody waits.
fn longer(difference: Estimate) -> String {
    let Estimate { mean, half_width } = difference;
    if half_width.is_finite() && mean.abs() < half_width {
        return "as long, as far as this run can tell".to_owned();
    }
    let word = if mean > 0.0 { "longer" } else { "less" };
    let by = wait(Estimate {
        mean: mean.abs(),
        half_width,
    });
    format!("{by} {word} on average")
}

/// What is to be said where callers need more time than agents have.
fn busy(measured: &Measured) -> Option<String> {
    let (all, busiest) = (measured.load, measured.load_of_the_busiest_hour);
    if busiest.is_infinite() {
        return Some("There are hours in which callers come and no agent is there.".to_owned());
    }
    let (when, load) = if all >= 1.0 {
        ("while they come", all)
    } else {
        ("in the busiest hour", busiest)
    };
    (load >= 1.0).then(|| {
        format!(
            "Callers take {:.0} % of the time that agents have {when}: the line grows then, and no policy changes that.",
            load * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_that_a_run_cannot_tell_is_none() {
        for (mean, half_width, expected) in [
            (-72.0, 5.0, "1m 12s ± 5s less on average"),
            (72.0, 5.0, "1m 12s ± 5s longer on average"),
            (-3.0, 5.0, "as long, as far as this run can tell"),
            (-3.0, f64::INFINITY, "3s less on average"),
        ] {
            assert_eq!(longer(Estimate { mean, half_width }), expected);
        }
    }
}
