//! The small line of a callback's priority over time.

use maud::{Markup, html};

use super::Row;

/// Size of the drawing, in units of its own; the style says how large it is shown.
const WIDTH: i64 = 100;
/// The same, upwards.
const HEIGHT: i64 = 20;

/// The line from the callback's entry to now. Up to the first change that is known it is drawn straight: what was between
/// is not known.
pub(super) fn drawn(row: &Row) -> Markup {
    let callback = &row.callback;
    let points = points(row);
    let changes = callback.changes.len();
    let label = format!(
        "priority over time: from {} to {} in {changes} known changes",
        callback.base, callback.priority
    );
    html! {
        svg role="img" aria-label=(label) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" {
            polyline points=(points) {}
        }
    }
}

/// Its corners.
fn points(row: &Row) -> String {
    let callback = &row.callback;
    let (start, waited) = (
        callback.since.as_millisecond(),
        i64::try_from(row.waited.as_millis()).unwrap_or(i64::MAX),
    );
    // Somebody else may have set the base to less or more than what was before.
    let first = callback
        .changes
        .front()
        .map_or(callback.base, |change| change.from);
    let first = first.min(callback.base);
    let mut corners = vec![(start, first.points())];
    for change in &callback.changes {
        let at = change.at.as_millisecond();
        corners.push((at, change.from.points()));
        corners.push((at, change.to.points()));
    }
    corners.push((start.saturating_add(waited), callback.priority.points()));
    let lowest = corners
        .iter()
        .map(|(_, points)| *points)
        .min()
        .unwrap_or_default();
    let highest = corners
        .iter()
        .map(|(_, points)| *points)
        .max()
        .unwrap_or_default();
    let span = (highest - lowest).max(1);
    let drawn = corners.iter().map(|(at, points)| {
        let x = (at.saturating_sub(start))
            .clamp(0, waited.max(1))
            .saturating_mul(WIDTH)
            / waited.max(1);
        // A margin above and below, so that the stroke is not cut.
        let y = HEIGHT - 2 - (points - lowest) * (HEIGHT - 4) / span;
        format!("{x},{y}")
    });
    drawn.collect::<Vec<_>>().join(" ")
}
