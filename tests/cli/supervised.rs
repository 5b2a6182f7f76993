//! Does a supervisor such as systemd hear how the program is?

use std::time::Duration;

use callback_prioritizer::sandbox::{Callback, Effect, Options, RequestFault, Sandbox};
use tokio::{net::UnixDatagram, time::timeout};

use crate::program::{Ended, Program, folder};

/// Time after which a word that has not come is a failure, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a supervisor hears next.
async fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let receiving = timeout(PATIENCE, socket.recv(&mut buffer)).await;
    let length = receiving.expect("nothing was said").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// What it hears that begins with this word, whatever is said before.
async fn hears(socket: &UnixDatagram, word: &str) -> String {
    loop {
        let heard = heard(socket).await;
        if heard.starts_with(word) {
            return heard;
        }
    }
}

#[tokio::test]
async fn a_supervisor_hears_that_it_is_ready_that_it_lives_and_that_it_stops() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let support = sandbox.world().queue("Support").unwrap();
    let _waiting = sandbox.world().add_callback(Callback::to(&support));
    let path = folder("supervisor").join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    // The first answer to the sweep is late: nothing may be said before it is in.
    let query = "/api/v2/analytics/conversations/activity/query";
    let slow = Effect::Delay(Duration::from_secs(1));
    sandbox
        .faults()
        .requests(RequestFault::to("POST", query, slow));
    let program = Program::new("supervised", &["run"])
        .in_sandbox(&sandbox)
        .with("NOTIFY_SOCKET", path.to_str().unwrap())
        .with("WATCHDOG_USEC", "300000");
    let daemon = program.start();

    let first = heard(&socket).await;
    let tracked = "READY=1\nSTATUS=1 callback tracked, 0 raises since the start\n";
    assert_eq!(first, tracked);
    for _ in 0..3 {
        let next = heard(&socket).await;
        assert!(next.starts_with("WATCHDOG=1\nSTATUS="), "{next}");
    }
    daemon.signal("TERM");
    hears(&socket, "STOPPING=1\n").await;
    assert_eq!(daemon.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_supervisor_that_does_not_listen_is_said_and_ends_it() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let program = Program::new("deaf", &["run"])
        .in_sandbox(&sandbox)
        .with("NOTIFY_SOCKET", "/nowhere/at/all");
    let Ended { code, err, .. } = program.finish().await;
    assert_eq!(code, Some(70), "{err}");
    assert!(err.contains("check NOTIFY_SOCKET"), "{err}");
}
