//! Events as a table for people: a day's heading, one line each, within 100 columns, all times in UTC.

use std::{
    io::{self, Write},
    time::Duration,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    cli::printable,
    clock::elapsed,
    journal::{Change, Event, Outcome, Written},
};

/// Letters of a queue's id that are shown: enough to tell queues apart, and two whole ids do not fit in a line.
const QUEUE_LETTERS: usize = 8;

/// What has been written so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The day of the last heading.
    day: Option<Date>,
}

impl Table {
    /// Writes an event, under the heading of its day.
    pub(super) fn write(&mut self, to: &mut impl Write, event: &Event) -> io::Result<()> {
        let at = match event {
            Event::Write(written) => written.write.at,
            Event::Daemon { at, .. } => *at,
        };
        self.head(to, at)?;
        let time = at.strftime("%H:%M:%S");
        match event {
            Event::Daemon { what, replica, .. } => {
                writeln!(to, "{time}  {}", sentence(*what, replica.as_deref()))
            }
            Event::Write(written) => write_row(
                to,
                &[
                    &time.to_string(),
                    &written.visit.conversation.to_string(),
                    &queue(written),
                    &format!("{} -> {}", written.write.from, written.write.to),
                    &step(written),
                    &lateness(written),
                    &outcome_of(written),
                ],
            ),
        }
    }

    /// Writes the heading of a day, where it is another one; above the first, what the columns are.
    fn head(&mut self, to: &mut impl Write, at: Timestamp) -> io::Result<()> {
        let day = at.to_zoned(TimeZone::UTC).date();
        if self.day == Some(day) {
            return Ok(());
        }
        if self.day.replace(day).is_some() {
            return writeln!(to, "\n{day}");
        }
        writeln!(to, "{day} (all times are UTC)")?;
        write_row(
            to,
            &[
                "TIME",
                "CONVERSATION",
                "QUEUE",
                "PRIORITY",
                "STEP",
                "LATE",
                "OUTCOME",
            ],
        )
    }
}

/// Writes one line of columns.
fn write_row(to: &mut impl Write, columns: &[&str; 7]) -> io::Result<()> {
    let [time, conversation, queue, priority, step, late, outcome] = columns;
    writeln!(
        to,
        "{time:<8}  {conversation:<36}  {queue:<8}  {priority:<10}  {step:>4}  {late:>6}  {outcome}"
    )
}

/// What happened to the daemon, and which it is, where there are several.
fn sentence(what: Change, replica: Option<&str>) -> String {
    let what = match what {
        Change::Started => "started",
        Change::Killed => "was killed (no stop was noted): this was its last sign of life",
        Change::Stopped => "stopped",
    };
    match replica {
        Some(replica) => format!("daemon {} {what}", printable(replica)),
        None => format!("daemon {what}"),
    }
}

/// What became of a write, and whose it was, where several daemons write.
fn outcome_of(written: &Written) -> String {
    let what = outcome(written.outcome);
    match &written.replica {
        Some(replica) if written.outcome != Outcome::Foreign => {
            format!("{what} by {}", printable(replica))
        }
        _ => what.to_owned(),
    }
}

/// What became of a write.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Raised => "raised",
        Outcome::Arrived => "arrived later",
        Outcome::NotMade => "not made",
        Outcome::Unconfirmed => "unconfirmed",
        Outcome::Foreign => "by someone else",
    }
}

/// The beginning of the queue's id.
fn queue(written: &Written) -> String {
    let id = written.queue.as_ref().map(ToString::to_string);
    id.map_or("-".to_owned(), |id| {
        id.chars().take(QUEUE_LETTERS).collect()
    })
}

/// The step; what others do has none.
fn step(written: &Written) -> String {
    match written.outcome {
        Outcome::Foreign => "-".to_owned(),
        _ => written.write.step.to_string(),
    }
}

/// How late it was sent; what others do is never late.
fn lateness(written: &Written) -> String {
    match written.outcome {
        Outcome::Foreign => "-".to_owned(),
        _ => brief(late(written)),
    }
}

/// How much later than due a write was sent.
pub(super) fn late(written: &Written) -> Duration {
    elapsed(written.write.due, written.write.at)
}

