//! Who started this process and wants to hear how it is: systemd, or whatever speaks as it does (`sd_notify(3)`).
//!
//! Four words: ready, alive, reloading, stopping, each with a line for `systemctl status`. Without `$NOTIFY_SOCKET` there
//! is nobody, and nothing is said. What is said is the daemon's business: when it is ready, and what proves that it is
//! alive, is decided where that is known.
//!
//! The words are those of the `sd-notify` crate. The sending is not: it reads the environment each time and knows no
//! abstract sockets, and here the environment is read once, so that a test can be a supervisor too.

use std::{
    collections::BTreeMap,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram as StdDatagram},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::net::UnixDatagram;
use tracing::warn;

/// Where to speak to.
const SOCKET: &str = "NOTIFY_SOCKET";
/// Microseconds without a sign of life after which the supervisor ends the process.
const WATCHDOG: &str = "WATCHDOG_USEC";
/// Whose signs of life are awaited, where it is not everybody's that can speak.
const WATCHED: &str = "WATCHDOG_PID";

/// Who wants to hear how this process is; nobody, by default. Clones speak to the same one.
#[derive(Clone, Debug, Default)]
pub struct Supervisor(Option<Arc<Link>>);

/// A supervisor that listens.
#[derive(Debug)]
struct Link {
    /// Where it does.
    socket: UnixDatagram,
    /// How long it waits for a sign of life; for ever where nothing stands here.
    patience: Option<Duration>,
    /// Whether it was told that the daemon is ready.
    told_ready: AtomicBool,
    /// Whether it was said that it cannot be spoken to.
    said: AtomicBool,
}

