//! The start: a token, our queues, and the first sweep, within a time.
//!
//! A refusal ends the daemon at once with the remedy, because no waiting mends it. Silence is waited out for a while:
//! machines and networks come up in any order.

use std::{sync::Arc, time::Duration};

use reqwest::StatusCode;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::DaemonError;
use crate::{
    backoff::Backoff,
    genesys::{Failure, FailureKind, Genesys},
    source::{
        names::Names,
        notifications::refresh,
        queues::Queues,
        sweep::{First, Manner, find},
    },
};

/// How long the platform may be out of reach when the daemon starts.
const START_UP: Duration = Duration::from_secs(30);
/// What to do when the token is refused.
const CREDENTIALS: &str = "check genesys.client_id and the client secret, and that the OAuth client uses the grant type Client Credentials and is active";
/// What to do when the sweep is refused.
const SWEEP_PERMISSION: &str =
    "give its role the permission analytics:queueObservation:view in the divisions of the queues";
/// What to do when the list of queues is refused.
const QUEUES_PERMISSION: &str = "give its role the permission routing:queue:view in the divisions of the queues, or name queues by id";

/// Makes sure that the platform can be used: a token, our queues, and the first sweep.
pub(super) async fn start_up(
    genesys: &Genesys,
    queues: &Queues,
    names: &Names,
) -> Result<First, DaemonError> {
    persist(genesys, CREDENTIALS, || async { Ok(()) }).await?;
    if queues.needs_no_list() {
        refresh(genesys, queues, names).await;
    } else {
        names.refresh(genesys).await;
        let list = persist(genesys, QUEUES_PERMISSION, || genesys.queues()).await?;
        names.learn_queues(&list);
        names.say_idle(queues.resolve(&list));
    }
    let manner = Arc::<Manner>::default();
    persist(genesys, SWEEP_PERMISSION, || async {
        let asked = Instant::now();
        let found = find(genesys, queues, &manner).await?;
        let manner = Arc::clone(&manner);
        Ok(First {
            found,
            asked,
            manner,
        })
    })
    .await
}

/// Tries until it works, is refused, or the time for starting is up. Each time with a token first, so that its refusal is
/// told from one of the attempt itself.
async fn persist<T, F>(
    genesys: &Genesys,
    remedy: &'static str,
    attempt: impl Fn() -> F,
) -> Result<T, DaemonError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let started = Instant::now();
    let (mut backoff, mut said) = (Backoff::default(), false);
    loop {
        let (failure, delay) = match genesys.log_in().await {
            // Coming back sooner would find the same failure, and count it again.
            Err(none) => {
                let delay = none.delay();
                (Failure::from(none), delay)
            }
            Ok(()) => match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure) => {
                    let delay = failure.delay(&mut backoff);
                    (failure, delay)
                }
            },
        };
        if failure.kind == FailureKind::Denied {
            let token = failure.status() == Some(StatusCode::UNAUTHORIZED);
            let remedy = if token { CREDENTIALS } else { remedy };
            return Err(DaemonError::Denied { remedy, failure });
        }
        if started.elapsed() + delay > START_UP
            && !matches!(failure.kind, FailureKind::Throttled { .. })
        {
            return Err(DaemonError::Unreachable(failure));
        }
        if !std::mem::replace(&mut said, true) {
            let error = &failure as &dyn std::error::Error;
            warn!(
                error,
                correlation_id = failure.correlation_id(),
                "the platform does not answer yet: trying again"
            );
        }
        sleep(delay).await;
    }
}
