//! What a tracker does next.

use std::time::Duration;

use jiff::Timestamp;

use super::{Announced, Grounds, Outcome};

/// What to do after a decision.
pub(super) enum Next {
    /// Begin with what announced the callback.
    Begin(Announced),
    /// Look again at once.
    Look,
    /// Decide again on what was seen.
    Decide,
    /// This step is due: decide on what is known, or look first and be able to write right after.
    Due(Timestamp),
    /// Write what is due, on these grounds, since then.
    Raise(Box<Grounds>, Timestamp),
    /// Find out what the news are.
    News,
    /// A step is due then; look when the bell rings.
    Rest(Timestamp),
    /// Look again after a delay, or when the bell rings.
    Retry(Duration),
    /// Look again when the journal works.
    AwaitJournal,
    /// The tracker's work is done.
    End(Outcome),
}
