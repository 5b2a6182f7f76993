//! At real time, with the daemon as a process of its own.

use std::{fs, path::Path, thread::sleep, time::Duration};

use callback_prioritizer::sandbox::{Limits, Options};
use tokio::{runtime::Runtime, time::Instant};

use crate::{
    centre::{Centre, NO_LIMIT},
    figures::{Report, number, quantile, ratio},
    process::{Process, fresh_folder, program},
};

/// Settings under which nothing waits for its turn.
const UNHURRIED: [(&str, &str); 3] = [
    ("GENESYS__REQUESTS_PER_MINUTE", "3000"),
    ("GENESYS__BURST", "300"),
    ("GENESYS__TOKENS", "10"),
];

/// A platform in this process, with the runtime that it lives in.
fn platform(limits: Limits) -> (Runtime, Centre) {
    let runtime = Runtime::new().expect("a runtime");
    let options = Options {
        seed: 7,
        limits,
        ..Options::default()
    };
    let centre = runtime.block_on(Centre::open(options));
    (runtime, centre)
}

/// One that refuses nothing.
fn generous() -> (Runtime, Centre) {
    platform(Limits {
        requests_per_minute: NO_LIMIT,
        ..Limits::default()
    })
}

/// Callbacks that entered the queue evenly over a time that has just ended.
fn arrive_over(centre: &mut Centre, callbacks: u32, time: Duration) {
    for number in 0..callbacks {
        let _id = centre.arrive(time / callbacks * number);
    }
}

/// Settings, and more of them.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    UNHURRIED.iter().chain(more).copied().collect()
}

/// 120 callbacks that arrive within half a minute and are raised every 30 s, for 100 s from then on.
pub(crate) fn short_waits(report: &mut Report) {
    const CALLBACKS: u32 = 120;
    let (wait, time) = (Duration::from_secs(30), Duration::from_secs(100));
    let (_runtime, mut centre) = platform(Limits::default());
    let start = centre.sandbox.world().now();
    let settings = [("POLICY__WAIT", "30s")];
    let daemon = Process::start(&centre.sandbox, &fresh_folder("short"), &settings);
    daemon.says("connected");
    for _ in 0..CALLBACKS {
        let _id = centre.arrive(Duration::ZERO);
        sleep(wait / CALLBACKS);
    }
    let since = centre.sandbox.world().now();
    sleep(time);
    let (requests, throttled) = centre.requests(since);
    let raises = centre.writes(since).len();
    report.at_most(
        "requests per raise: 120 callbacks, wait 30s, 100 s of real time",
        ratio(requests, raises),
        1.02,
        "",
    );
    report.note(&format!(
        "{requests} requests ({}), {raises} raises, {throttled} times 429",
        centre.purposes(since)
    ));
    report.note(&format!(
        "since the daemon's start, half a minute earlier: {} requests ({})",
        centre.requests(start).0,
        centre.purposes(start)
    ));
    daemon.stop();
}

/// With nothing to do.
pub(crate) fn idle(report: &mut Report) {
    const TIME: Duration = Duration::from_mins(1);
    let (_runtime, centre) = generous();
    let daemon = Process::start(&centre.sandbox, &fresh_folder("idle"), &[]);
    daemon.says("connected");
    sleep(Duration::from_secs(5));
    let before = daemon.cpu();
    sleep(TIME);
    let share = (daemon.cpu() - before) / TIME.as_secs_f64() * 100.0;
    report.at_most("memory when idle", megabytes(daemon.memory()), 15.0, "MB");
    report.at_most("processor when idle", share, 0.1, "% of one");
    daemon.stop();
}

/// 1,000 callbacks with budget to spare.
pub(crate) fn lateness(report: &mut Report) {
    let (wait, time) = (Duration::from_secs(30), Duration::from_secs(90));
    let (_runtime, mut centre) = generous();
    arrive_over(&mut centre, 1_000, wait);
    let settings = with(&[("POLICY__WAIT", "30s")]);
    let daemon = Process::start(&centre.sandbox, &fresh_folder("lateness"), &settings);
    daemon.says("connected");
    sleep(wait);
    let since = centre.sandbox.world().now();
    sleep(time);
    let mut late = centre.lateness(wait, since);
    let (raises, median) = (late.len(), quantile(&mut late, 500));
    let p99 = quantile(&mut late, 990);
    report.at_most(
        "lateness of 1,000 callbacks with budget to spare, p99",
        millis(p99),
        20.0,
        "ms",
    );
    report.note(&format!(
        "{raises} raises, median {median:?}, longest {:?}",
        quantile(&mut late, 1_000)
    ));
    daemon.stop();
}

/// 1,000 callbacks at the usual wait.
pub(crate) fn cpu_of_a_thousand(report: &mut Report) {
    const TIME: Duration = Duration::from_mins(5);
    let (_runtime, mut centre) = platform(Limits::default());
    arrive_over(&mut centre, 1_000, TIME);
    let daemon = Process::start(&centre.sandbox, &fresh_folder("cpu"), &[]);
    daemon.says("connected");
    // Each is looked at once, at the rate that one token has.
    sleep(TIME);
    let (before, since) = (daemon.cpu(), centre.sandbox.world().now());
    sleep(TIME);
    let share = (daemon.cpu() - before) / TIME.as_secs_f64() * 100.0;
    report.at_most(
        "processor at 1,000 callbacks, wait 5m",
        share,
        0.5,
        "% of one",
    );
    report.note(&format!(
        "{} raises in five minutes",
        centre.writes(since).len()
    ));
    daemon.stop();
}

