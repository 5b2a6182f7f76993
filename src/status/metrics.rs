//! The numbers for Prometheus, from the same snapshot as everything else, in both of the formats that scrapers ask for.
//!
//! Names begin with `callback_prioritizer`, end with their unit, and have labels with few values that are known beforehand:
//! never an id, and of the names out of the settings only those of organisations, where there are several: they are few, and
//! whoever is called has to know whose callbacks are concerned.

mod replicas;

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text},
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
pub(super) fn encode(reports: Vec<Report>, open_metrics: bool) -> (&'static str, String) {
    let mut registry = Registry::with_prefix("callback_prioritizer");
    registry.register_collector(Box::new(Numbers(reports)));
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

/// What is told: of the only organisation, or of each.
#[derive(Debug)]
struct Numbers(Vec<Report>);

/// Labels and their values.
type Labels<'a> = Vec<(&'a str, &'a str)>;

/// One value, without labels of its own.
fn alone<'a, T>(value: T) -> Vec<(Labels<'a>, T)> {
    vec![(Vec::new(), value)]
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = Out {
            encoder,
            reports: &self.0,
        };
        out.info(
            "build",
            "The program.",
            &vec![("version", env!("CARGO_PKG_VERSION"))],
        )?;
        out.daemon()?;
        out.callbacks()?;
        out.raises()?;
        out.replicas()?;
        out.platform()?;
        out.notifications()
    }
}

/// A count as a gauge has it.
fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Where numbers are written to, and whose they are.
struct Out<'e, 'r> {
    /// Where.
    encoder: DescriptorEncoder<'e>,
    /// What is told.
    reports: &'r [Report],
}

