//! What a journal tells of the past: every write, and when a daemon started, stopped or was killed.
//!
//! Read only, past the daemon: it may run, be stopped, or have been killed with its write-ahead log left behind. A
//! kill leaves no note; it is known by a start without a stop, and dated by the last sign of life.

mod file;

use std::{
    cmp::Ordering,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{Entry, JournalError, OpenError, Unusable, Write, database};
use crate::{
    conversation::{ConversationId, QueueId, Visit},
    settings::Journal as Place,
};

use file::File;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No journal where one should be.
    #[error(
        "there is no journal at {}: no daemon has run with these settings yet; give the daemon's own with --config, or its journal's path in CALLBACK_PRIORITIZER__JOURNAL__PATH",
        path.display()
    )]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// Not a journal that we can read.
    #[error(transparent)]
    Refused(OpenError),
    /// A database that cannot be used.
    #[error(transparent)]
    Unusable(Unusable),
    /// The file or the disk is in the way, or the database and the way to it.
    #[error(transparent)]
    Unreadable(JournalError),
}

impl From<Unusable> for HistoryError {
    fn from(error: Unusable) -> Self {
        Self::Unusable(error)
    }
}

impl From<JournalError> for HistoryError {
    fn from(error: JournalError) -> Self {
        Self::Unreadable(error)
    }
}

/// Which part of the past is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// One conversation only, with what happened to the daemon since its first write.
    pub conversation: Option<ConversationId>,
    /// Nothing before this.
    pub since: Option<Timestamp>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A priority was written, or was to be.
    Write(Written),
    /// Something happened to the daemon.
    Daemon {
        /// When; of a kill, the last sign of life before it.
        at: Timestamp,
        /// What.
        what: Change,
        /// Which replica it is; nothing where the journal is for one daemon alone.
        replica: Option<String>,
    },
}

/// Something that happened to a daemon, in the order in which it is told.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lived {
    /// When; of a kill, the last sign of life before it.
    pub(super) at: Timestamp,
    /// What.
    pub(super) what: Change,
    /// Which replica it is.
    pub(super) replica: Option<String>,
}

impl From<Lived> for Event {
    fn from(Lived { at, what, replica }: Lived) -> Self {
        Self::Daemon { at, what, replica }
    }
}

/// What can happen to a daemon. In the order in which events of one moment are told: writes come after a start and
/// before an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It started.
    Started,
    /// It ended without noting a stop.
    Killed,
    /// It ended in good order.
    Stopped,
}

/// A line of the history of writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whose priority.
    pub visit: Visit,
    /// The queue it waited in, where that was known.
    pub queue: Option<QueueId>,
    /// What was written.
    pub write: Write,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was known; absent while it is not.
    pub settled: Option<Timestamp>,
    /// The replica that claimed it, or noted somebody else's change; nothing where the journal is for one daemon alone.
    pub replica: Option<String>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The platform confirmed it.
    Raised,
    /// The answer was lost, and its value was seen later.
    Arrived,
    /// It is not there: the platform refused it, or news made it pointless before it was sent.
    NotMade,
    /// The answer was lost, and nothing more is known of it.
    Unconfirmed,
    /// No write of ours: somebody else changed the priority, and this is when it was seen.
    Foreign,
}

/// Where the past is read from. Sees one state of the journal from its first question on.
pub(super) trait Past {
    /// What happened to daemons, in no order.
    fn daemons(&self) -> Result<Vec<Lived>, JournalError>;

    /// Hands over the writes, oldest first, until the listener has had enough.
    fn writes(
        &self,
        wanted: &Wanted,
        listener: &mut dyn FnMut(Written) -> bool,
    ) -> Result<(), JournalError>;

    /// What is known of a visit.
    fn entry(&self, visit: &Visit) -> Result<Option<Entry>, JournalError>;
}

/// A journal that is only read.
pub struct History {
    /// Where from; nothing where nothing was ever written.
    past: Option<Box<dyn Past>>,
}

impl History {
    /// Opens the journal of these settings for reading. Not in a runtime, because it waits on one of its own.
    ///
    /// # Errors
    /// Where there is none, or none that can be read.
    pub fn of(place: &Place) -> Result<Self, HistoryError> {
        match &place.shared {
            Some(shared) => Ok(Self {
                past: database::past(shared)?,
            }),
            None => Self::open(&place.path),
        }
    }

    /// Opens the journal in this file for reading.
    ///
    /// # Errors
    /// Where there is none, or none that can be read.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let file = File::open(path)?;
        Ok(Self {
            past: file.map(|file| Box::new(file) as Box<dyn Past>),
        })
    }

    /// Tells what happened, oldest first, until the listener has had enough: it says so by an error, which is returned
    /// inside.
    ///
    /// # Errors
    /// Where the journal can be read no further.
    pub fn tell<E>(
        &self,
        wanted: &Wanted,
        mut listener: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<Result<(), E>, HistoryError> {
        let Some(past) = &self.past else {
            return Ok(Ok(()));
        };
        let mut daemons = past.daemons()?;
        daemons.retain(|lived| wanted.since.is_none_or(|since| lived.at >= since));
        daemons.sort_unstable();
        let mut daemons = daemons.into_iter().peekable();
        let mut begun = wanted.conversation.is_none();
        let mut told = Ok(());
        past.writes(wanted, &mut |written| {
            while told.is_ok()
                && let Some(lived) = daemons.next_if(|lived| comes_before(lived, &written))
            {
                if begun {
                    told = listener(lived.into());
                }
            }
            begun = true;
            if told.is_ok() {
                told = listener(Event::Write(written));
            }
            told.is_ok()
        })?;
        if told.is_err() {
            return Ok(told);
        }
        let rest = daemons.filter(|_| begun);
        Ok(rest.map(Event::from).try_for_each(listener))
    }

    /// What is known of a visit.
    ///
    /// # Errors
    /// Where the journal cannot be read, or is of an earlier format, which the next start of the daemon brings up to date.
    pub fn entry(&self, visit: &Visit) -> Result<Option<Entry>, HistoryError> {
        let Some(past) = &self.past else {
            return Ok(None);
        };
        Ok(past.entry(visit)?)
    }
}

/// Whether something that happened to a daemon is told before this write.
fn comes_before(lived: &Lived, written: &Written) -> bool {
    let (lived_at, written_at) = (lived.at.as_millisecond(), written.write.at.as_millisecond());
    match lived_at.cmp(&written_at) {
        Ordering::Less => true,
        Ordering::Equal => lived.what == Change::Started,
        Ordering::Greater => false,
    }
}

impl Outcome {
    /// The one of this word in a journal; without a word, it is not known.
    pub(super) fn of(word: Option<&str>) -> Self {
        match word {
            Some("raised") => Self::Raised,
            Some("arrived") => Self::Arrived,
            Some("not_made") => Self::NotMade,
            Some("foreign") => Self::Foreign,
            _ => Self::Unconfirmed,
        }
    }
}
