//! Layers: defaults, then the file, then the environment, which is read as strictly as a file.

use std::{ffi::OsString, os::unix::ffi::OsStringExt, path::Path};

use callback_prioritizer::settings::{self, LogFormat, Settings};

use super::{CANARY, environment, file, signed_in};

/// What a test asks of settings.
type Answer = fn(&Settings) -> String;

/// The file under the variables.
const FILE: &str = r#"
[genesys]
region = "eu-west-1"
client_id = "file"
requests_per_minute = 100
[callbacks]
queues = ["File A", "File B", "File C"]
[policy]
wait = "1m"
max_raises = 3
"#;

/// Variable, its value, the question, and the answers by the defaults, with the file, with the variable too.
const LAYERED: &[(&str, &str, Answer, &str, &str, &str)] = &[
    (
        "GENESYSCLOUD_REGION",
        "sa-east-1",
        |settings| settings.genesys.region.domain().to_owned(),
        "mypurecloud.com",
        "mypurecloud.ie",
        "sae1.pure.cloud",
    ),
    (
        "GENESYSCLOUD_OAUTHCLIENT_ID",
        "shared",
        |settings| settings.genesys.client_id.clone(),
        "id",
        "id",
        "shared",
    ),
    (
        "CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID",
        "own",
        |settings| settings.genesys.client_id.clone(),
        "id",
        "id",
        "own",
    ),
    (
        "CALLBACK_PRIORITIZER__GENESYS__REGION",
        "mypurecloud.jp",
        |settings| settings.genesys.region.domain().to_owned(),
        "mypurecloud.com",
        "mypurecloud.ie",
        "mypurecloud.jp",
    ),
    (
        "CALLBACK_PRIORITIZER__GENESYS__API_URL",
        "http://[::1]:1",
        |settings| settings.genesys.api_url.to_string(),
        "https://api.mypurecloud.com/",
        "https://api.mypurecloud.ie/",
        "http://[::1]:1/",
    ),
    (
        "CALLBACK_PRIORITIZER__GENESYS__REQUESTS_PER_MINUTE",
        "42",
        |settings| settings.genesys.budget.requests_per_minute.to_string(),
        "270",
        "100",
        "42",
    ),
    (
        "CALLBACK_PRIORITIZER__CALLBACKS__QUEUES",
        "One, Two*",
        |settings| settings.callbacks.queues.join("|"),
        "*",
        "File A|File B|File C",
        "One|Two*",
    ),
    (
        "CALLBACK_PRIORITIZER__CALLBACKS__DRY_RUN",
        "true",
        |settings| settings.callbacks.dry_run.to_string(),
        "false",
        "false",
        "true",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__WAIT",
        "1m 30s",
        |settings| format!("{:?}", settings.rules.otherwise.policy.interval()),
        "Some(300s)",
        "Some(60s)",
        "Some(90s)",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__INCREMENT",
        "7",
        |settings| {
            format!(
                "{:?}",
                settings
                    .rules
                    .otherwise
                    .policy
                    .ladder
                    .then
                    .map(|then| then.add)
            )
        },
        "Some(1)",
        "Some(1)",
        "Some(7)",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__MAX_RAISES",
        "9",
        |settings| format!("{:?}", settings.rules.otherwise.policy.max_raises),
        "None",
        "Some(3)",
        "Some(9)",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__MAX_PRIORITY",
        "-5",
        |settings| format!("{:?}", settings.rules.otherwise.policy.max_priority),
        "None",
        "None",
        "Some(Priority(-5))",
    ),
    (
        "CALLBACK_PRIORITIZER__STATUS__LISTEN",
        "[::1]:80",
        |settings| settings.status.listen.to_string(),
        "127.0.0.1:9187",
        "127.0.0.1:9187",
        "[::1]:80",
    ),
    (
        "CALLBACK_PRIORITIZER__STATUS__ALLOW_REMOTE",
        "true",
        |settings| settings.status.allow_remote.to_string(),
        "false",
        "false",
        "true",
    ),
    (
        "CALLBACK_PRIORITIZER__STATUS__HOSTS",
        "Callbacks.example.com, dialler01",
        |settings| settings.status.hosts.join(" "),
        "",
        "",
        "callbacks.example.com dialler01",
    ),
    (
        "CALLBACK_PRIORITIZER__LOG__LEVEL",
        "debug",
        |settings| settings.log.level.clone(),
        "info",
        "info",
        "debug",
    ),
    (
        "CALLBACK_PRIORITIZER__LOG__FORMAT",
        "json",
        |settings| (settings.log.format == LogFormat::Json).to_string(),
        "false",
        "false",
        "true",
    ),
];

