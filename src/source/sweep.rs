//! The sweep: asks for all callbacks that wait, and says so. The safety net under every notification.
//!
//! At the start, after every connect and channel change, and once in a while. Requests for a sweep coalesce: one that
//! comes while a sweep runs leads to exactly one more, because the running one may have asked too early.
//!
//! Of several replicas one sweeps in each round, and the others are told what it found (`round`).

mod round;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Notice, queues::Queues};
use crate::{
    backoff::Backoff,
    clock::millis,
    conversation::QueueId,
    genesys::{Failure, FailureKind, Genesys, MAX_PAGES, Sighting},
    replicas::Replicas,
    status::Status,
    trouble::Trouble,
};

/// Queues named in one query. Its limit is not documented; a hundred ids are 8 kB of request.
const QUEUES_A_QUERY: usize = 100;

/// Rows asked for on a page; the smaller ones where a larger one is refused. The largest page is not documented; a
/// published tool uses 50, and a page of a thousand rows is a megabyte.
const PAGE_SIZES: [usize; 4] = [1_000, 100, 50, 25];

/// Rows of a page that is surely the last: a platform may answer with smaller pages than it was asked for, but hardly with
/// smaller ones than this.
const SURELY_NOT_FULL: usize = 10;

/// How the platform wants to be asked for all that wait, as far as it has let us know.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// Which page size it takes: those before were refused.
    size: AtomicUsize,
}

/// Asks for a sweep soon. Cheap to clone; requests coalesce.
#[derive(Clone, Debug, Default)]
pub(crate) struct SweepRequests(Arc<Notify>);

impl SweepRequests {
    /// Asks for a sweep as soon as possible.
    pub(crate) fn request(&self) {
        self.0.notify_one();
    }
}

/// The task that sweeps.
pub(crate) struct Sweep {
    /// The platform.
    pub(crate) genesys: Arc<Genesys>,
    /// Which queues to ask for.
    pub(crate) queues: Arc<Queues>,
    /// How.
    pub(crate) manner: Arc<Manner>,
    /// Time between sweeps. Who changes it asks for a sweep as well.
    pub(crate) every: watch::Receiver<Duration>,
    /// Wakes this task early.
    pub(crate) requests: SweepRequests,
    /// Where the result goes.
    pub(crate) notices: mpsc::Sender<Notice>,
    /// Where sweeps are counted.
    pub(crate) status: Status,
    /// Those who sweep by turns with this one, where there are any.
    pub(crate) replicas: Option<Arc<dyn Replicas>>,
}

/// How sweeps have gone.
#[derive(Debug, Default)]
struct Course {
    /// Failures in a row.
    backoff: Backoff,
    /// That they fail.
    failing: Trouble,
    /// That they do not show everybody.
    short: Trouble,
}

/// The sweep made while starting.
#[derive(Debug)]
pub(crate) struct First {
    /// What it found.
    pub(crate) found: Found,
    /// When it was asked for.
    pub(crate) asked: Instant,
    /// How it had to be asked for.
    pub(crate) manner: Arc<Manner>,
}

/// What a sweep found.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Who waits.
    pub(crate) sightings: Vec<Sighting>,
    /// Whether that is not everybody.
    pub(crate) truncated: bool,
}

impl Sweep {
    /// Reports the sweep made while starting, then sweeps until stopped.
    pub(crate) async fn run(self, first: First, stop: CancellationToken) {
        let mut course = Course::default();
        self.report(&mut course.short, first.found, first.asked)
            .await;
        let mut until_next = self.every();
        loop {
            let woken = timeout(until_next, self.requests.0.notified());
            let Some(woken) = stop.run_until_cancelled(woken).await else {
                return;
            };
            // Whoever asks for one wants to know what is so from now on.
            let wanted = woken.is_ok().then(Instant::now);
            match stop
                .run_until_cancelled(self.take_turn(&mut course, wanted))
                .await
            {
                Some(next) => until_next = next,
                None => return,
            }
        }
    }

    /// Time between sweeps, as it is now.
    fn every(&self) -> Duration {
        *self.every.borrow()
    }

    /// One sweep, its report, and how long to wait for the next.
    async fn round(&self, course: &mut Course) -> Duration {
        let started = Instant::now();
        let found = find(&self.genesys, &self.queues, &self.manner).await;
        self.tell(found.as_ref().ok()).await;
        match found {
            Ok(found) => {
                self.works_again(course);
                self.report(&mut course.short, found, started).await;
                self.every()
            }
            Err(failure) => {
                self.status.update(|now| now.failed_sweeps += 1);
                if course.failing.met(&failure.to_string()) {
                    let words = format!("a sweep failed: {failure}");
                    self.status.tell(self.genesys.now(), true, words);
                    let error = &failure as &dyn std::error::Error;
                    warn!(
                        error,
                        correlation_id = failure.correlation_id(),
                        "sweep failed: callbacks that notifications miss are found once it works again"
                    );
                }
                let delay = failure.delay(&mut course.backoff);
                match failure.kind {
                    FailureKind::Denied => self.every(),
                    FailureKind::Throttled { .. } => delay,
                    _ => delay.min(self.every()),
                }
            }
        }
    }

