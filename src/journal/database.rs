//! The journal that several daemons share, for whoever opens one, whether or not this program was built with what it takes.

use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::PostgresJournal;
use super::{HistoryError, Journal, JournalError, history::Past};
use crate::settings::SharedJournal;

/// A database that cannot be used, however long one waits: why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be used: {what}")]
pub struct Unusable {
    /// Both in words.
    what: String,
}

impl Unusable {
    /// One with these words.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

impl From<JournalError> for Unusable {
    fn from(error: JournalError) -> Self {
        Self::new(error.what)
    }
}

/// What is found in a database by whoever only looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The format of its journal; nothing where there is none yet.
    pub format: Option<i32>,
    /// The newest that this program knows.
    pub known: i32,
    /// Whether the role has the rights that a daemon needs.
    pub writable: bool,
    /// Whether it is a standby, which nobody can write.
    pub standby: bool,
}

/// The journal in this database, for one start of one daemon. The first operation connects to it.
#[cfg(feature = "postgres")]
pub fn in_database(shared: &SharedJournal) -> Result<Arc<dyn Journal>, Unusable> {
    Ok(Arc::new(PostgresJournal::new(shared)?))
}

/// The same, connected to and brought up to date, if that can be done now. What may pass, such as a database that is down, is no
/// error here: every operation fails until it has passed.
///
/// # Errors
/// Where no waiting mends it: a newer daemon has brought it up to date, or it may not be written.
#[cfg(feature = "postgres")]
pub async fn open_database(shared: &SharedJournal) -> Result<Arc<dyn Journal>, Unusable> {
    let journal = PostgresJournal::new(shared)?;
    journal.open().await?;
    Ok(Arc::new(journal))
}

/// Looks what is in this database. Changes nothing.
#[cfg(feature = "postgres")]
pub(crate) async fn look_at_database(shared: &SharedJournal) -> Result<Look, Unusable> {
    Ok(PostgresJournal::new(shared)?.look().await?)
}

/// The past that is in this database; nothing where there is no journal yet.
#[cfg(feature = "postgres")]
pub(super) fn past(shared: &SharedJournal) -> Result<Option<Box<dyn Past>>, HistoryError> {
    let past = PostgresJournal::past(shared)?;
    Ok(past.map(|past| Box::new(past) as Box<dyn Past>))
}

/// What a program without the client of PostgreSQL says.
#[cfg(not(feature = "postgres"))]
const ABSENT: &str = "this program was built without the client of PostgreSQL: build it with `--features postgres`, or leave journal.url out";

/// There is none in a database.
#[cfg(not(feature = "postgres"))]
pub fn in_database(_shared: &SharedJournal) -> Result<Arc<dyn Journal>, Unusable> {
    Err(Unusable::new(ABSENT))
}

/// There is none in a database.
#[cfg(not(feature = "postgres"))]
pub async fn open_database(shared: &SharedJournal) -> Result<Arc<dyn Journal>, Unusable> {
    in_database(shared)
}

/// There is none to look at.
#[cfg(not(feature = "postgres"))]
pub(crate) async fn look_at_database(_shared: &SharedJournal) -> Result<Look, Unusable> {
    Err(Unusable::new(ABSENT))
}

/// There is none to read.
#[cfg(not(feature = "postgres"))]
pub(super) fn past(_shared: &SharedJournal) -> Result<Option<Box<dyn Past>>, HistoryError> {
    Err(Unusable::new(ABSENT).into())
}