/// A time in six letters at most: its two largest units.
fn brief(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{seconds}.{}s", time.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        conversation::{Priority, Visit},
        journal::Write as Raise,
    };

    /// A time in the afternoon.
    fn at(text: &str) -> Timestamp {
        format!("2026-01-05T{text}Z").parse().unwrap()
    }

    /// A write, due at one time and sent at another.
    fn written(step: u32, due: &str, sent: &str, outcome: Outcome) -> Event {
        let raise = Raise {
            step,
            from: Priority::clamped(i64::from(step) - 1),
            to: Priority::clamped(step.into()),
            due: at(due),
            covers: at(sent),
            at: at(sent),
        };
        Event::Write(Written {
            visit: Visit {
                conversation: "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap(),
                leg: "leg".parse().unwrap(),
            },
            queue: Some("1a2b3c4d-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap()),
            write: raise,
            outcome,
            settled: Some(raise.at + jiff::SignedDuration::from_millis(100)),
            replica: None,
        })
    }

    #[test]
    fn whose_write_it_was_is_told_where_several_write() {
        let Event::Write(mut one) = written(1, "14:00:00", "14:00:00.2", Outcome::Raised) else {
            unreachable!("a write");
        };
        assert_eq!(outcome_of(&one), "raised");
        one.replica = Some("r2".to_owned());
        assert_eq!(outcome_of(&one), "raised by r2");
        one.outcome = Outcome::Foreign;
        assert_eq!(outcome_of(&one), "by someone else");
        let said = sentence(Change::Killed, Some("r2"));
        assert!(said.starts_with("daemon r2 was killed ("), "{said}");
    }

    /// Something that happened to the daemon.
    fn daemon(time: &str, what: Change) -> Event {
        Event::Daemon {
            at: at(time),
            what,
            replica: None,
        }
    }

    /// The end of one of several.
    pub(in super::super) fn of_replica() -> Event {
        Event::Daemon {
            at: at("14:00:00"),
            what: Change::Killed,
            replica: Some("r2".to_owned()),
        }
    }

    /// An afternoon with a kill and a restart.
    pub(in super::super) fn afternoon() -> Vec<Event> {
        vec![
            daemon("13:59:58", Change::Started),
            written(1, "14:00:00", "14:00:00.2", Outcome::Raised),
            written(2, "14:05:00", "14:05:00.1", Outcome::Arrived),
            daemon("14:05:01", Change::Killed),
            daemon("14:12:03", Change::Started),
            written(3, "14:10:00", "14:12:04", Outcome::Unconfirmed),
            written(3, "14:10:00", "14:12:15", Outcome::NotMade),
            written(40, "14:15:00", "14:15:00", Outcome::Foreign),
            daemon("23:59:59", Change::Stopped),
        ]
    }

    /// What is written for these events.
    pub(in super::super) fn lines(
        mut write: impl FnMut(&mut Vec<u8>, &Event) -> io::Result<()>,
        events: &[Event],
    ) -> Vec<String> {
        let mut out = Vec::new();
        for event in events {
            write(&mut out, event).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_supervisor_can_read_an_afternoon_with_a_kill_and_a_restart() {
        let mut table = Table::default();
        let mut events = afternoon();
        events.push(Event::Daemon {
            at: "2026-01-06T07:00:00Z".parse().unwrap(),
            what: Change::Started,
            replica: None,
        });
        let lines = lines(|to, event| table.write(to, event), &events);
        assert_eq!(
            lines,
            [
                "2026-01-05 (all times are UTC)",
                "TIME      CONVERSATION                          QUEUE     PRIORITY    STEP    LATE  OUTCOME",
                "13:59:58  daemon started",
                "14:00:00  7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86  1a2b3c4d  0 -> 1         1    0.2s  raised",
                "14:05:00  7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86  1a2b3c4d  1 -> 2         2    0.1s  arrived later",
                "14:05:01  daemon was killed (no stop was noted): this was its last sign of life",
                "14:12:03  daemon started",
                "14:12:04  7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86  1a2b3c4d  2 -> 3         3   2m04s  unconfirmed",
                "14:12:15  7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86  1a2b3c4d  2 -> 3         3   2m15s  not made",
                "14:15:00  7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86  1a2b3c4d  39 -> 40       -       -  by someone else",
                "23:59:59  daemon stopped",
                "",
                "2026-01-06",
                "07:00:00  daemon started",
            ]
        );
        assert!(lines.iter().all(|line| line.len() <= 100));
    }

    #[test]
    fn a_time_has_six_letters_at_most() {
        for (seconds, expected) in [
            (0, "0.0s"),
            (9, "9.0s"),
            (59, "59s"),
            (3_599, "59m59s"),
            (3_600, "1h00m"),
            (86_399, "23h59m"),
            (86_400 * 30 + 7_200, "30d02h"),
        ] {
            assert_eq!(brief(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(brief(Duration::from_millis(1_990)), "1.9s");
    }
}
