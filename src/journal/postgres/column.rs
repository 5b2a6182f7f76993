//! How our words stand in columns: as in SQLite, times as milliseconds since 1970 in UTC, ids as text, priorities as points.
//!
//! What a column holds is judged when it is read: a value that cannot be is an error, not a guess.

use std::error::Error;

use jiff::Timestamp;
use tokio_postgres::types::{
    FromSql, IsNull, ToSql, Type, accepts, private::BytesMut, to_sql_checked,
};

use super::super::{Fence, sqlite::Time};
use crate::conversation::{ConversationId, Kind, ParticipantId, Priority, QueueId};

/// What is wrong with a value.
type Wrong = Box<dyn Error + Sync + Send>;

/// Lets one of our words stand in a column of a type, as a value of the client's own.
macro_rules! column {
    ($word:ty, $as:ty, [$($type:ident),+], $write:expr, $read:expr) => {
        impl ToSql for $word {
            fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Wrong> {
                let write: fn(&Self) -> $as = $write;
                write(self).to_sql(ty, out)
            }

            accepts!($($type),+);

            to_sql_checked!();
        }

        impl<'a> FromSql<'a> for $word {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Wrong> {
                let read: fn($as) -> Result<Self, Wrong> = $read;
                read(<$as>::from_sql(ty, raw)?)
            }

            accepts!($($type),+);
        }
    };
}

column!(
    Time,
    i64,
    [INT8],
    |time| time.0.as_millisecond(),
    |millis| Ok(Self(Timestamp::from_millisecond(millis)?))
);

column!(
    Priority,
    i64,
    [INT8],
    |priority| priority.points(),
    |points| { Self::new(points).ok_or_else(|| format!("{points} is no priority").into()) }
);

column!(Fence, i64, [INT8], |fence| fence.0, |number| Ok(Self(
    number
)));

column!(
    Kind,
    i32,
    [INT4],
    |kind| {
        i32::from(kind.scheduled)
            | i32::from(kind.agent_owned) << 1
            | i32::from(kind.voicemail) << 2
    },
    |bits| {
        if !(0..8).contains(&bits) {
            return Err(format!("{bits} is no kind").into());
        }
        Ok(Self {
            scheduled: bits & 1 != 0,
            agent_owned: bits & 2 != 0,
            voicemail: bits & 4 != 0,
        })
    }
);

column!(
    ConversationId,
    String,
    [TEXT],
    ToString::to_string,
    |text| Ok(text.parse()?)
);

column!(ParticipantId, String, [TEXT], ToString::to_string, |text| {
    Ok(text.parse()?)
});

column!(QueueId, String, [TEXT], ToString::to_string, |text| Ok(
    text.parse()?
));
