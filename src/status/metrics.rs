//! The numbers for Prometheus, from the same snapshot as everything else, in both of the formats that scrapers ask for.
//!
//! Names begin with `callback_prioritizer`, end with their unit, and have labels with few values that are known beforehand:
//! never an id, never a name out of the settings.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};

use super::{
    Report, Timings,
    figures::{Bounds, JOURNAL, LATENESS, REQUEST},
};

/// What the answer is called in the format that Prometheus prefers.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The numbers as text, and what that text is; in the newer of the formats where that is asked for.
pub(super) fn encode(report: Report, open_metrics: bool) -> (&'static str, String) {
    let mut registry = Registry::with_prefix("callback_prioritizer");
    registry.register_collector(Box::new(Numbers(report)));
    let mut out = String::new();
    let (kind, written) = if open_metrics {
        (OPEN_METRICS, text::encode(&mut out, &registry))
    } else {
        let written = prometheus_text::encode(&mut out, &registry);
        (prometheus_text::CONTENT_TYPE, written)
    };
    // Writing to a string cannot fail.
    debug_assert!(written.is_ok());
    (kind, out)
}

/// What is told.
#[derive(Debug)]
struct Numbers(Report);

/// Labels and their values.
type Labels<'a> = Vec<(&'a str, &'a str)>;

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = Out(encoder);
        self.daemon(&mut out)?;
        self.callbacks(&mut out)?;
        self.raises(&mut out)?;
        self.platform(&mut out)?;
        self.notifications(&mut out)
    }
}

impl Numbers {
    /// How the daemon is, and what keeps raises from being made on purpose.
    fn daemon(&self, out: &mut Out) -> fmt::Result {
        let Report {
            version,
            health,
            numbers,
            ..
        } = &self.0;
        out.info("build", "The program.", &vec![("version", *version)])?;
        out.flag("live", "Whether the daemon's loops turn.", health.live)?;
        out.flag(
            "ready",
            "Whether every callback that waits is looked after.",
            health.ready,
        )?;
        out.flag(
            "dry_run",
            "Whether raises are only told, not made.",
            numbers.dry_run,
        )?;
        out.flag(
            "paused",
            "Whether an operator has paused a queue, or all of them.",
            !numbers.paused.is_empty(),
        )?;
        out.flag(
            "journal_working",
            "Whether the journal works; nothing is raised while it does not.",
            numbers.journal_trouble.is_none(),
        )?;
        out.histogram(
            "journal_write",
            "Time that writes to the journal took, waiting for the disk included.",
            [(Vec::new(), &numbers.journal_writes)],
            &JOURNAL,
        )?;
        out.counter(
            "tracker_panics",
            "Trackers that ended by a mistake of this program.",
            numbers.panics,
        )
    }

    /// Who waits, and what became of them.
    fn callbacks(&self, out: &mut Out) -> fmt::Result {
        let numbers = &self.0.numbers;
        out.gauge(
            "conversations_tracked",
            "Conversations that are looked after.",
            number(numbers.tracked),
        )?;
        out.counters(
            "conversations_finished",
            "Callbacks that are raised no more, by what became of them.",
            [
                (vec![("outcome", "answered")], numbers.answered),
                (vec![("outcome", "left")], numbers.left),
                (vec![("outcome", "limit")], numbers.limited),
            ],
        )?;
        out.gauge(
            "conversations_capacity",
            "Callbacks that the request budget carries at the present time between raises; 0 where none is raised again and again.",
            numbers.capacity.unwrap_or_default(),
        )?;
        out.counters(
            "sweeps",
            "Sweeps, by what came of them.",
            [
                (vec![("outcome", "ok")], numbers.sweeps),
                (vec![("outcome", "failed")], numbers.failed_sweeps),
            ],
        )?;
        out.counter(
            "sweep_corrections",
            "Callbacks that a sweep found although notifications should have brought them.",
            numbers.sweep_corrections,
        )
    }

