//! All organisations at a glance: which of them is looked after, and what each is doing.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    super::{Overview, overview::Brief},
    frame::{Frame, Tab, query, switch},
    health, moment, short,
};
use crate::conversation::Organization;

/// The page of all.
pub(in super::super) fn page(overview: &Overview, tabs: &[Tab]) -> Markup {
    let frame = Frame {
        title: "Callbacks waiting in all organisations",
        now: (overview.now.as_millisecond(), moment(overview.now)),
        skip: ("all", "organisations"),
        health: health(&overview.health),
        tabs,
        organization: &Organization::default(),
    };
    frame.around(&html! {
        section aria-labelledby="all" {
            h2 #all tabindex="-1" { "Organisations" }
            div #overview { (cards(overview)) }
        }
    })
}

/// What changes on it.
pub(in super::super) fn pieces(
    overview: &Overview,
    tabs: &[Tab],
) -> BTreeMap<&'static str, String> {
    let pieces = [
        ("organizations", switch(tabs, &Organization::default())),
        ("health", health(&overview.health)),
        ("overview", cards(overview)),
    ];
    pieces.map(|(id, piece)| (id, piece.into_string())).into()
}

/// The organisations, each with how it is and what it does.
fn cards(overview: &Overview) -> Markup {
    html! {
        @for brief in &overview.organizations {
            article {
                h3 { a href={ "/" (query(&brief.organization)) } { (brief.organization) } }
                p { (health(&brief.health)) }
                dl { (figures(brief)) }
            }
        }
    }
}

/// What an organisation is doing.
fn figures(brief: &Brief) -> Markup {
    let overdue = match brief.overdue {
        0 => "none is overdue".to_owned(),
        some => format!("{some} overdue, the first for {}", short(brief.overdue_for)),
    };
    let capacity = brief
        .capacity
        .map(|most| format!("of {most} that the budget carries"));
    let mode = match (brief.dry_run, brief.paused) {
        (true, _) => "dry run: nothing is raised",
        (false, 0) => "",
        (false, _) => "some or all queues are paused",
    };
    html! {
        (super::figure("Tracked", brief.tracked, capacity.as_deref().unwrap_or_default()))
        (super::figure("Raised", brief.raises, mode))
        (super::figure("Answered", brief.answered, &overdue))
        (super::figure("Requests in the last minute", brief.requests_last_minute, &format!("of {}", brief.budget)))
    }
}
