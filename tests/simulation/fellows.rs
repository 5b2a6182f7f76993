//! What replicas share, behind the gate of one of them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use callback_prioritizer::{
    journal::JournalError,
    replicas::{Deeds, Grant, Rate, Replicas, Standing, SweepTurn},
};
use jiff::Timestamp;

use crate::gate::Gate;

/// What one of them sees.
pub(crate) struct Fellows {
    /// What does the work.
    pub(crate) inner: Arc<dyn Replicas>,
    /// What may keep it from it.
    pub(crate) gate: Arc<Gate>,
}

impl Fellows {
    /// Passes an answer on when the replica may hear it. That may be when the database is gone again: then nobody knows
    /// whether it has done what it was asked for.
    async fn hears<T>(&self, answer: Result<T, JournalError>) -> Result<T, JournalError> {
        self.gate.database().await?;
        answer
    }
}

#[async_trait]
impl Replicas for Fellows {
    async fn sign(&self, deeds: Deeds, now: Timestamp) -> Result<Standing, JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.sign(deeds, now).await).await
    }

    async fn leave(&self) -> Result<(), JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.leave().await).await
    }

    async fn permit(
        &self,
        token: usize,
        rate: Rate,
        was_alone: bool,
    ) -> Result<Grant, JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.permit(token, rate, was_alone).await)
            .await
    }

    async fn hold(&self, time: Duration) -> Result<(), JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.hold(time).await).await
    }

    async fn sweep(&self, at_most: Duration) -> Result<SweepTurn, JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.sweep(at_most).await).await
    }

    async fn swept(&self, found: Option<String>) -> Result<(), JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.swept(found).await).await
    }

    async fn kept_channel(&self, line: usize) -> Result<Option<String>, JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.kept_channel(line).await).await
    }

    async fn keep_channel(&self, line: usize, sealed: String) -> Result<(), JournalError> {
        self.gate.database().await?;
        self.hears(self.inner.keep_channel(line, sealed).await)
            .await
    }
}
