//! The status as a table of 80 columns.

use std::{fmt::Write, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    cli::printable,
    clock::elapsed,
    orders::Pause,
    replicas::Replica,
    settings::plural,
    status::{Callback, Health, Outlook, Reason, short},
};

/// Letters for a queue.
const QUEUE: usize = 22;
/// Letters for priorities.
const PRIORITY: usize = 13;
/// Letters of an id: enough to find it in the log.
const ID: usize = 8;
/// Letters for the name of a replica.
const NAME: usize = 16;
/// Lines beside those of callbacks: what stands above them, what is said of those left out, and the cursor's.
const OTHERS: usize = 7;

/// As much of a daemon's status as is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    /// When it was told.
    now: Timestamp,
    /// How the daemon is.
    health: Health,
    /// Raises that are overdue.
    overdue: usize,
    /// Requests in the last minute.
    requests_last_minute: u32,
    /// Requests that may be sent in a minute.
    budget: u32,
    /// Whether raises are only told.
    dry_run: bool,
    /// What is paused.
    paused: Vec<Pause>,
    /// The replicas that share its journal; none where that is for it alone.
    #[serde(default)]
    replicas: Vec<Replica>,
    /// Sockets that are up.
    sockets: usize,
    /// Callbacks that are looked after.
    tracked: usize,
    /// As many as the budget carries.
    capacity: Option<u64>,
    /// Raises made.
    raises: u64,
    /// Callbacks answered.
    answered: u64,
    /// The callbacks.
    callbacks: Vec<Line>,
}

/// A callback.
#[derive(Debug, Deserialize)]
struct Line {
    /// What is known of it.
    #[serde(flatten)]
    callback: Callback,
    /// Its place in its queue.
    place: usize,
}

/// Draws it, in no more lines than that.
pub(super) fn draw(seen: &Seen, rows: Option<usize>) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _never = head(&mut out, seen).and_then(|()| body(&mut out, seen, rows));
    out
}

/// How the daemon is.
fn head(out: &mut String, seen: &Seen) -> std::fmt::Result {
    let word = if seen.health.ready {
        "ready"
    } else {
        "not ready"
    };
    let dry = if seen.dry_run {
        ", dry run: nothing is raised"
    } else {
        ""
    };
    writeln!(out, "{word}{dry}")?;
    for why in &seen.health.why {
        writeln!(out, "  {}", printable(why))?;
    }
    for pause in &seen.paused {
        writeln!(out, "{}", in_words(pause, &seen.callbacks))?;
    }
    for replica in &seen.replicas {
        writeln!(out, "{}", of_replica(replica))?;
    }
    let carried = seen
        .capacity
        .map(|most| format!(" of {most} that the budget carries"));
    writeln!(
        out,
        "{} tracked{}, {} answered, {} raised, {} overdue",
        seen.tracked,
        carried.unwrap_or_default(),
        seen.answered,
        seen.raises,
        seen.overdue
    )?;
    writeln!(
        out,
        "{} of {} requests in the last minute, {} {} up\n",
        seen.requests_last_minute,
        seen.budget,
        seen.sockets,
        plural(seen.sockets as u64, "socket")
    )
}

/// A replica in a line.
fn of_replica(replica: &Replica) -> String {
    let how = match (replica.me, replica.lives) {
        (true, _) => " (this one)",
        (false, true) => "",
        (false, false) => " (dead)",
    };
    let name: String = printable(&replica.name).chars().take(NAME).collect();
    format!(
        "replica {name}{how}: {} raised, {} claims lost, {} repairs",
        replica.deeds.raises, replica.deeds.claims_lost, replica.deeds.repairs
    )
}

/// The callbacks.
fn body(out: &mut String, seen: &Seen, rows: Option<usize>) -> std::fmt::Result {
    if seen.callbacks.is_empty() {
        return writeln!(out, "Nobody waits.");
    }
    writeln!(
        out,
        "{:>5}  {:>7}  {:>PRIORITY$}  {:<13}  {:<QUEUE$}  {:<ID$}",
        "place", "waited", "priority", "next raise", "queue", "callback"
    )?;
    let room = rows.map_or(usize::MAX, |rows| {
        let said = seen.health.why.len() + seen.paused.len() + seen.replicas.len();
        rows.saturating_sub(OTHERS + said)
    });
    for line in seen.callbacks.iter().take(room) {
        let callback = &line.callback;
        let now = callback.priority.to_string();
        let risen = Some(format!("{} -> {now}", callback.base));
        let risen =
            risen.filter(|risen| callback.base != callback.priority && risen.len() <= PRIORITY);
        let queue = callback.queue.clone();
        let queue = queue.or_else(|| callback.queue_id.as_ref().map(ToString::to_string));
        writeln!(
            out,
            "{:>5}  {:>7}  {:>PRIORITY$}  {:<13}  {:<QUEUE$}  {}",
            line.place,
            short(elapsed(callback.since, seen.now)),
            risen.unwrap_or(now),
            next(callback, seen.now),
            cut(&printable(queue.as_deref().unwrap_or("-")), QUEUE),
            cut(&callback.conversation.to_string(), ID)
        )?;
    }
    match seen.callbacks.len().saturating_sub(room) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more"),
    }
}

