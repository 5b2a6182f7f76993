//! moto's SQS as a process, and what tests ask of it by hand: the protocol is JSON over HTTP.

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep},
};

/// For how long the queue hides a message that was delivered.
pub(crate) const HIDES: Duration = Duration::from_secs(2);
/// Deliveries after which a message goes to the dead letters.
pub(crate) const DELIVERIES: u64 = 3;
/// What nothing may print.
pub(crate) const SECRET: &str = "canary-of-aws";
/// Real time after which what has not come does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Time between questions to another process.
const AGAIN: Duration = Duration::from_millis(50);
/// What is installed from `PyPI`.
const MOTO: &str = "moto[server]==5.2.5";
/// Tells a test that the server runs, and where.
const ADDRESS: &str = "SQS_OF_TEST";
/// Messages in a request.
const BATCH: usize = 10;

/// Runs a test in a process of its own whose environment holds what the AWS SDK looks for, with a server beside it.
#[expect(clippy::print_stderr, reason = "says what is left out")]
pub(crate) fn within_aws<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Queue) -> F) {
    if let Ok(address) = env::var(ADDRESS) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { test(Queue::open(&address).await).await });
        return;
    }
    let program = match install() {
        Ok(program) => program,
        Err(why) => {
            assert!(env::var("SQS").as_deref() != Ok("must"), "{why}");
            eprintln!("left out: {name}: no SQS interface to try it on, because {why}");
            return;
        }
    };
    let server = Server::start(&program);
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ADDRESS, &server.address)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

/// Installs moto where it is not yet; or why it cannot be had.
fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto");
    fs::create_dir_all(&folder).unwrap();
    // One of several processes installs it, and the others wait.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let done = folder.join(MOTO);
    let run = |program: &Path, arguments: &[&str]| {
        let ended = Command::new(program).args(arguments).output();
        match ended {
            Ok(ended) if ended.status.success() => Ok(()),
            Ok(ended) => {
                let said = String::from_utf8_lossy(&ended.stderr);
                let last = said.trim().lines().last().unwrap_or_default();
                Err(format!("{} failed: {last}", program.display()))
            }
            Err(error) => Err(format!("{} cannot be run: {error}", program.display())),
        }
    };
    if !done.exists() {
        let target = folder.to_str().unwrap();
        run(Path::new("python3"), &["-m", "venv", target])?;
        run(&folder.join("bin/pip"), &["install", "--quiet", MOTO])?;
        File::create(done).unwrap();
    }
    Ok(folder.join("bin/moto_server"))
}

/// The server; it ends with this value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .env("PYTHONUNBUFFERED", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()))
            .expect("the server says where it listens");
        // What it says of each request is not kept waiting.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A queue with dead letters.
pub(crate) struct Queue {
    address: String,
    client: reqwest::Client,
    later: Mutex<Vec<String>>,
}

impl Queue {
    async fn open(address: &str) -> Self {
        let _once = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let queue = Self {
            address: address.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            later: Mutex::default(),
        };
        queue.ask("CreateQueue", json!({"QueueName": "dead"})).await;
        queue.make().await;
        queue
    }

    /// One request.
    async fn ask(&self, action: &str, body: Value) -> Value {
        let credential = "Credential=test/20260101/eu-central-1/sqs/aws4_request";
        let answer = self
            .client
            .post(&self.address)
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"),
            )
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(value.get("__type").is_none(), "{action}: {text}");
        value
    }

    /// Its URL, as settings name it.
    pub(crate) fn url(&self) -> String {
        format!("{}/123456789012/events", self.address)
    }

    /// Makes the queue.
    pub(crate) async fn make(&self) -> String {
        let policy = json!({"maxReceiveCount": DELIVERIES,
            "deadLetterTargetArn": "arn:aws:sqs:eu-central-1:123456789012:dead"});
        let attributes = json!({"VisibilityTimeout": HIDES.as_secs().to_string(),
            "RedrivePolicy": policy.to_string()});
        self.ask(
            "CreateQueue",
            json!({"QueueName": "events", "Attributes": attributes}),
        )
        .await;
        self.url()
    }

    /// Deletes the queue.
    pub(crate) async fn drop_it(&self) -> String {
        self.ask("DeleteQueue", json!({"QueueUrl": self.url()}))
            .await;
        self.url()
    }

    /// Puts a message into the queue.
    pub(crate) async fn send(&self, body: &str) {
        let message = json!({"QueueUrl": self.url(), "MessageBody": body});
        self.ask("SendMessage", message).await;
    }

    /// Keeps a message for `send_all`.
    pub(crate) fn put_off(&self, body: String) {
        self.later.lock().unwrap().push(body);
    }

    /// Puts all that was put off into the queue; how many that were.
    pub(crate) async fn send_all(&self) -> u64 {
        let bodies = std::mem::take(&mut *self.later.lock().unwrap());
        for batch in bodies.chunks(BATCH) {
            let entries: Vec<Value> = batch
                .iter()
                .enumerate()
                .map(|(number, body)| json!({"Id": number.to_string(), "MessageBody": body}))
                .collect();
            let request = json!({"QueueUrl": self.url(), "Entries": entries});
            self.ask("SendMessageBatch", request).await;
        }
        bodies.len() as u64
    }

    /// How many messages show, and how many are hidden.
    pub(crate) async fn left(&self) -> (u64, u64) {
        self.count(&self.url()).await
    }

    async fn count(&self, url: &str) -> (u64, u64) {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let request = json!({"QueueUrl": url, "AttributeNames": names});
        let answer = self.ask("GetQueueAttributes", request).await;
        let number = |name| {
            answer["Attributes"][name]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        };
        (number(names[0]), number(names[1]))
    }

    /// Waits until what is hidden shows again.
    pub(crate) async fn shows_again(&self) {
        until("it never showed again", async || {
            self.left().await == (1, 0)
        })
        .await;
    }

    /// Waits until so many are among the dead letters.
    pub(crate) async fn until_dead_letters(&self, number: u64) {
        let dead = format!("{}/123456789012/dead", self.address);
        until("no dead letter", async || {
            self.count(&dead).await.0 == number
        })
        .await;
    }
}

/// Waits until another process says so.
async fn until(otherwise: &str, condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "{otherwise}");
        sleep(AGAIN).await;
    }
}
