//! Whom an order is for: the organisation that it names, or the only one that has the queue.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::Instrument;

use super::{NOT_STARTED, member::Member};
use crate::{
    control::{Answer, Control, Obey, Order},
    conversation::Organization,
    logging::span_of,
};

/// All that may obey.
pub(super) struct Orders(pub(super) Arc<[Arc<Member>]>);

#[async_trait]
impl Obey for Orders {
    async fn obey(&self, order: Order) -> Answer {
        match self.meant(&order) {
            Ok((organization, control)) => {
                let obeying = control.obey(order);
                obeying.instrument(span_of(organization)).await
            }
            Err(sentence) => Answer::refused(sentence),
        }
    }
}

impl Orders {
    /// Whose order it is to obey, or why it is not clear.
    fn meant(&self, order: &Order) -> Result<(&Organization, Arc<Control>), String> {
        match (order.organization(), order.queue()) {
            (Some(name), _) => {
                let known = |member: &&Arc<Member>| member.organization.name() == Some(name);
                let member = self.0.iter().find(known);
                let member = member.ok_or_else(|| {
                    format!(
                        "there is no organisation `{}`: expected one of {}",
                        name.escape_debug(),
                        self.names()
                    )
                })?;
                let control = at_work(member).ok_or_else(|| {
                    let down = member.status.snapshot().down;
                    let why = down.unwrap_or_else(|| NOT_STARTED.to_owned());
                    format!("`{name}` is not looked after now, so nothing of it is raised: {why}")
                })?;
                Ok((&member.organization, control))
            }
            (None, None) => Err(format!(
                "there are several organisations: name one of {} with --organization",
                self.names()
            )),
            (None, Some(queue)) => self.of_queue(queue),
        }
    }

    /// The only organisation that has this queue.
    fn of_queue(&self, queue: &str) -> Result<(&Organization, Arc<Control>), String> {
        let at_work = self
            .0
            .iter()
            .filter_map(|member| Some((member, at_work(member)?)));
        let mut having: Vec<_> = at_work.filter(|(_, control)| control.has(queue)).collect();
        let names: Vec<_> = having
            .iter()
            .map(|(member, _)| member.organization.to_string())
            .collect();
        match (having.pop(), having.len()) {
            (Some((member, control)), 0) => Ok((&member.organization, control)),
            (None, _) => Err(format!(
                "no organisation that is looked after now has a queue that is meant by `{}`: check the name, or name one of {} with --organization",
                queue.escape_debug(),
                self.names()
            )),
            (Some(_), _) => Err(format!(
                "several organisations have a queue that is meant by `{}`: name one of {} with --organization",
                queue.escape_debug(),
                names.join(", ")
            )),
        }
    }

    /// The names there are.
    fn names(&self) -> String {
        let names: Vec<_> = self
            .0
            .iter()
            .map(|member| member.organization.to_string())
            .collect();
        names.join(", ")
    }
}

/// What obeys in an organisation, once it knows what was paused before.
fn at_work(member: &Member) -> Option<Arc<Control>> {
    let inside = member.seat.inside()?;
    inside.way.is_some().then_some(inside.control)
}
