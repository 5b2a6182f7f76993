//! `check`: what the settings mean, in sentences with their consequence; with `--online`, what the platform says to them.
//!
//! Writes nothing: the online part gets a token, reads topics and queues, and makes one sweep. Results go to stdout.

mod events;

mod journal;

mod rules;

use std::io::{self, Write, stdout};

use super::{Check, Exit, Failed, printable, runtime};
use crate::{
    clock::Clock,
    conversation::ConversationId,
    genesys::{Failure, FailureKind, Genesys, Topic, Turn},
    orders::Orders,
    settings::{self, Settings, Severity},
    source::{
        queues::Queues,
        sweep::{self, Manner},
    },
    status::Status,
};

/// Checks the settings, and the platform if asked to.
pub(super) fn run(command: &Check) -> Result<Exit, Failed> {
    let environment = settings::environment(std::env::vars_os())?;
    let all = settings::load_all(command.source.config.as_deref(), &environment)?;
    let mut report = Report::default();
    report.settings(&all);
    if command.online && report.exit == Exit::Ok {
        runtime()?.block_on(online_of_all(&all, &mut report))?;
    }
    report
        .print(&mut stdout().lock())
        .map_err(|error| Failed::new(Exit::Internal, error))?;
    Ok(report.exit)
}

/// What is to be said, and how it ends.
struct Report {
    /// Sentences in order.
    lines: Vec<String>,
    /// The worst of what was found.
    exit: Exit,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            exit: Exit::Ok,
        }
    }
}

impl Report {
    /// Adds what the settings mean and what is unwise about them.
    fn settings(&mut self, all: &[Settings]) {
        self.lines.extend(settings::describe_all(all));
        for finding in settings::findings_of_all(all) {
            if finding.severity == Severity::Error {
                self.exit = Exit::Settings;
            }
            self.say(finding.to_string());
        }
        match self.exit {
            Exit::Ok => self.say("The settings are good."),
            _ => self.say("The settings are refused."),
        }
    }

    /// Adds a sentence.
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Adds a failed request, with the permission that would mend it; without one, it is the credentials.
    fn failed(&mut self, what: &str, permission: Option<&str>, failure: &Failure) {
        let trace = failure
            .correlation_id()
            .map(|id| format!(" (correlation id {id})"))
            .unwrap_or_default();
        self.say(match (failure.kind, permission) {
            (FailureKind::Denied, Some(permission)) => format!(
                "{what}: refused: {failure}{trace}; the OAuth client's role seems to lack {permission}, or it in a division"
            ),
            (FailureKind::Denied, None) => format!(
                "{what}: refused: {failure}{trace}; check genesys.client_id and the client secret, and that the OAuth client uses the grant type Client Credentials and is active"
            ),
            _ => format!("{what}: failed: {failure}{trace}"),
        });
        let exit = match failure.kind {
            FailureKind::Denied => Exit::Denied,
            _ => Exit::Unreachable,
        };
        if self.exit == Exit::Ok {
            self.exit = exit;
        }
    }

    /// Writes all sentences.
    fn print(&self, to: &mut impl Write) -> io::Result<()> {
        self.lines
            .iter()
            .try_for_each(|line| writeln!(to, "{line}"))
    }
}

/// Asks the journal's database, which all have in common, and the platform of each organisation. What one of them answers keeps
/// nobody from asking the next.
async fn online_of_all(all: &[Settings], report: &mut Report) -> Result<(), Failed> {
    if let Some(first) = all.first() {
        journal::database(first, report).await;
    }
    for settings in all {
        if let Some(name) = settings.organization.name() {
            report.say(format!("organization {name}:"));
        }
        online(settings, report).await?;
    }
    Ok(())
}