/// A pause in words, with the name of its queue where one of those that wait in it tells.
fn in_words(pause: &Pause, callbacks: &[Line]) -> String {
    let place = pause.queue.as_ref().map_or_else(
        || "all queues".to_owned(),
        |queue| {
            let mut waiting = callbacks.iter().map(|line| &line.callback);
            let there = waiting.find(|callback| callback.queue_id.as_ref() == Some(queue));
            let name = there.and_then(|callback| callback.queue.clone());
            let name = name.unwrap_or_else(|| queue.to_string());
            format!("queue {}", cut(&printable(&name), QUEUE))
        },
    );
    let end = pause.until.map_or_else(
        || "it is resumed".to_owned(),
        |until| until.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    );
    format!("paused: {place}, until {end}")
}

/// When the next raise is, or why there is none.
fn next(callback: &Callback, now: Timestamp) -> String {
    match callback.next {
        Outlook::Raise { at, .. } if at > now => {
            let left: Duration = elapsed(now, at);
            format!("in {}", short(left))
        }
        Outlook::Raise { .. } | Outlook::Due { .. } => "now".to_owned(),
        Outlook::Paused { .. } => "paused".to_owned(),
        Outlook::Never { reason } => match reason {
            Reason::MaxRaises => "max_raises",
            Reason::MaxPriority => "max_priority",
            Reason::LastStep => "last step",
            Reason::LeftAlone => "left alone",
        }
        .to_owned(),
    }
}

/// The beginning of a text, where it is longer than that.
fn cut(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status as a daemon tells it, with this many callbacks.
    fn seen(callbacks: usize) -> Seen {
        let callback = serde_json::json!({
            "conversation": "8faacf4a-f8b2-407c-9f69-07f25ebace7f",
            "queue_id": null,
            "queue": "A queue with a\u{1b}[31m name that goes on and on",
            "rule": "policy",
            "since": "2026-01-05T08:00:00Z",
            "base": -25_000_000,
            "priority": 25_000_000,
            "next": {"state": "raise", "at": "2026-01-05T09:05:30Z", "to": 4, "closed": false},
            "last": null,
            "changes": [],
            "waited_seconds": 3600.0,
            "place": 12_345,
            "why": "will be raised to 4"
        });
        let told = serde_json::json!({
            "now": "2026-01-05T09:00:00Z",
            "health": {"live": true, "ready": false, "why": ["disk full"]},
            "overdue": 3, "requests_last_minute": 200, "budget": 270, "dry_run": true, "paused": [{"queue_id": null, "since": "2026-01-05T09:00:00Z", "until": null}], "sockets": 1,
            "replicas": [{
                "place": 2, "name": "a-name-that-goes-on-and-on-and-on-and-on-and-on", "since": "2026-01-05T09:00:00Z",
                "lives": false, "me": false, "deeds": {"tracked": 1, "raises": 1_234_567, "claims_lost": 2, "repairs": 3}
            }],
            "tracked": 5, "capacity": 1282, "raises": 7, "answered": 2,
            "callbacks": vec![callback; callbacks],
            "something_new": true
        });
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn the_table_fits_into_80_columns_whatever_is_in_it() {
        let drawn = draw(&seen(2), None);
        for line in drawn.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(!line.contains('\u{1b}'), "{line}");
        }
        for expected in [
            "not ready, dry run",
            "paused: all queues, until it is resumed",
            "  disk full",
            "replica a-name-that-goes (dead): 1234567 raised, 2 claims lost, 3 repairs",
            "in 5m 30s",
            "1h 00m",
            "8faacf4a",
            "12345",
        ] {
            assert!(drawn.contains(expected), "{expected}\n{drawn}");
        }
        assert!(draw(&seen(0), None).ends_with("Nobody waits.\n"));
    }

    #[test]
    fn on_a_screen_there_are_no_more_lines_than_it_has() {
        let drawn = draw(&seen(100), Some(24));
        assert!(drawn.lines().count() < 24, "{drawn}");
        assert!(drawn.ends_with("and 86 more\n"), "{drawn}");
    }
}
