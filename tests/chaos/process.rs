//! The daemon as a process: installed once, started again and again on the same journal.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use crate::names::Names;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Time after which something that has not happened is a failure, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A daemon that can be started: where it keeps its journal, and where its platform is.
pub(crate) struct Installation {
    /// Holds nothing but the journal.
    pub(crate) folder: PathBuf,
    /// Address of the platform.
    platform: String,
    /// Time from one raise to the next, as settings say it.
    wait: String,
    /// The names that it knows, where they are not the machine's.
    names: Option<Names>,
    /// Whom it trusts, where that is not whom the machine trusts.
    roots: Option<PathBuf>,
}

impl Installation {
    /// One with a journal of its own, for this platform.
    pub(crate) fn new(name: &str, platform: &str, wait: Duration) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("chaos")
            .join(name);
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self {
            folder,
            platform: platform.to_owned(),
            wait: format!("{}ms", wait.as_millis()),
            names: None,
            roots: None,
        }
    }

    /// The same where names mean what these say.
    pub(crate) fn knowing(self, names: &Names) -> Self {
        Self {
            names: Some(names.clone()),
            ..self
        }
    }

    /// The same where nobody is trusted but whom a certificate in this file vouches for.
    pub(crate) fn trusting(self, roots: PathBuf) -> Self {
        Self {
            roots: Some(roots),
            ..self
        }
    }

    /// The journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal.db")
    }

    /// Starts the daemon.
    pub(crate) fn start(&self) -> Daemon {
        let program = env::var_os("PROGRAM")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_callback-prioritizer").into());
        let mut command = match &self.names {
            Some(names) => names.command(&program),
            None => Command::new(program),
        };
        command
            .arg("run")
            .env_clear()
            .env("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(roots) = &self.roots {
            command.env("SSL_CERT_FILE", roots);
        }
        // What runs the program is found by it.
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        for (name, value) in [
            ("GENESYS__API_URL", self.platform.as_str()),
            ("GENESYS__LOGIN_URL", &self.platform),
            ("GENESYS__CLIENT_ID", "sandbox"),
            ("GENESYS__REQUESTS_PER_MINUTE", "3000"),
            ("CALLBACKS__SWEEP", "5s"),
            ("POLICY__WAIT", &self.wait),
            ("STATUS__LISTEN", "127.0.0.1:0"),
            ("JOURNAL__PATH", self.journal().to_str().unwrap()),
        ] {
            command.env(format!("CALLBACK_PRIORITIZER__{name}"), value);
        }
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let log = Arc::new(watch::Sender::new(Log::default()));
        take_down(child.stderr.take().unwrap(), Arc::clone(&log));
        Daemon {
            child,
            log,
            started,
        }
    }
}

/// What a daemon has said so far.
#[derive(Debug, Default)]
struct Log {
    /// Its lines, and when each was heard.
    lines: Vec<(Instant, String)>,
    /// Whether it will say no more.
    ended: bool,
}

/// Takes down what a daemon says, on a thread that ends with it.
fn take_down(from: ChildStderr, log: Arc<watch::Sender<Log>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.send_modify(|log| log.lines.push((Instant::now(), line)));
        }
        log.send_modify(|log| log.ended = true);
    });
}

/// A daemon that runs. It is killed where a test forgets it or fails.
pub(crate) struct Daemon {
    /// The process.
    child: Child,
    /// What it says.
    log: Arc<watch::Sender<Log>>,
    /// When it was started.
    started: Instant,
}

impl Daemon {
    /// Waits until its first sweep is done, when every callback that waits is known; how long that took.
    pub(crate) async fn ready(&self) -> Duration {
        self.says("\"sweep done\"", 1).await - self.started
    }

    /// Waits until it has said this so many times; when that was.
    pub(crate) async fn says(&self, words: &str, times: usize) -> Instant {
        let mut news = self.log.subscribe();
        let said = |log: &Log| {
            let mut lines = log.lines.iter().filter(|(_, line)| line.contains(words));
            lines.nth(times - 1).map(|(at, _)| *at)
        };
        let waiting = timeout(
            PATIENCE,
            news.wait_for(|log| said(log).is_some() || log.ended),
        );
        let heard = waiting.await.map(|log| said(&log.unwrap()));
        heard
            .ok()
            .flatten()
            .unwrap_or_else(|| panic!("never said {words}: {:#?}", self.log.borrow()))
    }

    /// How many lines hold these words so far.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = self.log.borrow();
        let lines = log.lines.iter();
        lines.filter(|(_, line)| line.contains(words)).count()
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Kills it at this very moment.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for trouble in ["panicked", "damaged", "\"ERROR\""] {
            assert_eq!(self.said(trouble), 0, "{:#?}", self.log.borrow());
        }
    }

    /// Ends it in good order.
    pub(crate) async fn stop(mut self) {
        self.signal("TERM");
        let mut news = self.log.subscribe();
        let ended = timeout(PATIENCE, news.wait_for(|log| log.ended)).await;
        ended.expect("the end").unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{:#?}", self.log.borrow());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
