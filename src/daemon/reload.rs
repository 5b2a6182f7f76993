//! Reload: reads the settings again, and puts them in force all together or not at all.
//!
//! Whatever may go wrong goes wrong before anything is changed: reading, checking, the platform's lists that new names need,
//! the journal that the end of a dry run needs. What follows cannot fail and waits for nothing, so no part ever sees half of
//! it. Visits and their times stay as they are; those that wait get what the new rules make of their wait, and nothing is
//! lowered. What a running daemon cannot change is said, and stays as it was.

mod prepare;

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{signal::unix::SignalKind, sync::Notify};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{pulse::in_words, shared::Shared};
use crate::{
    clock::Clock,
    journal::Journal,
    settings::{Change, Finding, Settings, Severity},
    supervisor::Supervisor,
};

use self::prepare::Prepared;

pub(crate) use self::prepare::PATIENCE;

/// Why something cannot be had.
pub(crate) type Refusal = Box<dyn Error + Send + Sync>;

/// Where settings come from, once more.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Reads the settings as they are now, those of each organisation. May block.
    ///
    /// # Errors
    /// Where they are refused.
    fn read(&self) -> Result<Vec<Settings>, Refusal>;

    /// The journal that lasts: a dry run that becomes a real one has had another. May block.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn journal(&self, settings: &Settings, now: Timestamp) -> Result<Arc<dyn Journal>, Refusal>;

    /// Logs what is worth a line by this level from now on.
    fn log(&self, level: &str);

    /// Whether what was prepared is put in force, or why it cannot be prepared is the last word: others that reload together
    /// with this one may have something to say. Nobody has, unless it is said.
    ///
    /// # Errors
    /// Where it is not.
    async fn agree(&self, prepared: Result<(), Refusal>) -> Result<(), Refusal> {
        prepared
    }
}

/// How a daemon is told to reload. Clones are the same switch.
#[derive(Clone)]
pub struct Reload {
    /// Told to.
    asked: Arc<Notify>,
    /// Where settings come from.
    source: Arc<dyn Source>,
}

impl Reload {
    /// A switch for settings from this source.
    pub fn new(source: impl Source) -> Self {
        Self {
            asked: Arc::default(),
            source: Arc::new(source),
        }
    }

    /// Asks for a reload. Requests coalesce: one that comes while settings are being read leads to one more reading.
    pub fn request(&self) {
        self.asked.notify_one();
    }

    /// Waits until one is asked for.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Where settings come from.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Passes SIGHUP on as requests, for ever.
    ///
    /// # Errors
    /// Where this process may not catch signals.
    pub async fn follow_signal(&self) -> std::io::Result<()> {
        let mut hangup = tokio::signal::unix::signal(SignalKind::hangup())?;
        loop {
            hangup.recv().await;
            self.request();
        }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").finish_non_exhaustive()
    }
}

/// The part that reloads.
pub(super) struct Reloader {
    /// The switch.
    pub(super) reload: Reload,
    /// The settings in force.
    pub(super) running: Settings,
    /// What is changed.
    pub(super) shared: Shared,
    /// Wall time.
    pub(super) clock: Clock,
    /// Whether the journal in use is the one that lasts.
    pub(super) lasting: bool,
    /// Who hears when it begins and ends.
    pub(super) supervisor: Supervisor,
}

impl Reloader {
    /// Reloads when it is asked to, until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let reloading = async {
            loop {
                self.reload.asked().await;
                self.reload().await;
            }
        };
        stop.run_until_cancelled(reloading).await;
    }

    /// One reload, from its beginning to its end. A stop may end it before anything was changed.
    async fn reload(&mut self) {
        info!("reloading the settings");
        // Before the daemon is ready, the word that ends a reload would say that it is.
        let ready = self.shared.status.snapshot().ready;
        if ready {
            self.supervisor.reloading().await;
        }
        match self.agreed().await {
            Ok(prepared) => {
                let changes = self.put_in_force(prepared).await;
                info!(changes, "settings reloaded");
            }
            Err(refusal) => {
                let error = &*refusal as &dyn Error;
                error!(
                    error,
                    "settings not reloaded: those from before stay in force, all of them"
                );
            }
        }
        if ready {
            let how = in_words(&self.shared.status.snapshot());
            self.supervisor.ready(&how).await;
        }
    }

    /// All that may fail, done by this one and by all that reload together with it.
    async fn agreed(&self) -> Result<Prepared, Refusal> {
        let source = &self.reload.source;
        match self.prepare().await {
            Ok(prepared) => source.agree(Ok(())).await.map(|()| prepared),
            Err(refusal) => {
                source.agree(Err(refusal)).await?;
                Err("what could not be prepared cannot be put in force".into())
            }
        }
    }

    /// Puts settings in force, and says what is another now; how many are.
    async fn put_in_force(&mut self, prepared: Prepared) -> usize {
        let Prepared {
            settings,
            changes,
            findings,
            lists,
            queues,
            journal,
            pauses,
        } = prepared;
        let before = std::mem::replace(&mut self.running, settings);
        let (shared, now) = (&self.shared, &self.running);
        let (budget, callbacks) = (now.genesys.budget, &now.callbacks);
        if budget != before.genesys.budget {
            shared.genesys.set_budget(budget);
            shared.pace.set_budget(budget);
            shared.status.update(|now| now.budget = budget.sustained());
        }
        shared.names.turn_to(&now.rules, lists);
        if let Some(list) = &queues {
            shared.names.learn_queues(list);
        }
        let unmatched = (callbacks.queues != before.callbacks.queues).then(|| {
            shared
                .queues
                .choose(&callbacks.queues, &shared.names.queues())
        });
        let other_journal = journal.is_some();
        if let Some(journal) = journal {
            self.lasting = true;
            shared.journal.replace(journal);
            shared.orders.know_pauses(pauses);
        }
        if now.rules != before.rules || callbacks.dry_run != before.callbacks.dry_run {
            shared.pace.count_anew();
            shared.orders.rule(now.rules.clone(), callbacks.dry_run);
            let dry_run = callbacks.dry_run;
            shared.status.update(|status| status.dry_run = dry_run);
        } else if unmatched.is_some() {
            shared.orders.tell_all();
        }
        shared.every.send_replace(callbacks.sweep);
        self.reload.source.log(&now.log.level);
        // All is in force. What is told and asked from here on may take its time.
        say_changes(&changes);
        say_findings(&findings);
        if let Some(unmatched) = unmatched {
            shared.names.say_idle(unmatched);
        }
        shared.chosen.notify_one();
        shared.sweeps.request();
        if other_journal {
            shared.control.keep().await;
        }
        changes
            .iter()
            .filter(|change| !change.needs_restart)
            .count()
    }
}

/// Says what is another now, and what would be after a restart.
fn say_changes(changes: &[Change]) {
    for change in changes {
        let (setting, before, after) = (
            change.setting.as_str(),
            change.before.as_deref(),
            change.after.as_deref(),
        );
        if change.needs_restart {
            warn!(
                setting,
                before,
                after,
                "this setting cannot be changed while the daemon runs: it stays as it was until the next start"
            );
        } else {
            info!(setting, before, after, "setting changed");
        }
    }
}

/// Logs what `check` would say, so that it is found where the daemon runs.
pub(crate) fn say_findings(findings: &[Finding]) {
    for finding in findings {
        let (setting, sentence) = (&finding.setting, &finding.sentence);
        match finding.severity {
            Severity::Error | Severity::Warning => warn!(setting, sentence, "settings"),
            Severity::Note => info!(setting, sentence, "settings"),
        }
    }
}
