//! A rush hour, told as it happens, and what would have become of it otherwise.
//!
//! The real daemon runs against the embedded platform under one paused clock, so an hour takes seconds and nothing is
//! acted: the same code, real HTTP, real WebSocket. The same callers then come twice more, once without anything and
//! once with the blueprint's loop. Every number in the closing table is measured in this run.

mod blueprint;

mod screen;

mod verdict;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    task::{JoinError, JoinSet},
    time::{interval, sleep},
};

use self::{blueprint::Blueprint, screen::Story, verdict::Verdict};
pub use screen::Paint;

use crate::{
    clock::Clock,
    conversation::QueueId,
    daemon::{Daemon, DaemonError, Operator},
    journal::MemoryJournal,
    sandbox::{
        Options, Sandbox,
        scenario::{Arrival, Outcome, Traffic},
    },
    settings::{self, Settings, SettingsError},
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};

/// Monday morning: when the rush hour begins.
const START: &str = "2026-01-05T09:00:00Z";
/// Agents in the queue: a few too few for the callers.
const AGENTS: usize = 10;
/// Time between two pictures of the line.
const PICTURE: Duration = Duration::from_mins(10);
/// Time after which the run ends even if somebody still waits.
const CLOSING: Duration = Duration::from_hours(4);
/// Time between raises in the story, unless the user has another policy.
const WAIT: &str = "1m";

/// What keeps the demo from running.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The terminal went away, or loopback is not to be had.
    #[error("the demo cannot go on")]
    Io(#[from] io::Error),
    /// The daemon's settings were refused.
    #[error("the demo's settings are refused")]
    Settings(#[from] SettingsError),
    /// The daemon ended.
    #[error("the daemon ended")]
    Daemon(#[from] DaemonError),
}

/// What is done for callbacks while they wait.
#[derive(Clone, Copy, Debug)]
enum Care<'a> {
    /// Nothing.
    Nothing,
    /// The blueprint's workflow: five raises of one point, five minutes apart.
    Blueprint,
    /// This daemon, with these settings.
    Daemon(Policies<'a>),
}

/// Where the daemon's policies come from.
#[derive(Clone, Copy, Debug)]
enum Policies<'a> {
    /// Variables.
    Variables(&'a [(&'a str, &'a str)]),
    /// A settings file of the user's.
    File(&'a Path),
}

/// What the calls' own in-queue flow does, from the callback's own entry on.
const POINT_A_MINUTE: Policies<'static> = Policies::Variables(&[("WAIT", WAIT)]);

/// The same by the caller's whole wait, and credit for the time before the callback's own entry.
const KEEP_THE_PLACE: Policies<'static> = Policies::Variables(&[
    ("MIRROR", "{ every = \"1m\", add = 1 }"),
    ("CREDIT", "waited"),
]);

/// What is told, and how.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// Which rush hour.
    pub seed: u64,
    /// The settings file whose policies the story is of, instead of a point a minute.
    pub policy: Option<&'a Path>,
    /// Whether to use colours.
    pub paint: Paint,
    /// Real time that passes after each picture.
    pub pace: Duration,
}

/// Runs the demo on virtual time.
///
/// # Errors
/// Where the file is refused, or output or loopback sockets fail.
pub fn run(telling: Telling<'_>, out: &mut impl Write) -> Result<(), DemoError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime.block_on(tell(telling, out))
}

/// The story, the other runs, and the table.
async fn tell(telling: Telling<'_>, out: &mut impl Write) -> Result<(), DemoError> {
    let Telling {
        seed,
        policy,
        paint,
        pace,
    } = telling;
    let traffic = Traffic::RUSH_HOUR;
    let arrivals = traffic.draw(seed);
    let ours = policy.map_or(POINT_A_MINUTE, Policies::File);
    let told = load(ours, "http://127.0.0.1/")?.rules;
    screen::introduce(out, paint, &arrivals, AGENTS, &told)?;
    let mut story = Story::new(paint, pace);
    let daemon = play(seed, &arrivals, Care::Daemon(ours), |scene| {
        story.tell(out, scene)
    })
    .await?;
    writeln!(out)?;
    let mut verdict = Verdict::default();
    for (care, what) in [
        (Care::Nothing, "without anything"),
        (Care::Blueprint, "with the blueprint's loop"),
    ] {
        verdict.add(what, &play_unseen(seed, &arrivals, care, what).await?);
    }
    let what = match policy {
        Some(_) => "with your settings",
        None => "with a point a minute",
    };
    verdict.add(what, &daemon);
    let what = "keeping the place exactly";
    let exactly = play_unseen(seed, &arrivals, Care::Daemon(KEEP_THE_PLACE), what);
    verdict.add(what, &exactly.await?);
    verdict.print(out, paint)?;
    Ok(())
}

/// Lets the callers come once more, with nothing but a sign of progress.
async fn play_unseen(
    seed: u64,
    arrivals: &[Arrival],
    care: Care<'_>,
    what: &'static str,
) -> Result<Vec<Outcome>, DemoError> {
    let progress = screen::Progress::start(what);
    let outcomes = play(seed, arrivals, care, |scene| {
        progress.show(scene.minute);
        Ok(())
    });
    let outcomes = outcomes.await?;
    progress.end();
    Ok(outcomes)
}

