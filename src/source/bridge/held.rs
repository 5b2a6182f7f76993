//! Messages that were delivered and are not deleted yet. Pure.
//!
//! The queue delivers again what it does not hear of in time, with a new handle, and only the newest handle is sure to
//! work. So a message is known by its id, once, and its handle is replaced.

use std::collections::HashMap;

/// A message as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Which message.
    pub(super) id: String,
    /// What this delivery is called.
    pub(super) handle: String,
    /// What it says.
    pub(super) body: String,
}

/// A delivery, to be deleted or kept from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Which message.
    pub(super) id: String,
    /// What the delivery is called.
    pub(super) handle: String,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its callback is not in the journal yet.
    Awaited,
    /// It may be deleted.
    Done,
    /// It is being deleted.
    Deleting,
}

/// All that is held.
#[derive(Debug, Default)]
pub(super) struct Held(HashMap<String, (String, Stage)>);

impl Held {
    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a delivery; whether the message was not held already.
    pub(super) fn take(&mut self, id: &str, handle: &str) -> bool {
        if let Some((newest, _)) = self.0.get_mut(id) {
            handle.clone_into(newest);
            return false;
        }
        let one = (handle.to_owned(), Stage::Awaited);
        self.0.insert(id.to_owned(), one);
        true
    }

    /// A message may be deleted.
    pub(super) fn done(&mut self, id: &str) {
        if let Some((_, stage)) = self.0.get_mut(id) {
            *stage = Stage::Done;
        }
    }

    /// Lets go of a message without deleting it.
    pub(super) fn let_go(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// What is to be deleted next, as much as fits into one request.
    pub(super) fn next_to_delete(&mut self, at_most: usize) -> Vec<Delivery> {
        let done = self
            .0
            .iter_mut()
            .filter(|(_, (_, stage))| *stage == Stage::Done);
        done.take(at_most)
            .map(|(id, (handle, stage))| {
                *stage = Stage::Deleting;
                delivery(id, handle)
            })
            .collect()
    }

    /// The request to delete these was answered: they are gone, or will be delivered again.
    pub(super) fn deleted(&mut self, deliveries: &[Delivery]) {
        for one in deliveries {
            self.0.remove(&one.id);
        }
    }

    /// The request to delete these was not answered: they are to be deleted again.
    pub(super) fn not_deleted(&mut self, deliveries: &[Delivery]) {
        for one in deliveries {
            self.done(&one.id);
        }
    }

    /// All that the queue must not deliver again yet.
    pub(super) fn to_keep(&self) -> Vec<Delivery> {
        let held = self.0.iter();
        held.map(|(id, (handle, _))| delivery(id, handle)).collect()
    }
}

/// A delivery of this message.
fn delivery(id: &str, handle: &str) -> Delivery {
    Delivery {
        id: id.to_owned(),
        handle: handle.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_once_and_deleted_by_its_newest_handle() {
        let mut held = Held::default();
        assert!(held.take("m", "first"));
        assert!(!held.take("m", "second"));
        assert_eq!(held.to_keep(), [delivery("m", "second")]);
        assert!(held.next_to_delete(10).is_empty(), "it is not noted yet");
        held.done("m");
        let deleting = held.next_to_delete(10);
        assert_eq!(deleting, [delivery("m", "second")]);
        assert!(held.next_to_delete(10).is_empty(), "it is being deleted");
        held.not_deleted(&deleting);
        assert!(!held.take("m", "third"));
        assert_eq!(held.next_to_delete(10), [delivery("m", "third")]);
        held.deleted(&deleting);
        assert_eq!(held.len(), 0);
        assert!(held.take("m", "fourth"), "it came again after that");
    }

    #[test]
    fn no_more_are_deleted_at_once_than_fit() {
        let mut held = Held::default();
        for id in ["a", "b", "c"] {
            held.take(id, id);
            held.done(id);
        }
        assert_eq!(
            (held.next_to_delete(2).len(), held.next_to_delete(2).len()),
            (2, 1)
        );
    }

    #[test]
    fn what_was_let_go_is_taken_again() {
        let mut held = Held::default();
        held.take("m", "first");
        held.let_go("m");
        held.done("m");
        assert_eq!(held.len(), 0);
        assert!(held.take("m", "second"));
    }
}
