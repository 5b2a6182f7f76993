//! Does anything secret or personal get out, whatever the platform says and however much is logged?
//!
//! The daemon lives through a callback's life and much trouble, in which everything that must not be told is told to it
//! again and again. Then all that it has shown is searched: its output, its command line, its status page.

use std::{fmt::Write, fs};

use base64::{Engine, engine::general_purpose::STANDARD};
use callback_prioritizer::{
    conversation::{ConversationId, QueueId},
    sandbox::{Callback, Limits, Options, Sandbox},
};
use serde_json::json;

use crate::{
    front::Front,
    program::{Ended, Process, Program, until},
};

/// The client secret, with letters that a URL or a form would write otherwise.
const SECRET: &str = "canary-SECRET/with+letters=of&all%kinds";
/// A customer's name.
const NAME: &str = "Canary O'Quetzal";
/// A customer's telephone number, as the platform writes it.
const NUMBER: &str = "+15555550199";
/// A connect URI that leads elsewhere.
const ELSEWHERE: &str = "wss://canary.example/channels/canary-channel";
/// A token that no sandbox gave out.
const TOKEN: &str = "canary-token-that-is-no-header\u{7f}\n";

/// A sentence that holds everything that must not be told.
fn gossip() -> String {
    format!("{NAME} ({NUMBER}) says {SECRET} to {ELSEWHERE}")
}

/// A daemon under test and what it talks to.
struct Scene {
    /// The platform.
    sandbox: Sandbox,
    /// What is between.
    front: Front,
    /// The daemon.
    daemon: Process,
}

impl Scene {
    /// A daemon that is connected and raises twice a second, with these settings for its log.
    async fn open(name: &str, level: &str, format: &str) -> Self {
        let sandbox = Sandbox::start(Options {
            client_secret: SECRET.to_owned(),
            limits: Limits {
                requests_per_minute: 3_000,
                ..Limits::default()
            },
            // So that every raise is preceded by a look, and everything that a look may bring is met.
            priority_events: false,
            ..Options::default()
        })
        .await
        .unwrap();
        let front = Front::before(&sandbox).await;
        let daemon = Program::new(name, &["run"])
            .at(&front.url, SECRET)
            .set("POLICY__WAIT", "500ms")
            .set("CALLBACKS__SWEEP", "5s")
            .set("GENESYS__REQUESTS_PER_MINUTE", "3000")
            .set("LOG__LEVEL", level)
            .set("LOG__FORMAT", format)
            .start();
        let scene = Self {
            sandbox,
            front,
            daemon,
        };
        scene.connected(1).await;
        scene
    }

    /// The queue of all callbacks here.
    fn queue(&self) -> QueueId {
        self.sandbox.world().queue("Support").unwrap()
    }

    /// A callback for the customer whom nobody must know.
    fn callback(&self) -> ConversationId {
        let callback = Callback::to(&self.queue()).for_customer(NAME, NUMBER);
        self.sandbox.world().add_callback(callback)
    }

    /// Waits until the daemon has come up so many times.
    async fn connected(&self, times: usize) {
        self.daemon.logs("bulk_acd_start", times).await;
        until(&self.sandbox, |sandbox| sandbox.open_sockets() > 0).await;
    }

    /// Every kind of request is answered with gossip, refused or garbled; each by a callback of its own, because a
    /// refused write makes a hold.
    async fn gossiping_answers(&self) {
        let error = json!({"message": gossip(), "code": gossip(), "contextId": gossip(),
            "messageParams": {"name": NAME}, "errors": [{"message": gossip()}]})
        .to_string();
        let wrong_kinds = json!({"id": gossip(), "participants": gossip(), "priority": gossip(),
            "results": gossip(), "entities": gossip()})
        .to_string();
        let mut callbacks = Vec::new();
        for (method, path) in [
            ("GET", "/api/v2/conversations/"),
            ("PATCH", "/api/v2/routing/conversations/"),
        ] {
            for (status, body) in [
                (500, &error),
                (400, &error),
                (403, &error),
                (409, &error),
                (200, &gossip()),
                (200, &wrong_kinds),
            ] {
                let id = self.callback();
                self.front
                    .answer(method, &format!("{path}{id}"), status, body);
                callbacks.push(id);
            }
        }
        let sweep = "/api/v2/analytics/";
        for (status, body) in [(500, &error), (200, &gossip()), (200, &wrong_kinds)] {
            self.front.answer("POST", sweep, status, body);
        }
        self.front.all_given().await;
        for id in callbacks {
            self.sandbox.world().hangup(&id).unwrap();
        }
    }

