//! Stopped as a whole, as by a suspended machine, and continued later.

use std::time::Duration;

use tokio::time::sleep;

use crate::{SEED, centre::Centre, journal, number, process::Installation};

/// Time from one raise to the next.
const WAIT: Duration = Duration::from_millis(1_500);
/// Longer than two of them.
const LONG: Duration = Duration::from_millis(3_500);
/// Longer than a socket lives without a word, although the kernel has kept some.
const LONGER: Duration = Duration::from_secs(40);
/// How often it is stopped for that long where `STOPS` does not say, before it is once for longer.
const STOPS: usize = 2;

#[tokio::test]
async fn stopped_for_longer_than_two_waits_it_leaves_no_lower_value_and_renews_its_socket() {
    let mut centre = Centre::open(number("SEED", SEED), WAIT).await;
    let installation = Installation::new("stops", &centre.sandbox.url(), WAIT);
    let daemon = installation.start();
    daemon.says("\"connected\"", 1).await;
    for _ in 0..number("STOPS", STOPS) {
        sleep(centre.moment(WAIT)).await;
        daemon.signal("STOP");
        centre.live();
        centre.supervise();
        sleep(LONG).await;
        daemon.signal("CONT");
        centre.on_target().await;
    }
    let connected = daemon.said("\"connected\"");
    daemon.signal("STOP");
    sleep(LONGER).await;
    daemon.signal("CONT");
    daemon.says("\"connected\"", connected + 1).await;
    centre.on_target().await;
    daemon.stop().await;
    centre.never_above_target_and_never_down();
    centre.hands_off_what_is_over(LONG);
    journal::is_whole(&installation);
    journal::no_step_was_done_twice(&installation);
}
