//! Several replicas on one journal, at virtual time: what they ask of the platform and of the database together.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    clock::Clock,
    daemon::{Daemon, Operator},
    journal::{JournalError, MemoryJournal},
    sandbox::{Limits, Options},
    settings,
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};
use jiff::Timestamp;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    centre::{Centre, NO_LIMIT},
    figures::{Report, quantile, ratio},
    obstacle::{Asked, Obstacle, Obstructed},
};

/// The policy's usual wait.
const WAIT: Duration = Duration::from_mins(5);
/// Waits that are measured, after as many in which all come in.
const ROUNDS: u32 = 2;

/// What is asked of the database, by what it is about.
#[derive(Default)]
struct Count(Mutex<BTreeMap<&'static str, u32>>);

impl Count {
    /// How much of each a minute, since it was asked before.
    fn take(&self, minutes: u32) -> String {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let all: u32 = counts.values().sum();
        let words = counts
            .iter()
            .map(|(what, count)| format!("{} {what}", count / minutes));
        let words: Vec<_> = words.collect();
        format!(
            "{} operations a minute: {}",
            all / minutes,
            words.join(", ")
        )
    }
}

#[async_trait]
impl Obstacle for Count {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        let what = match asked {
            Asked::Entry(_waiting) => "entries read",
            Asked::Recall => "stays recalled",
            Asked::Claim => "claims",
            Asked::Change => "commits and others",
            Asked::NotePause(_of) => "pauses noted",
            Asked::Pauses => "pauses read",
            Asked::Common => "permits, signs and sweeps",
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what).or_default() += 1;
        Ok(())
    }
}

/// What is measured.
struct Case {
    /// Callbacks that wait.
    waiting: u32,
    /// Replicas that track them.
    replicas: u32,
    /// Tokens of their client.
    tokens: u32,
    /// Requests a minute of each.
    rate: u32,
}

/// As many as are said to be carried, by one to three replicas.
pub(crate) fn scale(report: &mut Report) {
    for (waiting, replicas, tokens, rate) in [
        (1_000, 1, 1, 270),
        (1_000, 2, 1, 270),
        (1_000, 3, 1, 270),
        (10_000, 2, 8, 300),
        (100_000, 2, 10, 2_500),
    ] {
        let case = Case {
            waiting,
            replicas,
            tokens,
            rate,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(measure(report, &case));
    }
}

/// Measures one of them.
async fn measure(report: &mut Report, case: &Case) {
    let clock = Clock::anchored("2026-01-05T09:00:00Z".parse().expect("a time"));
    let mut centre = platform(clock).await;
    let (entries, count, shutdown) = (
        MemoryJournal::default(),
        Arc::<Count>::default(),
        Shutdown::default(),
    );
    let mut running = JoinSet::new();
    for number in 0..case.replicas {
        let journal =
            Obstructed::<Count>::from((Arc::clone(&count), entries.replica(&format!("r{number}"))));
        let daemon = daemon(&centre, clock, journal, case);
        let until = shutdown.clone();
        running.spawn(async move { daemon.run(&until).await });
    }
    // Until they know of each other.
    sleep(Duration::from_secs(5)).await;
    for _ in 0..case.waiting {
        let _id = centre.arrive(Duration::ZERO);
        sleep(WAIT / case.waiting).await;
    }
    sleep(WAIT).await;
    let (since, _before) = (centre.sandbox.world().now(), count.take(1));
    sleep(WAIT * ROUNDS).await;
    tell(report, case, &centre, since);
    report.note(&count.take(ROUNDS * 5));
    shutdown.request();
    while let Some(ended) = running.join_next().await {
        ended.expect("no panic").expect("a good end");
    }
}

/// A platform that refuses nothing.
async fn platform(clock: Clock) -> Centre {
    let limits = Limits {
        requests_per_minute: NO_LIMIT,
        ..Limits::default()
    };
    Centre::open(Options {
        seed: 7,
        clock,
        limits,
        ..Options::default()
    })
    .await
}

/// Tells what was asked of the platform since then.
fn tell(report: &mut Report, case: &Case, centre: &Centre, since: Timestamp) {
    let minutes = ROUNDS as usize * 5;
    let (requests, raises) = (centre.requests(since).0, centre.writes(since).len());
    let mut late = centre.lateness(WAIT, since);
    report.at_most(
        "requests per raise: several replicas",
        ratio(requests, raises),
        1.06,
        "",
    );
    let Case {
        waiting,
        replicas,
        tokens,
        rate,
    } = case;
    report.note(&format!(
        "{waiting} waiting, {replicas} replicas, {tokens} tokens of {rate}: {} raises and {} requests a minute ({}), p99 {:?} late",
        raises / minutes,
        requests / minutes,
        centre.purposes(since),
        quantile(&mut late, 990),
    ));
}

/// A replica with the usual settings but for its budget.
fn daemon(centre: &Centre, clock: Clock, journal: Obstructed<Count>, case: &Case) -> Daemon {
    let url = centre.sandbox.url();
    let (tokens, rate) = (case.tokens.to_string(), case.rate.to_string());
    let environment = BTreeMap::from(
        [
            ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox"),
            ("CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID", "sandbox"),
            ("CALLBACK_PRIORITIZER__GENESYS__API_URL", &url),
            ("CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL", &url),
            ("CALLBACK_PRIORITIZER__GENESYS__TOKENS", &tokens),
            ("CALLBACK_PRIORITIZER__GENESYS__REQUESTS_PER_MINUTE", &rate),
            ("CALLBACK_PRIORITIZER__STATUS__LISTEN", "127.0.0.1:0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    Daemon {
        settings: settings::load(None, &environment).expect("good settings"),
        journal: Arc::new(journal),
        clock,
        status: Status::default(),
        supervisor: Supervisor::default(),
        operator: Operator::default(),
    }
}
