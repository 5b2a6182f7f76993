//! The page: who waits, oldest first, what each has had and what comes next; how the daemon is; what happened last.
//!
//! A table that works as it is, without a script. A small script keeps it up to date with pieces of the same HTML, made
//! here as well, so that there is one place that says what anything looks like. Nothing stands inline but numbers and text:
//! style and script are files of their own, and the policy in `http/guard.rs` allows no others.

mod frame;

mod line;

pub(super) mod overview;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::{Event, Health, Last, Outcome, Outlook, Report, Row, short};
use crate::{
    clock::elapsed,
    conversation::{ConversationId, QueueId},
    settings::plural,
};

use self::frame::{Frame, switch};

pub(super) use self::frame::Tab;

/// How it looks.
pub(super) const STYLE: &str = include_str!("page/page.css");
/// What keeps it up to date.
pub(super) const SCRIPT: &str = include_str!("page/page.js");
/// The picture in the browser's tab.
pub(super) const ICON: &str = include_str!("page/icon.svg");

/// What callbacks are called whose queue is not known.
const NO_QUEUE: &str = "unknown queue";

/// The whole page, with the callbacks of this queue only, where one is named, and with a switch where there are several
/// organisations.
pub(super) fn page(report: &Report, queue: Option<&str>, tabs: &[Tab]) -> Markup {
    let title = match queue {
        Some(queue) => format!("Callbacks waiting in {queue}"),
        None => "Callbacks waiting".to_owned(),
    };
    let frame = Frame {
        title: &title,
        now: (report.now.as_millisecond(), moment(report.now)),
        skip: ("callbacks", "callbacks"),
        health: health(&report.health),
        tabs,
        organization: &report.organization,
    };
    frame.around(&html! {
        div #notices { (notices(report)) }
        section aria-labelledby="doing" {
            h2 #doing { "How it is doing" }
            dl #figures { (figures(report)) }
            p { a href="#events" { "The last raises, and what else happened" } }
        }
        section aria-labelledby="callbacks" {
            h2 #callbacks tabindex="-1" { (title) }
            (filter(report, queue))
            (table(report, queue))
        }
        section aria-labelledby="events" {
            h2 #events { "What happened last" }
            div #happened { (happened(&report.events)) }
            p.quiet { "Everything that was written is told by " code { "callback-prioritizer history" } ", with --csv for spreadsheets." }
        }
    })
}

/// The pieces that change beside the rows, by the id of the element that they fill.
pub(super) fn pieces(
    report: &Report,
    queue: Option<&str>,
    tabs: &[Tab],
) -> BTreeMap<&'static str, String> {
    let pieces = [
        ("organizations", switch(tabs, &report.organization)),
        ("health", health(&report.health)),
        ("notices", notices(report)),
        ("figures", figures(report)),
        ("queue", options(report, queue)),
        ("count", html! { (count(report, queue)) }),
        ("happened", happened(&report.events)),
    ];
    pieces.map(|(id, piece)| (id, piece.into_string())).into()
}

/// How the daemon is, in a word and then in words.
fn health(health: &Health) -> Markup {
    let (class, word) = match (health.live, health.ready) {
        (true, true) => ("good", "Ready"),
        (true, false) => ("bad", "Not ready"),
        (false, _) => ("bad", "Stuck"),
    };
    html! {
        span.badge.(class) { (word) }
        @if health.why.is_empty() {
            " Every callback that waits is looked after."
        } @else {
            " " (health.why.join("; ")) "."
        }
    }
}

/// What holds for everything that is shown below: a dry run, and whatever keeps raises from being made on purpose.
fn notices(report: &Report) -> Markup {
    html! {
        @if report.numbers.dry_run {
            p.notice { strong { "Dry run." } " Nothing is raised: the page shows what would be." }
        }
        @for pause in &report.numbers.paused {
            p.notice {
                strong { "Paused" }
                @match &pause.queue {
                    Some(queue) => { " in the queue " (named(report, queue)) },
                    None => " in all queues",
                }
                " since " time datetime=(pause.since) { (to_the_minute(pause.since)) }
                @if let Some(until) = pause.until { ", until " time datetime=(until) { (to_the_minute(until)) } }
                ". Nothing is raised there meanwhile."
            }
        }
    }
}

/// A queue by its name, where one of those that wait in it tells.
fn named(report: &Report, queue: &QueueId) -> String {
    let mut waiting = report.callbacks.iter();
    let there = waiting.find(|row| row.callback.queue_id.as_ref() == Some(queue));
    there.map_or_else(|| queue.to_string(), |row| queue_of(row).to_owned())
}

