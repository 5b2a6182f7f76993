//! Reading of rows: what the functions of our schema answer, in our words.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::{Time, trouble::Trouble};
use crate::{
    journal::{Claim, Entry, Fence, Open, Write},
    policy::Base,
};

/// The answer to a claim that was asked for at this time, by the clock of whoever asked.
pub(super) fn claim(row: &Row, at: Timestamp) -> Result<Claim, Trouble> {
    let (answer, number): (&str, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    match (answer, number) {
        ("granted", Some(number)) => Ok(Claim::Granted(Fence(number))),
        ("held", Some(left)) => {
            let left = SignedDuration::from_millis(left);
            let until = at.saturating_add(left).unwrap_or(Timestamp::MAX);
            Ok(Claim::Held { until })
        }
        ("done", _) => Ok(Claim::Done),
        ("stale", _) => Ok(Claim::Stale),
        (other, _) => Err(Trouble::Answer(format!("a claim that is {other}"))),
    }
}

/// An entry with one of its open writes. When writes were made is told by the clock of whoever asks, at `now`.
pub(super) fn entry(row: &Row, now: Timestamp) -> Result<Entry, Trouble> {
    let here = now.duration_since(row.try_get::<_, Time>(0)?.0);
    let written: Option<i64> = row.try_get(5)?;
    let open: Option<Fence> = row.try_get(11)?;
    let open = open.map(|fence| {
        Ok::<_, Trouble>(Open {
            fence,
            write: write(row, 12, here)?,
            elsewhere: row.try_get(18)?,
        })
    });
    Ok(Entry {
        base: Base {
            priority: row.try_get(1)?,
            until: row.try_get::<_, Option<Time>>(3)?.map(|until| until.0),
        },
        base_step: step(row.try_get(2)?)?,
        last: written.map(|_| write(row, 5, here)).transpose()?,
        open: open.transpose()?.into_iter().collect(),
        fence: row.try_get(4)?,
    })
}

/// A write, in six columns from this one on.
fn write(row: &Row, first: usize, here: SignedDuration) -> Result<Write, Trouble> {
    let at = row.try_get::<_, Time>(first + 5)?.0;
    Ok(Write {
        step: step(row.try_get(first)?)?,
        from: row.try_get(first + 1)?,
        to: row.try_get(first + 2)?,
        due: row.try_get::<_, Time>(first + 3)?.0,
        covers: row.try_get::<_, Time>(first + 4)?.0,
        at: at.saturating_add(here).unwrap_or(at),
    })
}

/// A step.
pub(super) fn step(number: i64) -> Result<u32, Trouble> {
    u32::try_from(number).map_err(|_| Trouble::Answer(format!("step {number}")))
}
