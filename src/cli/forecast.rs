//! `forecast`: what the settings would do to a queue, beside nothing, the blueprint, and the place kept exactly.

mod arguments;

mod progress;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufReader, Write, stdout},
    path::Path,
    sync::Arc,
    time::Duration,
};

use jiff::tz::TimeZone;

use super::{Exit, Failed, described::zone, load_offline};
use crate::{
    conversation::{Kind, Priority},
    forecast::{Arrivals, Comparison, Conversations, Model, Question, Requesting, Unsaid},
    policy::{
        Climber, Policy,
        rules::{Named, Treatment},
    },
    settings::{self, Offline, Spelled, plural},
};

pub use arguments::Forecast;
use arguments::Span;

use self::progress::Progress;

/// The variable that the ladder of calls is read like.
const LADDER: &str = "CALLBACK_PRIORITIZER__POLICY__MIRROR";

/// Who comes.
struct Traffic {
    /// When, and with what.
    arrivals: Arrivals,
    /// The queue, where it is known.
    queue: Option<String>,
    /// How long agents need on average.
    handling: Duration,
    /// All of that in a sentence.
    about: String,
}

/// Forecasts.
pub(super) fn run(command: &Forecast) -> Result<Exit, Failed> {
    let offline = load_offline(&command.source)?;
    let traffic = match &command.conversations {
        Some(path) => replayed(command, path)?,
        None => drawn(command),
    };
    let mut facts = command
        .described
        .facts(Priority::default(), Kind::default());
    facts.queue = traffic.queue.map(|queue| Named {
        id: queue.clone(),
        name: Some(queue),
    });
    let choice = offline.rules.choose(&facts);
    let treatment = offline.rules.treatment(choice).cloned();
    let (calls, whence) = calls(command, treatment.as_ref())?;
    let settings = treatment.as_ref().map_or_else(
        || "callbacks are left alone".to_owned(),
        |treatment| treatment.policy.to_string(),
    );
    let about = vec![
        traffic.about,
        format!(
            "{}, who need {} on average. By their in-queue flow, {} ({whence}).",
            agents(command),
            Spelled(rounded(traffic.handling)),
            of_calls(&calls),
        ),
        format!(
            "Your settings, by {}: {settings}.",
            offline.rules.name(choice)
        ),
    ];
    let zone = zone(&offline.rules);
    let model = model(command, traffic.arrivals, zone, calls, treatment.as_ref());
    let question = Question {
        model,
        treatment,
        budget: requesting(&offline),
        seed: command.seed,
        at_length: command.report.is_some(),
        about,
    };
    let progress = Progress::of(question.stretches());
    let comparison = question.answer(|| progress.step());
    progress.end();
    if let Some(path) = &command.report {
        write(path, &comparison.page())?;
    }
    tell(command, &comparison)
}

/// Writes the report.
fn write(path: &Path, page: &str) -> Result<(), Failed> {
    fs::write(path, page).map_err(|error| {
        let sentence = format!("--report: {} cannot be written: {error}", path.display());
        Failed::new(Exit::Usage, sentence)
    })
}

/// Says what came of it.
fn tell(command: &Forecast, comparison: &Comparison) -> Result<Exit, Failed> {
    let text = if command.json {
        serde_json::to_string(comparison).map_err(|error| Failed::new(Exit::Internal, error))?
            + "\n"
    } else {
        comparison.to_string()
    };
    // A reader who has seen enough is no failure.
    let _closed = stdout().write_all(text.as_bytes());
    Ok(Exit::Ok)
}

/// Callers who are left to chance.
fn drawn(command: &Forecast) -> Traffic {
    let Span { from, to } = command.after;
    let after = if from == to {
        Spelled(from).to_string()
    } else {
        format!("{} to {}", Spelled(from), Spelled(to))
    };
    Traffic {
        arrivals: Arrivals::Days {
            an_hour: command.arrivals.clone(),
            days: command.days,
        },
        queue: command.described.queue.clone(),
        handling: command.handling.mean(),
        about: format!(
            "{} days, seed {}. {:.0} % of callers take a callback if they still wait after {after}.",
            command.days,
            command.seed,
            command.callbacks * 100.0,
        ),
    }
}

