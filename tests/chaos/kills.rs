//! `kill -9` at any moment, again and again.

use std::time::Duration;

use tokio::time::sleep;

use crate::{KILLS, SEED, centre::Centre, journal, number, process::Installation};

/// Time from one raise to the next: thirty callbacks, each of them due after every kill, and twenty raises a second.
const WAIT: Duration = Duration::from_millis(1_500);
/// Longest life after being ready.
const LIFE: Duration = Duration::from_secs(2);
/// Longest life of one that is killed while it starts.
const INFANCY: Duration = Duration::from_millis(150);
/// One in so many is killed while it starts.
const INFANTS: u32 = 5;
/// Longest time from a start to being ready.
const READY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn killed_at_random_moments_it_loses_no_callback_and_raises_none_twice() {
    let (kills, seed) = (number("KILLS", KILLS), number("SEED", SEED));
    let mut centre = Centre::open(seed, WAIT).await;
    let installation = Installation::new("kills", &centre.sandbox.url(), WAIT);
    let mut ready = Vec::new();
    for _ in 0..kills {
        centre.trouble();
        let daemon = installation.start();
        if centre.once_in(INFANTS) {
            sleep(centre.moment(INFANCY)).await;
        } else {
            ready.push(daemon.ready().await);
            centre.live();
            sleep(centre.moment(LIFE)).await;
        }
        daemon.kill();
        journal::is_whole(&installation);
        centre.live();
    }
    centre.calm();
    let daemon = installation.start();
    ready.push(daemon.ready().await);
    centre.on_target().await;
    daemon.stop().await;

    journal::is_whole(&installation);
    let steps = journal::no_step_was_done_twice(&installation);
    let writes = centre.never_above_target_and_never_down();
    centre.hands_off_what_is_over(Duration::ZERO);
    assert!(writes > kills * 5, "{writes} writes are no load");
    tell(kills, seed, writes, steps, &mut ready);
    assert!(*ready.last().unwrap() < READY, "{ready:?}");
}

/// Says what was done, and sorts the times to ready.
#[expect(clippy::print_stdout, reason = "this is what the long form is run for")]
fn tell(kills: usize, seed: u64, writes: usize, steps: i64, ready: &mut [Duration]) {
    ready.sort_unstable();
    let part = |percent: usize| ready[(ready.len() - 1) * percent / 100];
    println!(
        "seed {seed}: {kills} kills, {writes} writes, {steps} steps in the journal: none lost, none double, no journal corrupt"
    );
    println!(
        "{} starts to ready: median {:?}, 90 % {:?}, 99 % {:?}, longest {:?}",
        ready.len(),
        part(50),
        part(90),
        part(99),
        part(100)
    );
}
