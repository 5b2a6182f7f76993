//! The daemon as a process: started, watched from outside, stopped.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use callback_prioritizer::sandbox::Sandbox;
use tokio::time::Instant;

/// Time after which something that has not happened will not happen.
const PATIENCE: Duration = Duration::from_mins(10);
/// Clock ticks a second, in which Linux tells of processor time on every machine that it runs on today.
const TICKS: f64 = 100.0;

/// The program, as `cargo bench` has built it.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_callback-prioritizer"))
}

/// A folder with nothing in it.
pub(crate) fn fresh_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("bench")
        .join(name);
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A daemon that runs; killed where it is forgotten.
pub(crate) struct Process {
    /// The process.
    child: Child,
    /// Its log, line by line.
    log: Receiver<String>,
    /// When it was started.
    pub(crate) started: Instant,
}

impl Process {
    /// Starts one that uses this platform, with its journal in this folder and these settings.
    pub(crate) fn start(sandbox: &Sandbox, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let (url, journal) = (sandbox.url(), folder.join("journal.db"));
        let usual = [
            ("GENESYS__API_URL", url.as_str()),
            ("GENESYS__LOGIN_URL", url.as_str()),
            ("GENESYS__CLIENT_ID", "sandbox"),
            ("STATUS__LISTEN", "127.0.0.1:0"),
            ("JOURNAL__PATH", journal.to_str().expect("a plain path")),
        ];
        let mut command = Command::new(program());
        command
            .arg("run")
            .env_clear()
            .env("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox");
        for (name, value) in usual.iter().chain(settings) {
            command.env(format!("CALLBACK_PRIORITIZER__{name}"), value);
        }
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("a process");
        let (lines, log) = channel();
        let stderr = child.stderr.take().expect("its log");
        thread::spawn(move || {
            let mut read = BufReader::new(stderr).lines().map_while(Result::ok);
            // Read to the end, whether anybody listens or not.
            read.by_ref().for_each(|line| drop(lines.send(line)));
        });
        Self {
            child,
            log,
            started,
        }
    }

    /// Waits for a line with these words, and returns it with the moment it came.
    pub(crate) fn says(&self, words: &str) -> (String, Instant) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self
                .log
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("never said: {words}"));
            if line.contains(words) {
                return (line, Instant::now());
            }
        }
    }

    /// Waits until it says no line with these words for a second.
    pub(crate) fn ceases_to_say(&self, words: &str) {
        let mut last = Instant::now();
        while last.elapsed() < Duration::from_secs(1) {
            if self
                .log
                .recv_timeout(Duration::from_millis(100))
                .is_ok_and(|line| line.contains(words))
            {
                last = Instant::now();
            }
        }
    }

    /// Its memory that is in use, bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .expect("a figure");
        kib.parse::<u64>().expect("a number") * 1_024
    }

    /// Processor time that it has used, seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // The program's name may hold anything and ends with the last bracket; fields are counted after it.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |number: usize| fields[number].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / TICKS
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        assert!(told.expect("kill").success());
        self.child.wait().expect("its end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
