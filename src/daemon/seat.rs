//! What a daemon that runs beside others shows of itself to whoever looks after them all.

use std::sync::Arc;

use tokio::sync::watch;

use super::pulse::Way;
use crate::{control::Control, genesys::Genesys};

/// What is within a daemon.
#[derive(Clone)]
pub(crate) struct Inside {
    /// The platform, which says what time it is.
    pub(crate) genesys: Arc<Genesys>,
    /// What obeys operators.
    pub(crate) control: Arc<Control>,
    /// What proves that the work goes on; nothing before it has begun.
    pub(crate) way: Option<Way>,
}

/// The place of one daemon among several; empty while none runs there. Clones are the same place.
#[derive(Clone)]
pub(crate) struct Seat(Arc<watch::Sender<Option<Inside>>>);

impl Default for Seat {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Seat {
    /// A daemon has begun to start there.
    pub(super) fn take(&self, genesys: &Arc<Genesys>, control: &Arc<Control>) {
        self.0.send_replace(Some(Inside {
            genesys: Arc::clone(genesys),
            control: Arc::clone(control),
            way: None,
        }));
    }

    /// Its work has begun.
    pub(super) fn work(&self, way: Way) {
        self.0.send_modify(|inside| {
            if let Some(inside) = inside {
                inside.way = Some(way);
            }
        });
    }

    /// It is gone.
    pub(crate) fn leave(&self) {
        self.0.send_replace(None);
    }

    /// What is within it, where there is one.
    pub(crate) fn inside(&self) -> Option<Inside> {
        self.0.borrow().clone()
    }

    /// The way of its work, once that has begun.
    pub(crate) fn way(&self) -> Option<Way> {
        self.inside().and_then(|inside| inside.way)
    }

    /// Waits until its work has begun.
    pub(crate) async fn works(&self) {
        let mut changes = self.0.subscribe();
        let begun =
            |inside: &Option<Inside>| inside.as_ref().is_some_and(|inside| inside.way.is_some());
        // The sender is held by `self`.
        let _held = changes.wait_for(begun).await;
    }
}