#[test]
fn each_layer_replaces_the_one_before() {
    let path = file("layers", FILE);
    for (variable, value, answer, default, in_file, with_variable) in LAYERED {
        let ask = |file: Option<&Path>, variables: &[(&str, &str)]| {
            answer(&settings::load(file, &signed_in(variables)).unwrap())
        };
        assert_eq!(ask(None, &[]), *default, "{variable}: default");
        assert_eq!(ask(Some(&path), &[]), *in_file, "{variable}: file");
        assert_eq!(
            ask(Some(&path), &[(variable, value)]),
            *with_variable,
            "{variable}: environment"
        );
    }
}

#[test]
fn a_variable_of_our_own_wins_over_a_shared_one() {
    let settings = settings::load(
        None,
        &signed_in(&[
            ("GENESYSCLOUD_REGION", "eu-west-1"),
            ("CALLBACK_PRIORITIZER__GENESYS__REGION", "eu-west-2"),
        ]),
    );
    assert_eq!(settings.unwrap().genesys.region.domain(), "euw2.pure.cloud");
}

#[test]
fn the_log_level_is_also_where_programs_in_rust_take_it_from() {
    let level = |variables: &[(&str, &str)]| {
        let settings = settings::load(None, &signed_in(variables));
        settings.unwrap().log.level
    };
    let own = ("CALLBACK_PRIORITIZER__LOG__LEVEL", "error");
    assert_eq!(level(&[("RUST_LOG", "debug")]), "debug");
    assert_eq!(level(&[("RUST_LOG", "debug"), own]), "error");
    assert_eq!(level(&[("RUST_LOG", " ")]), "info");
}

/// Variable, its value, and what is said about it.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "CALLBACK_PRIORITIZER__POLICY__WIAT",
        "5m",
        "no setting has this name; did you mean `CALLBACK_PRIORITIZER__POLICY__WAIT`?",
    ),
    ("CALLBACK_PRIORITIZER__", "5m", "no setting has this name"),
    (
        "CALLBACK_PRIORITIZER__POLICY",
        "5m",
        "no setting has this name",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__WAIT__MIN",
        "5m",
        "no setting has this name",
    ),
    (
        "CALLBACK_PRIORITIZER__policy__wait",
        "5m",
        "write CALLBACK_PRIORITIZER__POLICY__WAIT",
    ),
    (
        "CALLBACK_PRIORITIZER_POLICY_WAIT",
        "5m",
        "this is not read: write CALLBACK_PRIORITIZER__POLICY__WAIT",
    ),
    (
        "CALLBACK_PRIORITIZER_POLICY__MAX_RAISES",
        "5",
        "write CALLBACK_PRIORITIZER__POLICY__MAX_RAISES",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__WAIT",
        "300",
        "300 has no unit: write \"300s\"",
    ),
    ("CALLBACK_PRIORITIZER__POLICY__WAIT", "", "is no time"),
    (
        "CALLBACK_PRIORITIZER__POLICY__INCREMENT",
        "1.5",
        "expected a whole number",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__INCREMENT",
        "0",
        "0 is out of range: expected a whole number from 1 to 25000000",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__MAX_RAISES",
        "",
        "expected a whole number",
    ),
    (
        "CALLBACK_PRIORITIZER__POLICY__MAX_PRIORITY",
        "99999999",
        "priority 99999999 is out of range",
    ),
    (
        "CALLBACK_PRIORITIZER__CALLBACKS__DRY_RUN",
        "yes",
        "expected true or false",
    ),
    (
        "CALLBACK_PRIORITIZER__CALLBACKS__DRY_RUN",
        "1",
        "expected true or false",
    ),
    (
        "CALLBACK_PRIORITIZER__STATUS__HOSTS",
        "callbacks.example.com,*",
        "`*` is no host name",
    ),
    (
        "CALLBACK_PRIORITIZER__LOG__FORMAT",
        "xml",
        "`xml` is no format: expected auto, json or text",
    ),
    (
        "CALLBACK_PRIORITIZER__LOG__LEVEL",
        "loud",
        "`loud` is no level",
    ),
    (
        "CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET",
        CANARY,
        "the secret does not belong in the settings",
    ),
    (
        "CALLBACK_PRIORITIZER__GENESYS__API_URL",
        "http://canary@x.example",
        "user or password",
    ),
    (
        "GENESYSCLOUD_REGION",
        "eu-central-9",
        "unknown region `eu-central-9`",
    ),
    ("RUST_LOG", "loud", "`loud` is no level"),
    ("GENESYSCLOUD_OAUTHCLIENT_ID", "", "the client id is empty"),
    ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "", "the secret is empty"),
];

