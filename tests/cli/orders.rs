//! Do `pause` and `resume` reach the daemon that runs, and nobody else's?

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use callback_prioritizer::sandbox::{Callback, Options, Sandbox};
use tokio::time::sleep;

use crate::program::{Ended, Process, Program, folder, until};

/// A daemon that raises every fifth of a second, with its journal and its socket in this folder.
fn daemon(name: &str, home: &Path, sandbox: &Sandbox) -> Process {
    let journal = home.join("journal.db");
    Program::new(name, &["run"])
        .in_sandbox(sandbox)
        .set("POLICY__WAIT", "200ms")
        .set("JOURNAL__PATH", journal.to_str().unwrap())
        .start()
}

/// Gives an order to the daemon that lives in this folder.
async fn order(name: &str, home: &Path, arguments: &[&str]) -> Ended {
    let journal = home.join("journal.db");
    let program = Program::new(name, arguments).set("JOURNAL__PATH", journal.to_str().unwrap());
    program.finish().await
}

/// A folder for a journal and a socket, whose path is short enough for one.
fn home(name: &str) -> PathBuf {
    folder(&format!("{name}-home"))
}

#[tokio::test]
async fn a_pause_stops_all_writes_and_outlives_a_kill() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let support = sandbox.world().queue("Support").unwrap();
    let id = sandbox.world().add_callback(Callback::to(&support));
    let home = home("pause");
    let running = daemon("pause-1", &home, &sandbox);
    running.logs("priority raised", 2).await;

    let paused = order("pause-2", &home, &["pause"]).await;
    let said = "Paused: all queues, until `callback-prioritizer resume`.\n";
    assert_eq!((paused.code, paused.out.as_str()), (Some(0), said));
    let before = sandbox.world().writes().len();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(sandbox.world().writes().len(), before, "at once");
    running.signal("KILL");
    assert_eq!(running.ended().await.code, None);

    let running = daemon("pause-3", &home, &sandbox);
    running
        .logs("raises are paused since before this start", 1)
        .await;
    running.logs("callback tracked", 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(sandbox.world().writes().len(), before);
    let again = order("pause-4", &home, &["pause", "--for", "2h"]).await;
    assert!(
        again.out.starts_with("Paused: all queues, until 2"),
        "{}",
        again.out
    );

    let resumed = order("pause-5", &home, &["resume"]).await;
    assert_eq!(
        (resumed.code, resumed.out.as_str()),
        (Some(0), "Nothing is paused.\n")
    );
    until(&sandbox, |sandbox| sandbox.world().writes().len() > before).await;
    let caught_up = &sandbox.world().writes()[before];
    assert_eq!(caught_up.conversation, id);
    let steps = caught_up.to.points() - caught_up.from.points();
    assert!(steps >= 10, "by one write for two seconds: {caught_up:?}");
    let again = order("pause-6", &home, &["resume"]).await;
    let said = "Nothing has changed: it was so already.\nNothing is paused.\n";
    assert_eq!((again.code, again.out.as_str()), (Some(0), said));
    running.signal("TERM");
    let ended = running.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!home.join("journal.db.sock").exists());
}

#[tokio::test]
async fn an_order_that_cannot_be_given_says_why() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let home = home("orders");
    let nobody = order("orders-1", &home, &["pause"]).await;
    assert_eq!(nobody.code, Some(69), "{}", nobody.err);
    assert!(
        nobody.err.contains("no daemon takes orders at"),
        "{}",
        nobody.err
    );

    let running = daemon("orders-2", &home, &sandbox);
    running.logs("orders are taken", 1).await;
    running.logs("\"connected\"", 1).await;
    let unknown = order("orders-3", &home, &["pause", "--queue", "Slaes"]).await;
    assert_eq!(unknown.code, Some(64), "{}", unknown.err);
    assert!(
        unknown.err.contains("no queue of ours is meant by `Slaes`"),
        "{}",
        unknown.err
    );
    let socket = home.join("journal.db.sock");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let named = [
        "pause",
        "--queue",
        "Sales",
        "--socket",
        socket.to_str().unwrap(),
    ];
    let paused = order("orders-4", &folder("elsewhere"), &named).await;
    assert_eq!(paused.code, Some(0), "{}", paused.err);
    assert!(
        paused.out.starts_with("Paused: Sales, until"),
        "{}",
        paused.out
    );
}

#[tokio::test]
async fn another_user_is_denied_by_the_file_and_by_the_daemon() {
    // Only root can become somebody else.
    let setpriv = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--clear-groups"])
            .args(arguments);
        command
    };
    if !setpriv(&["true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        return;
    }
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    // Where everybody may come as far as the socket.
    let home = std::env::temp_dir().join(format!("callback-prioritizer-{}", std::process::id()));
    fs::create_dir_all(&home).unwrap();
    let running = daemon("denied", &home, &sandbox);
    running.logs("orders are taken", 1).await;
    let (socket, program) = (home.join("journal.db.sock"), home.join("program"));
    fs::copy(env!("CARGO_BIN_EXE_callback-prioritizer"), &program).unwrap();
    let asked = |socket: &Path| {
        let arguments = ["pause", "--socket", socket.to_str().unwrap()];
        let program = program.to_str().unwrap().to_owned();
        let mut command = setpriv(&[&program]);
        let done = command.args(arguments).current_dir("/").output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        (done.status.code(), said)
    };
    let (code, said) = asked(&socket);
    assert_eq!(code, Some(77), "{said}");
    assert!(said.contains("is not ours to open"), "{said}");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let (code, said) = asked(&socket);
    assert_eq!(code, Some(77), "{said}");
    assert!(said.contains("obeys only the user that runs it"), "{said}");
    assert_eq!(running.logged("raises paused"), 0);
    drop(running);
    fs::remove_dir_all(&home).unwrap();
}
