//! What the demo shows while it runs: pictures of the line, in the words of a supervisor.

use std::{
    collections::HashMap,
    fmt::Display,
    io::{self, IsTerminal, Write, stderr},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};

use super::{PICTURE, Scene};
use crate::{
    clock::elapsed,
    conversation::ConversationId,
    policy::rules::Rules,
    sandbox::{
        Media,
        scenario::{Arrival, Outcome},
    },
};

/// Rows of a picture; the rest is counted.
const ROWS: usize = 8;

/// Whether to use colours.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Colours are wanted and can be seen.
    colours: bool,
}

impl Paint {
    /// With colours or without.
    #[must_use]
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// A heading.
    pub(super) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    /// Good news.
    pub(super) fn green(self, text: impl Display) -> String {
        self.with("32", text)
    }

    /// What may be passed over.
    pub(super) fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    /// Text in an ANSI style.
    fn with(self, style: &str, text: impl Display) -> String {
        if self.colours {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }
}

/// Says what is about to be seen.
pub(super) fn introduce(
    out: &mut impl Write,
    paint: Paint,
    arrivals: &[Arrival],
    agents: usize,
    rules: &Rules,
) -> io::Result<()> {
    let callbacks = arrivals
        .iter()
        .filter(|arrival| arrival.media == Media::Callback)
        .count();
    let calls = arrivals.len() - callbacks;
    writeln!(out, "{}", paint.bold("A rush hour in the queue Support"))?;
    writeln!(
        out,
        "{calls} callers stay on the line and {callbacks} take a callback; {agents} agents serve them, whoever is first in line.\n\
         While a call waits, its in-queue flow raises its priority by a point a minute. A callback has no such flow,\n\
         and here the daemon does this for it: {}.\n",
        rules.otherwise.policy
    )
}

/// Tells of the run with the daemon.
pub(super) struct Story {
    /// Whether to use colours.
    paint: Paint,
    /// Names for callbacks: their number in order of arrival.
    numbers: HashMap<ConversationId, usize>,
    /// Callbacks whose answer was told.
    told: usize,
    /// Real time to look at a picture.
    pace: Duration,
}

impl Story {
    /// A story not begun.
    pub(super) fn new(paint: Paint, pace: Duration) -> Self {
        Self {
            paint,
            pace,
            numbers: HashMap::new(),
            told: 0,
        }
    }

    /// Shows the line now and then: who waits, since when, at which place, and who was answered since.
    pub(super) fn tell(&mut self, out: &mut impl Write, scene: &Scene<'_>) -> io::Result<()> {
        let outcomes = scene.sandbox.world().outcomes();
        for outcome in outcomes.iter().filter(|outcome| is_callback(outcome)) {
            let next = self.numbers.len() + 1;
            self.numbers
                .entry(outcome.conversation.clone())
                .or_insert(next);
        }
        if scene.minute == 0 || !scene.minute.is_multiple_of(PICTURE.as_secs() / 60) {
            return Ok(());
        }
        let now = scene.sandbox.world().now();
        let line = scene.sandbox.world().line(scene.queue);
        let waiting: Vec<&Outcome> = outcomes
            .iter()
            .filter(|outcome| {
                is_callback(outcome) && outcome.entered.is_some() && outcome.answered.is_none()
            })
            .collect();
        let answered = outcomes
            .iter()
            .filter(|outcome| is_callback(outcome) && outcome.answered.is_some())
            .count();
        let heading = format!(
            "{}  {} in line, {} of them callbacks",
            clock_time(now),
            line.len(),
            waiting.len()
        );
        let since = format!(
            "{} callbacks answered in the last ten minutes",
            answered - self.told
        );
        writeln!(
            out,
            "{}  {}",
            self.paint.bold(heading),
            self.paint.green(since)
        )?;
        self.told = answered;
        self.rows(out, scene, &waiting, &line, now)?;
        writeln!(out)?;
        // Real time on purpose, and the whole runtime with it: virtual time stands still while somebody reads.
        std::thread::sleep(self.pace);
        Ok(())
    }

    /// A row for each callback that waits, first in line first.
    fn rows(
        &self,
        out: &mut impl Write,
        scene: &Scene<'_>,
        waiting: &[&Outcome],
        line: &[ConversationId],
        now: Timestamp,
    ) -> io::Result<()> {
        if waiting.is_empty() {
            return writeln!(out, "  {}", self.paint.dim("no callback waits"));
        }
        let writes = scene.sandbox.world().writes();
        let place = |id: &ConversationId| {
            line.iter()
                .position(|other| other == id)
                .map(|place| place + 1)
        };
        let mut waiting = waiting.to_vec();
        waiting.sort_by_key(|outcome| place(&outcome.conversation));
        writeln!(
            out,
            "  {}",
            self.paint
                .dim("place  callback  waits since  for      priority  raised")
        )?;
        for outcome in waiting.iter().take(ROWS) {
            let id = &outcome.conversation;
            let since = outcome.entered.unwrap_or(now);
            let raised = writes
                .iter()
                .filter(|write| write.conversation == *id)
                .count();
            let place = place(id).map_or_else(|| "rings".to_owned(), |place| place.to_string());
            writeln!(
                out,
                "  {place:>5}  {:<8}  {:<11}  {:<7}  {:>8}  {raised:>3} times",
                format!("#{}", self.numbers.get(id).copied().unwrap_or_default()),
                clock_time(since),
                minutes(elapsed(since, now)),
                outcome.priority,
            )?;
        }
        let more = waiting.len().saturating_sub(ROWS);
        if more > 0 {
            writeln!(out, "  {}", self.paint.dim(format!("and {more} more")))?;
        }
        Ok(())
    }
}

/// A line on a terminal that says how far a silent run is.
pub(super) struct Progress {
    /// What is computed.
    what: &'static str,
    /// Whether anybody can see a line that changes.
    visible: bool,
}

impl Progress {
    /// Begins a silent run.
    pub(super) fn start(what: &'static str) -> Self {
        Self {
            what,
            visible: stderr().is_terminal(),
        }
    }

    /// Says how far it is.
    pub(super) fn show(&self, minute: u64) {
        if self.visible {
            // Progress that cannot be shown is no reason to stop.
            let _unseen = write!(
                stderr(),
                "\r\u{1b}[Kthe same callers {}: minute {minute}",
                self.what
            );
        }
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        if self.visible {
            let _unseen = write!(stderr(), "\r\u{1b}[K");
        }
    }
}

/// Whether it is about a callback.
fn is_callback(outcome: &Outcome) -> bool {
    outcome.media == Media::Callback
}

/// Hours and minutes of the day.
fn clock_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
}

/// A time in minutes and seconds.
pub(super) fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}m {:02}s", seconds / 60, seconds % 60)
}
