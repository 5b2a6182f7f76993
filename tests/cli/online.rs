//! What does `check --online` say of a platform, and does it leave it as it was?

use callback_prioritizer::sandbox::{Callback, Effect, Options, RequestFault, Sandbox};
use tokio::net::TcpSocket;

use crate::program::{Ended, Program};

/// The program, to check.
fn check(name: &str) -> Program {
    Program::new(name, &["check", "--online"])
}

/// A platform as most organisations have it.
async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

#[tokio::test]
async fn a_good_platform_is_told_of_in_sentences_and_nothing_is_written() {
    let sandbox = sandbox().await;
    let support = sandbox.world().queue("Support").unwrap();
    let _waiting = sandbox.world().add_callback(Callback::to(&support));
    let Ended { code, out, err } = check("good").in_sandbox(&sandbox).finish().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for sentence in [
        "The settings are good.",
        "Token: received.",
        "Topic v2.routing.queues.{id}.conversations.callbacks: offered",
        "Topic v2.detail.events.conversation.{id}.acd.start: offered",
        "Queues: 2 of 2: Sales, Support.",
        "Sweep: 1 callbacks wait in these queues now.",
    ] {
        assert!(out.contains(sentence), "{sentence} is missing: {out}");
    }
    assert_eq!(sandbox.world().writes(), []);
    let requests = sandbox.requests();
    let harmless = |method: &str, path: &str| {
        method == "GET" || path == "/oauth/token" || path.contains("/activity/query")
    };
    for request in &requests {
        assert!(harmless(&request.method, &request.path), "{request:?}");
    }
    assert!(!requests.is_empty());
}

#[tokio::test]
async fn what_rules_name_and_policies_count_is_held_against_the_platform() {
    let sandbox = sandbox().await;
    let support = sandbox.world().queue("Support").unwrap();
    let _spanish = sandbox.world().add_skill("Spanish");
    let minutes = std::time::Duration::from_mins;
    let made_of_a_call = Callback::to(&support).called_before(minutes(7));
    let _waiting = sandbox.world().add_callback(made_of_a_call);
    let settings = crate::program::folder("rules-settings").join("settings.toml");
    let rules = "[[rules]]\nskill = [\"spanish\", \"klingon\"]\n[[rules]]\nname = \"typo\"\nqueue = \"Suport\"";
    std::fs::write(&settings, rules).unwrap();
    let arguments = ["check", "--online", "--config", settings.to_str().unwrap()];
    let ended = Program::new("rules", &arguments)
        .in_sandbox(&sandbox)
        .set("POLICY__CREDIT", "waited")
        .finish()
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for sentence in [
        "warning: rules (rule 1): none of the skills is meant by `klingon`",
        "warning: rules (typo): none of the queues is meant by `Suport`",
        "Entry: 1 callbacks were made of calls that had waited, and the platform lists 1 of them as waiting since their own entry",
    ] {
        assert!(
            ended.out.contains(sentence),
            "{sentence} is missing: {}",
            ended.out
        );
    }
    assert!(!ended.out.contains("meant by `spanish`"), "{}", ended.out);
}

#[tokio::test]
async fn refused_credentials_end_with_77_and_a_remedy() {
    let sandbox = sandbox().await;
    let refused = check("refused").at(&sandbox.url(), "wrong").finish().await;
    assert_eq!(refused.code, Some(77));
    assert!(
        refused.out.contains("grant type Client Credentials"),
        "{}",
        refused.out
    );
    assert_eq!(sandbox.requests().len(), 1, "asked once");
}

#[tokio::test]
async fn a_missing_permission_ends_with_77_and_its_name() {
    let sandbox = sandbox().await;
    let path = "/api/v2/analytics/conversations/activity/query";
    let fault = RequestFault::to("POST", path, Effect::Answer(403, None));
    sandbox.faults().requests(fault);
    let Ended { code, out, .. } = check("permission").in_sandbox(&sandbox).finish().await;
    assert_eq!(code, Some(77));
    assert!(out.contains("analytics:queueObservation:view"), "{out}");
}

#[tokio::test]
async fn a_platform_out_of_reach_ends_with_69() {
    // Bound by us and listened on by nobody: whoever connects is refused.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    let Ended { code, out, .. } = check("unreachable").at(&url, "any").finish().await;
    assert_eq!(code, Some(69), "{out}");
    assert!(out.contains("cannot be reached"), "{out}");
}

#[tokio::test]
async fn a_queue_that_nobody_has_is_named() {
    let sandbox = sandbox().await;
    let check = check("typo").set("CALLBACKS__QUEUES", "Suport");
    let Ended { code, out, .. } = check.in_sandbox(&sandbox).finish().await;
    assert!(
        out.contains("`Suport`") && out.contains("Queues: 0 of 2"),
        "{out}"
    );
    assert_eq!(code, Some(0), "a warning: the queue may be made tomorrow");
}

#[tokio::test]
async fn a_queues_name_neither_breaks_a_line_nor_commands_a_terminal() {
    let sandbox = sandbox().await;
    let _queue = sandbox
        .world()
        .add_queue("Late\r\nToken: refused.\u{1b}[2J");
    let Ended { code, out, .. } = check("letters").in_sandbox(&sandbox).finish().await;
    assert_eq!(code, Some(0));
    assert!(out.contains("Queues: 3 of 3"), "{out}");
    let control = |letter: char| letter.is_control() && letter != '\n';
    assert!(!out.contains(control), "{out:?}");
    assert!(
        !out.lines().any(|line| line.starts_with("Token: refused")),
        "{out}"
    );
}
