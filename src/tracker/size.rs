//! What a waiting callback costs: a hundred thousand of them wait at once.
//!
//! Allocators hand out memory in sizes of their own, so a single byte more than these may cost sixty-four.

use super::*;

/// Bytes of a tracker, in a box.
const TRACKER: usize = 256;
/// Bytes of what it shares with the fleet, beside the two counts of its owners.
const VIEW: usize = 256 - 16;
/// Bytes of its task: tokio puts about a hundred of its own around them, and aligns all together at 512.
const TASK: usize = 400;

/// Bytes of what a function returns.
fn size_of_returned<T, A, B>(_function: fn(A, B) -> T) -> usize {
    size_of::<T>()
}

#[test]
fn a_waiting_callback_costs_no_more_than_it_did() {
    let (tracker, view) = (size_of::<Tracker>(), size_of::<View>());
    let task = size_of_returned(Tracker::run);
    assert!(tracker <= TRACKER, "a tracker takes {tracker} bytes");
    assert!(view <= VIEW, "a view takes {view} bytes");
    assert!(task <= TASK, "a task takes {task} bytes");
}
