//! Who can see the status page. It has no sign-in, so that is a matter of where it listens.

use super::{
    super::Status,
    Finding,
    Severity::{Error, Note, Warning},
};

/// What there is to say about it.
pub(super) fn of(status: &Status) -> Option<Finding> {
    let Status {
        listen,
        allow_remote,
        hosts: _,
    } = status;
    match (listen.ip().is_loopback(), *allow_remote) {
        (true, false) => None,
        (true, true) => Some(Finding::new(
            Note,
            "status.allow_remote",
            "the page listens on this machine only, whatever is allowed: write another `listen`, or leave it out",
        )),
        (false, true) => Some(Finding::new(
            Warning,
            "status.listen",
            format!(
                "whoever reaches {listen} sees, without a sign-in and unencrypted, which callbacks wait (ids, queues, rules, priorities, times), how this daemon is doing and its metrics; nothing personal, and nothing can be changed there: let only those reach it who may see that"
            ),
        )),
        (false, false) => Some(Finding::new(
            Error,
            "status.listen",
            format!(
                "{listen} can be reached from other machines, and the status page has no sign-in: write \"127.0.0.1:{}\" and put a proxy with a sign-in in front of it, or `allow_remote = true` if all who reach it may see it",
                listen.port()
            ),
        )),
    }
}
