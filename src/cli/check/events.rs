//! What SQS says to `events.sqs_queue_url`.

use super::{Failed, Report};
use crate::settings::Settings;

/// Says whether the queue can be read, and what becomes of messages that are not understood.
#[cfg(feature = "aws")]
pub(super) async fn queue(settings: &Settings, report: &mut Report) -> Result<(), Failed> {
    use crate::{
        cli::Exit,
        genesys::FailureKind,
        source::bridge::{Sqs, remedy},
    };

    let Some(url) = &settings.events.sqs_queue_url else {
        return Ok(());
    };
    let queue = Sqs::new(url).map_err(|error| Failed::new(Exit::Internal, error))?;
    let looked = async {
        let manner = queue.look().await?;
        queue.try_out().await.map(|()| manner)
    };
    match looked.await {
        Ok(manner) => {
            report.say(format!(
                "Event queue {url}: may be read and emptied; about {} messages wait in it. One of them, if there is one, was read and left there, which counts as a delivery.",
                manner.waiting
            ));
            if !manner.has_dead_letters {
                report.say("warning: events.sqs_queue_url: the queue has no dead-letter queue, so a message that is not understood comes again until it expires: give it one, as config/terraform does");
            }
        }
        Err(failure) => {
            report.say(format!(
                "Event queue {url}: failed: {failure}; {}",
                remedy(failure.kind)
            ));
            if report.exit == Exit::Ok {
                report.exit = match failure.kind {
                    FailureKind::Denied => Exit::Denied,
                    _ => Exit::Unreachable,
                };
            }
        }
    }
    Ok(())
}

/// There is no queue: settings that name one are refused.
#[cfg(not(feature = "aws"))]
#[expect(
    clippy::unused_async,
    reason = "takes what a program that reads queues takes"
)]
pub(super) async fn queue(_settings: &Settings, _report: &mut Report) -> Result<(), Failed> {
    Ok(())
}
