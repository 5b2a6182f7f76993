//! What an event means to the fleet.

use crate::{
    conversation::{Ending, Observed},
    genesys::Event,
    source::{Notice, queues::Queues},
};

/// The word for an event. A callback that entered a queue of somebody else's is gone as far as we are concerned.
pub(crate) fn notice(event: Event, ours: &Queues) -> Notice {
    match event {
        Event::AcdStart {
            id,
            queue: Some(queue),
        } if !ours.wants(Some(&queue)) => Notice::Gone {
            id,
            legs: Vec::new(),
            ending: None,
        },
        Event::Callback {
            id,
            seen: Observed::Over(ending),
            over,
        } => Notice::Gone {
            id,
            legs: over,
            ending: Some(ending),
        },
        Event::AcdEnd { id, leg, ending } => Notice::Gone {
            id,
            legs: leg.into_iter().collect(),
            ending,
        },
        Event::Callback {
            id,
            seen: Observed::Waiting(waiting),
            over,
        } if !ours.wants(waiting.queue.as_ref()) => Notice::Gone {
            id,
            legs: over,
            ending: Some(Ending::LeftQueue),
        },
        Event::Callback {
            id,
            seen: Observed::Waiting(waiting),
            ..
        } => Notice::Changed {
            id,
            seen: Some(waiting),
        },
        Event::Callback { id, .. } | Event::AcdStart { id, .. } => {
            Notice::Changed { id, seen: None }
        }
    }
}