    /// Says that sweeps work, this replica's or another's, where they did not before.
    fn works_again(&self, course: &mut Course) {
        if let Some(over) = course.failing.over() {
            info!(
                attempts = over.times,
                after_s = over.after.as_secs(),
                "sweeps work again"
            );
            let now = self.genesys.now();
            self.status.tell(now, false, "sweeps work again");
        }
        course.backoff.reset();
    }

    /// Says what was found, and whether answers are `short`.
    async fn report(&self, short: &mut Trouble, found: Found, started: Instant) {
        let (waiting, complete) = (found.sightings.len(), !found.truncated);
        if complete {
            if let Some(over) = short.over() {
                let after_s = over.after.as_secs();
                info!(after_s, "the platform leaves no callbacks out any more");
            }
        } else if short.met("") {
            warn!(
                waiting,
                "the platform left callbacks out of its answer: those are found later"
            );
        }
        let notice = Notice::Resync {
            sightings: found.sightings,
            complete,
            asked: started,
        };
        if self.notices.send(notice).await.is_ok() {
            let took = millis(started.elapsed());
            info!(waiting, complete, took_ms = took, "sweep done");
        }
        self.status.update(|now| now.sweeps += 1);
    }
}

/// Asks for all callbacks that wait in these queues.
///
/// Neither the largest page nor whether a query may name no queue is documented, so what is refused in one form is asked
/// in the next, down to a page that is surely small enough.
pub(crate) async fn find(
    genesys: &Genesys,
    queues: &Queues,
    manner: &Manner,
) -> Result<Found, Failure> {
    let taken = manner.size.load(Ordering::Relaxed);
    let (mut refused, mut begun) = (None, false);
    for (number, size) in PAGE_SIZES.into_iter().enumerate().skip(taken) {
        match find_in_pages(genesys, queues, size, &mut begun).await {
            Err(failure) if failure.status() == Some(StatusCode::BAD_REQUEST) => {
                refused = Some(failure);
            }
            answer => {
                if answer.is_ok() {
                    manner.size.store(number, Ordering::Relaxed);
                }
                return answer;
            }
        }
    }
    // All sizes were refused, so it is not the size: the next sweep begins with the first again.
    manner.size.store(0, Ordering::Relaxed);
    refused.map_or_else(|| Ok(Found::default()), Err)
}

/// The same in pages of this size.
async fn find_in_pages(
    genesys: &Genesys,
    queues: &Queues,
    size: usize,
    begun: &mut bool,
) -> Result<Found, Failure> {
    let ids = queues.ids();
    if queues.all() {
        match ask(genesys, &[], size, begun).await {
            Err(failure) if failure.kind == FailureKind::Unexpected && !ids.is_empty() => {}
            Ok(found) if found.truncated && ids.len() > 1 => {}
            answer => return answer,
        }
    }
    let mut all = Found::default();
    let mut parts: Vec<&[QueueId]> = ids.chunks(QUEUES_A_QUERY).collect();
    while let Some(part) = parts.pop() {
        let found = ask(genesys, part, size, begun).await?;
        if found.truncated && part.len() > 1 {
            // What is left out of a long answer may fit into two shorter ones.
            let (first, second) = part.split_at(part.len() / 2);
            parts.extend([second, first]);
            continue;
        }
        all.truncated |= found.truncated;
        all.sightings.extend(found.sightings);
    }
    Ok(all)
}

/// One query, page by page, until a page is not full and as many rows are there as the answer counts. Where it does not
/// count them, until a page brings nothing new: the largest page is not documented, and a platform that ignores the page
/// number would answer the same for ever. The sweep has `begun` once a first page of it was answered.
async fn ask(
    genesys: &Genesys,
    queues: &[QueueId],
    size: usize,
    begun: &mut bool,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut known = HashSet::new();
    let mut rows = 0;
    for number in 1..=MAX_PAGES {
        let page = genesys.waiting(queues, size, number, *begun).await?;
        *begun = true;
        found.truncated |= page.truncated;
        rows += page.rows;
        let all = page.rows < size && page.of_all.is_some_and(|of_all| rows >= of_all);
        let before = known.len();
        for sighting in page.sightings {
            if known.insert(sighting.id.clone()) {
                found.sightings.push(sighting);
            }
        }
        // The smallest page that is ever asked for is full unless it is the last.
        if all || page.rows < SURELY_NOT_FULL || known.len() == before {
            return Ok(found);
        }
    }
    found.truncated = true;
    Ok(found)
}

/// Waits for a while or until stopped, whichever comes first; says whether to go on.
pub(super) async fn wait(stop: &CancellationToken, time: Duration) -> bool {
    stop.run_until_cancelled(sleep(time)).await.is_some()
}
