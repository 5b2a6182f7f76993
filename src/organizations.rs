//! Several organisations in one process: a daemon for each, and around them what they have in common.
//!
//! Common are the journal, the page, the socket for orders, the supervisor, and the reload, which is of all or of none. All
//! else is each one's own, and so is its trouble: a daemon that cannot start, or that ends unexpectedly, is tried again after
//! a while, later each time, and the others never hear of it. Only where none of them can start does the process end, as it
//! does with a single organisation: whoever runs it must mend the settings, or try again later.

mod member;

mod orders;

mod pulse;

mod reload;

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::Clock,
    control,
    conversation::Organization,
    daemon::{DaemonError, GOODBYE, Operator, in_words, last_word},
    journal::Journal,
    settings::Settings,
    shutdown::Shutdown,
    status::{
        Status,
        http::{Page, Shown},
    },
    supervisor::Supervisor,
};

use self::{member::Member, orders::Orders, pulse::Pulse, reload::Together};

/// Several organisations: everything that looking after them takes.
pub struct Organizations {
    /// The settings of each, checked, each with a name; and where it says what it does.
    pub each: Vec<(Settings, Status)>,
    /// Bases, claims and pauses of all of them.
    pub journal: Arc<dyn Journal>,
    /// Wall time.
    pub clock: Clock,
    /// Who started this and wants to hear how it is; nobody, by default.
    pub supervisor: Supervisor,
    /// How operators reach them.
    pub operator: Operator,
}

/// What is said of one whose first start is not done.
const NOT_STARTED: &str = "it has not started yet";

/// How the first attempt of a daemon ended: with its work begun, or with why it was not.
type First = Result<(), DaemonError>;

impl Organizations {
    /// Runs until told to stop, and notes in the journal when that was.
    ///
    /// # Errors
    /// Where none of them can start, or what they have in common ended unexpectedly.
    pub async fn run(self, shutdown: &Shutdown) -> Result<(), DaemonError> {
        let saying = self.say_homeless_pauses();
        let _said = shutdown.drain().run_until_cancelled(saying).await;
        let members: Vec<Arc<Member>> = self
            .each
            .iter()
            .map(|(settings, status)| Arc::new(self.member(settings, status)))
            .collect();
        let stop = CancellationToken::new();
        let mut common = self.start_common(&members, &stop);
        let (sender, mut firsts) = mpsc::unbounded_channel();
        let mut daemons = JoinSet::new();
        for member in &members {
            let (member, sender) = (Arc::clone(member), sender.clone());
            daemons.spawn(member.keep(shutdown.clone(), sender));
        }
        drop(sender);
        let ended = tokio::select! {
            // First, because told to stop all else ends by itself.
            biased;
            () = shutdown.drain().cancelled() => Ok(()),
            failure = none_can_start(&members, &mut firsts) => Err(failure),
            Some(part) = common.join_next() => {
                Err(DaemonError::PartEnded(part.unwrap_or("part of all organisations")))
            }
            Some(_ended) = daemons.join_next() => {
                Err(DaemonError::PartEnded("care for an organisation"))
            }
        };
        self.supervisor.stopping().await;
        if !shutdown.drain().is_cancelled() {
            shutdown.request();
        }
        while daemons.join_next().await.is_some() {}
        stop.cancel();
        let goodbye = async { while common.join_next().await.is_some() {} };
        let _timely = timeout(GOODBYE, goodbye).await;
        last_word(shutdown, self.journal.stopped(self.clock.now())).await;
        ended
    }

    /// The member for these settings.
    fn member(&self, settings: &Settings, status: &Status) -> Member {
        let reload = self.operator.reload.as_ref();
        let source = reload.map(|reload| Arc::clone(reload.source()));
        Member::new(
            settings.clone(),
            status.clone(),
            Arc::clone(&self.journal),
            self.clock,
            source,
        )
    }

    /// Starts what all have in common; each part returns its name when it ends.
    fn start_common(
        &self,
        members: &[Arc<Member>],
        stop: &CancellationToken,
    ) -> JoinSet<&'static str> {
        let mut common = JoinSet::new();
        let shown = members.iter().map(|member| {
            let clock = Arc::clone(member);
            Shown {
                organization: member.organization.clone(),
                status: member.status.clone(),
                clock: Arc::new(move || clock.now()),
            }
        });
        let page = Page::from(shown.collect::<Vec<_>>());
        if let Some((settings, _)) = self.each.first() {
            let serving = page.serve(settings.status.clone(), stop.clone());
            common.spawn(async move {
                serving.await;
                "status page"
            });
        }
        if let Some(path) = self.operator.socket.clone() {
            let (orders, stop) = (Arc::new(Orders(members.into())), stop.clone());
            common.spawn(async move {
                control::listen(&orders, path, &stop).await;
                "control"
            });
        }
        if let Some(reload) = self.operator.reload.clone() {
            let together = Together {
                reload,
                members: members.into(),
                supervisor: self.supervisor.clone(),
            };
            let reloading = together.run(stop.clone());
            common.spawn(async move {
                reloading.await;
                "reload"
            });
        }
        let pulse = Pulse {
            members: members.into(),
            supervisor: self.supervisor.clone(),
        };
        let beating = pulse.run(stop.clone());
        common.spawn(async move {
            beating.await;
            "word to the supervisor"
        });
        common
    }

    /// Says that pauses from before the organisations had names are of none of them.
    async fn say_homeless_pauses(&self) {
        info!(organizations = self.each.len(), "starting");
        let unnamed = Organization::default();
        let kept = self.journal.pauses(&unnamed, self.clock.now());
        // What keeps the journal from telling is said by those who need it.
        let homeless = kept.await.unwrap_or_default().len();
        if homeless > 0 {
            warn!(
                pauses = homeless,
                "pauses from when there was a single organisation hold in none of these: pause anew what should be"
            );
        }
    }
}

/// Ends with a reason to end for all, once each has tried to start and none works; never, where one does.
async fn none_can_start(
    members: &[Arc<Member>],
    firsts: &mut mpsc::UnboundedReceiver<First>,
) -> DaemonError {
    let mut failures = Vec::new();
    while let Some(Err(failure)) = firsts.recv().await {
        failures.push(failure);
        if failures.len() == members.len() {
            break;
        }
    }
    // One that failed first may have started by the time that the last one has failed.
    let works = members.iter().any(|member| member.seat.way().is_some());
    // Where waiting may help one of them, the process should be started again.
    let denied = |failure: &DaemonError| matches!(failure, DaemonError::Denied { .. });
    let helped = failures.iter().position(|failure| !denied(failure));
    if failures.len() == members.len() && !failures.is_empty() && !works {
        return failures.swap_remove(helped.unwrap_or_default());
    }
    std::future::pending().await
}

/// All of them in a line: what each does, or why it does not yet, or not any more.
fn all_in_words(members: &[Arc<Member>]) -> String {
    let words = members.iter().map(|member| {
        let now = member.status.snapshot();
        let how = match (&now.down, member.seat.way()) {
            (Some(why), _) => why.clone(),
            (None, Some(_)) => in_words(&now),
            (None, None) => NOT_STARTED.to_owned(),
        };
        format!("{}: {how}", member.organization)
    });
    words.collect::<Vec<_>>().join("; ")
}