impl<'r> Out<'_, 'r> {
    /// How the daemon is, and what keeps raises from being made on purpose.
    fn daemon(&mut self) -> fmt::Result {
        self.flag("live", "Whether the daemon's loops turn.", |report| {
            report.health.live
        })?;
        self.flag(
            "ready",
            "Whether every callback that waits is looked after.",
            |report| report.health.ready,
        )?;
        self.flag(
            "dry_run",
            "Whether raises are only told, not made.",
            |report| report.numbers.dry_run,
        )?;
        self.flag(
            "paused",
            "Whether an operator has paused a queue, or all of them.",
            |report| !report.numbers.paused.is_empty(),
        )?;
        self.flag(
            "journal_working",
            "Whether the journal works; nothing is raised while it does not.",
            |report| report.numbers.journal_trouble.is_none(),
        )?;
        self.histogram(
            "journal_write",
            "Time that writes to the journal took, waiting for the disk included.",
            |report| alone(&report.numbers.journal_writes),
            &JOURNAL,
        )?;
        self.counter(
            "tracker_panics",
            "Trackers that ended by a mistake of this program.",
            |report| report.numbers.panics,
        )
    }

    /// Who waits, and what became of them.
    fn callbacks(&mut self) -> fmt::Result {
        self.gauge(
            "conversations_tracked",
            "Conversations that are looked after.",
            |report| number(report.numbers.tracked),
        )?;
        self.counters(
            "conversations_finished",
            "Callbacks that are raised no more, by what became of them.",
            |Report { numbers, .. }| {
                vec![
                    (vec![("outcome", "answered")], numbers.answered),
                    (vec![("outcome", "left")], numbers.left),
                    (vec![("outcome", "limit")], numbers.limited),
                ]
            },
        )?;
        self.gauge(
            "conversations_capacity",
            "Callbacks that the request budget carries at the present time between raises; 0 where none is raised again and again.",
            |report| report.numbers.capacity.unwrap_or_default(),
        )?;
        self.counters(
            "sweeps",
            "Sweeps, by what came of them.",
            |Report { numbers, .. }| {
                vec![
                    (vec![("outcome", "ok")], numbers.sweeps),
                    (vec![("outcome", "taken_over")], numbers.sweeps_taken_over),
                    (vec![("outcome", "failed")], numbers.failed_sweeps),
                ]
            },
        )?;
        self.counter(
            "sweep_corrections",
            "Callbacks that a sweep found although notifications should have brought them.",
            |report| report.numbers.sweep_corrections,
        )
    }

    /// What was raised, and how late.
    fn raises(&mut self) -> fmt::Result {
        self.counters(
            "raises",
            "Raises, by what came of them.",
            |Report { numbers, .. }| {
                vec![
                    (vec![("outcome", "raised")], numbers.raises),
                    (vec![("outcome", "refused")], numbers.refused_raises),
                    (vec![("outcome", "unanswered")], numbers.unanswered_raises),
                    (vec![("outcome", "dry_run")], numbers.would_be_raised),
                ]
            },
        )?;
        self.histogram(
            "raise_lateness",
            "Time from when a raise was due to when it was there.",
            |report| alone(&report.numbers.late),
            &LATENESS,
        )?;
        self.gauge(
            "raises_overdue",
            "Raises that are due for more than two seconds and not made yet.",
            |report| number(report.overdue),
        )?;
        self.gauge_in(
            "raise_overdue",
            "For how long the first of them is.",
            &Unit::Seconds,
            |report| report.overdue_for.as_secs_f64(),
        )?;
        self.counter(
            "foreign_changes",
            "Priorities that somebody else changed. Many mean that two programs fight over them.",
            |report| report.numbers.foreign_changes,
        )
    }

    /// What was asked of the platform.
    fn platform(&mut self) -> fmt::Result {
        self.counters(
            "requests",
            "Requests to the platform, by call and by what came of them.",
            |report| {
                let calls = report.numbers.calls.iter();
                let answers = calls.flat_map(|(call, answers)| {
                    let outcomes = answers.outcomes.iter();
                    outcomes.map(|(outcome, count)| {
                        (vec![("call", *call), ("outcome", *outcome)], *count)
                    })
                });
                answers.collect()
            },
        )?;
        self.histogram(
            "request",
            "Time that requests to the platform took.",
            |report| {
                let calls = report.numbers.calls.iter();
                let took = calls.map(|(call, answers)| (vec![("call", *call)], &answers.took));
                took.collect()
            },
            &REQUEST,
        )?;
        self.seconds_total(
            "throttled",
            "Time for which the platform asked to pause.",
            |report| report.numbers.throttled.as_secs_f64(),
        )?;
        self.gauge_in(
            "budget_in_use",
            "Requests of the last minute as a share of what may be sent in the long run; a burst may exceed 1 for a moment.",
            &Unit::Other("ratio".to_owned()),
            |report| f64::from(report.requests_last_minute) / f64::from(report.numbers.budget.max(1)),
        )
    }

    /// How news comes.
    fn notifications(&mut self) -> fmt::Result {
        self.gauge(
            "sockets_connected",
            "Sockets for notifications that are up.",
            |report| number(report.numbers.sockets),
        )?;
        self.counters(
            "reconnects",
            "Sockets that had to be replaced, by reason.",
            |report| {
                let reasons = report.numbers.reconnects.iter();
                let counts = reasons.map(|(reason, count)| (vec![("reason", *reason)], *count));
                counts.collect()
            },
        )?;
        self.flag(
            "sighted",
            "Whether what is known of callbacks is believed, so that a raise costs one request.",
            |report| report.numbers.sighted,
        )?;
        self.counter(
            "refused_topics",
            "Topics that the platform refused.",
            |report| report.numbers.refused_topics,
        )
    }

    /// A fact that does not change, and is nobody's in particular.
    fn info(&mut self, name: &str, help: &str, labels: &Labels) -> fmt::Result {
        let kind = MetricType::Info;
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        metric.encode_info(labels)
    }

    /// Something that is so or not.
    fn flag(&mut self, name: &str, help: &str, so: impl Fn(&Report) -> bool) -> fmt::Result {
        self.gauge(name, help, |report| u64::from(so(report)))
    }

    /// A number of things.
    fn gauge(&mut self, name: &str, help: &str, value: impl Fn(&Report) -> u64) -> fmt::Result {
        let (kind, values) = (MetricType::Gauge, |report| alone(value(report)));
        self.family((name, help, None, kind), values, |mut one, value| {
            one.encode_gauge(&value)
        })
    }

    /// A measure.
    fn gauge_in(
        &mut self,
        name: &str,
        help: &str,
        unit: &Unit,
        value: impl Fn(&Report) -> f64,
    ) -> fmt::Result {
        let (kind, values) = (MetricType::Gauge, |report| alone(value(report)));
        self.family((name, help, Some(unit), kind), values, |mut one, value| {
            one.encode_gauge(&value)
        })
    }

    /// Numbers of several things.
    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        values: impl Fn(&Report) -> Vec<(Labels<'_>, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Gauge;
        self.family((name, help, None, kind), values, |mut one, value| {
            one.encode_gauge(&value)
        })
    }

    /// How often something happened.
    fn counter(&mut self, name: &str, help: &str, value: impl Fn(&Report) -> u64) -> fmt::Result {
        self.counters(name, help, |report| alone(value(report)))
    }

    /// How often each of some things happened.
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl Fn(&Report) -> Vec<(Labels<'_>, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        self.family((name, help, None, kind), values, |mut one, value| {
            one.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }

    /// How long something lasted, all together.
    fn seconds_total(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&Report) -> f64,
    ) -> fmt::Result {
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Counter);
        let values = |report| alone(value(report));
        self.family((name, help, unit, kind), values, |mut one, value| {
            one.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }

    /// How long each of some things took.
    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        values: impl Fn(&Report) -> Vec<(Labels<'_>, &Timings)>,
        bounds: &Bounds,
    ) -> fmt::Result {
        let (unit, kind) = (Some(&Unit::Seconds), MetricType::Histogram);
        self.family((name, help, unit, kind), values, |mut one, timings| {
            let (seconds, count) = (timings.seconds(), timings.count());
            one.encode_histogram::<NoLabelSet>(seconds, count, &timings.buckets(bounds), None)
        })
    }

    /// A family: what is told of each organisation, under its name where it has one.
    fn family<T>(
        &mut self,
        (name, help, unit, kind): (&str, &str, Option<&Unit>, MetricType),
        values: impl Fn(&'r Report) -> Vec<(Labels<'r>, T)>,
        encode: impl Fn(MetricEncoder<'_>, T) -> fmt::Result,
    ) -> fmt::Result {
        let reports = self.reports;
        let mut metric = self.encoder.encode_descriptor(name, help, unit, kind)?;
        for report in reports {
            let whose = report.organization.name();
            let whose = whose.map(|name| ("organization", name));
            for (own, value) in values(report) {
                let labels: Labels = whose.into_iter().chain(own).collect();
                encode(metric.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
