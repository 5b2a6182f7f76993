//! Who is served when: lines, scores, agents, rush hours.

use std::time::Duration;

use callback_prioritizer::sandbox::{
    Call, Callback, Handling, Ladder, Media, Options, Situation,
    scenario::{Traffic, Waits, overtakes},
};

use crate::client::{Api, start};

#[tokio::test(start_paused = true)]
async fn a_line_is_ordered_by_entry_and_priority() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let callback = world.add_callback(Callback::to(&queue));
    tokio::time::sleep(Duration::from_mins(2)).await;
    let call = world.add_call(Call::to(&queue).climbing(Ladder::A_POINT_A_MINUTE));
    assert_eq!(world.line(&queue), [callback.clone(), call.clone()]);
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert_eq!(world.line(&queue), [call.clone(), callback.clone()]);
    api.raise(&callback, 2).await;
    assert_eq!(world.line(&queue), [callback.clone(), call.clone()]);
    world.transfer(&callback, &queue, None).unwrap();
    assert_eq!(world.line(&queue), [call, callback.clone()]);
    let priority = world.priority(&callback).unwrap();
    assert_eq!(priority.points(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_agent_takes_whoever_is_first_and_then_the_next() {
    let sandbox = start(Options::default()).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let first = world.add_callback(Callback::to(&queue));
    let urgent = world.add_call(Call::to(&queue).at_priority(5));
    world.add_agents(&queue, 1, Handling::Fixed(Duration::from_mins(3)));
    assert_eq!(world.situation(&urgent), Some(Situation::Alerting));
    assert_eq!(world.situation(&first), Some(Situation::Waiting));
    world
        .until(|world| world.situation(&first) == Some(Situation::Answered))
        .await;
    assert_eq!(world.situation(&urgent), Some(Situation::Ended));
    let outcomes = world.outcomes();
    let waited: Vec<_> = outcomes.iter().map(|o| o.waited().unwrap()).collect();
    // Two seconds to pick up, three minutes to handle, two seconds to pick up the next.
    assert_eq!(waited, [Duration::from_secs(184), Duration::from_secs(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_missed_alert_costs_the_agent_a_minute_and_the_customer_nothing_else() {
    let sandbox = start(Options::default()).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let missed = Callback {
        missed_alerts: 1,
        ..Callback::to(&queue)
    };
    let id = world.add_callback(missed);
    world.add_agents(&queue, 1, Handling::Fixed(Duration::from_mins(1)));
    world
        .until(|world| world.situation(&id) == Some(Situation::Answered))
        .await;
    let waited = world.outcomes()[0].waited().unwrap();
    assert_eq!(waited, Duration::from_secs(30 + 60 + 2));
}

#[tokio::test(start_paused = true)]
async fn a_rush_hour_ends_the_same_way_every_time() {
    let mut ends = Vec::new();
    for _ in 0..2 {
        let sandbox = start(Options::default()).await;
        let world = sandbox.world();
        let queue = world.queue("Support").unwrap();
        let arrivals = Traffic::RUSH_HOUR.draw(7);
        world.add_agents(&queue, 10, Handling::Fixed(Duration::from_mins(3)));
        world.play(&queue, &arrivals);
        let all = arrivals.len();
        world
            .until(|world| {
                let outcomes = world.outcomes();
                outcomes.len() == all && outcomes.iter().all(|o| o.ended.is_some())
            })
            .await;
        let outcomes = world.outcomes();
        let callbacks = Waits::of(&outcomes, Media::Callback);
        assert_eq!(callbacks.all, callbacks.answered);
        ends.push((
            overtakes(&outcomes)
                .iter()
                .filter(|calls| **calls > 0)
                .count(),
            callbacks,
            Waits::of(&outcomes, Media::Call),
        ));
    }
    assert_eq!(ends[0], ends[1]);
    let (overtakes, callbacks, calls) = ends[0];
    assert!(
        overtakes > callbacks.all / 2,
        "{overtakes} of {callbacks:?}"
    );
    assert!(callbacks.mean > calls.mean, "{callbacks:?} {calls:?}");
}
