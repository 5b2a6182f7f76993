//! How our words stand in columns: times as milliseconds since 1970 in UTC, ids as text, priorities as points.
//!
//! What a column holds is judged when it is read: a value that cannot be is an error, not a guess.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use super::Fence;
use crate::conversation::{ConversationId, Kind, ParticipantId, Priority, QueueId};

/// A time in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::journal) struct Time(pub(in crate::journal) Timestamp);

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = value.as_i64()?;
        Timestamp::from_millisecond(millis)
            .map(Self)
            .map_err(|_beyond| FromSqlError::OutOfRange(millis))
    }
}

impl ToSql for Priority {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.points().into())
    }
}

impl FromSql for Priority {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let points = value.as_i64()?;
        Self::new(points).ok_or(FromSqlError::OutOfRange(points))
    }
}

impl ToSql for Kind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bits = [self.scheduled, self.agent_owned, self.voicemail];
        let bits = bits.into_iter().enumerate();
        Ok(bits
            .map(|(place, set)| i64::from(set) << place)
            .sum::<i64>()
            .into())
    }
}

impl FromSql for Kind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bits = value.as_i64()?;
        if !(0..8).contains(&bits) {
            return Err(FromSqlError::OutOfRange(bits));
        }
        Ok(Self {
            scheduled: bits & 1 != 0,
            agent_owned: bits & 2 != 0,
            voicemail: bits & 4 != 0,
        })
    }
}

impl ToSql for Fence {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Fence {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// Lets a kind of id stand in a column.
macro_rules! id_column {
    ($($id:ty),+) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.to_string().into())
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )+};
}

id_column!(ConversationId, ParticipantId, QueueId);
