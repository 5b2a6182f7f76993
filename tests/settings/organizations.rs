//! Several organisations in one file: each has what is its own, all have what is common, and nothing is shared unseen.

use std::{collections::BTreeMap, fs};

use callback_prioritizer::{
    conversation::Organization,
    settings::{self, Settings, SettingsError, Severity},
};
use secrecy::ExposeSecret;

use super::{CANARY, environment, file, folder};

/// Two organisations that differ in everything that can differ.
const TWO: &str = r#"
[journal]
path = "common.db"
[log]
level = "debug"

[[organizations]]
name = "acme-emea"
[organizations.genesys]
region = "eu-west-1"
client_id = "1"
requests_per_minute = 100
[organizations.callbacks]
queues = ["Support"]
dry_run = true
[organizations.policy]
wait = "1m"
[[organizations.rules]]
name = "gold"
attribute = { Tier = "Gold" }
increment = 7

[[organizations]]
name = "beta"
[organizations.genesys]
client_id = "2"
[organizations.events]
websocket = false
"#;

/// An environment with the secrets of both, and these variables.
fn signed_in(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all = environment(&[
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET_ACME_EMEA", "acmes-canary"),
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET_BETA", "betas-canary"),
    ]);
    all.extend(environment(variables));
    all
}

/// Loads both from a file in a folder of this name, with these variables.
fn load(name: &str, variables: &[(&str, &str)]) -> Result<Vec<Settings>, SettingsError> {
    settings::load_all(Some(&file(name, TWO)), &signed_in(variables))
}

/// The name of an organisation.
fn name(name: &str) -> Organization {
    name.parse().unwrap()
}

#[test]
fn each_has_its_own_and_all_have_what_is_common() {
    let all = load("two", &[]).unwrap();
    let [acme, beta] = all.as_slice() else {
        panic!("{}", all.len());
    };
    assert_eq!(
        (&acme.organization, &beta.organization),
        (&name("acme-emea"), &name("beta"))
    );
    assert_eq!(acme.genesys.region.domain(), "mypurecloud.ie");
    assert_eq!(
        beta.genesys.region.domain(),
        "mypurecloud.com",
        "the default, not acme's"
    );
    assert_eq!(
        (
            acme.genesys.client_id.as_str(),
            beta.genesys.client_id.as_str()
        ),
        ("1", "2")
    );
    let secret = |settings: &Settings| settings.genesys.client_secret.expose_secret().to_owned();
    assert_eq!(
        (secret(acme), secret(beta)),
        ("acmes-canary".to_owned(), "betas-canary".to_owned())
    );
    let rate = |settings: &Settings| settings.genesys.budget.requests_per_minute;
    assert_eq!((rate(acme), rate(beta)), (100, 270));
    assert_eq!(
        (&*acme.callbacks.queues, &*beta.callbacks.queues),
        (&["Support".to_owned()][..], &["*".to_owned()][..])
    );
    assert_eq!(
        (acme.callbacks.dry_run, beta.callbacks.dry_run),
        (true, false)
    );
}

