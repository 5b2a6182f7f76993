//! What only a database can go through: other formats, missing rights, an outage, a way to it that is not to be trusted.

use std::{env, process::Command, time::Duration};

use tokio::{net::TcpListener, task::JoinSet, time::Instant};

use super::{
    super::{
        Journal, JournalError, PostgresJournal,
        schema::{self, FORMAT},
        trouble::{Place, Trouble},
    },
    bench::{Database, shared, told},
};
use crate::journal::conformance::at;

/// The words of an error.
fn words(failed: Result<(), JournalError>) -> String {
    failed.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_daemon_is_refused_also_while_running() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    let database = Database::begin(&cluster).await;
    let running = database.journal(&cluster, "older");
    running.open().await.unwrap();
    running.alive(at(0)).await.unwrap();
    database
        .act("UPDATE callback_prioritizer.format SET done = done + 1")
        .await;
    let late = words(running.alive(at(1)).await);
    let expected = format!(
        "its format is {}, the newest known here is {FORMAT}",
        FORMAT + 1
    );
    assert!(late.contains(&expected), "{late}");
    let starting = database.journal(&cluster, "another");
    let refused = starting.open().await.unwrap_err().to_string();
    assert!(refused.contains(&expected), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_is_brought_up_to_date_once_by_whoever_comes_first() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    for before in [None, Some(1)] {
        let database = Database::begin(&cluster).await;
        if let Some(format) = before {
            let (mut client, _task) = database.connect().await;
            schema::migrate(&mut client, format).await.unwrap();
        }
        let mut starts = JoinSet::new();
        for number in 0..8 {
            let journal = database.journal(&cluster, &format!("r{number}"));
            starts.spawn(async move {
                journal.open().await.unwrap();
                journal.alive(at(0)).await.unwrap();
            });
        }
        starts.join_all().await;
        let format: i32 = database
            .ask("SELECT done FROM callback_prioritizer.format")
            .await;
        assert_eq!(format, FORMAT, "{before:?}");
        let runs: i64 = database
            .ask("SELECT count(*) FROM callback_prioritizer.runs")
            .await;
        assert_eq!(runs, 8);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_which_it_needs() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    let database = Database::begin(&cluster).await;
    let role = format!("poor_{}", std::process::id());
    database
        .act(&format!(
            "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"
        ))
        .await;
    let poor = cluster.replace("postgres@", &format!("{role}@"));
    let journal = database.journal(&poor, "poor");
    let refused = journal.open().await.unwrap_err().to_string();
    assert!(refused.contains("GRANT CREATE ON DATABASE"), "{refused}");
    assert!(refused.contains(&format!("TO \"{role}\"")), "{refused}");
    database
        .act(&format!(
            "CREATE SCHEMA callback_prioritizer AUTHORIZATION {role}"
        ))
        .await;
    journal.open().await.unwrap();
    journal.alive(at(0)).await.unwrap();
    database
        .act(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_or_a_standby_is_an_error_within_seconds() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    let database = Database::begin(&cluster).await;
    let journal = database.journal(&cluster, "one");
    journal.open().await.unwrap();
    database
        .act("BEGIN; LOCK TABLE callback_prioritizer.runs IN ACCESS EXCLUSIVE MODE")
        .await;
    let begun = Instant::now();
    let held = words(journal.alive(at(0)).await);
    assert!(held.contains("lock"), "{held}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    database.act("ROLLBACK").await;
    journal.alive(at(0)).await.unwrap();

    let name: String = database.ask("SELECT current_database()::text").await;
    database
        .act(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .await;
    let journal = database.journal(&cluster, "two");
    journal.open().await.unwrap();
    let read_only = words(journal.alive(at(0)).await);
    assert!(read_only.contains("as a standby is"), "{read_only}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_fails_quickly_and_works_again_by_itself() {
    let Some(cluster) = told("TEST_POSTGRES_FRAIL") else {
        return;
    };
    let home = env::var("TEST_POSTGRES_HOME").unwrap();
    let order = |order: &str| {
        let done = Command::new(format!("{home}/{order}")).status().unwrap();
        assert!(done.success(), "{order}");
    };
    let database = Database::begin(&cluster).await;
    let journal = database.journal(&cluster, "one");
    journal.open().await.unwrap();
    journal.alive(at(0)).await.unwrap();

    order("stop");
    for second in 1..4 {
        let begun = Instant::now();
        let down = words(journal.alive(at(second)).await);
        assert!(begun.elapsed() < Duration::from_secs(6), "{down}");
        assert!(down.contains("it is tried again"), "{down}");
    }
    // One that starts meanwhile goes on as well.
    let started = database.journal(&cluster, "two");
    started.open().await.unwrap();
    words(started.alive(at(4)).await);

    order("start");
    journal.alive(at(5)).await.unwrap();
    started.alive(at(5)).await.unwrap();
    database.forget();
}

#[test]
fn a_database_that_is_silent_is_told_with_what_to_check() {
    let place = Place::new(&shared("postgres://us@db:1/journal", "one"));
    let late = Trouble::Late.sentence(&place);
    assert!(late.contains("no answer within 5 seconds: check"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_silent_keeps_nobody_from_the_next() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    let database = Database::begin(&cluster).await;
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap();
    let name: String = database.ask("SELECT current_database()::text").await;
    let hosts = cluster.replace('@', &format!("@{silent},"));
    let url = format!("{hosts}/{name}?sslmode=disable&target_session_attrs=read-write");
    let journal = PostgresJournal::new(&shared(&url, "one")).unwrap();
    journal.open().await.unwrap();
    journal.alive(at(0)).await.unwrap();
    // One of them needs a new connection, to the host that has let us in.
    let begun = Instant::now();
    let (one, two) = tokio::join!(journal.alive(at(1)), journal.alive(at(1)));
    one.unwrap();
    two.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_and_the_password_stays_secret() {
    let (Some(host), Some(ca)) = (told("TEST_POSTGRES_TLS"), told("TEST_POSTGRES_CA")) else {
        return;
    };
    let at_host = |user: &str, parameters: &str| {
        PostgresJournal::new(&shared(
            &format!("postgres://{user}@{host}/postgres{parameters}"),
            "one",
        ))
        .unwrap()
    };
    let trusted = format!("?sslrootcert={ca}");
    let good = at_host("postgres", &trusted);
    good.open().await.unwrap();
    good.alive(at(0)).await.unwrap();

    let unknown = words(at_host("postgres", "").alive(at(0)).await);
    assert!(unknown.contains("certificate"), "{unknown}");
    assert!(unknown.contains("sslrootcert"), "{unknown}");
    let by_address = host.replace("localhost", "127.0.0.1");
    let other_name = PostgresJournal::new(&shared(
        &format!("postgres://postgres@{by_address}/postgres{trusted}"),
        "one",
    ));
    let other_name = words(other_name.unwrap().alive(at(0)).await);
    assert!(other_name.contains("certificate"), "{other_name}");
    let no_file = words(
        at_host("postgres", "?sslrootcert=/nowhere")
            .alive(at(0))
            .await,
    );
    assert!(
        no_file.contains("/nowhere") || no_file.contains("No such file"),
        "{no_file}"
    );

    let none = words(at_host("with_password", &trusted).alive(at(0)).await);
    assert!(none.contains("journal.password_file"), "{none}");

    // The role is made by whoever comes first; both passwords are of this test.
    let wrong = at_host("with_password:canary", &trusted);
    let refused = words(wrong.alive(at(0)).await);
    assert!(!refused.contains("canary"), "{refused}");
    assert!(refused.contains("with_password"), "{refused}");
    assert!(!format!("{wrong:?}").contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_speak_tls_is_refused() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    let journal = PostgresJournal::new(&shared(&format!("{cluster}/postgres"), "one")).unwrap();
    let refused = words(journal.alive(at(0)).await);
    assert!(refused.contains("does not support TLS"), "{refused}");
}
