//! Real conversations from a CSV file, to be replayed.

use std::{io::Read, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Caller, NEVER, millis,
    traffic::{a_time_between, missed, patience},
};
use crate::{sandbox::Dice, settings::Spelled};

/// Longest time from the first conversation to the last.
const A_YEAR: Duration = Duration::from_hours(366 * 24);
/// Longest time that a conversation takes, or somebody waits for it.
const A_DAY: Duration = Duration::from_hours(24);
/// Longest that conversations take on average. Times in milliseconds would come to more.
const HOURS: Duration = Duration::from_hours(4);

/// A row of the file. Other columns may be there, and are passed over.
#[derive(Debug, Deserialize)]
struct Row {
    /// When the customer called.
    arrival: Timestamp,
    /// How long the agent needed, seconds; empty where none took it.
    handling_s: Option<f64>,
    /// `voice` or `callback`, in any letter case.
    media: String,
    /// The queue.
    queue: String,
    /// How long the caller waited on the line before taking a callback, seconds.
    #[serde(default)]
    waited_s: Option<f64>,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Conversations {
    /// Those of one queue, in the order in which they came.
    pub callers: Vec<Caller>,
    /// The queue.
    pub queue: String,
    /// Rows of other queues.
    pub of_others: usize,
    /// Rows of other media.
    pub other_media: usize,
    /// Rows without a handling time: nobody took them.
    pub untaken: usize,
}

/// What rows do not say.
#[derive(Clone, Copy, Debug)]
pub struct Unsaid {
    /// How long callers waited before taking a callback, where the row does not tell.
    pub after: (Duration, Duration),
    /// Mean time after which a caller on the line hangs up; absent: nobody does.
    pub patience: Option<Duration>,
    /// Share of offers that are let ring.
    pub missed_alerts: f64,
}

impl Conversations {
    /// Reads those of a queue; without a name, of the only one that there is.
    ///
    /// # Errors
    /// Where the file is not understood, in one sentence with its line.
    pub fn read(
        file: impl Read,
        queue: Option<&str>,
        unsaid: &Unsaid,
        seed: u64,
    ) -> Result<Self, String> {
        let mut dice = Dice::seeded(seed);
        let mut read = Self {
            callers: Vec::new(),
            queue: queue.unwrap_or_default().trim().to_owned(),
            of_others: 0,
            other_media: 0,
            untaken: 0,
        };
        let mut others: Option<String> = None;
        each_row(file, |row| {
            if queue.is_none() && read.queue.is_empty() {
                read.queue.clone_from(&row.queue);
            }
            if row.queue != read.queue && others.is_none() {
                others = Some(row.queue.clone());
            }
            read.take(row, unsaid, &mut dice)
        })?;
        if let (None, Some(other)) = (queue, others) {
            return Err(format!(
                "it has conversations of more than one queue: say which one with --queue, such as --queue \"{}\" or --queue \"{}\"",
                read.queue.escape_debug(),
                other.escape_debug()
            ));
        }
        read.callers.sort_by_key(|caller| caller.arrives);
        read.checked()
    }

    /// How long agents needed, on average.
    #[must_use]
    pub fn mean_handling(&self) -> Duration {
        let sum: i64 = self.callers.iter().map(|caller| caller.handling).sum();
        let number = i64::try_from(self.callers.len()).unwrap_or(i64::MAX).max(1);
        Duration::from_millis((sum / number).unsigned_abs())
    }

    /// Takes a row, if it is one that counts.
    fn take(&mut self, row: &Row, unsaid: &Unsaid, dice: &mut Dice) -> Result<(), String> {
        let is_callback = row.media.eq_ignore_ascii_case("callback");
        let is_call = row.media.eq_ignore_ascii_case("voice");
        if row.queue != self.queue {
            self.of_others += 1;
        } else if !is_call && !is_callback {
            self.other_media += 1;
        } else if let Some(handling) = row.handling_s.filter(|seconds| *seconds != 0.0) {
            let decides = match row.waited_s {
                _ if !is_callback => NEVER,
                // To the second, as those that are drawn.
                Some(waited) => time("waited_s", waited.floor())?,
                None => a_time_between(dice, unsaid.after),
            };
            self.callers.push(Caller {
                arrives: row.arrival.as_millisecond(),
                handling: time("handling_s", handling)?,
                decides,
                patience: patience(dice, unsaid.patience),
                missed: missed(dice, unsaid.missed_alerts),
            });
        } else {
            self.untaken += 1;
        }
        Ok(())
    }

