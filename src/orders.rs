//! What operators have ordered and every part obeys: the rules, whether this is a dry run, and what is paused.
//!
//! It is one value that is changed as a whole while the daemon runs. Whoever decides something looks at it at that moment,
//! and keeps of it at most the number of the edition that was looked at: with another edition, what was decided by the rules
//! is decided anew. Only what is there for other parts (budget, queues, sweep) is changed in its own place, by `daemon`.

mod pauses;

use std::sync::Arc;

use tokio::sync::watch;

use crate::policy::rules::Rules;

pub use self::pauses::Pause;
pub(crate) use self::pauses::Pauses;

/// What holds now.
#[derive(Debug)]
pub(crate) struct Standing {
    /// When and how much, and which are left alone.
    pub(crate) rules: Rules,
    /// Attributes that rules ask for, where they ask for what only the whole conversation shows.
    pub(crate) background: Option<Arc<[String]>>,
    /// Whether raises are only told, not made.
    pub(crate) dry_run: bool,
    /// What is paused; nothing while that is not known, and then everything is.
    pub(crate) pauses: Option<Pauses>,
    /// Grows whenever rules or dry run are changed.
    pub(crate) edition: u16,
}

/// A handle on what holds, for those who obey and those who change it alike.
#[derive(Clone, Debug)]
pub(crate) struct Orders(Arc<watch::Sender<Standing>>);

impl Orders {
    /// These rules, and nothing known of pauses.
    pub(crate) fn new(rules: Rules, dry_run: bool) -> Self {
        Self(Arc::new(watch::Sender::new(Standing {
            background: background(&rules),
            rules,
            dry_run,
            pauses: None,
            edition: 0,
        })))
    }

    /// For whoever only looks: nothing is written, and the whole of a conversation is read.
    pub(crate) fn to_look(attributes: Vec<String>) -> Self {
        let orders = Self::new(Rules::default(), true);
        orders
            .0
            .send_modify(|now| now.background = Some(attributes.into()));
        orders
    }

    /// What holds now. Not to be held on to.
    pub(crate) fn now(&self) -> watch::Ref<'_, Standing> {
        self.0.borrow()
    }

    /// Puts other rules in force.
    pub(crate) fn rule(&self, rules: Rules, dry_run: bool) {
        self.0.send_modify(|now| {
            now.background = background(&rules);
            (now.rules, now.dry_run) = (rules, dry_run);
            now.edition = now.edition.wrapping_add(1);
        });
    }

    /// Lets everybody decide anew, because what is elsewhere has changed.
    pub(crate) fn tell_all(&self) {
        self.0.send_modify(|_| {});
    }

    /// Says what is paused, which was not known before, or not all of it.
    pub(crate) fn know_pauses(&self, pauses: Pauses) {
        self.0.send_modify(|now| now.pauses = Some(pauses));
    }

    /// Changes what is paused, where that is known.
    pub(crate) fn pauses<T: Default>(&self, change: impl FnOnce(&mut Pauses) -> T) -> T {
        let mut told = T::default();
        self.0.send_if_modified(|now| {
            let Some(pauses) = &mut now.pauses else {
                return false;
            };
            let before = pauses.clone();
            told = change(pauses);
            *pauses != before
        });
        told
    }

    /// Tells of changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<Standing> {
        self.0.subscribe()
    }
}

/// The attributes that rules ask for, where they ask for what only the whole conversation shows.
fn background(rules: &Rules) -> Option<Arc<[String]>> {
    let attributes = rules.attributes().map(str::to_owned).collect();
    rules.ask_for_the_whole().then_some(attributes)
}