    /// Frames of every kind that are no events, or are events with too much in them.
    async fn gossiping_frames(&self) {
        let faults = self.sandbox.faults();
        let before = self.daemon.logged("frame passed over");
        let known = format!("v2.routing.queues.{}.conversations.callbacks", self.queue());
        let frames = [
            gossip(),
            format!("{{\"topicName\": \"{}", gossip()),
            json!({"topicName": gossip(), "eventBody": gossip()}).to_string(),
            json!({"topicName": known, "eventBody": gossip()}).to_string(),
            json!({"topicName": known, "eventBody": {"id": gossip()}}).to_string(),
            json!({"topicName": "v2.system.x", "eventBody": {"reason": gossip()}}).to_string(),
            gossip().repeat(20_000),
        ];
        for frame in &frames {
            faults.send_text(frame);
        }
        faults.send_binary(gossip().as_bytes());
        self.daemon
            .logs("frame passed over", before + frames.len() + 1)
            .await;
    }

    /// Channels vanish, lead elsewhere, and cannot be subscribed to.
    async fn channels_go_wrong(&self) {
        let channel = json!({"id": "canary-channel", "connectUri": ELSEWHERE});
        let path = "/api/v2/notifications/channels";
        self.front.answer("POST", path, 200, &channel.to_string());
        self.front.answer("POST", path, 500, &gossip());
        self.front.answer("PUT", path, 400, &gossip());
        self.sandbox.faults().refuse_sockets(401, Some(1));
        self.sandbox.faults().evict_channels();
        self.front.all_given().await;
        self.connected(2).await;
    }

    /// Tokens are revoked, and the next ones are none.
    async fn tokens_go_wrong(&self) {
        for body in [
            json!({"access_token": TOKEN, "expires_in": 60}).to_string(),
            json!({"access_token": [SECRET]}).to_string(),
            gossip(),
        ] {
            self.front.answer("POST", "/oauth/token", 200, &body);
        }
        self.sandbox.faults().revoke_tokens();
        self.front.all_given().await;
        self.daemon.logs("token received again", 1).await;
    }

    /// The platform refuses the credentials and repeats them.
    async fn credentials_are_refused(&self) {
        self.front
            .answer("POST", "/oauth/token", 400, &refused_client());
        self.sandbox.faults().revoke_tokens();
        self.daemon.logs("credentials refused", 1).await;
    }

    /// Stops the daemon; nothing that it has shown may be secret or personal.
    async fn closed(self) -> Ended {
        let mut shown = fs::read_to_string(format!("/proc/{}/cmdline", self.daemon.id())).unwrap();
        let page = format!("http://127.0.0.1:{}/status.json", status_port(&self.daemon));
        let page = reqwest::get(page).await.unwrap().text().await.unwrap();
        assert!(page.contains("\"ready\":true"), "{page}");
        self.daemon.signal("TERM");
        let ended = self.daemon.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let secrets = self.front.secrets();
        assert!(secrets.len() >= 3, "a token, a channel and its address");
        write!(shown, "\n{page}\n{}\n{}", ended.out, ended.err).unwrap();
        assert_silent(&shown, &secrets);
        ended
    }
}

/// What the token endpoint says to a wrong secret, where it repeats it.
fn refused_client() -> String {
    json!({"error": "invalid_client", "error_description": gossip(), "description": SECRET})
        .to_string()
}

/// Holds all that was shown against all that must not be.
fn assert_silent(shown: &str, secrets: &[String]) {
    let basic = STANDARD.encode(format!("sandbox:{SECRET}"));
    let encoded = SECRET.replace('/', "%2F").replace('+', "%2B");
    let mut forbidden = vec![
        "canary".to_owned(),
        "quetzal".to_owned(),
        NUMBER[1..].to_owned(),
        basic,
        encoded,
    ];
    forbidden.extend(secrets.iter().cloned());
    let lower = shown.to_lowercase();
    for word in forbidden {
        let at = lower.find(&word.trim().to_lowercase());
        let line = at.map(|at| lower[..at].lines().count());
        assert_eq!(line, None, "{word:?} is in line {line:?} of:\n{shown}");
    }
}

/// The port that the daemon's status page is on: the only one that it listens on.
fn status_port(daemon: &Process) -> u16 {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{}/fd", daemon.id()))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.replace(']', "")))
        .collect();
    let table = fs::read_to_string(format!("/proc/{}/net/tcp", daemon.id())).unwrap();
    let listening = table.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let ours = columns.get(3) == Some(&"0A") && sockets.iter().any(|one| columns[9] == *one);
        let (_, port) = columns.get(1)?.split_once(':')?;
        ours.then(|| u16::from_str_radix(port, 16).unwrap())
    });
    listening.expect("the status page is served")
}