    /// The same, if there is something to replay.
    fn checked(self) -> Result<Self, String> {
        let (Some(first), Some(last)) = (self.callers.first(), self.callers.last()) else {
            if self.queue.is_empty() {
                return Err("it has no conversation in it".to_owned());
            }
            return Err(format!(
                "no conversation of the queue `{}` is in it that an agent took: check the name, and the columns media and handling_s",
                self.queue.escape_debug()
            ));
        };
        if self.mean_handling() > HOURS {
            return Err(format!(
                "agents would need {} for a conversation on average: are the times in handling_s milliseconds?",
                Spelled(Duration::from_secs(self.mean_handling().as_secs()))
            ));
        }
        if last.arrives - first.arrives > millis(A_YEAR) {
            return Err(
                "its first and last conversation are more than a year apart: leave some out"
                    .to_owned(),
            );
        }
        Ok(self)
    }
}

/// Reads row by row, and tells the line of what is not understood.
fn each_row(
    file: impl Read,
    mut take: impl FnMut(&Row) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(file);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let missing = ["arrival", "handling_s", "media", "queue"]
        .into_iter()
        .find(|name| !headers.iter().any(|header| header == *name));
    if headers.len() == 1 && headers.iter().any(|header| header.contains(';')) {
        return Err("line 1: columns are separated by commas, not by semicolons".to_owned());
    }
    if let Some(missing) = missing {
        return Err(format!(
            "line 1: the column `{missing}` is missing: the first line names the columns arrival, handling_s, media, queue and perhaps waited_s"
        ));
    }
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| error.to_string())?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let row: Row = record
            .deserialize(Some(&headers))
            .map_err(|error| refused(line, &error))?;
        take(&row).map_err(|sentence| format!("line {line}: {sentence}"))?;
    }
    Ok(())
}

/// Why a row is not understood.
fn refused(line: u64, error: &csv::Error) -> String {
    const COLUMNS: &str =
        "expected arrival as 2026-01-05T09:00:00Z, handling_s and waited_s in seconds";
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            format!("line {line}: {}: {COLUMNS}", err.kind())
        }
        _ => format!("line {line}: {COLUMNS}"),
    }
}

/// A time of a row.
fn time(column: &str, seconds: f64) -> Result<i64, String> {
    let time = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| *time <= A_DAY)
        .ok_or_else(|| {
            format!("{column}: {seconds} is no time in seconds that anybody waits or needs")
        })?;
    Ok(millis(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSAID: Unsaid = Unsaid {
        after: (Duration::from_mins(1), Duration::from_mins(1)),
        patience: None,
        missed_alerts: 0.0,
    };

    fn read(text: &str, queue: Option<&str>) -> Result<Conversations, String> {
        Conversations::read(text.as_bytes(), queue, &UNSAID, 1)
    }

    #[test]
    fn rows_become_callers_in_the_order_in_which_they_came() {
        let text = "queue,arrival,media,handling_s,waited_s,agent\n\
            Support,2026-01-05T09:01:00Z,Callback,120,30,x\n\
            Support,2026-01-05T09:00:00Z,voice,60.5,,x\n\
            Support, 2026-01-05T09:02:00Z ,callback,10,,x\n\
            Support,2026-01-05T09:03:00Z,voice,,,x\n\
            Support,2026-01-05T09:03:00Z,email,50,,x\n\
            Sales,2026-01-05T09:03:00Z,voice,50,,x\n";
        let read = read(text, Some("Support")).unwrap();
        let told: Vec<_> = read
            .callers
            .iter()
            .map(|caller| (caller.handling, caller.decides))
            .collect();
        assert_eq!(told, [(60_500, NEVER), (120_000, 30_000), (10_000, 60_000)]);
        assert_eq!((read.of_others, read.other_media, read.untaken), (1, 1, 1));
        let first = read.callers.first().map(|caller| caller.arrives);
        assert_eq!(first, Some(1_767_603_600_000));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        let header = "arrival,handling_s,media,queue,waited_s\n";
        for (rows, expected) in [
            ("", "it has no conversation in it"),
            ("yesterday,60,voice,Support,\n", "line 2: "),
            ("2026-01-05T09:00:00Z,soon,voice,Support,\n", "line 2: "),
            (
                "2026-01-05T09:00:00Z,-5,voice,Support,\n",
                "line 2: handling_s: -5",
            ),
            (
                "2026-01-05T09:00:00Z,1e99,voice,Support,\n",
                "line 2: handling_s",
            ),
            (
                "2026-01-05T09:00:00Z,60,callback,Support,NaN\n",
                "line 2: waited_s",
            ),
            (
                "2026-01-05T09:00:00Z,60,voice\n",
                "found record with 3 fields",
            ),
            (
                "2026-01-05T09:00:00Z,60,voice,A,\n2026-01-05T09:00:00Z,60,voice,B,\n",
                "it has conversations of more than one queue: say which one with --queue, such as --queue \"A\" or --queue \"B\"",
            ),
            (
                "2026-01-05T09:00:00Z,,voice,Support,\n",
                "no conversation of the queue `Support`",
            ),
            (
                "2026-01-05T09:00:00Z,60,voice,A,\n2028-01-05T09:00:00Z,60,voice,A,\n",
                "more than a year apart",
            ),
        ] {
            let refused = read(&format!("{header}{rows}"), None).unwrap_err();
            assert!(refused.contains(expected), "{rows}: {refused}");
        }
        let refused = read("arrival;handling_s;media;queue\n", None).unwrap_err();
        assert!(refused.contains("not by semicolons"), "{refused}");
        let refused = read("arrival,media,queue\n", None).unwrap_err();
        assert!(
            refused.contains("the column `handling_s` is missing"),
            "{refused}"
        );
    }
}
