//! The metrics as whoever scrapes them reads them.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::*;
use crate::{genesys::FailureKind, status::Status};

/// A daemon of which something is known in each family.
fn report() -> Report {
    let status = Status::default();
    status.count_request("look", None, Duration::from_millis(30));
    status.count_request("look", Some(FailureKind::Gone), Duration::from_secs(11));
    status.count_late(Duration::from_millis(3));
    status.count_journal_write(Duration::from_micros(700));
    status.count_throttle(Timestamp::UNIX_EPOCH, Duration::from_secs(40));
    status.update(|now| {
        (now.tracked, now.raises, now.budget) = (3, 7, 270);
        (now.sweeps, now.sweeps_taken_over) = (4, 5);
        now.reconnects.insert("silent", 2);
    });
    status.figures(Timestamp::UNIX_EPOCH)
}

/// Names of all families in a text.
fn families(text: &str) -> BTreeSet<&str> {
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    names.filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn numbers_are_told_in_both_formats() {
    let (kind, text) = encode(vec![report()], true);
    assert!(kind.starts_with("application/openmetrics-text"));
    assert!(text.ends_with("# EOF\n"));
    for line in [
        concat!(
            "callback_prioritizer_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
        "callback_prioritizer_conversations_tracked 3",
        "callback_prioritizer_raises_total{outcome=\"raised\"} 7",
        "callback_prioritizer_requests_total{call=\"look\",outcome=\"gone\"} 1",
        "callback_prioritizer_sweeps_total{outcome=\"ok\"} 4",
        "callback_prioritizer_sweeps_total{outcome=\"taken_over\"} 5",
        "callback_prioritizer_request_seconds_bucket{le=\"0.05\",call=\"look\"} 1",
        "callback_prioritizer_request_seconds_bucket{le=\"+Inf\",call=\"look\"} 2",
        "callback_prioritizer_raise_lateness_seconds_bucket{le=\"0.005\"} 1",
        "callback_prioritizer_journal_write_seconds_count 1",
        "callback_prioritizer_throttled_seconds_total 40.0",
        "callback_prioritizer_reconnects_total{reason=\"silent\"} 2",
        "callback_prioritizer_journal_working 1",
        "callback_prioritizer_ready 0",
        "# UNIT callback_prioritizer_budget_in_use_ratio ratio",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    let (kind, plain) = encode(vec![report()], false);
    assert!(kind.starts_with("text/plain; version=0.0.4"));
    assert!(
        plain.contains("# TYPE callback_prioritizer_raises_total counter"),
        "{plain}"
    );
    assert_eq!(families(&plain).len(), families(&text).len());
}

#[test]
fn every_sample_of_an_organization_has_its_name_and_each_family_stands_there_once() {
    let named = |name: &str| Report {
        organization: name.parse().unwrap(),
        ..report()
    };
    for open_metrics in [true, false] {
        let (_, text) = encode(vec![named("acme"), named("other")], open_metrics);
        let (_, alone) = encode(vec![report()], open_metrics);
        assert_eq!(families(&text), families(&alone));
        let types = text.lines().filter(|line| line.starts_with("# TYPE "));
        assert_eq!(types.count(), families(&text).len(), "{text}");
        let samples = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let build = |line: &&String| line.starts_with("callback_prioritizer_build_info");
        let all = samples(&text);
        assert_eq!(all.iter().filter(build).count(), 1);
        for name in ["acme", "other"] {
            let label = format!("organization=\"{name}\"");
            let own = all.iter().filter(|line| line.contains(&label)).count();
            assert_eq!(own, samples(&alone).len() - 1, "{text}");
        }
    }
    let (_, text) = encode(vec![named("acme")], true);
    for line in [
        "callback_prioritizer_ready{organization=\"acme\"} 0",
        "callback_prioritizer_raises_total{organization=\"acme\",outcome=\"raised\"} 7",
        "callback_prioritizer_journal_write_seconds_count{organization=\"acme\"} 1",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
}
