//! Are several organisations looked after side by side, each by its own rules, and does the trouble of one stay its own?

mod pair;

mod starting;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::ConversationId,
    daemon::DaemonError,
    journal::JournalError,
    sandbox::{Effect, RequestFault},
    status::Status,
};

use self::pair::{Pair, Running, until};
use crate::{
    harness::{Centre, minutes, pass},
    log::Log,
    obstacle::{Asked, Obstacle, Obstructed},
    page::{get, status},
    supervised::Ear,
};

/// Path of the token request.
const TOKEN: &str = "/oauth/token";
/// Lateness of a raise that nothing disturbs.
const ON_TIME: Duration = Duration::from_millis(200);

/// Callbacks to Support that wait from now on.
fn callbacks(centre: &Centre, number: usize) -> Vec<ConversationId> {
    (0..number).map(|_| centre.callback()).collect()
}

/// Lets a time pass in which an organisation raises a callback every five minutes, exactly and on time.
async fn undisturbed(centre: &Centre, of: &Status, id: &ConversationId, time: Duration) {
    // What is due now is done in a moment.
    pass(Duration::from_secs(1)).await;
    let before = centre.writes(id).len();
    for _ in 0..time.as_secs() / 60 {
        pass(minutes(1)).await;
        let late = of.snapshot().lateness;
        assert!(late < ON_TIME, "{late:?} late");
    }
    let steps = usize::try_from(time.as_secs() / 300).unwrap();
    assert_eq!(centre.writes(id).len(), before + steps);
    let now = of.snapshot();
    assert!(
        now.ready && now.sockets > 0 && now.reconnects.is_empty(),
        "{now:?}"
    );
}

/// The platform goes down, with all of its sockets.
fn goes_down(centre: &Centre) {
    let faults = centre.sandbox.faults();
    faults.requests(RequestFault::to("", "/", Effect::Answer(503, None)));
    faults.refuse_sockets(503, None);
    faults.cut_sockets();
}