#[test]
fn each_has_rules_of_its_own_and_all_have_one_journal_and_one_log() {
    let all = load("two-rules", &[]).unwrap();
    let (acme, beta) = (&all[0], &all[1]);
    assert_eq!(
        (acme.events.websocket, beta.events.websocket),
        (true, false)
    );
    let wait = |settings: &Settings| {
        settings
            .rules
            .otherwise
            .policy
            .interval()
            .unwrap()
            .as_secs()
    };
    assert_eq!((wait(acme), wait(beta)), (60, 300));
    let names = |settings: &Settings| {
        settings
            .rules
            .rules
            .iter()
            .map(|rule| rule.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (names(acme), names(beta)),
        (vec!["gold".to_owned()], vec![])
    );
    assert_eq!(
        acme.rules.attributes().collect::<Vec<_>>(),
        ["Tier"],
        "in its letter case"
    );
    assert_eq!(acme.journal.path, beta.journal.path);
    assert!(acme.journal.path.ends_with("two-rules/common.db"));
    assert_eq!(
        (acme.log.level.as_str(), beta.log.level.as_str()),
        ("debug", "debug")
    );
}

#[test]
fn one_is_described_by_its_name_and_what_is_common_once() {
    let all = load("described", &[]).unwrap();
    let lines = settings::describe_all(&all);
    let text = lines.join("\n");
    for line in ["organization acme-emea:", "organization beta:"] {
        assert!(lines.iter().any(|one| one == line), "{text}");
    }
    let count = |beginning: &str| {
        lines
            .iter()
            .filter(|line| line.starts_with(beginning))
            .count()
    };
    assert_eq!(
        (count("  platform: "), count("  budget: ")),
        (2, 2),
        "{text}"
    );
    assert_eq!(
        (count("journal: "), count("status: "), count("log: ")),
        (1, 1, 1),
        "{text}"
    );
    let findings = settings::findings_of_all(&all);
    let of = |setting: &str| {
        findings
            .iter()
            .filter(|finding| finding.setting == setting)
            .count()
    };
    assert_eq!(of("acme-emea: callbacks.dry_run"), 1, "{findings:?}");
    assert_eq!(of("beta: events.websocket"), 1, "{findings:?}");
    let shown = format!("{text} {findings:?} {all:?}");
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn whoever_needs_one_names_it() {
    let path = file("named", TWO);
    let load = |name: Option<&Organization>| settings::load_one(Some(&path), &signed_in(&[]), name);
    assert_eq!(load(Some(&name("beta"))).unwrap().genesys.client_id, "2");
    for (asked, expected) in [
        (
            None,
            "there are several organisations: name one of acme-emea, beta with --organization",
        ),
        (
            Some(name("gamma")),
            "there is no organisation `gamma`: expected one of acme-emea, beta",
        ),
    ] {
        let refusal = load(asked.as_ref()).unwrap_err().to_string();
        assert_eq!(refusal, expected);
        // No secret is needed to know the rules.
        let offline = settings::load_offline(Some(&path), &environment(&[]), asked.as_ref());
        assert_eq!(offline.unwrap_err().to_string(), expected);
    }
    let offline = settings::load_offline(Some(&path), &environment(&[]), Some(&name("acme-emea")));
    assert_eq!(offline.unwrap().rules.rules.len(), 1);
    let journal = settings::load_journal(Some(&path), &environment(&[])).unwrap();
    assert!(journal.path.ends_with("named/common.db"));

    let single = file("unnamed", "[log]\nlevel = \"debug\"\n");
    let one =
        settings::load_one(Some(&single), &super::signed_in(&[]), Some(&name("acme"))).unwrap_err();
    assert!(
        one.to_string()
            .contains("of a single one, which has no name"),
        "{one}"
    );
}

#[test]
fn a_variable_is_of_one_organization_or_of_what_is_common() {
    let all = load(
        "variables",
        &[
            (
                "CALLBACK_PRIORITIZER__ORGANIZATIONS__ACME_EMEA__POLICY__WAIT",
                "2m",
            ),
            (
                "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__GENESYS__CLIENT_ID",
                "3",
            ),
            ("CALLBACK_PRIORITIZER__STATUS__LISTEN", "127.0.0.1:1"),
            ("RUST_LOG", "warn"),
            ("GENESYSCLOUD_REGION", "sa-east-1"),
            ("GENESYSCLOUD_OAUTHCLIENT_ID", "shared"),
            ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "shared-canary"),
        ],
    )
    .unwrap();
    let wait = |settings: &Settings| {
        settings
            .rules
            .otherwise
            .policy
            .interval()
            .unwrap()
            .as_secs()
    };
    assert_eq!((wait(&all[0]), wait(&all[1])), (120, 300));
    assert_eq!(
        (
            all[0].genesys.client_id.as_str(),
            all[1].genesys.client_id.as_str()
        ),
        ("1", "3")
    );
    assert_eq!(all[1].genesys.region.domain(), "mypurecloud.com");
    assert_eq!(all[1].genesys.client_secret.expose_secret(), "betas-canary");
    assert!(
        all.iter()
            .all(|settings| settings.log.level == "warn" && settings.status.listen.port() == 1)
    );
    let findings = settings::findings_of_all(&all);
    for variable in [
        "GENESYSCLOUD_REGION",
        "GENESYSCLOUD_OAUTHCLIENT_ID",
        "GENESYSCLOUD_OAUTHCLIENT_SECRET",
    ] {
        let said = findings
            .iter()
            .filter(|finding| finding.setting == variable);
        let said: Vec<_> = said.collect();
        assert_eq!(said.len(), 1, "{findings:?}");
        assert!(said[0].sentence.contains("it is not read"), "{said:?}");
    }
}

/// Wrong variables, their values, and how the refusal begins.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "CALLBACK_PRIORITIZER__POLICY__WAIT",
        "2m",
        "CALLBACK_PRIORITIZER__POLICY__WAIT: there are several organisations, and this does not say which is meant: write CALLBACK_PRIORITIZER__ORGANIZATIONS__ACME_EMEA__POLICY__WAIT, or into the settings file",
    ),
    (
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__GAMMA__POLICY__WAIT",
        "2m",
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__GAMMA__POLICY__WAIT: this is of none of the organisations, which are acme-emea, beta",
    ),
    (
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__POLICY__WAIT",
        "soon",
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__POLICY__WAIT: ",
    ),
    (
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__STATUS__LISTEN",
        "127.0.0.1:2",
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__STATUS__LISTEN: no organisation has a setting of this name",
    ),
    (
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__POLICY__WIAT",
        "2m",
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__POLICY__WIAT: no setting has this name; did you mean `CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__POLICY__WAIT`?",
    ),
    (
        "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__GENESYS__CLIENT_ID",
        "1",
        "beta: genesys.client_id: `acme-emea` has the same client, so both would raise the callbacks of one organisation",
    ),
];

