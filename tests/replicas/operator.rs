//! Two daemons as an operator sets them up by the README: a role with a password, a database of its own, TLS that is
//! verified, and a settings file for each.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use callback_prioritizer::sandbox::Situation;
use tokio::time::{sleep, timeout};

use crate::{
    PATIENCE, SEED, alone,
    centre::Centre,
    daemon::{Daemon, folder},
    database::{act, told},
    number,
};

/// Time from one raise to the next.
const WAIT: Duration = Duration::from_secs(5);
/// The role, and its database: the one whom that cluster asks for a password.
const ROLE: &str = "with_password";
/// Its password.
const PASSWORD: &str = "password-of-this-test";
/// Time after which a raise is late: those who live stand back for one that was killed, until they take it for dead.
const LATE: Duration = Duration::from_secs(3);

/// A file that only its owner reads.
fn secret_file(path: &Path, secret: &str) {
    fs::write(path, secret).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The settings of the daemon of this name, as the README has them.
fn settings(centre: &Centre, journal: &str, name: &str) -> String {
    let platform = centre.sandbox.url();
    format!(
        r#"
[genesys]
client_id = "sandbox"
client_secret_file = "client_secret"
api_url = "{platform}"
login_url = "{platform}"

[policy]
wait = "{}s"

[status]
listen = "127.0.0.1:0"

[journal]
url = "{journal}"
password_file = "journal_password"
replica = "{name}"
"#,
        WAIT.as_secs()
    )
}

/// Two of them from files, on a database of a role with a password.
async fn install(centre: &Centre, cluster: &str, journal: &str) -> [Daemon; 2] {
    let folder = folder("operator");
    secret_file(&folder.join("client_secret"), "sandbox\n");
    secret_file(&folder.join("journal_password"), &format!("{PASSWORD}\n"));
    for statement in [
        &format!("DROP DATABASE IF EXISTS {ROLE}"),
        &format!("DROP ROLE IF EXISTS {ROLE}"),
        &format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'"),
        &format!("CREATE DATABASE {ROLE} OWNER {ROLE}"),
    ] {
        act(cluster, statement).await;
    }
    ["one", "two"].map(|name| {
        let file = folder.join(format!("{name}.toml"));
        fs::write(&file, settings(centre, journal, name)).unwrap();
        Daemon::new("operator", name)
            .argument("--config")
            .argument(file.to_str().unwrap())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_by_the_readme_raise_in_time_also_when_one_of_them_is_killed() {
    let _alone = alone().await;
    let (Some(host), Some(ca)) = (told("TEST_POSTGRES_TLS"), told("TEST_POSTGRES_CA")) else {
        return;
    };
    let (home, (_, port)) = (told("TEST_POSTGRES_HOME"), host.split_once(':').unwrap());
    // The administrator comes by the socket.
    let cluster = format!("host={} port={port} user=postgres", home.unwrap());
    let centre = Centre::open(number("SEED", SEED), WAIT).await;
    let journal = format!("postgres://{ROLE}@{host}/{ROLE}?sslrootcert={ca}");
    let mut daemons = install(&centre, &cluster, &journal).await;
    for daemon in &mut daemons {
        daemon.start();
        daemon.says("\"connected\"").await;
    }
    let ids = [0; 4].map(|_| centre.arrive(Duration::ZERO));
    let world = centre.sandbox.world();
    let ids = &ids;
    let raised_to = |points| {
        let reached = move |id| world.priority(id).unwrap().points() >= points;
        let raised = world.until(move |_| ids.iter().all(reached));
        timeout(PATIENCE, raised)
    };
    raised_to(1).await.expect("raised");
    // Between two raises.
    sleep(WAIT / 2).await;
    daemons[0].kill();
    raised_to(4).await.expect("raised by the other");
    let entered = centre.entered();
    for write in world.writes() {
        let due = entered[&write.conversation] + WAIT * u32::try_from(write.to.points()).unwrap();
        assert!(write.at <= due + LATE, "late: {write:?}");
        assert_eq!(write.to.points(), write.from.points() + 1);
    }
    for id in entered.keys() {
        assert_eq!(world.situation(id), Some(Situation::Waiting));
    }
    daemons[1].stop().await;
    daemons[1].is_sound();
}