    /// What was raised, and how late.
    fn raises(&self, out: &mut Out) -> fmt::Result {
        let Report {
            overdue,
            overdue_for,
            numbers,
            ..
        } = &self.0;
        out.counters(
            "raises",
            "Raises, by what came of them.",
            [
                (vec![("outcome", "raised")], numbers.raises),
                (vec![("outcome", "refused")], numbers.refused_raises),
                (vec![("outcome", "unanswered")], numbers.unanswered_raises),
                (vec![("outcome", "dry_run")], numbers.would_be_raised),
            ],
        )?;
        out.histogram(
            "raise_lateness",
            "Time from when a raise was due to when it was there.",
            [(Vec::new(), &numbers.late)],
            &LATENESS,
        )?;
        out.gauge(
            "raises_overdue",
            "Raises that are due for more than two seconds and not made yet.",
            number(*overdue),
        )?;
        out.gauge_in(
            "raise_overdue",
            "For how long the first of them is.",
            &Unit::Seconds,
            overdue_for.as_secs_f64(),
        )?;
        out.counter(
            "foreign_changes",
            "Priorities that somebody else changed. Many mean that two programs fight over them.",
            numbers.foreign_changes,
        )
    }

    /// What was asked of the platform.
    fn platform(&self, out: &mut Out) -> fmt::Result {
        let Report {
            requests_last_minute,
            numbers,
            ..
        } = &self.0;
        let answers = numbers.calls.iter().flat_map(|(call, answers)| {
            let outcomes = answers.outcomes.iter();
            outcomes.map(|(outcome, count)| (vec![("call", *call), ("outcome", *outcome)], *count))
        });
        out.counters(
            "requests",
            "Requests to the platform, by call and by what came of them.",
            answers,
        )?;
        let calls = numbers.calls.iter();
        out.histogram(
            "request",
            "Time that requests to the platform took.",
            calls.map(|(call, answers)| (vec![("call", *call)], &answers.took)),
            &REQUEST,
        )?;
        out.seconds_total(
            "throttled",
            "Time for which the platform asked to pause.",
            numbers.throttled.as_secs_f64(),
        )?;
        let used = f64::from(*requests_last_minute) / f64::from(numbers.budget.max(1));
        out.gauge_in(
            "budget_in_use",
            "Requests of the last minute as a share of what may be sent in the long run; a burst may exceed 1 for a moment.",
            &Unit::Other("ratio".to_owned()),
            used,
        )
    }

    /// How news comes.
    fn notifications(&self, out: &mut Out) -> fmt::Result {
        let numbers = &self.0.numbers;
        out.gauge(
            "sockets_connected",
            "Sockets for notifications that are up.",
            number(numbers.sockets),
        )?;
        let reasons = numbers.reconnects.iter();
        out.counters(
            "reconnects",
            "Sockets that had to be replaced, by reason.",
            reasons.map(|(reason, count)| (vec![("reason", *reason)], *count)),
        )?;
        out.flag(
            "sighted",
            "Whether what is known of callbacks is believed, so that a raise costs one request.",
            numbers.sighted,
        )?;
        out.counter(
            "refused_topics",
            "Topics that the platform refused.",
            numbers.refused_topics,
        )
    }
}

/// A count as a gauge has it.
fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Where numbers are written to.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    /// A fact that does not change.
    fn info(&mut self, name: &str, help: &str, labels: &Labels) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        metric.encode_info(labels)
    }

    /// Something that is so or not.
    fn flag(&mut self, name: &str, help: &str, so: bool) -> fmt::Result {
        self.gauge(name, help, u64::from(so))
    }

    /// A number of things.
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    /// A measure.
    fn gauge_in(&mut self, name: &str, help: &str, unit: &Unit, value: f64) -> fmt::Result {
        let kind = MetricType::Gauge;
        let mut metric = self.0.encode_descriptor(name, help, Some(unit), kind)?;
        metric.encode_gauge(&value)
    }

    /// How often something happened.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counters(name, help, [(Vec::new(), value)])
    }

    /// How often each of some things happened.
    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            let mut one = metric.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// How long something lasted, all together.
    fn seconds_total(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Counter);
        let mut metric = self.0.encode_descriptor(name, help, unit, kind)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// How long each of some things took.
    fn histogram<'l>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'l>, &'l Timings)>,
        bounds: &Bounds,
    ) -> fmt::Result {
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Histogram);
        let mut metric = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, timings) in values {
            let mut one = metric.encode_family(&labels)?;
            let (seconds, count) = (timings.seconds(), timings.count());
            one.encode_histogram::<NoLabelSet>(seconds, count, &timings.buckets(bounds), None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
