//! Why a daemon could not start, or had to end: what becomes the exit code, or the reason to try again.

use super::Refusal;
use crate::genesys::{Failure, NoTls};

/// Why the daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Credentials or permissions are refused.
    #[error("the platform refuses this OAuth client: {remedy}")]
    Denied {
        /// What to do about it.
        remedy: &'static str,
        /// What was refused.
        #[source]
        failure: Failure,
    },
    /// The platform did not answer while starting.
    #[error(
        "the platform cannot be reached: check genesys.region and the network, or try again later"
    )]
    Unreachable(#[source] Failure),
    /// The journal cannot be opened, which a dry run did without.
    #[error("the journal cannot be opened")]
    NoJournal(#[source] Refusal),
    /// TLS cannot be set up.
    #[error(transparent)]
    NoTls(#[from] NoTls),
    /// Other replicas leave no room for this one.
    #[error("this daemon cannot be one of the replicas: {0}")]
    NoPlace(String),
    /// A part ended on its own.
    #[error("internal error: the {0} ended unexpectedly; the daemon cannot go on without it")]
    PartEnded(&'static str),
}