#[test]
fn a_wrong_variable_is_refused_by_name() {
    for (variable, value, expected) in WRONG {
        let refusal = settings::load(None, &signed_in(&[(variable, value)]))
            .unwrap_err()
            .to_string();
        assert!(refusal.starts_with(&format!("{variable}: ")), "{refusal}");
        assert!(
            refusal.contains(expected),
            "\nexpected {expected}\nfound    {refusal}"
        );
        assert!(
            !refusal.contains(CANARY) && !refusal.contains('\n'),
            "{refusal}"
        );
    }
}

#[test]
fn what_only_looks_like_ours_is_left_alone() {
    let variables = signed_in(&[
        ("CALLBACK_PRIORITIZER_SERVICE_HOST", "10.0.0.1"),
        ("CALLBACK_PRIORITIZER_PORT_9187_TCP", "tcp://10.0.0.1:9187"),
        ("GENESYSCLOUD_SDK_DEBUG", "true"),
        ("PATH", "/bin"),
    ]);
    assert!(settings::load(None, &variables).is_ok());
}

#[test]
fn the_journal_lies_in_the_services_state_folder() {
    for (variables, expected) in [
        (&[][..], "callback-prioritizer.db"),
        (&[("STATE_DIRECTORY", "")], "callback-prioritizer.db"),
        (
            &[("STATE_DIRECTORY", "/var/lib/x")],
            "/var/lib/x/journal.db",
        ),
        (
            &[("STATE_DIRECTORY", "/var/lib/x:/var/lib/y")],
            "/var/lib/x/journal.db",
        ),
        (
            &[
                ("STATE_DIRECTORY", "/var/lib/x"),
                ("CALLBACK_PRIORITIZER__JOURNAL__PATH", "here.db"),
            ],
            "here.db",
        ),
    ] {
        let settings = settings::load(None, &signed_in(variables)).unwrap();
        assert_eq!(settings.journal.path, Path::new(expected), "{variables:?}");
    }
}

#[test]
fn what_has_no_default_is_missed_by_name() {
    let refusal = settings::load(
        None,
        &environment(&[("GENESYSCLOUD_OAUTHCLIENT_SECRET", "x")]),
    );
    let refusal = refusal.unwrap_err().to_string();
    for place in [
        "GENESYSCLOUD_OAUTHCLIENT_ID",
        "CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID",
        "`client_id`",
    ] {
        assert!(refusal.contains(place), "{refusal}");
    }
    let refusal = settings::load(None, &environment(&[("GENESYSCLOUD_OAUTHCLIENT_ID", "id")]));
    let refusal = refusal.unwrap_err().to_string();
    for place in [
        "GENESYSCLOUD_OAUTHCLIENT_SECRET",
        "`client_secret_file`",
        "systemd credential",
    ] {
        assert!(refusal.contains(place), "{refusal}");
    }
}

#[test]
fn the_processs_variables_become_text() {
    let raw = |name: &str, value: &[u8]| (name.into(), OsString::from_vec(value.to_vec()));
    let texts = settings::environment([raw("A", b"1"), raw("B", b"\xff")]).unwrap();
    assert_eq!(texts, environment(&[("A", "1")]));
    let refusal = settings::environment([raw("GENESYSCLOUD_REGION", b"\xff")]).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "GENESYSCLOUD_REGION: the value is not UTF-8 text"
    );
}
