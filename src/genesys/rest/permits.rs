//! The right to send, for those who wait for it before they decide what to send.

use super::{Genesys, Permit, Place, Turn, settings};

impl Genesys {
    /// Takes another budget, for as many tokens as before.
    pub(crate) fn set_budget(&self, budget: settings::Budget) {
        self.limiter.change(budget);
    }

    /// Waits for the right to send one request, in its turn. May be given up at any time.
    pub(crate) async fn permit(&self, turn: Turn) -> Permit {
        self.limiter.permit(turn).await
    }

    /// Joins the line of those who wait for a permit.
    pub(crate) fn join(&self, turn: Turn) -> Place {
        self.limiter.join(turn)
    }

    /// Waits at this place for the right to send one request. May be given up at any time.
    pub(crate) async fn permit_at(&self, place: Place) -> Permit {
        self.limiter.permit_at(&place).await
    }

    /// Waits at this place for the right to write, and if a look must come first by then, of that as well. May be given up
    /// at any time.
    pub(crate) async fn permits_to_write(
        &self,
        place: Place,
        look_first: impl Fn() -> bool,
    ) -> (Permit, Option<Permit>) {
        self.limiter.one_or_two(place, look_first).await
    }
}