/// A callback's life, with gossip in all that is answered and sent; how it ended, logged at this level.
async fn life(name: &str, level: &str, format: &str) -> Ended {
    let scene = Scene::open(name, level, format).await;
    let id = scene.callback();
    scene.daemon.logs("priority raised", 2).await;
    scene.gossiping_frames().await;
    scene.gossiping_answers().await;
    scene.sandbox.world().answer(&id).unwrap();
    scene.daemon.logs("\"answered\"", 1).await;
    scene.closed().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_or_personal_is_shown_at_level_trace() {
    let ended = life("trace", "trace", "auto").await;
    let log = ended.log();
    assert!(log.iter().any(|line| line["level"] == "TRACE"));
    assert!(log.len() > 100, "{} lines", log.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_libraries_are_asked_to_tell_all() {
    let level = "trace,hyper=trace,hyper_util=trace,hyper_util::client::legacy=trace,reqwest=trace,\
        reqwest::connect=trace,rustls=trace,tungstenite=trace,tungstenite::protocol=trace,\
        tokio_tungstenite=trace,axum=trace,mio=trace,tokio=trace";
    let ended = life("libraries", level, "json").await;
    assert!(ended.log().iter().any(|line| line["level"] == "TRACE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_in_text_for_people() {
    let ended = life("text", "trace", "text").await;
    assert!(ended.err.contains("TRACE"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_when_channels_vanish_lead_elsewhere_and_are_refused() {
    let scene = Scene::open("channels", "trace", "auto").await;
    let _waiting = scene.callback();
    scene.channels_go_wrong().await;
    let ended = scene.closed().await;
    assert!(
        ended.err.contains("not on the region's domain"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_when_tokens_are_revoked_and_credentials_refused() {
    let scene = Scene::open("tokens", "trace", "auto").await;
    let _waiting = scene.callback();
    scene.tokens_go_wrong().await;
    scene.credentials_are_refused().await;
    scene.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_in_the_reason_for_a_refused_topic() {
    let scene = Scene::open("reason", "trace", "auto").await;
    let topic = format!(
        "v2.routing.queues.{}.conversations.callbacks",
        scene.queue()
    );
    let refused = json!({"entities": [
        {"id": topic, "state": "Rejected", "rejectionReason": gossip()},
    ]});
    let path = "/api/v2/notifications/channels/";
    scene.front.answer("PUT", path, 200, &refused.to_string());
    scene.sandbox.faults().evict_channels();
    scene.daemon.logs("topic refused", 1).await;
    scene.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_at_the_start_are_not_repeated() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let front = Front::before(&sandbox).await;
    for (name, arguments) in [
        ("refused-run", &["run"][..]),
        ("refused-check", &["check", "--online"]),
    ] {
        front.answer("POST", "/oauth/token", 400, &refused_client());
        let program = Program::new(name, arguments).at(&front.url, SECRET);
        let Ended { code, out, err } = program.set("LOG__LEVEL", "trace").finish().await;
        assert_eq!(code, Some(77), "{out}{err}");
        assert_silent(&format!("{out}{err}"), &front.secrets());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_size_and_letters_leave_no_trace() {
    let scene = Scene::open("letters", "trace", "auto").await;
    let line_breaks = "Canary\r\n{\"level\":\"ERROR\"}\u{2028}\u{85}\u{b}";
    let escapes = "\u{1b}[2J\u{1b}]0;Canary\u{7}\u{9b}31m";
    let right_to_left = "\u{202e}yranaC\u{2066}\u{200f}";
    let name = format!("{line_breaks}{escapes}{right_to_left}");
    let callback = Callback::to(&scene.queue()).for_customer(&name, NUMBER);
    let id = scene.sandbox.world().add_callback(callback);
    let big = format!("{name}{}", "Canary ".repeat(140_000));
    let event = json!({
        "topicName": format!("v2.routing.queues.{}.conversations.callbacks", scene.queue()),
        "eventBody": {"id": id, "participants": [{"name": big, "purpose": "acd", "state": "connected"}]},
    });
    assert!(event.to_string().len() > 1_000_000 - 20_000);
    scene.sandbox.faults().send_text(&event.to_string());
    scene.daemon.logs("callback tracked", 1).await;
    scene.daemon.logs("priority raised", 3).await;
    let ended = scene.closed().await;
    let control = |letter: char| letter.is_control() && letter != '\n';
    assert!(!ended.err.contains(control) && !ended.err.contains('\u{202e}'));
    let tracked = ended.log();
    let tracked = tracked
        .iter()
        .filter(|line| line["message"] == "callback tracked");
    assert_eq!(tracked.count(), 1);
}