/// What keeps the supervisor from hearing us. It would wait for a word that never comes.
#[derive(Debug, thiserror::Error)]
#[error(
    "the supervisor that started this process cannot be spoken to: check NOTIFY_SOCKET, and that the service may use Unix sockets"
)]
pub struct Unheard(#[source] io::Error);

impl Supervisor {
    /// The supervisor that the environment names. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// Where it names one that does not listen.
    pub fn of(environment: &BTreeMap<String, String>) -> Result<Self, Unheard> {
        let Some(name) = environment.get(SOCKET).filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let socket = connected(name).map_err(Unheard)?;
        Ok(Self(Some(Arc::new(Link {
            socket,
            patience: patience(environment, std::process::id()),
            told_ready: AtomicBool::default(),
            said: AtomicBool::default(),
        }))))
    }

    /// Whether anybody listens.
    pub(crate) fn listens(&self) -> bool {
        self.0.is_some()
    }

    /// Whether somebody listens who was told that the daemon is ready.
    pub(crate) fn was_told_ready(&self) -> bool {
        let told = |link: &Arc<Link>| link.told_ready.load(Ordering::Relaxed);
        self.0.as_ref().is_some_and(told)
    }

    /// How long it waits for a sign of life, if it does.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.0.as_ref().and_then(|link| link.patience)
    }

    /// Every callback that waits is looked after. Also the end of a reload.
    pub(crate) async fn ready(&self, how: &str) {
        if let Some(link) = &self.0 {
            link.told_ready.store(true, Ordering::Relaxed);
        }
        self.say(&[NotifyState::Ready, NotifyState::Status(how)])
            .await;
    }

    /// The work goes on.
    pub(crate) async fn alive(&self, how: &str) {
        self.say(&[NotifyState::Watchdog, NotifyState::Status(how)])
            .await;
    }

    /// Settings are read anew; `ready` is the end of it. The time goes with it, because newer supervisors must know that
    /// the `ready` they hear was said after their own request.
    pub async fn reloading(&self) {
        let mut words = vec![NotifyState::Reloading];
        words.extend(NotifyState::monotonic_usec_now());
        self.say(&words).await;
    }

    /// No new work is begun.
    pub(crate) async fn stopping(&self) {
        let how = NotifyState::Status("stopping: requests in flight may finish");
        self.say(&[NotifyState::Stopping, how]).await;
    }

    /// Says this, if anybody listens. Once that fails, it is said in the log, where a person finds why the supervisor has
    /// ended the process.
    async fn say(&self, words: &[NotifyState<'_>]) {
        let Some(link) = &self.0 else {
            return;
        };
        let mut lines = String::new();
        for word in words {
            lines.push_str(&word.to_string());
            lines.push('\n');
        }
        if let Err(error) = link.socket.send(lines.as_bytes()).await
            && !link.said.swap(true, Ordering::Relaxed)
        {
            warn!(%error, "the supervisor that started this process does not hear it: it may take it for dead");
        }
    }
}

/// A socket that speaks to this name: a path, or an abstract one that begins with `@`.
fn connected(name: &str) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = StdDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

/// How long signs of life of this process are waited for.
fn patience(environment: &BTreeMap<String, String>, process: u32) -> Option<Duration> {
    let number = |name: &str| environment.get(name)?.parse::<u64>().ok();
    let ours = number(WATCHED).is_none_or(|watched| watched == u64::from(process));
    number(WATCHDOG)
        .filter(|micros| ours && *micros > 0)
        .map(Duration::from_micros)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A supervisor for tests, and what it hears.
    pub(crate) fn supervisor(patience: Duration) -> (Supervisor, UnixDatagram) {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let link = Link {
            socket: ours,
            patience: Some(patience),
            told_ready: AtomicBool::default(),
            said: AtomicBool::default(),
        };
        (Supervisor(Some(Arc::new(link))), theirs)
    }

    /// What it heard next.
    pub(crate) async fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).await.unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        variables.iter().map(owned).collect()
    }

    #[tokio::test]
    async fn without_a_socket_there_is_nobody_and_nothing_is_said() {
        for variables in [&[][..], &[(SOCKET, "")], &[(WATCHDOG, "3000000")]] {
            let nobody = Supervisor::of(&environment(variables)).unwrap();
            assert!(!nobody.listens());
            assert_eq!(nobody.patience(), None);
            nobody.ready("").await;
        }
        let absent = environment(&[(SOCKET, "/nowhere/at/all")]);
        let error = Supervisor::of(&absent).unwrap_err().to_string();
        assert!(error.contains("check NOTIFY_SOCKET"), "{error}");
    }

    #[tokio::test]
    async fn the_words_are_those_of_sd_notify() {
        let name = format!("callback-prioritizer-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let bound = StdDatagram::bind_addr(&address).unwrap();
        bound.set_nonblocking(true).unwrap();
        let socket = UnixDatagram::from_std(bound).unwrap();
        let named = environment(&[(SOCKET, &format!("@{name}")), (WATCHDOG, "30000000")]);
        let supervisor = Supervisor::of(&named).unwrap();
        assert_eq!(supervisor.patience(), Some(Duration::from_secs(30)));

        supervisor.ready("2 tracked").await;
        assert_eq!(heard(&socket).await, "READY=1\nSTATUS=2 tracked\n");
        supervisor.alive("3 tracked").await;
        assert_eq!(heard(&socket).await, "WATCHDOG=1\nSTATUS=3 tracked\n");
        supervisor.reloading().await;
        let reloading = heard(&socket).await;
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        assert!(time.unwrap().trim_end().parse::<u64>().unwrap() > 0);
        supervisor.stopping().await;
        assert!(heard(&socket).await.starts_with("STOPPING=1\nSTATUS="));
    }

    #[test]
    fn a_watchdog_that_is_not_ours_is_not_fed() {
        let micros = (WATCHDOG, "30000000");
        let half = Some(Duration::from_secs(30));
        assert_eq!(patience(&environment(&[micros]), 7), half);
        assert_eq!(patience(&environment(&[micros, (WATCHED, "7")]), 7), half);
        assert_eq!(patience(&environment(&[micros, (WATCHED, "8")]), 7), None);
        assert_eq!(patience(&environment(&[(WATCHDOG, "0")]), 7), None);
        assert_eq!(patience(&environment(&[(WATCHDOG, "soon")]), 7), None);
    }
}
