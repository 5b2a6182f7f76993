//! One reload of all organisations or of none: each prepares what it would put in force, and when all have, all do.
//!
//! A daemon that works votes by what it could prepare. One that does not has nothing to prepare: its settings were read and
//! found good, and it is started with them, or anew where its start had begun. An outage of one holds up the reload of all
//! only where the new settings need something of its platform that is not known, and then the log says which organisation it
//! was.

use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    all_in_words,
    member::{Member, lock},
};
use crate::{
    conversation::Organization,
    daemon::{PATIENCE, Refusal, Reload, Source},
    journal::Journal,
    settings::{Settings, Severity, findings_of_all},
    supervisor::Supervisor,
};

/// How long all may take: as long as one may, and its journal.
const ALL: Duration = PATIENCE.saturating_mul(2);

/// What an organisation says of what it should put in force: nothing, or why it cannot.
pub(super) type Vote = (Organization, Result<(), String>);

/// What is voted on, and how it went.
pub(super) struct Ballot {
    /// What this organisation would have.
    pub(super) settings: Settings,
    /// Where its vote goes.
    pub(super) votes: mpsc::UnboundedSender<Vote>,
    /// Whether all put theirs in force, once that is clear.
    pub(super) verdict: oneshot::Receiver<bool>,
}

/// The ballots of one organisation. One is voted on as it was read: what is proposed meanwhile is read and voted on after it.
#[derive(Default)]
pub(super) struct Ballots {
    /// What is proposed, and not read yet.
    pub(super) proposed: Option<Ballot>,
    /// What was read, and is being prepared.
    read: Option<Ballot>,
}

/// Where one daemon of several finds its settings.
pub(super) struct Own {
    /// Whose they are.
    pub(super) organization: Organization,
    /// Those in force.
    pub(super) settings: Arc<Mutex<Settings>>,
    /// What is voted on now.
    pub(super) ballots: Arc<Mutex<Ballots>>,
    /// Where those of all come from.
    pub(super) source: Arc<dyn Source>,
}

#[async_trait]
impl Source for Own {
    fn read(&self) -> Result<Vec<Settings>, Refusal> {
        let mut ballots = lock(&self.ballots);
        ballots.read = ballots.proposed.take();
        let proposed = ballots.read.as_ref().map(|ballot| ballot.settings.clone());
        Ok(vec![
            proposed.unwrap_or_else(|| lock(&self.settings).clone()),
        ])
    }

    fn journal(&self, settings: &Settings, now: Timestamp) -> Result<Arc<dyn Journal>, Refusal> {
        self.source.journal(settings, now)
    }

    /// What is worth a line is the same for all, and changed once for all.
    fn log(&self, _level: &str) {}

    async fn agree(&self, prepared: Result<(), Refusal>) -> Result<(), Refusal> {
        let Some(ballot) = lock(&self.ballots).read.take() else {
            return prepared;
        };
        let Ballot {
            settings: _,
            votes,
            verdict,
        } = ballot;
        let said = prepared.as_ref().map_err(ToString::to_string).copied();
        let _counted = votes.send((self.organization.clone(), said));
        drop(votes);
        let agreed = verdict.await;
        prepared?;
        if agreed == Ok(true) {
            return Ok(());
        }
        Err("another organisation cannot put its settings in force".into())
    }
}

/// What reloads all.
pub(super) struct Together {
    /// The switch, and where settings come from.
    pub(super) reload: Reload,
    /// Whose they are.
    pub(super) members: Arc<[Arc<Member>]>,
    /// Who hears when it begins and ends.
    pub(super) supervisor: Supervisor,
}

impl Together {
    /// Reloads when it is asked to, until stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        let reloading = async {
            loop {
                self.reload.asked().await;
                self.reload().await;
            }
        };
        stop.run_until_cancelled(reloading).await;
    }

    /// One reload, from its beginning to its end.
    async fn reload(&self) {
        info!("reloading the settings of all organisations");
        // Before it was said that all are ready, the word that ends a reload would say so.
        let ready = self.supervisor.was_told_ready();
        if ready {
            self.supervisor.reloading().await;
        }
        match self.agreed().await {
            Ok(()) => info!("settings of all organisations reloaded"),
            Err(refusal) => {
                let error = &*refusal as &dyn Error;
                error!(
                    error,
                    "settings not reloaded: those from before stay in force, all of them"
                );
            }
        }
        if ready {
            self.supervisor.ready(&all_in_words(&self.members)).await;
        }
    }

    /// Reads, lets all prepare, and tells them what has become of it.
    async fn agreed(&self) -> Result<(), Refusal> {
        let source = Arc::clone(self.reload.source());
        let read = spawn_blocking(move || source.read()).await??;
        let findings = findings_of_all(&read);
        if let Some(refused) = findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
        {
            return Err(refused.to_string().into());
        }
        let matched = self.matched(&read)?;
        let (sender, votes) = mpsc::unbounded_channel();
        let asked = matched.into_iter().map(|(member, settings)| {
            let verdict = member.ask(&settings, &sender);
            (member, settings, verdict)
        });
        let asked: Vec<_> = asked.collect();
        drop(sender);
        let counted = timeout(ALL, count(votes)).await;
        let counted = counted.unwrap_or_else(|_late| {
            Err("an organisation does not answer in time: try again later".into())
        });
        for (member, settings, verdict) in asked {
            // One that has ended since, or that was not asked, does not hear it.
            let verdict = verdict.filter(|verdict| !verdict.is_closed());
            if counted.is_ok() {
                // Before the verdict, so that whoever is started from here on has them.
                member.take(&settings, verdict.is_some());
            }
            // Who has not voted yet finds the verdict when it comes to that.
            let _heard = verdict.map(|verdict| verdict.send(counted.is_ok()));
        }
        if counted.is_ok() {
            let level = read.first().map(|settings| settings.log.level.as_str());
            self.reload.source().log(level.unwrap_or_default());
        }
        counted
    }

    /// The members, each with its settings; a refusal where there are others now.
    fn matched(&self, read: &[Settings]) -> Result<Vec<(&Arc<Member>, Settings)>, Refusal> {
        let of = |member: &Member| {
            let own = |settings: &&Settings| settings.organization == member.organization;
            read.iter().find(own).cloned()
        };
        let known = |settings: &&Settings| {
            let mut members = self.members.iter();
            !members.any(|member| member.organization == settings.organization)
        };
        if let Some(stranger) = read.iter().find(known) {
            let name = &stranger.organization;
            return Err(format!("organizations: `{name}` is new, and an organisation is not added while the daemon runs: start it again").into());
        }
        let each = self.members.iter().map(|member| {
            let settings = of(member).ok_or_else(|| {
                let name = &member.organization;
                format!("organizations: `{name}` is not there any more, and an organisation is not removed while the daemon runs: start it again")
            })?;
            Ok((member, settings))
        });
        each.collect()
    }
}

/// Waits until all have voted, or the first one that cannot; one that ends meanwhile has no vote.
async fn count(mut votes: mpsc::UnboundedReceiver<Vote>) -> Result<(), Refusal> {
    while let Some((organization, vote)) = votes.recv().await {
        if let Err(why) = vote {
            return Err(format!("{organization}: {why}").into());
        }
    }
    Ok(())
}
