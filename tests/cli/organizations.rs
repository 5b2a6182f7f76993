//! Is the program, as it is run, at home with several organisations?

use std::{fs, net::TcpListener, path::PathBuf};

use callback_prioritizer::sandbox::{Callback, Options, Sandbox};

use crate::program::{Process, Program, folder, until};

/// Two contact centres, and settings for both of them.
struct Two {
    /// The first.
    acme: Sandbox,
    /// The second.
    beta: Sandbox,
    /// Where settings, journal and socket are.
    home: PathBuf,
}

impl Two {
    /// Both, in a folder of this name.
    async fn open(name: &str) -> Self {
        let with = |seed| Options {
            seed,
            ..Options::default()
        };
        let (acme, beta) = (Sandbox::start(with(1)).await, Sandbox::start(with(2)).await);
        let two = Self {
            acme: acme.unwrap(),
            beta: beta.unwrap(),
            home: folder(name),
        };
        // Free when it was asked for.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.unwrap().port();
        let mut text =
            format!("[status]\nlisten = \"127.0.0.1:{port}\"\n[journal]\npath = \"journal.db\"\n");
        for (name, sandbox) in [("acme", &two.acme), ("beta", &two.beta)] {
            let url = sandbox.url();
            let table = format!(
                "[[organizations]]\nname = \"{name}\"\n[organizations.genesys]\nclient_id = \"sandbox\"\napi_url = \"{url}\"\nlogin_url = \"{url}\"\n[organizations.policy]\nwait = \"200ms\"\n"
            );
            text.push_str(&table);
        }
        fs::write(two.home.join("settings.toml"), text).unwrap();
        two
    }

    /// The program with these settings.
    fn program(&self, name: &str, arguments: &[&str]) -> Program {
        let settings = self.home.join("settings.toml");
        let mut all = arguments.to_vec();
        all.extend(["--config", settings.to_str().unwrap()]);
        Program::new(name, &all)
            .with("GENESYSCLOUD_OAUTHCLIENT_SECRET_ACME", "sandbox")
            .with("GENESYSCLOUD_OAUTHCLIENT_SECRET_BETA", "sandbox")
    }

    /// A daemon that raises in both.
    async fn run(&self, name: &str) -> Process {
        for sandbox in [&self.acme, &self.beta] {
            let support = sandbox.world().queue("Support").unwrap();
            let _waiting = sandbox.world().add_callback(Callback::to(&support));
        }
        let running = self.program(name, &["run"]).start();
        running.logs("priority raised", 4).await;
        running
    }
}

#[tokio::test]
async fn both_are_checked_raised_told_and_paused_by_name() {
    let two = Two::open("two-organizations").await;
    let check = two
        .program("two-check", &["check", "--online"])
        .finish()
        .await;
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
    let received = check.out.matches("Token: received.").count();
    assert_eq!(received, 2, "{}", check.out);

    let running = two.run("two-run").await;
    running.logs("\"organization\":\"beta\"", 4).await;
    let status = two.program("two-status", &["status"]).finish().await;
    assert!(
        status.out.contains("\nacme ") && status.out.contains("\nbeta "),
        "{}",
        status.out
    );
    let one = ["status", "--organization", "beta"];
    let status = two.program("two-status-one", &one).finish().await;
    assert!(status.out.contains("1 tracked"), "{}", status.out);
    let nobody = ["status", "--organization", "gamma"];
    let status = two.program("two-status-nobody", &nobody).finish().await;
    assert_eq!(status.code, Some(64), "{}", status.err);
    let health = two
        .program("two-health", &["healthcheck", "--organization", "acme"])
        .finish()
        .await;
    assert_eq!((health.code, health.out.as_str()), (Some(0), "ready\n"));

    let unclear = two.program("two-unclear", &["pause"]).finish().await;
    assert_eq!(unclear.code, Some(64));
    assert!(
        unclear
            .err
            .contains("name one of acme, beta with --organization"),
        "{}",
        unclear.err
    );
    let pause = ["pause", "--organization", "acme"];
    let paused = two.program("two-pause", &pause).finish().await;
    let said = "Paused: acme: all queues, until `callback-prioritizer resume`.\n";
    assert_eq!((paused.code, paused.out.as_str()), (Some(0), said));
    let (acme, beta) = (
        two.acme.world().writes().len(),
        two.beta.world().writes().len(),
    );
    until(&two.beta, |sandbox| {
        sandbox.world().writes().len() > beta + 3
    })
    .await;
    assert_eq!(two.acme.world().writes().len(), acme);
    running.signal("TERM");
    let ended = running.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);

    let explain = ["explain", "--organization", "beta"];
    let explained = two.program("two-explain", &explain).finish().await;
    assert_eq!(explained.code, Some(0), "{}", explained.err);
}

#[tokio::test]
async fn one_that_is_refused_ends_nothing_and_all_that_are_end_it() {
    let two = Two::open("two-refused").await;
    two.beta.faults().disable_client(true);
    let running = two.run_refused("two-refused-one").await;
    running.signal("TERM");
    assert_eq!(running.ended().await.code, Some(0));
    two.acme.faults().disable_client(true);
    let ended = two.program("two-refused-all", &["run"]).finish().await;
    assert_eq!(ended.code, Some(77), "{}", ended.err);
}

impl Two {
    /// A daemon that raises in the first, and is refused by the second.
    async fn run_refused(&self, name: &str) -> Process {
        let support = self.acme.world().queue("Support").unwrap();
        let _waiting = self.acme.world().add_callback(Callback::to(&support));
        let running = self.program(name, &["run"]).start();
        running.logs("not looked after: trying again", 1).await;
        running.logs("priority raised", 4).await;
        running
    }
}
