//! Channels that are taken up again after a restart, where replicas keep them.

use super::Genesys;
use crate::genesys::{channel::Channel, failure::Failure};

impl Genesys {
    /// A channel for this line: the one that was kept for it where `resumes`, else a new one. It is kept before it is used, so
    /// that a start that fails early and is made again and again makes no new channel each time.
    pub(crate) async fn channel(&self, line: usize, resumes: bool) -> Result<Channel, Failure> {
        if resumes && let Some(kept) = self.kept_channel(line).await {
            // That it was taken up once more.
            self.keep_channel(line, &kept).await;
            return Ok(kept);
        }
        self.new_channel(line).await
    }

    /// A new channel for this line, in the place of the one that was kept.
    pub(crate) async fn new_channel(&self, line: usize) -> Result<Channel, Failure> {
        let channel = self.create_channel().await?;
        self.keep_channel(line, &channel).await;
        Ok(channel)
    }

    /// Keeps a channel for the restart.
    async fn keep_channel(&self, line: usize, channel: &Channel) {
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
        let sealed = replicas.kept_channel(line).await.ok()??;
        seal.open(&sealed, &self.streaming, self.now())
    }
}
