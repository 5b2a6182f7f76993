//! Findings and the description: what `check` says about settings that are understood.

use std::{fs, os::unix::fs::PermissionsExt};

use callback_prioritizer::settings::{
    self, Finding,
    Severity::{self, Error, Note, Warning},
};

use super::{file, load, signed_in};

/// The findings about a file with this content.
fn findings(name: &str, content: &str) -> Vec<Finding> {
    load(name, content).unwrap().findings()
}

/// A queue, and no notifications.
const QUEUE_ALONE: &str = "[events]\nwebsocket = false\nsqs_queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/q\"";

/// A queue that is not read.
const QUEUE_DRY: &str = "[callbacks]\ndry_run = true\n[events]\nsqs_queue_url = \"https://sqs.eu-west-1.amazonaws.com/123456789012/q\"";

/// Content of a file, and what is said about which setting.
const UNWISE: &[(&str, Severity, &str, &str)] = &[
    (
        "[callbacks]\nqueues = []",
        Error,
        "callbacks.queues",
        "the list is empty, so no callback would ever be raised",
    ),
    (
        "[callbacks]\nqueues = [\"\"]",
        Error,
        "callbacks.queues",
        "a queue's name is blank",
    ),
    (
        "[callbacks]\nqueues = [\"Sales [\"]",
        Error,
        "callbacks.queues",
        "`Sales [` is no pattern",
    ),
    (
        "[callbacks]\nqueues = [\"A\", \"A\"]",
        Warning,
        "callbacks.queues",
        "`A` stands there twice",
    ),
    (
        "[callbacks]\nqueues = [\"A\", \"*\"]",
        Warning,
        "callbacks.queues",
        "\"*\" is every queue",
    ),
    (
        "[callbacks]\nqueues = [\"A \"]",
        Warning,
        "callbacks.queues",
        "begins or ends with a blank",
    ),
    (
        "[events]\nwebsocket = false",
        Warning,
        "events.websocket",
        "nothing but the sweep tells of callbacks, so each is found up to 1m late",
    ),
    (
        QUEUE_ALONE,
        if cfg!(feature = "aws") { Note } else { Error },
        if cfg!(feature = "aws") {
            "events.websocket"
        } else {
            "events.sqs_queue_url"
        },
        if cfg!(feature = "aws") {
            "every raise is preceded by a look and costs two requests"
        } else {
            "build it with `--features aws`"
        },
    ),
    (
        QUEUE_DRY,
        Note,
        "events.sqs_queue_url",
        "a dry run leaves the queue alone",
    ),
    (
        "[callbacks]\ndry_run = true",
        Note,
        "callbacks.dry_run",
        "nothing is written to the platform",
    ),
    (
        "[policy]\nwait = \"45s\"",
        Note,
        "callbacks.sweep",
        "after up to 1m 45s instead of 45s",
    ),
    (
        "[callbacks]\nsweep = \"90s\"",
        Note,
        "callbacks.sweep",
        "raises cost two requests each until the next one: write \"1m 25s\" or less",
    ),
    (
        "[policy]\nwait = \"5s\"",
        Warning,
        "policy.wait",
        "at `requests_per_minute = 270` and one request a raise, more than 20 callbacks waiting at once will be raised late",
    ),
    (
        "[policy]\nmax_raises = 5",
        Note,
        "policy.max_raises",
        "5 raises of 1 every 5m: after 25m nothing more is raised; the total effect is 5 minutes of queue time",
    ),
    (
        "[policy]\nmax_raises = 1",
        Note,
        "policy.max_raises",
        "1 raise of 1 every 5m: after 5m nothing more is raised; the total effect is 1 minute of queue time",
    ),
    (
        "[policy]\nmax_priority = 0",
        Warning,
        "policy.max_priority",
        "0 is not above 0",
    ),
    (
        "[policy]\nmax_priority = -3",
        Warning,
        "policy.max_priority",
        "-3 is not above 0",
    ),
    (
        "[policy]\nmax_priority = 10",
        Note,
        "policy.max_priority",
        "reaches 10 after 50m and is raised no more",
    ),
    (
        "[policy]\nmax_priority = 10\nincrement = 10",
        Warning,
        "policy.increment",
        "the first raise after 5m reaches `max_priority = 10`",
    ),
    (
        "[policy]\nincrement = 1000000",
        Warning,
        "policy.increment",
        "after 2h 5m a callback reaches the platform's highest priority 25000000",
    ),
    (
        "[policy]\nwait = \"1m\"\nsteps = [{ after = \"2m\", add = 5 }]",
        Error,
        "policy.wait",
        "`wait` belongs to the schedule that repeats from the beginning, and `steps` is another one: remove `wait`, or `steps`",
    ),
    (
        "[policy]\nincrement = 1\nmirror = { every = \"1m\" }",
        Error,
        "policy.increment",
        "and `mirror` is another one",
    ),
    (
        "[policy]\nsteps = [{ after = \"2m\", add = 5 }]\n[[rules]]\nmax_raises = 3",
        Error,
        "rules[1].max_raises",
        "and `steps` is another one",
    ),
    (
        "[policy]\nsteps = [{ after = \"2m\", add = 5 }]\nmirror = { every = \"1m\" }",
        Error,
        "policy.mirror",
        "`steps` and `mirror` both say when to raise",
    ),
    (
        "[policy]\nthen = { every = \"1m\" }",
        Error,
        "policy.then",
        "it follows a list of steps, and there is none",
    ),
    (
        "[policy]\nmin_priority = 10\nmax_priority = 5",
        Error,
        "policy.min_priority",
        "10 is above `max_priority = 5`",
    ),
    (
        "[policy]\nclock = \"stops\"",
        Warning,
        "policy.clock",
        "there are none: write `hours`",
    ),
    (
        "[policy]\ncredit = \"waited\"\nentry_reset = false",
        Note,
        "policy.credit",
        "so it is not credited again",
    ),
    (
        "[policy]\ncredit = \"waited\"\ncount_from = \"callback\"",
        Warning,
        "policy.count_from",
        "\"callback\" says that there is none",
    ),
    (
        "[policy]\nmirror = { every = \"1m\" }",
        Note,
        "policy.credit",
        "write credit = \"waited\" to keep its place",
    ),
    (
        "[policy]\ncredit = \"waited\"",
        Note,
        "rules",
        "one request more for each",
    ),
    (
        "[policy]\noffset = 20\nmax_priority = 20",
        Warning,
        "policy.offset",
        "20 reaches `max_priority = 20` at once",
    ),
    (
        "[status]\nlisten = \"0.0.0.0:9187\"",
        Error,
        "status.listen",
        "0.0.0.0:9187 can be reached from other machines, and the status page has no sign-in: write \"127.0.0.1:9187\"",
    ),
    (
        "[status]\nlisten = \"[2001:db8::1]:80\"\nallow_remote = true",
        Warning,
        "status.listen",
        "whoever reaches [2001:db8::1]:80 sees, without a sign-in and unencrypted, which callbacks wait",
    ),
    (
        "[status]\nallow_remote = true",
        Note,
        "status.allow_remote",
        "the page listens on this machine only",
    ),
    (
        "[policy]\nskip = true",
        Warning,
        "policy.skip",
        "no callback is raised",
    ),
    (
        "[[rules]]\nname = \"all\"\n[[rules]]\nqueue = \"Sales\"\nincrement = 2",
        Warning,
        "rules[2] (rule 2)",
        "it is for nobody, because rules[1] (all) is for all that it is for",
    ),
    (
        "[[rules]]\nqueue = [\"Sales\", \"Support\"]\n[[rules]]\nqueue = \"Sales\"\nskill = \"spanish\"",
        Warning,
        "rules[2] (rule 2)",
        "it is for nobody",
    ),
    (
        "[[rules]]\nagent_owned = true\nincrement = 2",
        Warning,
        "rules[1] (rule 1)",
        "write `raise_agent_owned = true`",
    ),
    (
        "[[rules]]\nvoicemail = true\nincrement = 2",
        Warning,
        "rules[1] (rule 1)",
        "write `raise_voicemail = true`",
    ),
    (
        "[genesys]\nrequests_per_minute = 271",
        Warning,
        "genesys.requests_per_minute",
        "271 and bursts of 30 exceed the usual limit of 300 requests a minute",
    ),
    (
        "[genesys]\nrequests_per_minute = 250\nburst = 51",
        Warning,
        "genesys.requests_per_minute",
        "250 and bursts of 51 exceed the usual limit of 300 requests a minute",
    ),
    (
        "[genesys]\ntokens = 2",
        Warning,
        "genesys.tokens",
        "Genesys has said that it disables clients that abuse this",
    ),
    (
        "[genesys]\nregion = \"euc3.pure.cloud\"",
        Warning,
        "genesys.region",
        "will be sent to login.euc3.pure.cloud: make sure that it is right; the nearest known one is euc2.pure.cloud",
    ),
    (
        "[genesys]\napi_url = \"http://127.0.0.1:1\"",
        Warning,
        "genesys.login_url",
        "`api_url` is on this machine and `login_url` is not",
    ),
    (
        "[genesys]\nlogin_url = \"http://127.0.0.1:1\"",
        Warning,
        "genesys.api_url",
        "`login_url` is on this machine and `api_url` is not",
    ),
    (
        "[genesys]\napi_url = \"https://gw.example\"",
        Note,
        "genesys.api_url",
        "go to gw.example, which must pass them on",
    ),
    (
        "[genesys]\nclient_id = \"file\"",
        Note,
        "genesys.client_id",
        "the variable GENESYSCLOUD_OAUTHCLIENT_ID replaces what the settings file says",
    ),
    (
        "[genesys]\nclient_secret_file = \"x\"",
        Note,
        "genesys.client_secret_file",
        "the variable GENESYSCLOUD_OAUTHCLIENT_SECRET replaces what the settings file says",
    ),
    (
        "[log]\nlevel = \"warn\"",
        Note,
        "log.level",
        "does not say which callbacks were raised",
    ),
    (
        "",
        Note,
        "journal.path",
        "counts from the working directory",
    ),
    (
        "[journal]\nurl = \"postgres://u:canary@db/j\"",
        Note,
        "journal.url",
        "there is a password in it",
    ),
    (
        "[journal]\nurl = \"postgres://u@127.0.0.1/j?sslmode=disable\"",
        Note,
        "journal.url",
        "not protected by TLS",
    ),
];

