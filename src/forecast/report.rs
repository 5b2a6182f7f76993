//! A comparison as a page: one file, no script, nothing fetched, for the screen by day and by night and for paper.

mod plots;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Comparison, Row,
    compare::minutes,
    table::{of_some, share, wait},
};
use crate::settings::Spelled;

/// How the page looks.
const STYLE: &str = include_str!("report/page.css");

impl Comparison {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { "What these policies would do to your queue" }
                    style { (PreEscaped(STYLE)) }
                }
                body { main { (self.body()) } }
            }
        };
        page.into_string()
    }

    /// All that is seen.
    fn body(&self) -> Markup {
        html! {
            h1 { "What these policies would do to your queue" }
            @for sentence in self.sentences() { p.conclusion { (sentence) } }
            @for line in &self.about { p { (line) } }
            (self.callbacks())
            (self.calls())
            (figure(
                &plots::waits(self),
                "How long they wait",
                "For each time, the share of callbacks (left) and calls (right) that were answered by then, counted from the call. A line further up and to the left is better. What callbacks gain, calls give: the work is the same.",
            ))
            (figure(
                &plots::places(self),
                "Places in line",
                "Some callbacks of the first day, the same customers in each picture: their place in line, minute by minute, from when they became callbacks until they are answered. A place that is kept goes down and down; where newer calls overtake, it stays or goes up.",
            ))
            (figure(
                &plots::overtakes(self),
                "Overtaken, and by how much",
                "The share of callbacks that were overtaken by a call which came at least so many minutes after the callback's own customer had called. A place that is kept to the minute has nothing to show here.",
            ))
            @if !self.grid.is_empty() {
                (figure(
                    &plots::grid(self),
                    "Other waits and increments",
                    "A plain schedule with another wait or increment: the share of callbacks that are overtaken by a call which came a minute or more later, and the mean wait of callbacks and of calls. The darker, the more are overtaken; what is light on callbacks may be dear to calls, and costs more requests.",
                ))
            }
            (notes(self))
        }
    }

    /// What callbacks go through, in numbers.
    fn callbacks(&self) -> Markup {
        table(
            "Callbacks",
            &[
                "overtaken by a call that came 1m later",
                "by, on average (95 in 100)",
                "mean wait",
                "half wait no longer than",
                "95 in 100 no longer than",
                &format!("answered within {}", Spelled(self.within)),
                "raises each",
            ],
            self,
            |Row { measured, .. }| {
                let class = &measured.callbacks;
                let [mean, most] = [measured.behind.mean, measured.behind.p95].map(minutes);
                vec![
                    of_some(class, share(measured.overtaken)),
                    if measured.overtaken.mean > 0.0 {
                        format!("{mean} ({most})")
                    } else {
                        "–".to_owned()
                    },
                    of_some(class, wait(class.mean)),
                    of_some(class, minutes(class.p50)),
                    of_some(class, minutes(class.p95)),
                    of_some(class, share(class.within)),
                    format!("{:.1}", measured.raises_a_callback),
                ]
            },
        )
    }

    /// What calls go through, and what it costs, in numbers.
    fn calls(&self) -> Markup {
        table(
            "Calls, and what it costs",
            &[
                "mean wait",
                "half wait no longer than",
                "95 in 100 no longer than",
                &format!("answered within {}", Spelled(self.within)),
                "callers who hang up",
                "requests a minute",
                "in the busiest one",
            ],
            self,
            |Row {
                 measured, requests, ..
             }| {
                let class = &measured.calls;
                vec![
                    of_some(class, wait(class.mean)),
                    of_some(class, minutes(class.p50)),
                    of_some(class, minutes(class.p95)),
                    of_some(class, share(class.within)),
                    share(measured.hung_up),
                    format!("{:.1}", requests.mean),
                    format!("{:.0}", requests.most.ceil()),
                ]
            },
        )
    }
}

/// A table with a row for each policy.
fn table(
    caption: &str,
    headings: &[&str],
    comparison: &Comparison,
    cells: impl Fn(&Row) -> Vec<String>,
) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "with" }
                    @for heading in headings { th scope="col" { (heading) } }
                } }
                tbody { @for row in &comparison.rows { tr {
                    th scope="row" { (row.way.name()) }
                    @for cell in cells(row) { td { (cell) } }
                } } }
            }
        }
    }
}

/// A picture and how it is read.
fn figure(picture: &str, title: &str, how: &str) -> Markup {
    html! {
        figure {
            h2 { (title) }
            (PreEscaped(picture))
            figcaption { (how) }
        }
    }
}

/// What to know about the numbers.
fn notes(comparison: &Comparison) -> Markup {
    html! {
        h2 { "What is behind the numbers" }
        dl {
            @for row in &comparison.rows {
                dt { (row.way.name()) }
                dd { (row.policy) "; " (row.measured.callbacks.served) " callbacks and " (row.measured.calls.served) " calls were answered" }
            }
        }
        p {
            "All four have the same callers, to the second. After ± stands half of the 95 % confidence interval. "
            "It is a model: one queue, agents who take whoever is first by the platform's score (the moment of entry, less a minute for each point), "
            "and a daemon that is never late. Each day begins with nobody in line, and who waits at closing is still served. "
            "A callback counts as overtaken by a call that was offered to an agent while the callback waited. "
            "Callbacks wait longer than calls even where the place is kept, because only who still waits after a while takes one. "
            "Who hangs up is in no wait. Requests include sweeps and looks; the blueprint's loop asks three times for each raise. "
            "The budget is " (comparison.most_requests_a_minute) " requests in any minute."
        }
        @if let Some(row) = comparison.rows.first() {
            p {
                "Callers take " (percent(row.measured.load)) " of the time that agents have while they come, and "
                (percent(row.measured.load_of_the_busiest_hour)) " in the busiest hour."
            }
        }
    }
}

/// A share in words.
fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.0} %", share * 100.0)
    } else {
        "more than all".to_owned()
    }
}
