//! Does the daemon do for each callback what the rules say of it?

use std::time::Duration;

use callback_prioritizer::{
    conversation::ConversationId,
    sandbox::{Callback, Situation},
};

use crate::harness::{Centre, minutes, pass};

/// Rules for some callbacks of each kind.
const RULES: &str = "[[rules]]
         name = \"opted out\"
         attribute = { opted_out = true }
         skip = true
         [[rules]]
         attribute = { tier = \"gold*\" }
         increment = 7
         [[rules]]
         skill = \"spa*\"
         increment = 5
         [[rules]]
         language = \"de\"
         increment = 3
         [[rules]]
         priority = { min = 100 }
         division = \"Nowhere\"
         increment = 9
         [[rules]]
         priority = { min = 100 }
         division = \"home\"
         increment = 2";

/// Makes a callback to Support out of the usual one.
fn callback(centre: &Centre, make: impl FnOnce(Callback) -> Callback) -> ConversationId {
    let usual = Callback::to(&centre.queue("Support"));
    centre.world().add_callback(make(usual))
}

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_matches_counts() {
    let centre = Centre::open().await.file(RULES);
    let (spanish, german) = (
        centre.world().add_skill("Spanish"),
        centre.world().add_language("de"),
    );
    let daemon = centre.start_ready().await;
    let speaks = |skill: &str| {
        let skill = skill.to_owned();
        |usual: Callback| Callback {
            skills: vec![skill],
            ..usual
        }
    };
    let cases = [
        (callback(&centre, |usual| usual), 1),
        (
            callback(&centre, |usual| usual.with_attribute("tier", "Gold plus")),
            7,
        ),
        (
            callback(&centre, |usual| {
                speaks(&spanish)(usual.with_attribute("tier", "gold"))
            }),
            7,
        ),
        (callback(&centre, speaks(&spanish)), 5),
        (
            callback(&centre, |usual| Callback {
                language: Some(german),
                ..usual
            }),
            3,
        ),
        (callback(&centre, |usual| usual.at_priority(100)), 102),
        (callback(&centre, |usual| usual.at_priority(99)), 100),
        (
            callback(&centre, |usual| {
                usual
                    .with_attribute("opted_out", "")
                    .with_attribute("tier", "gold")
            }),
            0,
        ),
    ];
    daemon.tracks(7).await;
    pass(minutes(6)).await;
    for (number, (id, expected)) in cases.iter().enumerate() {
        assert_eq!(centre.priority(id), *expected, "case {number}");
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_is_left_alone_unless_it_is_said() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let owned = callback(&centre, |usual| Callback {
        agent_owned: true,
        ..usual
    });
    let voicemail = callback(&centre, |usual| Callback {
        voicemail: true,
        ..usual
    });
    let usual = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(11)).await;
    let priorities = |ids: [&ConversationId; 3]| ids.map(|id| centre.priority(id));
    assert_eq!(priorities([&owned, &voicemail, &usual]), [0, 0, 2]);
    daemon.kill();

    // The journal knows them after a restart, so that they are not taken for usual ones.
    let daemon = centre.start_ready().await;
    pass(minutes(5)).await;
    assert_eq!(priorities([&owned, &voicemail, &usual]), [0, 0, 3]);
    assert_eq!(daemon.now().tracked, 1);
    daemon.stop().await;

    let centre = centre
        .set("CALLBACKS__RAISE_AGENT_OWNED", "true")
        .set("CALLBACKS__RAISE_VOICEMAIL", "true");
    let daemon = centre.start_ready().await;
    daemon.tracks(3).await;
    pass(Duration::from_secs(30)).await;
    for id in [&owned, &voicemail, &usual] {
        assert_eq!(centre.priority(id), 3, "caught up");
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_keeps_its_place_gets_what_its_caller_had() {
    let centre = Centre::open()
        .await
        .set("POLICY__MIRROR", "{ every = \"1m\", add = 1, max = 30 }")
        .set("POLICY__CREDIT", "waited");
    let daemon = centre.start_ready().await;
    let before = Duration::from_secs(630);
    let id = callback(&centre, |usual| usual.called_before(before));
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(
        centre.writes(&id),
        [20],
        "ten minutes of credit and ten rungs, at once"
    );
    pass(Duration::from_secs(31)).await;
    assert_eq!(
        centre.writes(&id),
        [20, 21],
        "when the caller has waited eleven minutes"
    );
    pass(minutes(60)).await;
    assert_eq!(centre.priority(&id), 40, "the ladder ends at 30");
    assert_eq!(
        centre.looks(&id),
        3,
        "when it arrived, and until three writes in a row came back as events"
    );
    assert!(matches!(
        centre.world().situation(&id),
        Some(Situation::Waiting)
    ));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_planned_counts_from_its_own_entry() {
    let centre = Centre::open()
        .await
        .set("POLICY__CREDIT", "waited")
        .set("POLICY__WAIT", "1h");
    let daemon = centre.start_ready().await;
    let id = callback(&centre, |usual| {
        usual.called_before(minutes(7)).scheduled_in(minutes(600))
    });
    let at_once = callback(&centre, |usual| usual.called_before(minutes(7)));
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(centre.writes(&at_once), [7]);
    pass(minutes(660)).await;
    assert_eq!(
        centre.writes(&id),
        [] as [i64; 0],
        "but it waits less than an hour"
    );
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_attribute_may_tell_since_when_the_caller_waits() {
    let centre = Centre::open()
        .await
        .set("POLICY__CREDIT", "waited")
        .set("POLICY__WAIT", "1h")
        .set("POLICY__COUNT_FROM", "attribute:called");
    let daemon = centre.start_ready().await;
    let called = centre.world().now() - minutes(12);
    let told = callback(&centre, |usual| {
        usual.with_attribute("called", &called.to_string())
    });
    let millis = called.as_millisecond().to_string();
    let in_millis = callback(&centre, |usual| usual.with_attribute("called", &millis));
    let nonsense = callback(&centre, |usual| usual.with_attribute("called", "noon"));
    let without = callback(&centre, |usual| usual.called_before(minutes(9)));
    daemon.until(|now| now.raises == 2).await;
    pass(minutes(1)).await;
    let priorities = [&told, &in_millis, &nonsense, &without].map(|id| centre.priority(id));
    assert_eq!(priorities, [12, 12, 0, 0]);
    assert_eq!(daemon.now().timeless, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn changed_rules_apply_to_those_that_wait_and_nothing_is_lowered() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = callback(&centre, |usual| usual.at_priority(3));
    daemon.tracks(1).await;
    pass(Duration::from_secs(1801)).await;
    assert_eq!(centre.priority(&id), 9, "six steps");
    daemon.stop().await;

    let centre = centre.set("POLICY__INCREMENT", "4");
    let daemon = centre.start_ready().await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(centre.priority(&id), 27, "as if it had always been so");
    daemon.stop().await;

    let centre = centre
        .set("POLICY__INCREMENT", "1")
        .set("POLICY__WAIT", "1m");
    let daemon = centre.start_ready().await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(centre.priority(&id), 33, "thirty minutes and three");
    daemon.stop().await;

    let centre = centre
        .set("POLICY__WAIT", "30m")
        .set("POLICY__INCREMENT", "31");
    let daemon = centre.start_ready().await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(
        centre.priority(&id),
        34,
        "on a lower step, and higher all the same"
    );
    daemon.stop().await;

    let centre = centre.set("POLICY__INCREMENT", "1");
    let daemon = centre.start_ready().await;
    pass(minutes(31)).await;
    assert_eq!(centre.priority(&id), 34, "never lowered");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_supervisors_change_only_later_steps_count_under_new_rules_too() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(Duration::from_secs(601)).await;
    centre
        .world()
        .set_priority(
            &id,
            callback_prioritizer::conversation::Priority::clamped(50),
        )
        .unwrap();
    daemon.until(|now| now.foreign_changes == 1).await;
    daemon.stop().await;

    let centre = centre.set("POLICY__WAIT", "1m");
    let daemon = centre.start_ready().await;
    pass(minutes(5)).await;
    assert_eq!(
        centre.priority(&id),
        55,
        "five minutes since the second step"
    );
    daemon.stop().await;
}