#[test]
fn each_unwise_setting_gets_its_sentence() {
    for (content, severity, setting, expected) in UNWISE {
        let findings = findings("findings", content);
        let found = findings.iter().any(|finding| {
            finding.severity == *severity
                && finding.setting == *setting
                && finding.sentence.contains(expected)
        });
        assert!(
            found,
            "{content}\nexpected {expected}\nfound    {findings:#?}"
        );
    }
}

#[test]
fn usual_settings_are_not_talked_about() {
    let content =
        "[genesys]\nregion = \"eu-central-1\"\n[journal]\npath = \"/var/lib/x/journal.db\"\n";
    assert_eq!(findings("usual", content), []);
}

#[test]
fn the_most_serious_comes_first() {
    let content = "[callbacks]\nqueues = []\ndry_run = true\n[policy]\nwait = \"1s\"\n";
    let severities: Vec<_> = findings("sorted", content)
        .iter()
        .map(|finding| finding.severity)
        .collect();
    assert!(
        severities.is_sorted_by(|one, other| one >= other),
        "{severities:?}"
    );
    assert_eq!(severities.first(), Some(&Severity::Error));
}

#[test]
fn a_settings_file_that_everyone_may_change_is_worth_a_warning() {
    let path = file("writable", "");
    for (mode, warned) in [(0o644, false), (0o664, false), (0o666, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let findings = settings::load(Some(&path), &signed_in(&[]))
            .unwrap()
            .findings();
        let found = findings
            .iter()
            .any(|finding| finding.sentence.contains("chmod o-w"));
        assert_eq!(found, warned, "{mode:o}");
    }
}

#[test]
fn the_description_says_what_will_happen() {
    let content = "[genesys]\nregion = \"eu-central-1\"\n[callbacks]\nqueues = [\"Support*\", \"Sales\"]\n[policy]\nmax_raises = 5\nmax_priority = 100\nincrement = 2\n";
    let described = load("described", content).unwrap().describe();
    for expected in [
        "platform: region eu-central-1 (mypurecloud.de); requests go to https://api.mypurecloud.de/, the sign-in as client id to https://login.mypurecloud.de/",
        "notifications: secure WebSockets on mypurecloud.de",
        "queues: Support*, Sales",
        "policy: every 5m a waiting callback gains 2 points, 2 minutes of queue time, until it is answered or ends, at most 5 times, never beyond priority 100",
        "budget: 270 requests a minute are enough for 1282 callbacks waiting at once; beyond that raises come late",
        "status: http://127.0.0.1:9187/, for this machine only",
    ] {
        assert!(
            described.iter().any(|line| line == expected),
            "{expected}\n{described:#?}"
        );
    }
    let usual = load("described", "").unwrap().describe();
    let policy = "policy: every 5m a waiting callback gains 1 point, one minute of queue time, until it is answered or ends";
    assert!(usual.iter().any(|line| line == policy), "{usual:#?}");
}
