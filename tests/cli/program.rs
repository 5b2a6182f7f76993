//! The program as a process: started with nothing but what a test gives it, heard while it runs, and gone with the test.

use std::{
    fs,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use callback_prioritizer::sandbox::Sandbox;
use serde_json::Value;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

/// Time after which something that has not happened is a failure, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A fresh folder for one test.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("cli")
        .join(name);
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program before it is started.
pub(crate) struct Program(Command);

impl Program {
    /// With these arguments, a working directory of its own and an empty environment.
    pub(crate) fn new(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callback-prioritizer"));
        command
            .args(arguments)
            .current_dir(folder(name))
            .env_clear()
            // Help is wrapped at the terminal's width, and without a terminal at this.
            .env("COLUMNS", "100")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command)
    }

    /// With this variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// With this setting, for example `POLICY__WAIT`.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.with(&format!("CALLBACK_PRIORITIZER__{name}"), value)
    }

    /// With credentials for a platform at this address.
    pub(crate) fn at(self, url: &str, secret: &str) -> Self {
        self.set("GENESYS__API_URL", url)
            .set("GENESYS__LOGIN_URL", url)
            .set("GENESYS__CLIENT_ID", "sandbox")
            .set("STATUS__LISTEN", "127.0.0.1:0")
            .with("GENESYSCLOUD_OAUTHCLIENT_SECRET", secret)
    }

    /// With the credentials of a sandbox.
    pub(crate) fn in_sandbox(self, sandbox: &Sandbox) -> Self {
        self.at(&sandbox.url(), "sandbox")
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Process {
        let mut child = self.0.spawn().unwrap();
        let heard = Arc::new(watch::Sender::new(Heard {
            open: 2,
            ..Heard::default()
        }));
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        listen(out, Arc::clone(&heard), |heard| &mut heard.out);
        listen(err, Arc::clone(&heard), |heard| &mut heard.err);
        Process { child, heard }
    }

    /// Starts it with a stderr that it takes for systemd's journal, and waits until it ends: its exit code, and what the
    /// journal was given.
    pub(crate) async fn into_journal(mut self, log: &Path) -> (Option<i32>, String) {
        let file = fs::File::create(log).unwrap();
        let of_file = file.metadata().unwrap();
        let stream = format!("{}:{}", of_file.dev(), of_file.ino());
        self.0.env("JOURNAL_STREAM", stream).stderr(file);
        let running = spawn_blocking(move || self.0.stdout(Stdio::null()).status().unwrap());
        let status = timeout(PATIENCE, running).await.unwrap().unwrap();
        (status.code(), fs::read_to_string(log).unwrap())
    }

    /// Starts it and waits until it ends.
    pub(crate) async fn finish(self) -> Ended {
        self.start().ended().await
    }
}

/// What a process has printed so far.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// Its standard output.
    out: Vec<u8>,
    /// Its standard error.
    err: Vec<u8>,
    /// How many of the two it has not closed.
    open: usize,
}

/// Takes down what a process prints, on a thread that ends with the process.
fn listen(
    mut from: impl Read + Send + 'static,
    heard: Arc<watch::Sender<Heard>>,
    part: fn(&mut Heard) -> &mut Vec<u8>,
) {
    thread::spawn(move || {
        let mut buffer = [0; 8_192];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            heard.send_modify(|heard| part(heard).extend_from_slice(&buffer[..read]));
        }
        heard.send_modify(|heard| heard.open -= 1);
    });
}

/// The program while it runs. It is killed where a test forgets it or fails.
pub(crate) struct Process {
    /// The process.
    child: Child,
    /// What it prints.
    heard: Arc<watch::Sender<Heard>>,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; absent where a signal killed it.
    pub(crate) code: Option<i32>,
    /// What it printed on standard output.
    pub(crate) out: String,
    /// What it printed on standard error.
    pub(crate) err: String,
}

impl Process {
    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until its standard output holds this; returns all of it.
    pub(crate) async fn says(&self, wanted: &str) -> String {
        let heard = self.until(|heard| text(&heard.out).contains(wanted)).await;
        text(&heard.out)
    }

    /// Waits until it has logged this message so many times.
    pub(crate) async fn logs(&self, message: &str, times: usize) {
        self.until(|heard| count(&text(&heard.err), message) >= times)
            .await;
    }

    /// How many times it has logged this message so far.
    pub(crate) fn logged(&self, message: &str) -> usize {
        count(&text(&self.heard.borrow().err), message)
    }

    /// Sends it a signal, by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it ends.
    pub(crate) async fn ended(mut self) -> Ended {
        let heard = self.until(|heard| heard.open == 0).await;
        let status = self.child.wait().unwrap();
        Ended {
            code: status.code(),
            out: text(&heard.out),
            err: text(&heard.err),
        }
    }

    /// Waits until what it has printed is as wanted.
    async fn until(&self, mut wanted: impl FnMut(&Heard) -> bool) -> Heard {
        let mut news = self.heard.subscribe();
        let waiting = timeout(PATIENCE, news.wait_for(|heard| wanted(heard))).await;
        let Ok(heard) = waiting else {
            panic!("never came: {}", text(&self.heard.borrow().err));
        };
        heard.unwrap().clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Ended {
    /// The lines of its log: each an object with a time, a level and a message.
    pub(crate) fn log(&self) -> Vec<Value> {
        let lines: Vec<Value> = self.err.lines().map(log_line).collect();
        assert!(!lines.is_empty(), "it logged nothing");
        lines
    }
}

/// A line of the log, which must be one.
fn log_line(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|no| panic!("{no}: {line}"));
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let time = text("timestamp").parse::<jiff::Timestamp>();
    let level = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&text("level"));
    assert!(
        time.is_ok() && level && !text("message").is_empty(),
        "{line}"
    );
    value
}

/// How many lines have this message, in either format.
fn count(log: &str, message: &str) -> usize {
    log.lines().filter(|line| line.contains(message)).count()
}

/// Bytes as text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until something is so in a sandbox.
pub(crate) async fn until(sandbox: &Sandbox, mut wanted: impl FnMut(&Sandbox) -> bool) {
    timeout(PATIENCE, sandbox.world().until(|_| wanted(sandbox)))
        .await
        .expect("the sandbox never came to it");
}
