//! Does a supervisor hear that the work goes on while it does, and only then?

use std::{
    collections::BTreeMap,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram as StdDatagram},
    },
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    journal::JournalError,
    sandbox::{Effect, RequestFault},
    supervisor::Supervisor,
};
use tokio::{net::UnixDatagram, sync::watch, time::timeout};

use crate::{
    harness::Centre,
    obstacle::{Asked, Obstacle, Obstructed},
};

/// How long the supervisor waits for a sign of life.
const PATIENCE: Duration = Duration::from_secs(30);

/// A supervisor's ear.
pub(crate) struct Ear(UnixDatagram);

impl Ear {
    /// A supervisor, and what it hears.
    pub(crate) fn new(name: &str) -> (Supervisor, Self) {
        let name = format!("callback-prioritizer-{}-{name}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = StdDatagram::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let environment = BTreeMap::from([
            ("NOTIFY_SOCKET".to_owned(), format!("@{name}")),
            ("WATCHDOG_USEC".to_owned(), PATIENCE.as_micros().to_string()),
        ]);
        let supervisor = Supervisor::of(&environment).unwrap();
        (supervisor, Self(UnixDatagram::from_std(socket).unwrap()))
    }

    /// The next word; nothing where none comes for as long as the supervisor waits.
    pub(crate) async fn hears(&self) -> Option<String> {
        let mut buffer = [0; 1024];
        let length = timeout(PATIENCE, self.0.recv(&mut buffer)).await.ok()?;
        let text = String::from_utf8_lossy(&buffer[..length.unwrap()]).into_owned();
        text.lines().next().map(str::to_owned)
    }
}

/// A journal that hangs when it is told to, as on a network drive that is gone.
struct Hanging(watch::Sender<bool>);

#[async_trait]
impl Obstacle for Hanging {
    async fn meet(&self, _asked: Asked<'_>) -> Result<(), JournalError> {
        let mut hangs = self.0.subscribe();
        let _held = hangs.wait_for(|hangs| !hangs).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_hour_is_alive_and_ends_in_good_order() {
    let mut centre = Centre::open().await;
    let (supervisor, ear) = Ear::new("idle");
    centre.supervisor = supervisor;
    let daemon = centre.start();
    assert_eq!(ear.hears().await.as_deref(), Some("READY=1"));
    let began = centre.clock.now();
    while centre.clock.now().duration_since(began).as_hours() < 1 {
        assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
    }
    daemon.shutdown.request();
    while let Some(word) = ear.hears().await {
        if word == "STOPPING=1" {
            return daemon.ended().await.unwrap();
        }
    }
    panic!("it never said that it stops");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_hangs_is_no_life_and_one_that_answers_again_is() {
    let mut centre = Centre::open().await;
    let (supervisor, ear) = Ear::new("hanging");
    centre.supervisor = supervisor;
    let journal = Arc::new(Obstructed::from(Hanging(watch::Sender::new(false))));
    centre.journal = Arc::<Obstructed<Hanging>>::clone(&journal);
    let daemon = centre.start();
    assert_eq!(ear.hears().await.as_deref(), Some("READY=1"));
    assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
    journal.obstacle.0.send_replace(true);
    assert_eq!(ear.hears().await, None);
    journal.obstacle.0.send_replace(false);
    assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_down_is_no_reason_to_start_again() {
    let mut centre = Centre::open().await;
    let (supervisor, ear) = Ear::new("down");
    centre.supervisor = supervisor;
    let _waiting = centre.callback();
    let daemon = centre.start();
    assert_eq!(ear.hears().await.as_deref(), Some("READY=1"));
    let down = RequestFault::to("", "/", Effect::Answer(503, None));
    centre.sandbox.faults().requests(down);
    let began = centre.clock.now();
    while centre.clock.now().duration_since(began).as_hours() < 1 {
        assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
    }
    daemon.stop().await;
}
