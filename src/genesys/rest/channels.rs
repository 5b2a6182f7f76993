//! Channels that are taken up again after a restart, where replicas keep them.

use super::Genesys;
use crate::genesys::{channel::Channel, failure::Failure};

impl Genesys {
    /// A channel for this line: the one that was kept for it where `resumes`, else a new one.
    pub(crate) async fn channel(&self, line: usize, resumes: bool) -> Result<Channel, Failure> {
        if resumes && let Some(kept) = self.kept_channel(line).await {
            return Ok(kept);
        }
        self.create_channel().await
    }

    /// Keeps a channel that is up, for the restart.
    pub(crate) async fn keep_channel(&self, line: usize, channel: &Channel) {
        let (Some(replicas), Some(seal)) = (&self.replicas, &self.seal) else {
            return;
        };
        if let Some(sealed) = seal.close(channel, self.now()) {
            // Where it is not kept, the restart makes a new one.
            let _kept = replicas.keep_channel(line, sealed).await;
        }
    }

    /// The channel that was kept for this line, where there is one that can be used.
    async fn kept_channel(&self, line: usize) -> Option<Channel> {
        let (replicas, seal) = (self.replicas.as_ref()?, self.seal.as_ref()?);
        let sealed = replicas.take_channel(line).await.ok()??;
        seal.open(&sealed, &self.streaming, self.now())
    }
}
