//! Does a reload put all of the settings in force or none, at once, and without forgetting who waits since when?

use std::time::Duration;

use callback_prioritizer::{
    conversation::{ConversationId, Priority},
    sandbox::{Callback, Effect, RequestFault},
};

use crate::{
    harness::{Centre, Running, minutes, pass},
    log::Log,
};

/// What is said when a reload is done.
const RELOADED: &str = "settings reloaded";
/// What is said when it is refused.
const REFUSED: &str = "settings not reloaded";
/// The path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// Reloads, and gives what follows from it a few seconds.
async fn reload(daemon: &Running) {
    daemon.reload.request();
    pass(Duration::from_secs(5)).await;
}

/// A callback to this queue that waits from now on.
fn callback(centre: &Centre, queue: &str) -> ConversationId {
    let queue = centre.queue(queue);
    centre.world().add_callback(Callback::to(&queue))
}

#[tokio::test(start_paused = true)]
async fn changed_rules_apply_at_once_to_those_that_wait_and_nothing_is_lowered() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let support = centre.queue("Support");
    let id = centre
        .world()
        .add_callback(Callback::to(&support).at_priority(3));
    daemon.tracks(1).await;
    pass(Duration::from_secs(1801)).await;
    assert_eq!(centre.priority(&id), 9, "six steps");
    let looks = centre.looks(&id);
    for (changes, expected, why) in [
        (&[("INCREMENT", "4")][..], 27, "as if it had always been so"),
        (
            &[("INCREMENT", "1"), ("WAIT", "1m")],
            33,
            "thirty minutes and three",
        ),
        (
            &[("INCREMENT", "31"), ("WAIT", "30m")],
            34,
            "on a lower step, and higher all the same",
        ),
        (&[("INCREMENT", "1")], 34, "never lowered"),
    ] {
        for (name, value) in changes {
            centre.change(&format!("POLICY__{name}"), Some(value));
        }
        reload(&daemon).await;
        assert_eq!(centre.priority(&id), expected, "{why}");
    }
    pass(minutes(31)).await;
    assert_eq!(centre.priority(&id), 34, "never lowered");
    assert_eq!(centre.writes(&id)[6..], [27, 33, 34], "one write each");
    assert!(centre.looks(&id) <= looks + 1, "decided on what is known");
    assert_eq!(log.count(&["callback tracked"]), 1, "the visit goes on");
    assert_eq!(log.count(&[RELOADED, "\"changes\":1"]), 2);
    let told = ["setting changed", "policy.wait", r#"\"5m\""#, r#"\"1m\""#];
    assert_eq!(log.count(&told), 1);
    assert_eq!(log.count(&["setting changed"]), 6);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_changes_nothing_and_says_where_it_is_broken() {
    let log = Log::listen();
    let centre = Centre::open().await.file("[policy]\nincrement = 2\n");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    for (broken, place) in [
        ("[policy]\nincrement = 9\nwiat = \"1m\"\n", ":3:1: "),
        (
            "[policy]\nincrement = 9\n[callbacks]\nsweep = 3\n",
            ":4:9: ",
        ),
        (
            "[policy]\nincrement = 9\nsteps = [{ after = \"1m\", add = 1 }]\n",
            "policy.increment",
        ),
        ("[policy", "toml:1:"),
    ] {
        centre.rewrite(broken);
        reload(&daemon).await;
        assert_eq!(log.count(&["\"ERROR\"", REFUSED, place]), 1, "{broken}");
    }
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [2], "as before");
    assert_eq!(log.count(&["setting changed"]), 0);
    centre.rewrite("[policy]\nincrement = 3\n");
    reload(&daemon).await;
    assert_eq!(centre.writes(&id), [2, 3]);
    assert_eq!(log.count(&["\"ERROR\""]), 4, "one line each");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_must_tell_first_is_asked_first_and_without_it_nothing_changes() {
    let log = Log::listen();
    let centre = Centre::open().await.file("");
    let spanish = centre.world().add_skill("Spanish");
    let daemon = centre.start_ready().await;
    let support = centre.queue("Support");
    let speaks = Callback {
        skills: vec![spanish],
        ..Callback::to(&support)
    };
    let speaks = centre.world().add_callback(speaks);
    let other = centre.callback();
    daemon.tracks(2).await;
    pass(minutes(11)).await;
    let looks = centre.looks(&speaks);
    let down = RequestFault::to("GET", "/api/v2/routing/skills", Effect::Answer(503, None));
    centre.sandbox.faults().requests(down);
    centre.rewrite("[[rules]]\nskill = \"spanish\"\nincrement = 7\n[callbacks]\nsweep = \"10s\"\n");
    reload(&daemon).await;
    assert_eq!(log.count(&["\"ERROR\"", REFUSED, "list of skills"]), 1);
    let sweeps = daemon.now().sweeps;
    pass(minutes(2)).await;
    assert!(
        daemon.now().sweeps < sweeps + 4,
        "nothing of it is in force"
    );

    centre.sandbox.faults().clear();
    reload(&daemon).await;
    assert_eq!(centre.writes(&speaks), [1, 2, 14]);
    let more = centre.looks(&speaks) - looks;
    assert!((1..=2).contains(&more), "for what it asks for: {more}");
    assert_eq!(centre.writes(&other), [1, 2]);
    let sweeps = daemon.now().sweeps;
    pass(minutes(2)).await;
    assert!(daemon.now().sweeps >= sweeps + 12, "that is in force too");
    assert_eq!(
        log.count(&["setting changed", "rules[1].increment", "\"after\":\"7\""]),
        1
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn other_queues_are_let_go_of_and_taken_up_at_once() {
    let log = Log::listen();
    let centre = Centre::open().await.set("CALLBACKS__QUEUES", "Support");
    let daemon = centre.start_ready().await;
    let (support, sales) = (callback(&centre, "Support"), callback(&centre, "Sales"));
    daemon.tracks(1).await;
    pass(minutes(6)).await;
    centre.change("CALLBACKS__QUEUES", Some("Sal*"));
    reload(&daemon).await;
    assert_eq!(log.count(&["callback finished", "left_queue"]), 1);
    assert_eq!(daemon.now().tracked, 1);
    assert_eq!(
        centre.writes(&sales),
        [1],
        "found by a sweep, and caught up"
    );
    pass(minutes(5)).await;
    let written = (centre.writes(&support), centre.writes(&sales));
    assert_eq!(written, (vec![1], vec![1, 2]));
    let arrived = callback(&centre, "Sales");
    daemon.tracks(2).await;
    assert_eq!(centre.looks(&arrived), 0, "an event has told");

    centre.change("CALLBACKS__QUEUES", Some("Sales, Nobody"));
    reload(&daemon).await;
    assert_eq!(log.count(&["\"WARN\"", "no queue is meant", "Nobody"]), 1);
    assert_eq!(daemon.now().tracked, 2);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_becomes_a_real_one_and_one_again() {
    let centre = Centre::open().await.set("CALLBACKS__DRY_RUN", "true");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(16)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    centre.change("CALLBACKS__DRY_RUN", Some("false"));
    reload(&daemon).await;
    assert_eq!(centre.writes(&id), [3], "what was told is made");
    assert!(!daemon.now().dry_run);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [3, 4]);

    centre.change("CALLBACKS__DRY_RUN", Some("true"));
    reload(&daemon).await;
    let told = daemon.now().would_be_raised;
    pass(minutes(10)).await;
    assert_eq!(centre.writes(&id), [3, 4]);
    assert_eq!(daemon.now().would_be_raised, told + 2);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_needed_no_raise_may_need_one_by_other_rules_and_the_other_way_round() {
    let log = Log::listen();
    let centre = Centre::open()
        .await
        .file("[policy]\nmax_raises = 1\n[[rules]]\nqueue = \"Sales\"\nskip = true\n");
    let daemon = centre.start_ready().await;
    let (support, sales) = (centre.callback(), callback(&centre, "Sales"));
    daemon.until(|now| now.limited == 1).await;
    daemon.tracks(0).await;
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&support), [1]);
    centre.rewrite("");
    reload(&daemon).await;
    assert_eq!(daemon.now().tracked, 2);
    let written = (centre.writes(&support), centre.writes(&sales));
    assert_eq!(written, (vec![1, 2], vec![2]));

    centre.rewrite("[policy]\nskip = true\n");
    reload(&daemon).await;
    daemon.tracks(0).await;
    assert_eq!(log.count(&["callback finished", "left_alone"]), 2);
    pass(minutes(20)).await;
    centre.rewrite("");
    reload(&daemon).await;
    let written = (centre.writes(&support), centre.writes(&sales));
    assert_eq!(written, (vec![1, 2, 6], vec![2, 6]));
    assert_eq!(daemon.now().foreign_changes, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_says_so_and_stays_as_it_was() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    let centre = centre
        .set("GENESYS__REGION", "eu-west-1")
        .set("GENESYS__CLIENT_ID", "another")
        .set("GENESYS__TOKENS", "3")
        .set("JOURNAL__PATH", "elsewhere.db")
        .set("STATUS__LISTEN", "127.0.0.1:1")
        .set("LOG__FORMAT", "text")
        .set("POLICY__INCREMENT", "5")
        .secret("canary-of-a-secret");
    for _ in 0..2 {
        reload(&daemon).await;
    }
    let not_now = "cannot be changed while the daemon runs";
    for setting in [
        "genesys.region",
        "genesys.client_id",
        "genesys.tokens",
        "genesys.client_secret",
        "journal.path",
        "status.listen",
        "log.format",
    ] {
        let said = log.count(&["\"WARN\"", not_now, &format!("\"{setting}\"")]);
        assert_eq!(said, 2, "{setting}, at each reload");
    }
    assert_eq!(log.count(&[not_now]), 14);
    assert_eq!(log.count(&["canary"]), 0);
    assert_eq!(log.count(&[RELOADED, "\"changes\":1"]), 1);
    assert_eq!(log.count(&[RELOADED, "\"changes\":0"]), 1);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [5], "the rest is in force");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_budget_holds_and_what_it_carries_is_reckoned_anew() {
    let centre = Centre::open().await.set("POLICY__WAIT", "10s");
    let daemon = centre.start_ready().await;
    for _ in 0..200 {
        let _id = centre.callback();
    }
    pass(minutes(5)).await;
    assert_eq!(daemon.now().capacity, Some(42));
    let in_minutes = async |minutes_long: u64| {
        let before = centre.sandbox.requests().len();
        pass(minutes(minutes_long)).await;
        centre.sandbox.requests().len() - before
    };
    centre.change("GENESYS__REQUESTS_PER_MINUTE", Some("60"));
    reload(&daemon).await;
    assert_eq!(daemon.now().budget, 60, "what is shown of it as well");
    let sent = in_minutes(10).await;
    assert!((575..=610).contains(&sent), "{sent}");
    assert_eq!(daemon.now().capacity, Some(9));

    centre.change("GENESYS__REQUESTS_PER_MINUTE", None);
    centre.change("POLICY__WAIT", Some("5m"));
    reload(&daemon).await;
    pass(minutes(2)).await;
    let now = daemon.now();
    assert_eq!((now.capacity, now.expected_lag.as_secs()), (Some(1_282), 0));
    assert_eq!(centre.answered(&[429]), 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_of_the_same_settings_changes_nothing_and_costs_a_sweep() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 4 && now.sighted).await;
    let before = centre.sandbox.requests().len();
    reload(&daemon).await;
    let asked = centre.sandbox.requests().len() - before;
    assert!(asked <= 1, "{asked} requests");
    assert_eq!(log.count(&[RELOADED, "\"changes\":0"]), 1);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3, 4, 5]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_change_stays_the_base_under_the_new_rules() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(Duration::from_secs(601)).await;
    let fifty = Priority::clamped(50);
    centre.world().set_priority(&id, fifty).unwrap();
    daemon.until(|now| now.foreign_changes == 1).await;
    centre.change("POLICY__WAIT", Some("1m"));
    reload(&daemon).await;
    pass(minutes(5)).await;
    assert_eq!(
        centre.priority(&id),
        55,
        "five minutes since the second step"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rules_are_changed_while_the_platform_is_gone_and_hold_when_it_is_back() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    let faults = centre.sandbox.faults();
    faults.requests(RequestFault::to("", "/", Effect::Cut));
    faults.refuse_sockets(503, None);
    faults.cut_sockets();
    pass(minutes(10)).await;
    centre.change("POLICY__INCREMENT", Some("10"));
    reload(&daemon).await;
    assert_eq!(log.count(&[RELOADED]), 1);
    assert_eq!(centre.writes(&id), [1]);
    faults.clear();
    pass(minutes(2)).await;
    assert_eq!(centre.writes(&id), [1, 30], "by one write");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_a_reload_and_a_new_rule_waits_for_its_end() {
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    centre.order(r#"{"order":"pause"}"#).await;
    centre.change("POLICY__INCREMENT", Some("10"));
    reload(&daemon).await;
    assert_eq!(centre.writes(&id), [1]);
    assert_eq!(daemon.now().paused.len(), 1);
    centre.order(r#"{"order":"resume"}"#).await;
    pass(Duration::from_secs(5)).await;
    assert_eq!(centre.writes(&id), [1, 10]);
    daemon.stop().await;
}
