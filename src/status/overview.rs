//! All organisations at one moment, in brief, and whether what looks after them is well.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{Health, Report};
use crate::conversation::Organization;

/// All organisations at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// Which version this is.
    pub version: &'static str,
    /// When this is.
    pub now: Timestamp,
    /// How the process is: well while any organisation is looked after. One whose platform refuses or does not answer is no
    /// reason to hold up, or to start anew, what serves the others.
    pub health: Health,
    /// Each of them.
    pub organizations: Vec<Brief>,
}

/// An organisation in brief.
#[derive(Clone, Debug, Serialize)]
pub struct Brief {
    /// Which.
    pub organization: Organization,
    /// How it is.
    pub health: Health,
    /// Whether raises are only told.
    pub dry_run: bool,
    /// How many pauses are in force.
    pub paused: usize,
    /// Callbacks that are looked after.
    pub tracked: usize,
    /// As many as the budget carries.
    pub capacity: Option<u64>,
    /// Raises made.
    pub raises: u64,
    /// Callbacks answered.
    pub answered: u64,
    /// Raises that are overdue.
    pub overdue: usize,
    /// For how long the first of them is, seconds.
    #[serde(serialize_with = "super::figures::seconds", rename = "overdue_seconds")]
    pub overdue_for: Duration,
    /// Requests in the last minute.
    pub requests_last_minute: u32,
    /// Requests a minute that may be sent in the long run.
    pub budget: u32,
}

impl Overview {
    /// What these reports come to.
    pub(super) fn of(now: Timestamp, reports: &[Report]) -> Self {
        let live = reports.iter().all(|report| report.health.live);
        let ready = reports.iter().any(|report| report.health.ready);
        let why = reports.iter().flat_map(|report| {
            let name = &report.organization;
            report
                .health
                .why
                .iter()
                .map(move |why| format!("{name}: {why}"))
        });
        let health = Health {
            live,
            ready: live && ready,
            why: why.collect(),
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            now,
            health,
            organizations: reports.iter().map(Brief::from).collect(),
        }
    }
}

impl From<&Report> for Brief {
    fn from(report: &Report) -> Self {
        let numbers = &report.numbers;
        Self {
            organization: report.organization.clone(),
            health: report.health.clone(),
            dry_run: numbers.dry_run,
            paused: numbers.paused.len(),
            tracked: numbers.tracked,
            capacity: numbers.capacity,
            raises: numbers.raises,
            answered: numbers.answered,
            overdue: report.overdue,
            overdue_for: report.overdue_for,
            requests_last_minute: report.requests_last_minute,
            budget: numbers.budget,
        }
    }
}
