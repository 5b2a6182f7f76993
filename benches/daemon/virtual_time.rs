//! At virtual time: what is counted, not timed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use callback_prioritizer::{
    clock::Clock,
    daemon::{Daemon, Operator},
    journal::MemoryJournal,
    sandbox::Options,
    settings,
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    centre::Centre,
    figures::{Report, number, quantile, ratio},
};

/// The policy's usual wait.
const WAIT: Duration = Duration::from_mins(5);

/// Runs this on a paused clock with a daemon that uses the platform, whose status is handed over.
fn with_daemon<T>(work: impl AsyncFnOnce(&mut Centre, &Status) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        let clock = Clock::anchored("2026-01-05T09:00:00Z".parse().expect("a time"));
        let options = Options {
            seed: 7,
            clock,
            ..Options::default()
        };
        let mut centre = Centre::open(options).await;
        let (status, shutdown) = (Status::default(), Shutdown::default());
        let daemon = daemon(&centre, clock, &status);
        let mut running = JoinSet::new();
        let until = shutdown.clone();
        running.spawn(async move { daemon.run(&until).await });
        let done = work(&mut centre, &status).await;
        shutdown.request();
        let ended = running.join_next().await.expect("a daemon");
        ended.expect("no panic").expect("a good end");
        done
    })
}

/// A daemon with the usual settings.
fn daemon(centre: &Centre, clock: Clock, status: &Status) -> Daemon {
    let url = centre.sandbox.url();
    let environment = BTreeMap::from(
        [
            ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox"),
            ("CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID", "sandbox"),
            ("CALLBACK_PRIORITIZER__GENESYS__API_URL", &url),
            ("CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL", &url),
            ("CALLBACK_PRIORITIZER__STATUS__LISTEN", "127.0.0.1:0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    Daemon {
        settings: settings::load(None, &environment).expect("good settings"),
        journal: Arc::new(MemoryJournal::default()),
        clock,
        status: status.clone(),
        supervisor: Supervisor::default(),
        operator: Operator::default(),
    }
}

/// A thousand callbacks wait at any time. They arrive evenly, and each is answered after 32 minutes.
pub(crate) fn an_hour_of_a_thousand(report: &mut Report) {
    const WAITING: u32 = 1_000;
    let (requests, raises, throttled) = with_daemon(async |centre, _| {
        let gap = Duration::from_mins(32) / WAITING;
        let mut line = VecDeque::new();
        for _ in 0..WAITING {
            line.push_back(centre.arrive(Duration::ZERO));
            sleep(gap).await;
        }
        let (began, since) = (Instant::now(), centre.sandbox.world().now());
        while began.elapsed() < Duration::from_hours(1) {
            line.push_back(centre.arrive(Duration::ZERO));
            let longest = line.pop_front().expect("a thousand");
            centre.sandbox.world().answer(&longest).expect("it waits");
            sleep(gap).await;
        }
        let (requests, throttled) = centre.requests(since);
        report.note(&centre.purposes(since));
        (requests, centre.writes(since).len(), throttled)
    });
    report.at_most(
        "requests per raise: 1,000 callbacks, wait 5m, one hour",
        ratio(requests, raises),
        1.06,
        "",
    );
    report.note(&format!(
        "{requests} requests of all kinds, {raises} raises, 1,875 arrivals and answers, {throttled} times 429"
    ));
}

/// As many callbacks as one token is meant to carry, all on schedule.
pub(crate) fn as_many_as_one_token_carries(report: &mut Report) {
    const WAITING: u32 = 1_250;
    let (mut late, throttled) = with_daemon(async |centre, status| {
        for number in 0..WAITING {
            let _id = centre.arrive(Duration::ZERO);
            sleep(WAIT / WAITING * u32::from(number > 0)).await;
        }
        sleep(WAIT * 2).await;
        assert!(status.snapshot().sighted, "all is well");
        let since = centre.sandbox.world().now();
        sleep(Duration::from_hours(1)).await;
        (centre.lateness(WAIT, since), centre.requests(since).1)
    });
    let raises = late.len();
    let kept = late
        .iter()
        .filter(|late| **late <= Duration::from_secs(2))
        .count();
    let p99 = quantile(&mut late, 990);
    report.at_most(
        "lateness of 1,250 callbacks at wait 5m on one token, p99",
        p99.as_secs_f64(),
        2.0,
        "s",
    );
    report.at_most("429s meanwhile", number(throttled), 0.0, "");
    report.note(&format!(
        "{raises} raises in an hour, {kept} of them within 2 s; longest {:?}",
        quantile(&mut late, 1_000)
    ));
}

/// Three times as many as one token carries: steps get longer for all alike.
pub(crate) fn three_times_as_many(report: &mut Report) {
    const WAITING: u32 = 4_000;
    let (mut late, throttled, spread) = with_daemon(async |centre, _| {
        for number in 0..WAITING {
            let _id = centre.arrive(Duration::ZERO);
            sleep(WAIT / WAITING * u32::from(number > 0)).await;
        }
        sleep(Duration::from_hours(1)).await;
        let since = centre.sandbox.world().now();
        let mut spread = 0;
        for _ in 0..60 {
            sleep(Duration::from_mins(2)).await;
            spread = spread.max(centre.spread());
        }
        (
            centre.lateness(WAIT, since),
            centre.requests(since).1,
            spread,
        )
    });
    let raises = late.len();
    // However they are ordered: a step that falls due right after a write waits until all the others had theirs.
    let round = Duration::from_mins(1).mul_f64(f64::from(WAITING) / 270.0);
    let worst = quantile(&mut late, 1_000);
    report.at_most(
        "429s with 4,000 callbacks on one token",
        number(throttled),
        0.0,
        "",
    );
    report.at_most(
        "worst lateness then, against one round of all at 270 a minute",
        worst.as_secs_f64() / round.as_secs_f64(),
        1.10,
        "times",
    );
    report.at_most(
        "writes that equal callbacks differ by",
        number(spread),
        1.0,
        "",
    );
    report.note(&format!(
        "{raises} raises in two hours; worst lateness {worst:.1?}, median {:.1?}; a round takes {round:.1?}",
        quantile(&mut late, 500)
    ));
}
