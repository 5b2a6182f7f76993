//! Who comes in a forecast: left to chance, or as they really came.

use std::{fs::File, io::BufReader, path::Path, sync::Arc, time::Duration};

use super::{Forecast, arguments::Span};
use crate::{
    cli::{Exit, Failed},
    forecast::{Arrivals, Conversations, Unsaid},
    settings::{Spelled, plural},
};

/// Who comes.
pub(super) struct Traffic {
    /// When, and with what.
    pub(super) arrivals: Arrivals,
    /// The queue, where it is known.
    pub(super) queue: Option<String>,
    /// How long agents need on average.
    pub(super) handling: Duration,
    /// All of that in a sentence.
    pub(super) about: String,
}

/// Callers who are left to chance.
pub(super) fn drawn(command: &Forecast) -> Traffic {
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
pub(super) fn replayed(command: &Forecast, path: &Path) -> Result<Traffic, Failed> {
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

/// What was read, in a sentence.
fn what_was_read(read: &Conversations) -> String {
    let replayed = format!(
        "{} conversations of the queue {} are replayed",
        read.callers.len(),
        read.queue.escape_debug()
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
