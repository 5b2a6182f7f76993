//! Looks that bring nothing. A missing permission meets all callbacks at once, and is said once for all of them.

use std::sync::{MutexGuard, PoisonError};

use tracing::{debug, info, warn};

use super::{Next, Tracker};
use crate::{
    genesys::{Failure, FailureKind},
    trouble::Trouble,
};

impl Tracker {
    /// A look brought nothing.
    pub(super) fn look_failed(&mut self, failure: &Failure) -> Next {
        self.view.looked_in_vain();
        let passing = failure.is_passing();
        self.context.receipts.drop_unless(passing, &self.id);
        if passing || !self.is_unseen(failure) {
            debug!(conversation_id = %self.id, error = %failure, "look failed: trying again");
        } else {
            warn!(
                conversation_id = %self.id,
                error = %failure,
                correlation_id = failure.correlation_id(),
                "look failed: this callback is not raised meanwhile; said once for all of them"
            );
        }
        Next::Retry(failure.delay(&mut self.looks))
    }

    /// Its looks fail other than in passing; whether to say so.
    fn is_unseen(&mut self, failure: &Failure) -> bool {
        let mut all = self.all_unseen();
        all.0 += u32::from(!self.unseen);
        // Somebody must act on the one kind, and nobody can on the other.
        let kind = match failure.kind {
            FailureKind::Denied => "denied".to_owned(),
            _ => failure.to_string(),
        };
        let news = all.1.met(&kind);
        drop(all);
        self.unseen = true;
        news
    }

    /// A look has shown it, or it is looked at no more.
    pub(super) fn is_seen(&mut self) {
        if !std::mem::take(&mut self.unseen) {
            return;
        }
        let mut all = self.all_unseen();
        all.0 = all.0.saturating_sub(1);
        if all.0 == 0
            && let Some(over) = all.1.over()
        {
            let after_s = over.after.as_secs();
            info!(after_s, "no look fails any more");
        }
    }

    /// Callbacks whose looks fail, and what was said of that.
    fn all_unseen(&self) -> MutexGuard<'_, (u32, Trouble)> {
        let unseen = &self.context.unseen;
        unseen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
