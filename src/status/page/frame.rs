//! What stands around every page: its head, how all is, and the way to other pages.

use maud::{DOCTYPE, Markup, html};

use super::super::{Health, Report};
use crate::conversation::Organization;

/// One of several organisations, as the switch shows it.
pub(in super::super) struct Tab {
    /// Which.
    pub(in super::super) organization: Organization,
    /// How it is.
    pub(in super::super) health: Health,
}

impl Tab {
    /// How an organisation is, by its report.
    pub(in super::super) fn of(report: &Report) -> Self {
        Self {
            organization: report.organization.clone(),
            health: report.health.clone(),
        }
    }
}

/// A page without what it is about.
pub(super) struct Frame<'a> {
    /// What it is about, in words.
    pub(super) title: &'a str,
    /// When this is, in milliseconds, and in words.
    pub(super) now: (i64, Markup),
    /// Where the first link leads to, past what is on every page: the id of an element, and what it is called there.
    pub(super) skip: (&'a str, &'a str),
    /// How all that it shows is.
    pub(super) health: Markup,
    /// The organisations to choose from; none where there is but one.
    pub(super) tabs: &'a [Tab],
    /// Whose page it is, where that is one of several.
    pub(super) organization: &'a Organization,
}

impl Frame<'_> {
    /// The whole page around this.
    pub(super) fn around(&self, main: &Markup) -> Markup {
        let (skip, called) = self.skip;
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (self.title) }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="stylesheet" href="/page.css";
                    link rel="icon" type="image/svg+xml" href="/icon.svg";
                    script src="/page.js" defer {}
                }
                body data-now=(self.now.0) {
                    a.skip href={ "#" (skip) } { "Skip to the " (called) }
                    header {
                        h1 { "Callback prioritizer" }
                        @if !self.tabs.is_empty() {
                            nav #organizations aria-label="Organisations" { (switch(self.tabs, self.organization)) }
                        }
                        p #health role="status" { (self.health) }
                        p #live .quiet { "As of " (self.now.1) ". " span #how { "Reload the page for newer figures." } }
                    }
                    main { (main) }
                    footer { p.quiet { "callback-prioritizer " (env!("CARGO_PKG_VERSION")) (self.links()) } }
                }
            }
        }
    }

    /// The same for machines.
    fn links(&self) -> Markup {
        let about = query(self.organization);
        html! {
            " · " a href={ "/status.json" (about) } { "status.json" }
            " · " a href="/metrics" { "metrics" }
            " · " a href={ "/readyz" (about) } { "readyz" }
        }
    }
}

/// The end of an address that is about an organisation.
pub(super) fn query(organization: &Organization) -> String {
    organization
        .name()
        .map_or_else(String::new, |name| format!("?organization={name}"))
}

/// The switch from one organisation to another, and to all of them. Those that are not looked after say so.
pub(super) fn switch(tabs: &[Tab], current: &Organization) -> Markup {
    let here = |is: bool| is.then_some("page");
    html! {
        ul {
            li { a href="/" aria-current=[here(current.name().is_none())] { "All" } }
            @for tab in tabs {
                li {
                    a href={ "/" (query(&tab.organization)) } aria-current=[here(tab.organization == *current)] {
                        (tab.organization)
                        @if !tab.health.ready { " " strong { "(not ready)" } }
                    }
                }
            }
        }
    }
}
