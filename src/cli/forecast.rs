//! `forecast`: what the settings would do to a queue, beside nothing, the blueprint, and the place kept exactly.

mod arguments;

mod progress;

mod traffic;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write, stdout},
    path::Path,
    time::Duration,
};

use jiff::tz::TimeZone;

use super::{Exit, Failed, described, load_offline};
use crate::{
    conversation::{Kind, Priority},
    forecast::{Arrivals, Comparison, Model, Profile, Question, Requesting},
    policy::{
        Climber, Policy,
        rules::{Named, Treatment},
    },
    settings::{self, Offline, Spelled, plural},
};

pub use arguments::Forecast;

use self::progress::Progress;
use self::traffic::{drawn, replayed};

/// The variable that the ladder of calls is read like.
const LADDER: &str = "CALLBACK_PRIORITIZER__POLICY__MIRROR";

/// Forecasts.
pub(super) fn run(command: &Forecast) -> Result<Exit, Failed> {
    let question = question(command)?;
    let report = command.report.as_deref().map(begun).transpose()?;
    let progress = Progress::of(question.stretches());
    let comparison = question.answer(|| progress.step());
    progress.end();
    let told = tell(command, &comparison)?;
    if let (Some(mut file), Some(path)) = (report, &command.report) {
        let page = comparison.page();
        file.write_all(page.as_bytes())
            .map_err(|error| unwritable(path, &error))?;
    }
    Ok(told)
}

/// What is asked, by the command line, the settings, and the file of conversations.
fn question(command: &Forecast) -> Result<Question, Failed> {
    let offline = load_offline(&command.source, &command.whose)?;
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
    let agents = command.agents().ok_or_else(|| {
        let sentence =
            "--agents: say how many agents were there, such as --agents 9: the file does not tell";
        Failed::new(Exit::Usage, sentence)
    })?;
    let zone = zone(command, &offline, treatment.as_ref());
    let (calls, whence) = calls(command, treatment.as_ref())?;
    let settings = treatment.as_ref().map_or_else(
        || "callbacks are left alone".to_owned(),
        |treatment| treatment.policy.to_string(),
    );
    let about = vec![
        traffic.about,
        format!(
            "{}, who need {} on average; times of day are in {}. By their in-queue flow, {} ({whence}).",
            in_words(&agents),
            Spelled(rounded(traffic.handling)),
            zone.iana_name().unwrap_or("UTC"),
            of_calls(&calls),
        ),
        format!(
            "Your settings, by {}: {settings}.",
            offline.rules.name(choice)
        ),
    ];
    let queue = Staffed {
        arrivals: traffic.arrivals,
        agents,
        zone,
        calls,
    };
    let model = model(command, queue, treatment.as_ref());
    model
        .believable()
        .map_err(|sentence| Failed::new(Exit::Usage, sentence))?;
    Ok(Question {
        model,
        treatment,
        budget: requesting(&offline),
        seed: command.seed,
        at_length: command.report.is_some(),
        about,
    })
}

/// The file of the report, before all the work is done for nothing.
fn begun(path: &Path) -> Result<File, Failed> {
    File::create(path).map_err(|error| unwritable(path, &error))
}

/// That the report cannot be written.
fn unwritable(path: &Path, error: &io::Error) -> Failed {
    let sentence = format!("--report: {} cannot be written: {error}", path.display());
    Failed::new(Exit::Usage, sentence)
}

/// The zone that times of day are read in.
fn zone(command: &Forecast, offline: &Offline, treatment: Option<&Treatment>) -> TimeZone {
    let hours = treatment.and_then(|treatment| treatment.policy.hours.as_ref());
    let of_hours = || hours.map(|hours| hours.zone.clone());
    let given = command.tz.clone().or_else(of_hours);
    given.unwrap_or_else(|| described::zone(&offline.rules))
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

/// How many agents there are, in words.
fn in_words(agents: &Profile<usize>) -> String {
    let (fewest, most) = (
        agents.numbers().min().unwrap_or_default(),
        agents.numbers().max().unwrap_or_default(),
    );
    let word = plural(u32::try_from(most).unwrap_or(u32::MAX), "agent");
    if fewest == most {
        format!("{most} {word}")
    } else {
        format!("{fewest} to {most} {word}")
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
        (Some(none), _) if none.trim() == "none" => {
            return Ok((Policy::default(), "as --ladder says"));
        }
        (None, None) => "{ every = \"1m\", add = 1 }",
        (Some(ladder), _) => ladder,
    };
    let variables = BTreeMap::from([(LADDER.to_owned(), ladder.to_owned())]);
    let read = settings::load_offline(None, &variables, None).map_err(|error| {
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
    if *calls == Policy::default() {
        return "calls gain nothing".to_owned();
    }
    let words = calls.to_string();
    words
        .replace("a waiting callback", "a waiting call")
        .replace(", until it is answered or ends", "")
}

/// What the settings do not say of a queue.
struct Staffed {
    /// Who comes.
    arrivals: Arrivals,
    /// Who answers.
    agents: Profile<usize>,
    /// Whose clock times of day are read from.
    zone: TimeZone,
    /// What calls gain.
    calls: Policy,
}

/// The queue.
fn model(command: &Forecast, queue: Staffed, treatment: Option<&Treatment>) -> Model {
    Model {
        arrivals: queue.arrivals,
        agents: queue.agents,
        zone: queue.zone,
        calls: queue.calls,
        handling: command.handling.clone(),
        callbacks: command.callbacks,
        after: (command.after.from, command.after.to),
        patience: command.patience,
        missed_alerts: command.missed,
        alert: command.alert,
        within: command.within,
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
