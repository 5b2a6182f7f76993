//! Whatever comes from outside, nothing breaks: frames, bodies, settings files, connect URIs, and noise in their place.
//!
//! The same expectations are held against far more noise by the targets in `fuzz/`.

#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

mod expectations;

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::Value;

/// The recorded answers and events.
fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// A file of our own for settings, of which each test has one.
fn settings_at(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("untrusted");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Words that mean something to the readers, and some that do not.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("acd".to_owned()),
        Just("customer".to_owned()),
        Just("connected".to_owned()),
        Just("scheduled".to_owned()),
        Just("callback".to_owned()),
        Just("Rejected".to_owned()),
        Just("v2.routing.queues.q1.conversations.callbacks".to_owned()),
        Just("v2.detail.events.conversation.c1.acd.start".to_owned()),
        Just("v2.detail.events.conversation.c1.acd.end".to_owned()),
        Just("v2.system.socket_closing".to_owned()),
        Just("2026-01-05T09:00:00Z".to_owned()),
        "\\PC{0,12}",
    ]
}

/// Keys that the readers look for, and some that they do not.
fn keys() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "id",
        "participants",
        "purpose",
        "callbacks",
        "state",
        "connectedTime",
        "endTime",
        "queueId",
        "conversationRoutingData",
        "priority",
        "results",
        "group",
        "entities",
        "conversationId",
        "mediaType",
        "truncated",
        "topicName",
        "eventBody",
        "rejectionReason",
        "missingPermissions",
        "code",
        "message",
        "contextId",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

/// JSON of any form, made of what the readers look for.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((keys(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn what_was_recorded() {
    for text in fixtures() {
        expectations::frame(text.as_bytes());
        expectations::body(text.as_bytes());
    }
}

#[test]
fn seeds_of_the_fuzz_targets() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let settings = settings_at("seeds.toml");
    for (target, expectation) in [
        ("frame", &expectations::frame as &dyn Fn(&[u8])),
        ("body", &expectations::body),
        ("settings", &|bytes: &[u8]| {
            expectations::settings_file(bytes, &settings);
        }),
        ("connect_uri", &expectations::connect_uri),
    ] {
        let files: Vec<_> = fs::read_dir(seeds.join(target)).unwrap().collect();
        assert!(!files.is_empty(), "{target}");
        for file in files {
            expectation(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn json_as_deep_as_it_gets() {
    for (open, close) in [
        ("[", "]"),
        ("{\"participants\":", "}"),
        ("{\"eventBody\":", "}"),
    ] {
        let deep = format!("{}{}", open.repeat(50_000), close.repeat(50_000));
        expectations::frame(deep.as_bytes());
        expectations::body(deep.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        expectations::frame(&bytes);
        expectations::body(&bytes);
        expectations::connect_uri(&bytes);
    }

    #[test]
    fn any_json_of_known_words(value in json()) {
        let text = value.to_string();
        expectations::frame(text.as_bytes());
        expectations::body(text.as_bytes());
    }

    #[test]
    fn what_was_recorded_with_a_slip(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), length in 0..20_usize, slip in "\\PC{0,4}") {
        let texts = fixtures();
        let text = which.get(&texts).as_bytes();
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        let slipped = [&text[..start], slip.as_bytes(), &text[end..]].concat();
        expectations::frame(&slipped);
        expectations::body(&slipped);
    }

    #[test]
    fn any_connect_uri_of_known_parts(parts in prop::collection::vec("wss://|ws://|streaming|\\.|mypurecloud|\\.de|mypurecloud\\.de|:443|:|@|/|\\?|#|\\\\|%2e|[a-z0-9]{1,3}|\\PC", 0..9)) {
        expectations::connect_uri(parts.concat().as_bytes());
    }

    #[test]
    fn any_settings_of_known_lines(lines in prop::collection::vec("\\[[a-z]{1,9}\\]|\\[(genesys|callbacks|policy|journal|status|log)\\]|(region|wait|queues|sweep|increment|max_raises|path|listen|level|client_secret_file) = (\"\\PC{0,6}\"|[0-9]{1,12}|\\[\\]|true)|\\PC{0,9}", 0..9)) {
        expectations::settings_file(lines.join("\n").as_bytes(), &settings_at("lines.toml"));
    }
}
