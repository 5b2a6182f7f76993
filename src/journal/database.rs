//! The journal that several daemons share, for whoever opens one, whether or not this program was built with what it takes.

use std::sync::Arc;

use super::Journal;
#[cfg(feature = "postgres")]
use super::PostgresJournal;
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
#[expect(
    clippy::unused_async,
    reason = "takes what a program with the client takes"
)]
pub async fn open_database(shared: &SharedJournal) -> Result<Arc<dyn Journal>, Unusable> {
    in_database(shared)
}
