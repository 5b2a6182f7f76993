//! The replicas that share the journal, and what each has done since it started.

use maud::{Markup, html};

use super::{Report, to_the_minute};
use crate::{replicas::Replica, settings::plural};

/// All of them; nothing where the journal is for one daemon alone.
pub(super) fn list(report: &Report) -> Markup {
    let replicas = &report.numbers.replicas;
    html! {
        @if !replicas.is_empty() {
            h3 { "Replicas" }
            ul.replicas { @for replica in replicas { li .bad[!replica.lives] { (one(replica)) } } }
        }
    }
}

/// One of them.
fn one(replica: &Replica) -> Markup {
    html! {
        b { (replica.name) } @if replica.me { " (this one)" }
        @if replica.lives { ", since " } @else { " " strong { "gives no sign of life" } "; it started at " }
        time datetime=(replica.since) { (to_the_minute(replica.since)) }
        ": " (done(replica))
    }
}

/// What it has done, in words.
fn done(replica: &Replica) -> String {
    let deeds = replica.deeds;
    let counts = [
        (deeds.tracked, "callback", "tracked"),
        (deeds.raises, "raise", "made"),
        (deeds.claims_lost, "claim", "lost"),
        (deeds.repairs, "repair", "made"),
    ];
    let words = counts.map(|(count, what, done)| format!("{count} {} {done}", plural(count, what)));
    words.join(", ")
}