#[test]
fn a_wrong_variable_is_refused_by_its_own_name() {
    for (variable, value, expected) in WRONG {
        let refusal = load("wrong-variable", &[(variable, value)]);
        let refusal = refusal.unwrap_err().to_string();
        assert!(
            refusal.starts_with(expected),
            "expected {expected}\nfound    {refusal}"
        );
    }
}

#[test]
fn a_queue_that_two_would_read_is_refused_also_in_variables() {
    let queue = "https://sqs.eu-west-1.amazonaws.com/1/callbacks";
    let variable =
        |of: &str| format!("CALLBACK_PRIORITIZER__ORGANIZATIONS__{of}__EVENTS__SQS_QUEUE_URL");
    let (acme, beta) = (variable("ACME_EMEA"), variable("BETA"));
    let refusal = load("queue-twice", &[(&acme, queue), (&beta, queue)]);
    let refusal = refusal.unwrap_err().to_string();
    let expected = "beta: events.sqs_queue_url: `acme-emea` reads the same queue";
    assert!(refusal.starts_with(expected), "{refusal}");
    let other = "https://sqs.eu-west-1.amazonaws.com/1/betas";
    load("queue-each", &[(&acme, queue), (&beta, other)]).unwrap();
}

#[test]
fn a_secret_is_looked_for_in_its_own_places_only() {
    let home = folder("own-secrets");
    fs::write(home.join("client_secret.beta"), "from-systemd\n").unwrap();
    fs::write(home.join("client_secret"), "of-nobody").unwrap();
    let credentials = ("CREDENTIALS_DIRECTORY", home.to_str().unwrap());
    let path = file("secrets-of-two", TWO);
    let mut variables = environment(&[
        credentials,
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET_ACME_EMEA", "from-variable"),
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "of-nobody"),
    ]);
    let all = settings::load_all(Some(&path), &variables).unwrap();
    let secrets: Vec<_> = all
        .iter()
        .map(|one| one.genesys.client_secret.expose_secret())
        .collect();
    assert_eq!(secrets, ["from-variable", "from-systemd"]);
    fs::remove_file(home.join("client_secret.beta")).unwrap();
    let refusal = settings::load_all(Some(&path), &variables)
        .unwrap_err()
        .to_string();
    assert_eq!(
        refusal,
        "beta: genesys client secret: it is missing, and without it nobody can sign in: set GENESYSCLOUD_OAUTHCLIENT_SECRET_BETA, or name a file in `client_secret_file`, or load the systemd credential `client_secret.beta`"
    );
    let named = home.join("secret");
    fs::write(&named, "from-file").unwrap();
    let variable = "CALLBACK_PRIORITIZER__ORGANIZATIONS__BETA__GENESYS__CLIENT_SECRET_FILE";
    variables.insert(variable.to_owned(), named.to_str().unwrap().to_owned());
    let all = settings::load_all(Some(&path), &variables).unwrap();
    assert_eq!(all[1].genesys.client_secret.expose_secret(), "from-file");
    assert_eq!(
        all[0].genesys.client_secret.expose_secret(),
        "from-variable"
    );
}

#[test]
fn the_example_of_the_readme_is_good() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split("### Several organisations").nth(1).unwrap();
    let example = section.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let path = file("readme", example);
    for secret in ["acme.secret", "globex.secret"] {
        fs::write(path.with_file_name(secret), "secret").unwrap();
    }
    let all = settings::load_all(Some(&path), &environment(&[])).unwrap();
    assert_eq!(all.len(), 2);
    let serious = |finding: &settings::Finding| {
        // Files of tests may be read by others.
        finding.severity > Severity::Note && !finding.setting.ends_with("client_secret_file")
    };
    let findings = settings::findings_of_all(&all);
    assert!(!findings.iter().any(serious), "{findings:?}");
}