/// What a page answers, without its headers.
async fn body(running: &Running, path: &str) -> (u16, String) {
    let page = until(&running.acme, |now| now.page.is_some()).await.page;
    let answer = get(page.unwrap(), path).await;
    let body = answer.split_once("\r\n\r\n").unwrap_or_default().1;
    (status(&answer), body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn each_raises_by_its_own_rules_and_on_its_own_budget() {
    let beta_has = "requests_per_minute = 20\nburst = 0\n[organizations.policy]\nwait = \"2m\"\nincrement = 3\n[[organizations.rules]]\nname = \"sales\"\nqueue = \"Sales\"\nskip = true";
    let pair = Pair::open("", beta_has).await;
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    pass(minutes(21)).await;
    assert_eq!(pair.acme.writes(&acme), [1, 2, 3, 4]);
    assert_eq!(
        pair.beta.writes(&beta),
        [3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    );
    assert_eq!(
        pair.beta
            .sandbox
            .requests()
            .iter()
            .filter(|one| one.path.contains(&acme.to_string()))
            .count(),
        0
    );

    // More than the one budget carries is late there, and nowhere else.
    callbacks(&pair.beta, 100);
    let more = pair.acme.callback();
    until(&running.beta, |now| now.lateness > minutes(1)).await;
    undisturbed(&pair.acme, &running.acme, &more, minutes(30)).await;
    assert!(running.beta.requests_last_minute() <= 20);
    assert_eq!(
        (
            running.acme.snapshot().budget,
            running.beta.snapshot().budget
        ),
        (270, 20)
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_at_the_start_is_tried_again_seldom_and_disturbs_nobody() {
    let log = Log::listen();
    let pair = Pair::open("", "").await;
    pair.beta.sandbox.faults().disable_client(true);
    let waiting = pair.beta.callback();
    let running = pair.start();
    until(&running.acme, |now| now.ready && now.sockets > 0).await;
    let down = until(&running.beta, |now| now.down.is_some())
        .await
        .down
        .unwrap();
    assert!(down.contains("refuses this OAuth client"), "{down}");
    let id = pair.acme.callback();
    undisturbed(&pair.acme, &running.acme, &id, minutes(180)).await;
    let tokens = pair.beta.requests("POST", TOKEN);
    assert!((15..70).contains(&tokens), "{tokens} in three hours");
    let said = ["\"ERROR\"", "not looked after", "\"organization\":\"beta\""];
    assert!(log.count(&said) >= 15);
    assert_eq!(
        log.count(&["not looked after", "\"organization\":\"acme\""]),
        0
    );
    let health = running.beta.health(pair.clock().now());
    assert!(!health.ready && health.why == [down], "{health:?}");

    pair.beta.sandbox.faults().disable_client(false);
    until(&running.beta, |now| now.ready && now.down.is_none()).await;
    until(&running.beta, |now| now.raises == 1).await;
    assert_eq!(
        pair.beta.writes(&waiting).len(),
        1,
        "and from here on as if nothing had been"
    );
    undisturbed(&pair.acme, &running.acme, &id, minutes(10)).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_mended_are_used_at_once_when_the_settings_are_reloaded() {
    let pair = Pair::open("", "").await;
    let wrong = "\n[organizations.callbacks]\nqueues = [\"Support\"]";
    pair.beta.sandbox.faults().disable_client(true);
    let running = pair.start();
    until(&running.acme, |now| now.ready).await;
    // So often that the next attempt is minutes away.
    pass(minutes(60)).await;
    pair.beta.sandbox.faults().disable_client(false);
    pair.rewrite("", wrong);
    running.reload().await;
    assert!(
        running.beta.snapshot().ready,
        "{:?}",
        running.beta.snapshot()
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_down_for_an_hour_disturbs_nobody_elses() {
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    pass(Duration::from_secs(301)).await;
    goes_down(&pair.beta);
    undisturbed(&pair.acme, &running.acme, &acme, minutes(60)).await;
    assert_eq!(pair.beta.writes(&beta), [1]);
    assert_eq!(body(&running, "/livez").await.0, 200);
    let (code, words) = body(&running, "/readyz").await;
    assert_eq!(code, 200, "{words}");
    assert!(words.starts_with("ready, but for beta: "), "{words}");
    assert_eq!(
        body(&running, "/readyz?organization=acme").await,
        (200, "ready\n".to_owned())
    );
    assert_eq!(body(&running, "/readyz?organization=beta").await.0, 503);

    pair.beta.sandbox.faults().clear();
    pass(minutes(4)).await;
    assert_eq!(pair.beta.writes(&beta).len(), 2, "caught up by one write");
    assert_eq!(body(&running, "/readyz").await, (200, "ready\n".to_owned()));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_of_one_organization_also_after_a_restart() {
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    let done = pair
        .acme
        .order(r#"{"order":"pause","organization":"beta"}"#)
        .await;
    assert!(done.contains("\"organization\":\"beta\""), "{done}");
    pass(minutes(11)).await;
    assert_eq!(
        (pair.acme.writes(&acme), pair.beta.writes(&beta)),
        (vec![1, 2], vec![])
    );
    running.stop().await;

    let running = pair.start_ready().await;
    pass(minutes(10)).await;
    assert_eq!(
        (pair.acme.writes(&acme).len(), pair.beta.writes(&beta)),
        (4, vec![])
    );
    assert_eq!(
        (
            running.acme.snapshot().paused.len(),
            running.beta.snapshot().paused.len()
        ),
        (0, 1)
    );
    // Which organisation is meant, is told by the id of a queue.
    let (there, here) = (pair.beta.queue("Support"), pair.acme.queue("Support"));
    assert_ne!(there, here);
    pair.acme
        .order(r#"{"order":"resume","organization":"beta"}"#)
        .await;
    pair.acme
        .order(&format!(r#"{{"order":"pause","queue":"{here}"}}"#))
        .await;
    pass(minutes(10)).await;
    assert_eq!(
        (pair.acme.writes(&acme).len(), pair.beta.priority(&beta)),
        (4, 6)
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_could_be_anybodys_is_refused() {
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let unclear = pair.acme.send("{\"order\":\"pause\"}\n").await;
    assert!(
        unclear.contains("name one of acme, beta with --organization"),
        "{unclear}"
    );
    let unclear = pair
        .acme
        .send("{\"order\":\"pause\",\"queue\":\"Support\"}\n")
        .await;
    assert!(
        unclear.contains("several organisations have a queue"),
        "{unclear}"
    );
    let unknown = pair
        .acme
        .send("{\"order\":\"pause\",\"organization\":\"gamma\"}\n")
        .await;
    assert!(
        unknown.contains("there is no organisation `gamma`"),
        "{unknown}"
    );
    assert!(running.acme.snapshot().paused.is_empty() && running.beta.snapshot().paused.is_empty());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn page_json_and_metrics_show_both_and_each() {
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    let more = pair.beta.callback();
    until(&running.acme, |now| now.raises == 1).await;
    until(&running.beta, |now| now.raises == 2).await;
    let (code, overview) = body(&running, "/").await;
    assert_eq!(code, 200);
    for name in ["acme", "beta"] {
        assert!(
            overview.contains(&format!("<a href=\"/?organization={name}\"")),
            "{overview}"
        );
    }
    for (path, there, elsewhere) in [("acme", &acme, &beta), ("beta", &more, &acme)] {
        let (code, page) = body(&running, &format!("/?organization={path}")).await;
        assert_eq!(code, 200);
        assert!(page.contains(&there.to_string()) && !page.contains(&elsewhere.to_string()));
        assert!(page.contains(&format!(
            "<a href=\"/?organization={path}\" aria-current=\"page\">"
        )));
        assert!(page.contains(&format!(
            "<input type=\"hidden\" name=\"organization\" value=\"{path}\">"
        )));
        let (_, json) = body(&running, &format!("/status.json?organization={path}")).await;
        assert!(
            json.contains(&format!("\"organization\":\"{path}\"")),
            "{json}"
        );
        assert!(json.contains(&there.to_string()) && !json.contains(&elsewhere.to_string()));
    }
    let (_, json) = body(&running, "/status.json").await;
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let numbers = |index: usize| {
        (
            &all["organizations"][index]["organization"],
            &all["organizations"][index]["tracked"],
        )
    };
    assert_eq!(numbers(0), (&"acme".into(), &1.into()));
    assert_eq!(numbers(1), (&"beta".into(), &2.into()));
    let (_, metrics) = body(&running, "/metrics").await;
    for line in [
        "callback_prioritizer_conversations_tracked{organization=\"acme\"} 1\n",
        "callback_prioritizer_conversations_tracked{organization=\"beta\"} 2\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    for path in ["/", "/status.json", "/readyz", "/livez", "/events"] {
        let (code, words) = body(&running, &format!("{path}?organization=gamma")).await;
        assert_eq!(
            (code, words.as_str()),
            (404, "there is no organisation of that name\n"),
            "{path}"
        );
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_none_can_start_the_process_ends_as_a_single_one_does() {
    let pair = Pair::open("", "").await;
    for centre in [&pair.acme, &pair.beta] {
        centre.sandbox.faults().disable_client(true);
    }
    let ended = pair.start().ended().await;
    assert!(
        matches!(ended, Err(DaemonError::Denied { .. })),
        "{ended:?}"
    );
    // Waiting may help the one, so whoever runs it should start it again.
    pair.acme.sandbox.faults().disable_client(false);
    goes_down(&pair.acme);
    let ended = pair.start().ended().await;
    assert!(
        matches!(ended, Err(DaemonError::Unreachable(_))),
        "{ended:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_has_started_by_the_time_that_the_last_one_fails_goes_on() {
    let pair = Pair::open("", "").await;
    // The one fails at once and starts a little later, the other is waited for and fails after that.
    let refused = RequestFault::to("POST", TOKEN, Effect::InvalidClient);
    pair.acme.sandbox.faults().requests(refused.times(1));
    goes_down(&pair.beta);
    let running = pair.start();
    until(&running.beta, |now| now.down.is_some()).await;
    until(&running.acme, |now| now.ready && now.down.is_none()).await;
    let id = pair.acme.callback();
    until(&running.acme, |now| now.sockets > 0).await;
    undisturbed(&pair.acme, &running.acme, &id, minutes(15)).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_of_all_or_of_none() {
    let log = Log::listen();
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    pass(Duration::from_secs(1)).await;
    let faster = "[organizations.policy]\nwait = \"1m\"";
    // What the one would need of its platform cannot be had: the other does not get its part either.
    let unreadable = RequestFault::to("GET", "/api/v2/routing/skills", Effect::Answer(503, None));
    pair.beta.sandbox.faults().requests(unreadable);
    pair.rewrite(
        faster,
        "[[organizations.rules]]\nskill = \"spanish\"\nskip = true",
    );
    running.reload().await;
    pass(minutes(2)).await;
    assert_eq!(pair.acme.writes(&acme), Vec::<i64>::new());
    assert_eq!(
        log.count(&[
            "\"ERROR\"",
            "settings not reloaded",
            "beta: rules: the list of skills"
        ]),
        1
    );
    pair.beta.sandbox.faults().clear();

    pair.rewrite(faster, "[organizations.policy]\nincrement = 7");
    running.reload().await;
    pass(minutes(3)).await;
    assert_eq!(pair.acme.priority(&acme), 5);
    assert_eq!(pair.beta.priority(&beta), 7);
    assert_eq!(log.count(&["settings of all organisations reloaded"]), 1);
    let changed = [
        "setting changed",
        "policy.increment",
        "\"organization\":\"beta\"",
    ];
    assert_eq!(log.count(&changed), 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_prepares_for_longer_than_another_takes_to_refuse_stays_as_it_was() {
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let acme = pair.acme.callback();
    let slow = Effect::Delay(Duration::from_secs(5));
    let slow = RequestFault::to("GET", "/api/v2/routing/queues", slow);
    pair.acme.sandbox.faults().requests(slow);
    let refused = RequestFault::to("GET", "/api/v2/routing/skills", Effect::Answer(403, None));
    pair.beta.sandbox.faults().requests(refused);
    pair.rewrite(
        "[organizations.callbacks]\nqueues = [\"Support\"]\n[organizations.policy]\nwait = \"1m\"",
        "[[organizations.rules]]\nskill = \"spanish\"\nskip = true",
    );
    running.reload().await;
    pass(minutes(4)).await;
    assert_eq!(pair.acme.writes(&acme), Vec::<i64>::new());
    pass(minutes(2)).await;
    assert_eq!(pair.acme.writes(&acme), [1], "as before");
    running.stop().await;
}

/// A journal that cannot note a pause of `beta`, and makes whoever tries again panic.
#[derive(Default)]
struct Trap {
    /// Whether it was tried.
    tried: AtomicBool,
}

#[async_trait]
impl Obstacle for Trap {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        match asked {
            Asked::NotePause(of) if of.name() == Some("beta") => {
                assert!(!self.tried.swap(true, Ordering::Relaxed), "caught");
                Err(JournalError::new("try again"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_of_one_that_ends_ends_nothing_of_the_others() {
    let log = Log::listen();
    let mut pair = Pair::open("", "").await;
    pair.journal = Arc::new(Obstructed::from(Trap::default()));
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    pass(Duration::from_secs(50)).await;
    assert_eq!(log.count(&["ended unexpectedly"]), 0);
    pair.acme
        .order(r#"{"order":"pause","organization":"beta"}"#)
        .await;
    undisturbed(&pair.acme, &running.acme, &acme, minutes(10)).await;
    assert!(log.count(&["ended unexpectedly", "\"organization\":\"beta\""]) >= 1);
    until(&running.beta, |now| now.ready).await;
    pass(minutes(10)).await;
    assert_eq!(
        pair.beta.priority(&beta),
        4,
        "its callbacks are raised by the next daemon"
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_long_after_a_reload_is_not_held_to_have_other_settings() {
    let log = Log::listen();
    let mut pair = Pair::open("", "").await;
    pair.journal = Arc::new(Obstructed::from(Trap::default()));
    let running = pair.start_ready().await;
    pair.rewrite("", "[organizations.policy]\nincrement = 7");
    running.reload().await;
    assert_eq!(log.count(&["settings of all organisations reloaded"]), 1);
    pass(minutes(1)).await;
    pair.acme
        .order(r#"{"order":"pause","organization":"beta"}"#)
        .await;
    until(&running.beta, |now| now.down.is_some()).await;
    until(&running.beta, |now| now.down.is_none()).await;
    assert!(log.count(&["ended unexpectedly", "\"organization\":\"beta\""]) >= 1);
    assert_eq!(log.count(&["other settings are there"]), 0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_line_of_a_daemon_says_whose_it_is() {
    let log = Log::listen();
    let pair = Pair::open("", "").await;
    let running = pair.start_ready().await;
    let (acme, beta) = (pair.acme.callback(), pair.beta.callback());
    pass(minutes(6)).await;
    pair.acme.sandbox.faults().cut_sockets();
    pass(minutes(1)).await;
    for (id, name) in [(&acme, "acme"), (&beta, "beta")] {
        let id = id.to_string();
        let whose = format!("\"organization\":\"{name}\"");
        assert_eq!(log.count(&["callback tracked", &id, &whose]), 1);
        assert_eq!(log.count(&["priority raised", &id, &whose]), 1);
        assert_eq!(log.count(&[&id]), log.count(&[&id, &whose]));
        assert_eq!(
            log.count(&["\"message\":\"connected\"", &whose]),
            if name == "acme" { 2 } else { 1 }
        );
    }
    running.stop().await;
    let all = log.count(&["callback_prioritizer::"]);
    let common = log.count(&["callback_prioritizer::organizations\""])
        + log.count(&["\"message\":\"status page\""])
        + log.count(&["orders are taken"]);
    assert_eq!(
        log.count(&["callback_prioritizer::", "\"organization\":"]) + common,
        all
    );
}

#[tokio::test(start_paused = true)]
async fn the_supervisor_hears_that_all_are_ready_that_can_be_and_that_the_work_goes_on() {
    let mut pair = Pair::open("", "").await;
    let (supervisor, ear) = Ear::new("organizations");
    pair.supervisor = supervisor;
    pair.beta.sandbox.faults().disable_client(true);
    let running = pair.start();
    assert_eq!(ear.hears().await.as_deref(), Some("READY=1"));
    assert!(running.acme.snapshot().ready && running.beta.snapshot().down.is_some());
    for _ in 0..10 {
        assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
    }
    running.reload().await;
    while let Some(word) = ear.hears().await {
        if word == "RELOADING=1" {
            break;
        }
        assert_eq!(word, "WATCHDOG=1");
    }
    running.shutdown.request();
    while let Some(word) = ear.hears().await {
        if word == "STOPPING=1" {
            return running.ended().await.unwrap();
        }
    }
    panic!("it never said that it stops");
}
