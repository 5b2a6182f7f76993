//! A conversation of the organisation's, as the platform shows it and the journal remembers it.

use crate::{
    cli::{Exit, Explain, Failed, load, runtime},
    clock::Clock,
    conversation::{ConversationId, Observed, Waiting},
    explain::{Case, Explanation},
    genesys::{Failure, FailureKind, Genesys, Turn},
    journal::{Entry, History, HistoryError},
    orders::Orders,
    settings::Settings,
    source::{names::Names, queues::Queues},
    status::Status,
};

/// Explains a callback that waits now. Writes nothing.
pub(super) fn explain(command: &Explain, id: &ConversationId) -> Result<Explanation, Failed> {
    let settings = load(&command.source, &command.whose)?;
    let runtime = runtime()?;
    let (waiting, names) = runtime.block_on(look(&settings, id))?;
    // A name look-up may hang in a thread that nothing can interrupt.
    runtime.shutdown_background();
    let entry = remembered(&settings, &waiting)?;
    let facts = names.facts(&waiting, entry.base.priority);
    let case = Case {
        facts: &facts,
        base: entry.base,
        seen: true,
        at: Clock::System.now(),
        waiting,
    };
    Ok(case.explain(&settings.rules, command.raises))
}

/// Looks at the conversation, with all that rules could ask about, and reads what its things are called.
async fn look(settings: &Settings, id: &ConversationId) -> Result<(Waiting, Names), Failed> {
    let attributes = settings.rules.attributes().map(str::to_owned).collect();
    let genesys = Genesys::new(
        &settings.genesys,
        Orders::to_look(attributes),
        Clock::System,
        Status::default(),
    )
    .map_err(|error| Failed::new(Exit::Internal, error))?;
    genesys
        .log_in()
        .await
        .map_err(|none| failed(Failure::from(none)))?;
    let permit = genesys.permit(Turn::Look).await;
    let seen = genesys.look(permit, id).await.map_err(failed)?;
    let sentence = match seen {
        Observed::Waiting(waiting) => {
            let names = Names::new(&settings.rules);
            names.refresh(&genesys).await;
            if let Ok(queues) = genesys.queues().await {
                let ours = Queues::new(&settings.callbacks.queues);
                let _unmatched = ours.resolve(&queues);
                names.learn_queues(&queues);
                if !ours.wants(waiting.queue.as_ref()) {
                    return Err(refused(
                        id,
                        "waits in a queue that callbacks.queues does not name, so it is not raised",
                    ));
                }
            }
            return Ok((waiting, names));
        }
        Observed::Scheduled { .. } => "is planned for later and does not wait yet",
        Observed::Over(_) => "has no callback that waits",
    };
    Err(refused(id, sentence))
}

/// What the journal knows of the visit; that it is new, where it knows nothing.
fn remembered(settings: &Settings, waiting: &Waiting) -> Result<Entry, Failed> {
    let known = match History::open(&settings.journal.path) {
        Ok(history) => history.entry(&waiting.visit),
        Err(HistoryError::Absent { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let known = known.map_err(|error| Failed::new(Exit::Settings, error))?;
    Ok(known.unwrap_or_else(|| Entry::new(waiting.priority)))
}

/// The failure of a request.
fn failed(failure: Failure) -> Failed {
    let exit = match failure.kind {
        FailureKind::Denied => Exit::Denied,
        FailureKind::Gone => Exit::Usage,
        FailureKind::Transient | FailureKind::Throttled { .. } | FailureKind::Unexpected => {
            Exit::Unreachable
        }
    };
    Failed::new(exit, failure)
}

/// A conversation that there is nothing to explain of.
fn refused(id: &ConversationId, sentence: &str) -> Failed {
    Failed::new(Exit::Usage, format!("--conversation: {id} {sentence}"))
}
