//! One of the daemons, as a process that is started again and again under its name.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::{PATIENCE, rhythm::Crew};

/// How often something is looked at that no word comes of.
const AGAIN: Duration = Duration::from_millis(50);
/// What is said by one whose journal did not answer in time.
pub(crate) const JOURNAL_TOOK_LONG: &str = "no answer within 5 seconds";

/// A replica, running or not. It is killed where a test forgets it or fails.
pub(crate) struct Daemon {
    /// What it is called.
    pub(crate) name: String,
    /// Words after the program's name.
    arguments: Vec<String>,
    /// Its variables.
    variables: Vec<(String, String)>,
    /// Where it works; nobody else does.
    folder: PathBuf,
    /// Everything that it has said, in all of its lives.
    log: PathBuf,
    /// The process.
    child: Option<Child>,
}

impl Daemon {
    /// One of this name, for a test of this name. It is not started yet.
    pub(crate) fn new(test: &str, name: &str) -> Self {
        let folder = folder(&format!("{test}/{name}"));
        let log = folder.join("log");
        File::create(&log).unwrap();
        Self {
            name: name.to_owned(),
            arguments: vec!["run".to_owned()],
            variables: Vec::new(),
            folder,
            log,
            child: None,
        }
    }

    /// The same with one more word on its command line.
    pub(crate) fn argument(mut self, word: &str) -> Self {
        self.arguments.push(word.to_owned());
        self
    }

    /// The same with one more variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a setting, as its variable says it.
    pub(crate) fn setting(self, name: &str, value: &str) -> Self {
        self.variable(&format!("CALLBACK_PRIORITIZER__{name}"), value)
    }

    /// Starts it.
    pub(crate) fn start(&mut self) {
        let program = env::var_os("PROGRAM")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_callback-prioritizer").into());
        let log = File::options().append(true).open(&self.log).unwrap();
        let child = Command::new(program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        assert!(self.child.replace(child.unwrap()).is_none());
    }

    /// Kills it at this very moment.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "{}: it ended by itself", self.name);
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let child = self.child.as_ref().unwrap();
        let sent = Command::new("kill")
            .args([format!("-{name}"), child.id().to_string()])
            .status();
        assert!(sent.unwrap().success(), "{}: {name}", self.name);
    }

    /// Ends it in good order.
    pub(crate) async fn stop(&mut self) {
        self.signal("TERM");
        let mut child = self.child.take().unwrap();
        let ended = timeout(PATIENCE, async {
            loop {
                match child.try_wait().unwrap() {
                    Some(status) => return status,
                    None => sleep(AGAIN).await,
                }
            }
        });
        let status = ended.await.expect("the end");
        assert_eq!(status.code(), Some(0), "{}", self.last_words());
    }

    /// How many lines of all that it has said hold these words.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = fs::read_to_string(&self.log).unwrap();
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// Waits until it has said this.
    pub(crate) async fn says(&self, words: &str) {
        let said = async {
            while self.said(words) == 0 {
                sleep(AGAIN).await;
            }
        };
        let heard = timeout(PATIENCE, said).await;
        assert!(heard.is_ok(), "never said {words}: {}", self.last_words());
    }

    /// Sees that nothing was wrong with it in its own eyes; but one that was stopped while it asked its journal finds, when it
    /// goes on, that no answer came in time, and says so until it has asked again.
    pub(crate) fn is_sound(&self) {
        let log = fs::read_to_string(&self.log).unwrap();
        let is_trouble = |line: &&str| {
            let is_known = line.contains(JOURNAL_TOOK_LONG);
            line.contains("panicked") || line.contains("\"ERROR\"") && !is_known
        };
        let trouble: Vec<_> = log.lines().filter(is_trouble).collect();
        assert!(trouble.is_empty(), "{}: {trouble:#?}", self.name);
    }

    /// The last that it said.
    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // One that has ended cannot be killed, and need not be.
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}

/// A folder of a test's own.
pub(crate) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("replicas")
        .join(test);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Replicas that are killed and stopped for real.
impl Crew for Vec<Daemon> {
    fn start(&mut self, which: usize) {
        self[which].start();
    }

    fn kill(&mut self, which: usize) {
        self[which].kill();
    }

    fn stop(&mut self, which: usize) {
        self[which].signal("STOP");
    }

    fn go_on(&mut self, which: usize) {
        self[which].signal("CONT");
    }
}
