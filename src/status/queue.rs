//! What is known of the SQS queue that tells of callbacks.

use serde::Serialize;

/// The SQS queue that tells of callbacks. Counts are since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventQueue {
    /// Whether it was read, and nothing has kept it from being read since.
    pub read: bool,
    /// Messages delivered, those delivered again included.
    pub received: u64,
    /// Messages whose callbacks are not in the journal yet: they are kept from others and not deleted.
    pub held: usize,
    /// Messages deleted.
    pub deleted: u64,
    /// Deliveries of messages that are not understood: they are left to the queue's dead-letter policy.
    pub strange: u64,
    /// Messages given back because their callbacks cannot be noted: they are delivered again.
    pub given_back: u64,
}
