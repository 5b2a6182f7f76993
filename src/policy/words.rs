//! Policies in plain words, so that an administrator can compare what was meant with what will happen.

use std::fmt;

use super::{
    Climber, Credit, Policy,
    hours::{Days, Hours, Outside},
    ladder::{Gain, Ladder},
    rules::When,
};
use crate::settings::{Spelled, plural};

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if self.offset > 0 {
            words.push(format!("at entry {}", gain(self.offset)));
        }
        if self.credit == Credit::Waited {
            words.push(
                "at entry a point for each minute that the caller has waited before".to_owned(),
            );
        }
        words.extend(schedule(&self.ladder, self.climber));
        words.push("until it is answered or ends".to_owned());
        words.extend(
            self.max_raises
                .map(|raises| format!("at most {raises} {}", plural(raises, "time"))),
        );
        words.extend(
            self.min_priority
                .map(|priority| format!("never below priority {priority}")),
        );
        words.extend(
            self.max_priority
                .map(|priority| format!("never beyond priority {priority}")),
        );
        words.extend(self.hours.as_ref().map(ToString::to_string));
        f.write_str(&words.join(", "))
    }
}

/// When raises are made, and by how much.
fn schedule(ladder: &Ladder, climber: Climber) -> Vec<String> {
    let whose = match climber {
        Climber::Callback => "",
        Climber::Caller => " of the caller's wait, as calls do,",
    };
    let mut words: Vec<String> = Vec::new();
    let who = |first: bool| if first { "a waiting callback" } else { "it" };
    for rung in &ladder.rungs {
        let (after, who) = (Spelled(rung.after), who(words.is_empty()));
        words.push(match rung.gain {
            Gain::Add(points) => format!("after {after}{whose} {who} gains {}", points_of(points)),
            Gain::To(priority) => format!("after {after}{whose} {who} gets priority {priority}"),
        });
    }
    if let Some(then) = ladder.then {
        let (every, who) = (Spelled(then.every), who(words.is_empty()));
        let begin = if words.is_empty() {
            "every"
        } else {
            "then every"
        };
        let up_to = ladder
            .top
            .map(|top| format!(", up to priority {top}"))
            .unwrap_or_default();
        words.push(format!(
            "{begin} {every}{whose} {who} gains {}{up_to}",
            gain(then.add)
        ));
    }
    words
}

/// Points, and what they are worth.
fn gain(points: u32) -> String {
    let minutes = match points {
        1 => "one minute".to_owned(),
        _ => format!("{points} minutes"),
    };
    format!("{}, {minutes} of queue time", points_of(points))
}

/// Points in words.
fn points_of(points: u32) -> String {
    format!("{points} {}", plural(points, "point"))
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = self.spans.iter().map(|span| {
            let time = |time: jiff::civil::Time| time.strftime("%H:%M").to_string();
            format!("{} {} to {}", span.days, time(span.from), time(span.to))
        });
        let spans: Vec<String> = spans.collect();
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let outside = match self.outside {
            Outside::Runs => {
                "outside them nothing is raised, and what fell due is made good at the opening"
            }
            Outside::Stops => "outside them the clock stops",
        };
        write!(f, "on {} ({zone}), {outside}", spans.join(" and "))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = jiff::civil::Weekday::Monday.cycle_forward().take(7);
        let names: Vec<String> = days
            .filter(|day| self.contain(*day))
            .map(|day| format!("{day:?}").to_lowercase()[..3].to_owned())
            .collect();
        f.write_str(&names.join(", "))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = [
            ("queue", &self.queue),
            ("skill", &self.skill),
            ("language", &self.language),
            ("division", &self.division),
        ];
        let mut words: Vec<String> = listed
            .into_iter()
            .filter(|(_, patterns)| !patterns.is_empty())
            .map(|(about, patterns)| {
                let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                format!("{about} {}", patterns.join(" or "))
            })
            .collect();
        words.extend(
            self.priority
                .as_ref()
                .map(|range| format!("priority {} to {}", range.start(), range.end())),
        );
        let flags = [
            ("scheduled", self.scheduled),
            ("agent-owned", self.agent_owned),
            ("voicemail", self.voicemail),
        ];
        words.extend(flags.into_iter().filter_map(|(about, wanted)| {
            let not = if wanted? { "" } else { "not " };
            Some(format!("{not}{about}"))
        }));
        words.extend(
            self.attribute
                .iter()
                .map(|(name, wanted)| format!("attribute {} {wanted}", name.escape_debug())),
        );
        if words.is_empty() {
            words.push("all".to_owned());
        }
        f.write_str(&words.join(", "))
    }
}
