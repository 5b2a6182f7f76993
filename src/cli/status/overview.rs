//! The status of several organisations in brief, a line for each.

use std::fmt::Write;

use serde::Deserialize;

use crate::{cli::printable, status::Health};

/// Letters for a name.
const NAME: usize = 32;

/// As much of all of them as is shown.
#[derive(Debug, Deserialize)]
pub(super) struct All {
    /// Each.
    organizations: Vec<One>,
}

/// One of them.
#[derive(Debug, Deserialize)]
struct One {
    /// Which.
    organization: String,
    /// How it is.
    health: Health,
    /// Callbacks that are looked after.
    tracked: usize,
    /// Raises made.
    raises: u64,
    /// Raises that are overdue.
    overdue: usize,
}

/// Draws them.
pub(super) fn draw(all: &All) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _never = lines(&mut out, all);
    out
}

/// Writes a line for each, and below it what is wrong.
fn lines(out: &mut String, all: &All) -> std::fmt::Result {
    writeln!(
        out,
        "{:<NAME$}  {:<9}  {:>8}  {:>9}  {:>7}",
        "organization", "state", "tracked", "raised", "overdue"
    )?;
    for one in &all.organizations {
        let state = if one.health.ready {
            "ready"
        } else {
            "not ready"
        };
        writeln!(
            out,
            "{:<NAME$}  {state:<9}  {:>8}  {:>9}  {:>7}",
            printable(&one.organization),
            one.tracked,
            one.raises,
            one.overdue
        )?;
        for why in &one.health.why {
            writeln!(out, "  {}", printable(why))?;
        }
    }
    writeln!(out, "\nMore of one of them: --organization NAME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_organization_has_a_line_of_80_columns_at_most() {
        let name = "a".repeat(NAME);
        let told = serde_json::json!({"version": "1", "health": {}, "organizations": [
            {"organization": name, "health": {"live": true, "ready": true, "why": []},
             "tracked": 12_345_678, "raises": 123_456_789, "overdue": 1_234_567, "something_new": 1},
            {"organization": "other", "health": {"live": true, "ready": false, "why": ["the platform refuses\u{1b}"]},
             "tracked": 0, "raises": 0, "overdue": 0},
        ]});
        let drawn = draw(&serde_json::from_value(told).unwrap());
        for line in drawn.lines() {
            assert!(
                line.chars().count() <= 80 && !line.contains('\u{1b}'),
                "{line}"
            );
        }
        assert!(drawn.contains("\nother "), "{drawn}");
        assert!(drawn.contains("\n  the platform refuses"), "{drawn}");
    }
}