/// A moment to the minute, in UTC as the log has it.
fn to_the_minute(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The figures, as terms and what is said of them.
fn figures(report: &Report) -> Markup {
    let numbers = &report.numbers;
    let capacity = numbers
        .capacity
        .map(|most| format!("of {most} that the budget carries"));
    let overdue = match report.overdue {
        0 => "none is overdue".to_owned(),
        some => format!(
            "{some} overdue, the first for {}",
            short(report.overdue_for)
        ),
    };
    let journal = if numbers.journal_trouble.is_some() {
        "does not work"
    } else {
        "works"
    };
    let sockets = match numbers.sockets {
        0 => "none: sweeps find callbacks".to_owned(),
        up => format!("{up} {} up", plural(up as u64, "socket")),
    };
    let (used, budget) = (report.requests_last_minute, numbers.budget);
    html! {
        (figure("Tracked", numbers.tracked, capacity.as_deref().unwrap_or_default()))
        (figure("Raised", numbers.raises, &tries(report)))
        (figure("Answered", numbers.answered, &format!("{} left, {} at a limit", numbers.left, numbers.limited)))
        (figure("Latest raise", late(numbers.lateness), &overdue))
        div {
            dt #budget { "Requests in the last minute" }
            dd {
                meter min="0" max=(budget.max(used)) high=(budget) value=(used) aria-labelledby="budget" {}
                span { (used) " of " (budget) }
                @if !numbers.throttled.is_zero() {
                    small { "held by the platform for " (short(numbers.throttled)) " in all" }
                }
            }
        }
        (figure("Notifications", sockets, if numbers.sighted { "all in sight" } else { "a look before each raise" }))
        (figure("Journal", journal, numbers.journal_trouble.as_deref().unwrap_or_default()))
        (figure("Changed by others", numbers.foreign_changes, ""))
    }
}

/// One of them.
fn figure(term: &str, value: impl maud::Render, more: &str) -> Markup {
    html! {
        div {
            dt { (term) }
            dd {
                span { (value) }
                @if !more.is_empty() { small { (more) } }
            }
        }
    }
}

/// What came of raises that were not made.
fn tries(report: &Report) -> String {
    let numbers = &report.numbers;
    let all = [
        (numbers.refused_raises, "refused"),
        (numbers.unanswered_raises, "without an answer"),
        (numbers.would_be_raised, "told by the dry run"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> = some
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    words.join(", ")
}

/// The largest lateness of the last minute with raises.
fn late(lateness: Duration) -> String {
    if lateness < Duration::from_secs(2) {
        return "on time".to_owned();
    }
    format!("{} late", short(lateness))
}

/// Which queue to show.
fn filter(report: &Report, queue: Option<&str>) -> Markup {
    html! {
        form method="get" action="/" {
            @if let Some(name) = report.organization.name() { input type="hidden" name="organization" value=(name); }
            label for="queue" { "Queue" }
            select #queue name="queue" { (options(report, queue)) }
            button type="submit" { "Show" }
        }
    }
}

/// The queues to choose from: those with callbacks, and the one that is chosen.
fn options(report: &Report, queue: Option<&str>) -> Markup {
    let mut queues: BTreeSet<&str> = report.callbacks.iter().map(queue_of).collect();
    queues.extend(queue);
    html! {
        option value="" selected[queue.is_none()] { "All queues" }
        @for name in queues {
            option value=(name) selected[queue == Some(name)] { (name) }
        }
    }
}

/// The callbacks.
fn table(report: &Report, queue: Option<&str>) -> Markup {
    html! {
        table role="table" {
            caption { span #count { (count(report, queue)) } }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { abbr title="Place among the callbacks of its queue, by what the platform offers first" { "Place" } }
                    th scope="col" role="columnheader" { "Callback" }
                    th scope="col" role="columnheader" { "Queue and rule" }
                    th scope="col" role="columnheader" { "Waited" }
                    th scope="col" role="columnheader" { "Priority" }
                    th scope="col" role="columnheader" { "Next raise" }
                    th scope="col" role="columnheader" { "Why" }
                }
            }
            tbody #rows role="rowgroup" {
                @for callback in chosen(report, queue) { (row(callback)) }
            }
        }
    }
}

/// Those that wait in this queue, or all.
pub(super) fn chosen<'a>(
    report: &'a Report,
    queue: Option<&'a str>,
) -> impl Iterator<Item = &'a Row> {
    let wanted = move |row: &&Row| queue.is_none_or(|queue| queue_of(row) == queue);
    report.callbacks.iter().filter(wanted)
}

