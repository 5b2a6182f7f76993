//! All of a reload that may fail.

use std::{sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::timeout};

use super::{Refusal, Reloader};
use crate::{
    conversation::QueueId,
    genesys::NameList,
    journal::Journal,
    orders::Pauses,
    settings::{Change, Finding, Settings, Severity},
    source::queues::Queues,
};

/// How long the platform may take to tell names that are new.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Settings that can be put in force, with all that it takes.
pub(super) struct Prepared {
    /// The settings; what cannot be changed is as it was.
    pub(super) settings: Settings,
    /// What differs from those in force.
    pub(super) changes: Vec<Change>,
    /// What there is to say about them that was not said before.
    pub(super) findings: Vec<Finding>,
    /// Names that rules ask for and that were not known.
    pub(super) lists: Vec<(NameList, Vec<(String, String)>)>,
    /// The platform's queues, where they were read.
    pub(super) queues: Option<Vec<(QueueId, String)>>,
    /// The journal to use from now on, where it is another.
    pub(super) journal: Option<Arc<dyn Journal>>,
    /// What is paused with that journal.
    pub(super) pauses: Pauses,
}

impl Reloader {
    /// Reads, checks, and gets all that it takes.
    pub(super) async fn prepare(&self) -> Result<Prepared, Refusal> {
        let source = Arc::clone(&self.reload.source);
        let read = spawn_blocking(move || source.read()).await??;
        let read = self.own(read)?;
        let mut findings = read.findings();
        if let Some(refused) = findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
        {
            return Err(refused.to_string().into());
        }
        let said = self.running.findings();
        findings.retain(|finding| !said.contains(finding));
        let changes = self.running.changes_to(&read);
        let settings = self.running.clone().reloaded(read);
        let asking = async {
            let queues = self.queues_for(&settings).await?;
            Ok::<_, Refusal>((self.names_for(&settings).await?, queues))
        };
        let (lists, queues) = timeout(PATIENCE, asking)
            .await
            .map_err(|_late| "the platform does not tell in time what things are called that the new settings name: try again later")??;
        let (journal, pauses) = self.journal_for(&settings).await?;
        Ok(Prepared {
            settings,
            changes,
            findings,
            lists,
            queues,
            journal,
            pauses,
        })
    }

    /// Those of the organisation whose daemon this is.
    fn own(&self, read: Vec<Settings>) -> Result<Settings, Refusal> {
        let own = &self.running.organization;
        let mut read = read.into_iter();
        read.find(|settings| settings.organization == *own).ok_or_else(|| {
            "this daemon was started for a single organisation, and the settings now name several: start it again".into()
        })
    }

    /// The platform's queues, where other entries are to be looked up among them.
    async fn queues_for(&self, new: &Settings) -> Result<Option<Vec<(QueueId, String)>>, Refusal> {
        let entries = &new.callbacks.queues;
        if *entries == self.running.callbacks.queues {
            return Ok(None);
        }
        match self.shared.genesys.queues().await {
            Ok(list) if !list.is_empty() => Ok(Some(list)),
            // What is known of them will do.
            _ if Queues::need_no_list(entries) || !self.shared.names.queues().is_empty() => Ok(None),
            Ok(_empty) => Err("callbacks.queues: the platform lists no queue: check the divisions of the OAuth client's role".into()),
            Err(failure) => Err(format!("callbacks.queues: the list of queues cannot be read ({failure}): name queues by id, or try again later").into()),
        }
    }

    /// Names that rules ask for and that are not known.
    async fn names_for(
        &self,
        new: &Settings,
    ) -> Result<Vec<(NameList, Vec<(String, String)>)>, Refusal> {
        let mut lists = Vec::new();
        for list in self.shared.names.missing_for(&new.rules) {
            let names = self.shared.genesys.names(list).await.map_err(|failure| {
                let word = list.word();
                format!("rules: the list of {word} cannot be read ({failure}): name them by id, or try again later")
            })?;
            lists.push((list, names));
        }
        Ok(lists)
    }

    /// The journal for these settings, where it is another than the one in use, and what is paused with it.
    async fn journal_for(
        &self,
        new: &Settings,
    ) -> Result<(Option<Arc<dyn Journal>>, Pauses), Refusal> {
        if self.lasting || new.callbacks.dry_run {
            return Ok((None, Pauses::default()));
        }
        let (source, settings) = (Arc::clone(&self.reload.source), new.clone());
        let now = self.clock.now();
        let journal = spawn_blocking(move || source.journal(&settings, now)).await??;
        // What was paused before the dry run, and in it.
        let of = &self.running.organization;
        let kept = journal.pauses(of, self.shared.genesys.now()).await?;
        let orders = self.shared.orders.now();
        let since = orders.pauses.as_ref().map(Pauses::list);
        let pauses = Pauses::of(kept.into_iter().chain(since.unwrap_or_default()));
        Ok((Some(journal), pauses))
    }
}