/// One moment of a run, for whoever tells of it.
struct Scene<'a> {
    /// The platform.
    sandbox: &'a Sandbox,
    /// Where everybody waits.
    queue: &'a QueueId,
    /// Whole minutes since the start.
    minute: u64,
}

/// Lets the callers come, takes this care of callbacks, and shows a scene each minute; what became of everybody.
async fn play(
    seed: u64,
    arrivals: &[Arrival],
    care: Care<'_>,
    mut show: impl FnMut(&Scene<'_>) -> io::Result<()>,
) -> Result<Vec<Outcome>, DemoError> {
    let clock = Clock::anchored(START.parse().unwrap_or_default());
    let sandbox = Sandbox::start(Options {
        seed,
        clock,
        ..Options::default()
    })
    .await?;
    let world = sandbox.world();
    let queue = world
        .queue("Support")
        .unwrap_or_else(|| world.add_queue("Support"));
    let shutdown = Shutdown::default();
    let mut carer = start_care(care, &sandbox, clock, &shutdown)?;
    world.add_agents(&queue, AGENTS, Traffic::RUSH_HOUR.handling);
    world.play(&queue, arrivals);
    let mut minutes = interval(Duration::from_mins(1));
    for minute in 0..CLOSING.as_secs() / 60 {
        tokio::select! {
            _tick = minutes.tick() => {}
            Some(ended) = carer.join_next() => return Err(early_end(ended)),
        }
        show(&Scene {
            sandbox: &sandbox,
            queue: &queue,
            minute,
        })?;
        if everybody_is_answered(&world.outcomes(), arrivals.len()) {
            break;
        }
    }
    shutdown.request();
    while carer.join_next().await.is_some() {}
    // Lets the connections that were just closed be seen as closed before the platform goes.
    sleep(Duration::from_millis(1)).await;
    Ok(world.outcomes())
}

/// The failure of a carer that ended before it was told to; its panic is passed on.
fn early_end(ended: Result<Result<(), DaemonError>, JoinError>) -> DemoError {
    match ended {
        Ok(Err(error)) => error.into(),
        Ok(Ok(())) => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Whether all callers have come and been answered.
fn everybody_is_answered(outcomes: &[Outcome], callers: usize) -> bool {
    outcomes.len() == callers && outcomes.iter().all(|outcome| outcome.answered.is_some())
}

/// Starts whatever takes care of callbacks.
fn start_care(
    care: Care<'_>,
    sandbox: &Sandbox,
    clock: Clock,
    shutdown: &Shutdown,
) -> Result<JoinSet<Result<(), DaemonError>>, DemoError> {
    let mut carer = JoinSet::new();
    let shutdown = shutdown.clone();
    match care {
        Care::Nothing => {}
        Care::Blueprint => {
            let blueprint = Blueprint::new(sandbox)?;
            carer.spawn(async move {
                shutdown.drain().run_until_cancelled(blueprint.run()).await;
                Ok(())
            });
        }
        Care::Daemon(policies) => {
            let daemon = Daemon {
                settings: load(policies, &sandbox.url())?,
                journal: Arc::new(MemoryJournal::default()),
                clock,
                status: Status::default(),
                supervisor: Supervisor::default(),
                operator: Operator::default(),
            };
            carer.spawn(async move { daemon.run(&shutdown).await });
        }
    }
    Ok(carer)
}

/// The daemon's settings: these policies, on the platform at this address.
fn load(policies: Policies<'_>, url: &str) -> Result<Settings, SettingsError> {
    let usual = [
        ("CALLBACK_PRIORITIZER__GENESYS__API_URL", url),
        ("CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL", url),
        ("CALLBACK_PRIORITIZER__STATUS__LISTEN", "127.0.0.1:0"),
        ("GENESYSCLOUD_OAUTHCLIENT_ID", "sandbox"),
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox"),
    ];
    let mut variables: BTreeMap<String, String> = usual
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let (file, policy) = match policies {
        Policies::File(path) => (Some(path), &[][..]),
        Policies::Variables(policy) => (None, policy),
    };
    for (key, value) in policy {
        let name = format!("CALLBACK_PRIORITIZER__POLICY__{key}");
        variables.insert(name, (*value).to_owned());
    }
    settings::load(file, &variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{conversation::Priority, sandbox::scenario::overtakes_by};

    /// How many callbacks of an hour's rush were overtaken by a call that came a minute or more later.
    async fn overtaken(seed: u64, arrivals: &[Arrival], care: Care<'_>) -> usize {
        let outcomes = play(seed, arrivals, care, |_| Ok(())).await.unwrap();
        let overtakes = overtakes_by(&outcomes, Priority::WORTH);
        overtakes.iter().filter(|calls| **calls > 0).count()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_keeps_the_place_is_overtaken_by_nobody_who_came_a_minute_later() {
        for seed in [1, 2, 7] {
            let arrivals = Traffic::RUSH_HOUR.draw(seed);
            let nothing = overtaken(seed, &arrivals, Care::Nothing).await;
            let blueprint = overtaken(seed, &arrivals, Care::Blueprint).await;
            let exactly = overtaken(seed, &arrivals, Care::Daemon(KEEP_THE_PLACE)).await;
            assert_eq!(exactly, 0, "seed {seed}");
            assert!(
                nothing > 10 && blueprint > 10,
                "seed {seed}: {nothing} {blueprint}"
            );
        }
    }
}