/// How many there are, and how many of those are shown.
fn count(report: &Report, queue: Option<&str>) -> String {
    let shown = chosen(report, queue).count() as u64;
    let all = report.numbers.tracked;
    if report.left_out {
        return format!("{shown} shown, of the oldest of {all} that are tracked; oldest first");
    }
    match shown {
        0 => "Nobody waits.".to_owned(),
        1 => "1 callback waits".to_owned(),
        _ => format!("{shown} callbacks wait, oldest first"),
    }
}

/// A callback.
pub(super) fn row(row: &Row) -> Markup {
    let callback = &row.callback;
    let never = matches!(callback.next, Outlook::Never { .. });
    html! {
        tr role="row" id={ "c-" (callback.conversation) } data-v=(row.version()) data-since=(callback.since.as_millisecond()) .never[never] {
            td.place role="cell" data-label="Place" { (row.place) }
            th.id scope="row" role="rowheader" data-label="Callback" { code { (callback.conversation) } }
            td.queue role="cell" data-label="Queue and rule" { (queue_of(row)) small { (callback.rule) } }
            td.when role="cell" data-label="Waited" { time.waited datetime=(callback.since) { (short(row.waited)) } }
            td.priority role="cell" data-label="Priority" {
                div {
                    span { b { (callback.priority) } @if callback.priority != callback.base { small { "from " (callback.base) } } }
                    (line::drawn(row))
                }
            }
            td.when role="cell" data-label="Next raise" { (next(row)) }
            td.why role="cell" data-label="Why" { (row.why) @if let Some(last) = callback.last { small { (done(last)) } } }
        }
    }
}

/// When the next raise is.
fn next(row: &Row) -> Markup {
    let now = row.callback.since.saturating_add(row.waited);
    match row.callback.next {
        Outlook::Raise { at, .. } => {
            let left = elapsed(now.unwrap_or(at), at);
            let soon = left < Duration::from_secs(1);
            html! { time.next datetime=(at) { @if soon { "now" } @else { "in " (short(left)) } } }
        }
        Outlook::Due { since } => html! { time.due datetime=(since) { "now" } },
        Outlook::Paused { until: Some(until) } => {
            let left = elapsed(now.unwrap_or(until), until);
            html! { time.next datetime=(until) { "in " (short(left)) } }
        }
        Outlook::Paused { until: None } => html! { span.none { "paused" } },
        Outlook::Never { .. } => html! { span.none { "none" } },
    }
}

/// What came of what was done last, and when.
fn done(last: Last) -> Markup {
    let what = match last.outcome {
        Outcome::Raised => "raised",
        Outcome::Told => "told",
        Outcome::Refused => "refused",
        Outcome::Unanswered => "no answer",
        Outcome::Foreign => "changed by somebody else",
    };
    html! { (what) " at " (moment(last.at)) }
}

/// What happened last: to the daemon, and to callbacks.
fn happened(events: &[Event]) -> Markup {
    let (callbacks, daemon): (Vec<_>, Vec<_>) = events
        .iter()
        .partition(|event| event.conversation.is_some());
    html! {
        div { h3 { "To the daemon" } (list(&daemon)) }
        div { h3 { "To callbacks" } (list(&callbacks)) }
    }
}

/// Events, newest first.
fn list(events: &[&Event]) -> Markup {
    html! {
        @if events.is_empty() { p.quiet { "Nothing yet." } } @else {
            ol {
                @for event in events {
                    li .bad[event.bad] {
                        (moment(event.at)) " "
                        @if event.bad { strong { (event.words) } } @else { (event.words) }
                        @if let Some(id) = &event.conversation { " " code title=(id) { (beginning(id)) } }
                    }
                }
            }
        }
    }
}

/// The beginning of an id, enough to find its row by.
fn beginning(id: &ConversationId) -> String {
    id.to_string().chars().take(8).collect()
}

/// What a callback's queue is called.
pub(super) fn queue_of(row: &Row) -> &str {
    row.queue_label.as_deref().unwrap_or(NO_QUEUE)
}

/// A moment, as a clock shows it in UTC; the script shows it in the reader's own time.
fn moment(at: Timestamp) -> Markup {
    let shown = at.strftime("%H:%M:%S");
    html! { time.at datetime=(at) { (PreEscaped(shown.to_string())) " UTC" } }
}