/// Asks the platform what the daemon would ask it at its start.
async fn online(settings: &Settings, report: &mut Report) -> Result<(), Failed> {
    let genesys = Genesys::new(
        &settings.genesys,
        Orders::to_look(Vec::new()),
        Clock::System,
        Status::default(),
        None,
    )
    .map_err(|error| Failed::new(Exit::Internal, error))?;
    if let Err(failure) = genesys.log_in().await.map_err(Failure::from) {
        report.failed("Token", None, &failure);
        return Ok(());
    }
    report.say("Token: received.");
    topics(&genesys, report).await;
    let queues = Queues::new(&settings.callbacks.queues);
    list_queues(&genesys, &queues, report).await;
    let nobody = ConversationId::from_random(rand::random());
    match genesys
        .look(genesys.permit(Turn::Look).await, &nobody)
        .await
    {
        Err(failure) if failure.kind == FailureKind::Gone => {
            report.say("Conversations: may be read.");
        }
        Err(failure) => report.failed(
            "Conversations",
            Some("conversation:communication:view"),
            &failure,
        ),
        Ok(_) => report.say("Conversations: may be read."),
    }
    rules::names(&genesys, &settings.rules, report).await;
    match sweep::find(&genesys, &queues, &Manner::default()).await {
        Ok(found) => {
            let some = if found.truncated { "at least " } else { "" };
            report.say(format!(
                "Sweep: {some}{} callbacks wait in these queues now.",
                found.sightings.len()
            ));
            rules::entries(&genesys, settings, &found.sightings, report).await;
        }
        Err(failure) => report.failed("Sweep", Some("analytics:queueObservation:view"), &failure),
    }
    events::queue(settings, report).await?;
    report.say(
        "Not tried, because it would write: routing:conversation:edit, which every raise needs.",
    );
    Ok(())
}

/// Says which topics the platform offers, and what the daemon makes of it.
async fn topics(genesys: &Genesys, report: &mut Report) {
    let topics = match genesys.available_topics().await {
        Ok(topics) => topics,
        Err(failure) => {
            report.say(format!(
                "Topics: the list cannot be read ({failure}); the daemon tries them unseen."
            ));
            return;
        }
    };
    for (topic, without) in [
        (
            Topic::QUEUE_CALLBACKS,
            "without it, callbacks are found by the sweep, up to a minute later",
        ),
        (
            Topic::ACD_START,
            "without it, transfers and answers are seen by the queue's topic or the sweep",
        ),
    ] {
        let permissions = match topics.permissions(topic) {
            [] => String::new(),
            some => format!(", needs {}", some.join(", ")),
        };
        report.say(match (topics.transports(topic), topics.on_socket(topic)) {
            (Some(transports), Some(true)) => {
                format!("Topic {topic}: offered over {}{permissions}.", transports.join(", "))
            }
            (Some(transports), _) => format!(
                "Topic {topic}: offered over {} only{permissions}; it is tried on the socket all the same; {without}.",
                transports.join(", ")
            ),
            (None, _) => format!("Topic {topic}: not on the platform's list; it is tried all the same; {without}."),
        });
    }
}

/// Says which queues are meant.
async fn list_queues(genesys: &Genesys, queues: &Queues, report: &mut Report) {
    match genesys.queues().await {
        Ok(list) => {
            let unmatched = queues.resolve(&list);
            let ids = queues.ids();
            let mut names: Vec<String> = list
                .iter()
                .filter(|(id, _)| ids.contains(id))
                .map(|(_, name)| printable(name))
                .collect();
            names.sort_unstable();
            report.say(format!(
                "Queues: {} of {}: {}.",
                names.len(),
                list.len(),
                names.join(", ")
            ));
            for entry in unmatched {
                report.say(format!("warning: callbacks.queues: no queue is meant by `{entry}`; check the name, and the divisions of the OAuth client's role"));
            }
        }
        Err(failure) if queues.needs_no_list() => {
            report.say(format!(
                "Queues: the list cannot be read ({failure}); the daemon goes on without names."
            ));
        }
        Err(failure) => report.failed("Queues", Some("routing:queue:view"), &failure),
    }
}
