//! What if the connection breaks, falls silent, or is taken away?

use std::time::Duration;

use callback_prioritizer::sandbox::Options;
use tokio::time::Instant;

use crate::harness::{Centre, minutes, pass};

#[tokio::test(start_paused = true)]
async fn a_cut_socket_is_replaced_and_followed_by_a_sweep() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let sweeps = daemon.now().sweeps;
    let cut = Instant::now();
    centre.sandbox.faults().cut_sockets();
    daemon
        .until(|now| now.connects == 2 && now.sweeps > sweeps)
        .await;
    assert!(
        cut.elapsed() < Duration::from_secs(5),
        "{:?}",
        cut.elapsed()
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_socket_is_dead_after_35_seconds() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().silence_sockets();
    let silent = Instant::now();
    daemon.until(|now| now.sockets == 0).await;
    let seconds = silent.elapsed().as_secs_f64();
    assert!((5.0..=36.0).contains(&seconds), "{seconds} s");
    daemon.until(|now| now.connects == 2).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_but_living_socket_is_kept() {
    let centre = Centre::with(|options| options.limits.heartbeat = minutes(600)).await;
    let daemon = centre.start_ready().await;
    pass(minutes(60)).await;
    assert_eq!(daemon.now().connects, 1, "pings are answered");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn before_an_announced_close_the_successor_is_up() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().announce_closing();
    let told = Instant::now();
    daemon.until(|now| now.connects == 2).await;
    assert!(told.elapsed() < Duration::from_secs(5));
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(2)).await;
    assert_eq!(daemon.now().connects, 2, "the close itself costs nothing");
    assert_eq!(daemon.now().sockets, 1);
    assert_eq!(centre.writes(&id), [0; 0]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_replaced_an_hour_before_it_expires() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    pass(minutes(23 * 60 - 5)).await;
    assert_eq!(daemon.now().connects, 1);
    pass(minutes(10)).await;
    assert_eq!(daemon.now().connects, 2);
    assert_eq!(daemon.now().sockets, 1);
    pass(minutes(60 * 23 * 3)).await;
    assert_eq!(daemon.now().connects, 5);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_evicted_channel_is_replaced_within_ten_seconds() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let sweeps = daemon.now().sweeps;
    let evicted = Instant::now();
    centre.sandbox.faults().evict_channels();
    daemon
        .until(|now| now.connects == 2 && now.sweeps > sweeps)
        .await;
    assert!(
        evicted.elapsed() < Duration::from_secs(10),
        "{:?}",
        evicted.elapsed()
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_flapping_platform_is_not_hammered() {
    let centre = Centre::open().await;
    centre
        .sandbox
        .faults()
        .flap_sockets(Some(Duration::from_millis(100)));
    let daemon = centre.start();
    pass(minutes(10)).await;
    let channels = centre.requests("POST", "/api/v2/notifications/channels");
    assert!(
        (8..=60).contains(&channels),
        "{channels} attempts in ten minutes"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn strange_frames_are_counted_and_survived() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let faults = centre.sandbox.faults();
    faults.send_text("not json");
    faults.send_text(r#"{"topicName":"v2.something.new","eventBody":{"name":"x"}}"#);
    faults.send_text(&"x".repeat(1_100_000));
    faults.send_binary(&[0, 159, 146, 150]);
    daemon.until(|now| now.strange_frames == 4).await;
    let id = centre.callback();
    daemon.tracks(1).await;
    assert_eq!(daemon.now().connects, 1, "the connection was kept");
    faults.send_text(&"x".repeat(5_000_000));
    daemon.until(|now| now.connects == 2).await;
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_connect_uri_elsewhere_is_not_followed() {
    let centre = Centre::open().await;
    let channel = r#"{"id":"x","connectUri":"ws://198.51.100.7/channels/x","expires":"2026-01-06T09:00:00Z"}"#;
    let effect = callback_prioritizer::sandbox::Effect::Body(channel.to_owned());
    centre
        .sandbox
        .faults()
        .requests(callback_prioritizer::sandbox::RequestFault::to(
            "POST",
            "/api/v2/notifications/channels",
            effect,
        ));
    let daemon = centre.start();
    let id = centre.callback();
    pass(minutes(6)).await;
    assert_eq!(daemon.now().connects, 0);
    assert_eq!(centre.writes(&id), [1], "the sweep does the work meanwhile");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_socket_on_our_channel_costs_a_reconnect_and_no_callback() {
    let centre = Centre::with(|_: &mut Options| {}).await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().close_sockets(4_001);
    daemon.until(|now| now.connects == 2).await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}