/// Processor time of a raise, for as many raises a second among a thousand callbacks and among a hundred thousand.
pub(crate) fn growth(report: &mut Report) {
    let few = cpu_per_raise(report, 1_000, "3s");
    let many = cpu_per_raise(report, 100_000, "5m");
    report.at_most(
        "processor per raise: 100,000 tracked against 1,000",
        many / few,
        1.5,
        "times",
    );
}

/// Milliseconds of processor time that a raise takes.
fn cpu_per_raise(report: &mut Report, callbacks: u32, wait: &str) -> f64 {
    const TIME: Duration = Duration::from_mins(2);
    let (_runtime, mut centre) = generous();
    let folder = fresh_folder("growth");
    let settings = with(&[("POLICY__WAIT", wait)]);
    arrive_over(&mut centre, callbacks, Duration::from_mins(5));
    let daemon = Process::start(&centre.sandbox, &folder, &settings);
    all_looked_at(&daemon, &centre, callbacks);
    let (before, since) = (daemon.cpu(), centre.sandbox.world().now());
    sleep(TIME);
    let used = daemon.cpu() - before;
    let raises = centre.writes(since).len();
    let each = used / number(raises) * 1_000.0;
    report.note(&format!(
        "{callbacks} tracked: {raises} raises in {TIME:?}, {each:.3} ms of processor time each"
    ));
    daemon.stop();
    each
}

/// Waits until each callback has been looked at, and what that put off is made good.
fn all_looked_at(daemon: &Process, centre: &Centre, callbacks: u32) {
    let deadline = Instant::now() + Duration::from_mins(10);
    let looked = || {
        let requests = centre.sandbox.requests();
        let looks = requests
            .iter()
            .filter(|request| request.path.starts_with("/api/v2/conversations/"));
        looks.count() >= callbacks as usize
    };
    while !looked() {
        assert!(Instant::now() < deadline, "not all were looked at");
        sleep(Duration::from_secs(1));
    }
    daemon.ceases_to_say("callback tracked");
    sleep(Duration::from_secs(20));
}

/// 100,000 callbacks: what each takes, and how soon they are all known again after a restart.
pub(crate) fn memory_and_restart(report: &mut Report) {
    const CALLBACKS: u32 = 100_000;
    let folder = fresh_folder("memory");
    let settings = with(&[("POLICY__WAIT", "10m")]);
    let (_runtime, mut centre) = generous();
    let daemon = Process::start(&centre.sandbox, &folder, &settings);
    daemon.says("connected");
    sleep(Duration::from_secs(5));
    let idle = daemon.memory();
    daemon.stop();
    arrive_over(&mut centre, CALLBACKS, Duration::from_mins(10));
    let daemon = Process::start(&centre.sandbox, &folder, &settings);
    all_looked_at(&daemon, &centre, CALLBACKS);
    sleep(Duration::from_mins(2));
    let full = daemon.memory();
    let each = megabytes(full - idle) * 1e6 / 1_024.0 / f64::from(CALLBACKS);
    report.at_most("memory per callback at 100,000", each, 1.5, "KiB");
    report.note(&format!(
        "{:.1} MB idle, {:.1} MB with all of them",
        megabytes(idle),
        megabytes(full)
    ));
    daemon.stop();
    restart(report, &centre, &folder, &settings);
}

/// How soon a daemon is ready on a journal with this many entries, apart from the time that the platform takes.
fn restart(report: &mut Report, centre: &Centre, folder: &Path, settings: &[(&str, &str)]) {
    let requests = centre.sandbox.requests().len();
    let daemon = Process::start(&centre.sandbox, folder, settings);
    let (_, ready) = daemon.says("\"sweep done\"");
    let all = ready - daemon.started;
    let journal = fs::metadata(folder.join("journal.db"))
        .expect("a journal")
        .len();
    daemon.stop();
    let asked = centre.sandbox.requests().len() - requests;
    let (_runtime, empty) = generous();
    let alone = Process::start(&empty.sandbox, folder, settings);
    let (_, ready) = alone.says("\"sweep done\"");
    report.at_most(
        "ready after a restart with 100,000 entries, nothing waiting",
        (ready - alone.started).as_secs_f64(),
        1.0,
        "s",
    );
    report.note(&format!("{all:.2?} with 100,000 callbacks swept over about {asked} requests; the journal has {:.1} MB", megabytes(journal)));
    alone.stop();
}

/// The program itself.
pub(crate) fn size(report: &mut Report) {
    let bytes = fs::metadata(program()).expect("the program").len();
    report.at_most(
        "the program, as it is built for release",
        megabytes(bytes),
        12.0,
        "MB",
    );
}

/// Millions of bytes.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

/// A time in milliseconds.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