/// Callers as they came.
fn replayed(command: &Forecast, path: &Path) -> Result<Traffic, Failed> {
    let refused = |sentence: String| {
        let sentence = format!("--conversations: {}: {sentence}", path.display());
        Failed::new(Exit::Usage, sentence)
    };
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let unsaid = Unsaid {
        after: (command.after.from, command.after.to),
        patience: command.patience,
        missed_alerts: command.missed,
    };
    let queue = command.described.queue.as_deref();
    let read =
        Conversations::read(BufReader::new(file), queue, &unsaid, command.seed).map_err(refused)?;
    Ok(Traffic {
        about: what_was_read(&read),
        handling: read.mean_handling(),
        arrivals: Arrivals::Listed(Arc::from(read.callers)),
        queue: Some(read.queue),
    })
}

/// How many agents there are.
fn agents(command: &Forecast) -> String {
    let (fewest, most) = (
        command.agents.numbers().min().unwrap_or_default(),
        command.agents.numbers().max().unwrap_or_default(),
    );
    if fewest == most {
        format!("{most} agents")
    } else {
        format!("{fewest} to {most} agents")
    }
}

/// What was read, in a sentence.
fn what_was_read(read: &Conversations) -> String {
    let replayed = format!(
        "{} conversations of the queue {} are replayed",
        read.callers.len(),
        read.queue
    );
    let left_out = [
        (read.of_others, "of other queues"),
        (read.other_media, "of other media"),
        (read.untaken, "that no agent took"),
    ];
    let left_out: Vec<String> = left_out
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, which)| {
            let rows = u32::try_from(number).unwrap_or(u32::MAX);
            format!("{number} {} {which}", plural(rows, "row"))
        })
        .collect();
    if left_out.is_empty() {
        format!("{replayed}.")
    } else {
        format!("{replayed}; left out: {}.", left_out.join(", "))
    }
}

/// What calls gain, and who says so.
fn calls(
    command: &Forecast,
    treatment: Option<&Treatment>,
) -> Result<(Policy, &'static str), Failed> {
    let mirrored = treatment.filter(|treatment| treatment.policy.climber == Climber::Caller);
    let ladder = match (&command.ladder, mirrored) {
        (None, Some(treatment)) => {
            let calls = Policy {
                ladder: treatment.policy.ladder.clone(),
                ..Policy::default()
            };
            return Ok((calls, "your settings mirror that"));
        }
        (None, None) => "{ every = \"1m\", add = 1 }",
        (Some(ladder), _) => ladder,
    };
    let variables = BTreeMap::from([(LADDER.to_owned(), ladder.to_owned())]);
    let read = settings::load_offline(None, &variables).map_err(|error| {
        let sentence = error.to_string().replace(LADDER, "--ladder");
        Failed::new(Exit::Usage, sentence)
    })?;
    let calls = Policy {
        ladder: read.rules.otherwise.policy.ladder,
        ..Policy::default()
    };
    let whence = if command.ladder.is_some() {
        "as --ladder says"
    } else {
        "assumed, because your settings mirror nothing: --ladder says otherwise"
    };
    Ok((calls, whence))
}

/// What calls gain, in words.
fn of_calls(calls: &Policy) -> String {
    let words = calls.to_string();
    words
        .replace("a waiting callback", "a waiting call")
        .replace(", until it is answered or ends", "")
}

/// The queue.
fn model(
    command: &Forecast,
    arrivals: Arrivals,
    zone: TimeZone,
    calls: Policy,
    treatment: Option<&Treatment>,
) -> Model {
    Model {
        arrivals,
        agents: command.agents.clone(),
        zone,
        handling: command.handling.clone(),
        callbacks: command.callbacks,
        after: (command.after.from, command.after.to),
        patience: command.patience,
        missed_alerts: command.missed,
        alert: command.alert,
        within: command.within,
        calls,
        policy: Policy::default(),
        entry_reset: treatment.is_none_or(|treatment| treatment.entry_reset),
        forgets_the_caller: false,
    }
}

/// What the daemon asks the platform with these settings.
fn requesting(offline: &Offline) -> Requesting {
    Requesting {
        budget: offline.budget,
        sweep: offline.sweep,
        looks: offline.rules.ask_for_the_whole(),
    }
}

/// A time to the second.
fn rounded(time: Duration) -> Duration {
    Duration::from_secs((time + Duration::from_millis(500)).as_secs())
}
