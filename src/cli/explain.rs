//! `explain`: what the rules make of one callback, a made-up one or one of the organisation's.

mod platform;

use std::io::{Write, stdout};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::{Exit, Explain, Failed, described::zone, load_offline};
use crate::{
    clock::Clock,
    conversation::{ConversationId, Kind, ParticipantId, Priority, Visit, Waiting},
    explain::{Case, Explanation},
    policy::{Base, rules::Facts},
    settings::{time_of_day, weekday},
};

/// Explains.
pub(super) fn run(command: &Explain) -> Result<Exit, Failed> {
    let explanation = match &command.conversation {
        Some(id) => platform::explain(command, id)?,
        None => made_up(command)?,
    };
    let text = if command.json {
        serde_json::to_string(&explanation).map_err(|error| Failed::new(Exit::Internal, error))?
            + "\n"
    } else {
        explanation.to_string()
    };
    // A reader who has seen enough is no failure.
    let _closed = stdout().write_all(text.as_bytes());
    Ok(Exit::Ok)
}

/// What the rules make of a callback that is described on the command line.
fn made_up(command: &Explain) -> Result<Explanation, Failed> {
    let rules = load_offline(&command.source, &command.whose)?.rules;
    let at = command
        .at
        .as_deref()
        .map_or(Ok(Clock::System.now()), |text| moment(text, &zone(&rules)));
    let at = at.map_err(|sentence| Failed::new(Exit::Usage, format!("--at: {sentence}")))?;
    let since = at.saturating_sub(command.waited).unwrap_or(Timestamp::MIN);
    let priority = Priority::new(command.priority).ok_or_else(|| {
        let sentence = format!(
            "--priority: {} is out of range: expected {} to {}",
            command.priority,
            Priority::MIN,
            Priority::MAX
        );
        Failed::new(Exit::Usage, sentence)
    })?;
    let kind = Kind {
        scheduled: command.kind.scheduled,
        agent_owned: command.kind.agent_owned,
        voicemail: command.kind.voicemail,
    };
    let facts = Facts {
        first_entry: since.checked_sub(command.before).ok(),
        ..command.described.facts(priority, kind)
    };
    let case = Case {
        facts: &facts,
        waiting: Waiting {
            visit: nobody(),
            queue: None,
            since,
            origin: since,
            priority,
            kind,
            background: None,
        },
        base: Base {
            priority,
            until: None,
        },
        seen: false,
        at,
    };
    Ok(case.explain(&rules, command.raises))
}

/// A visit of nobody's.
fn nobody() -> Visit {
    Visit {
        conversation: ConversationId::from_random([0; 16]),
        leg: ParticipantId::from_random([0; 16]),
    }
}

/// A moment: ISO 8601 with its offset, or a day of the week and a time of day, the next there is in the zone.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let refused = || {
        format!(
            "`{}` is no moment: write a day and a time such as \"mon 17:55\", or 2026-01-05T17:55:00Z",
            text.escape_debug()
        )
    };
    let (day, time) = text.trim().split_once(' ').ok_or_else(refused)?;
    let (day, time) = (weekday(day)?, time_of_day(time.trim())?);
    let now = Zoned::new(Clock::System.now(), zone.clone());
    let today = now.date();
    let days = today.weekday().until(day);
    let date = today
        .checked_add(jiff::Span::new().days(days))
        .map_err(|_beyond| refused())?;
    let at = zone
        .to_ambiguous_timestamp(date.to_datetime(time))
        .compatible();
    at.map_err(|_beyond| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_days_and_times_or_iso() {
        let berlin = TimeZone::get("Europe/Berlin").expect("the machine has a time zone database");
        let monday = moment("mon 17:55", &berlin).unwrap();
        let shown = berlin.to_datetime(monday);
        assert_eq!(shown.strftime("%a %H:%M").to_string(), "Mon 17:55");
        let iso = moment("2026-01-05T17:55:00Z", &berlin).unwrap();
        assert_eq!(iso.to_string(), "2026-01-05T17:55:00Z");
        for bad in ["", "mon", "someday 12:00", "mon 25:00", "17:55"] {
            assert!(moment(bad, &berlin).is_err(), "{bad}");
        }
    }
}
