//! How what goes wrong in a plan is asked of the sandbox.

use std::time::Duration;

use callback_prioritizer::sandbox::{Effect, Faults, RequestFault};

use crate::{
    plan::{Harm, LineFault, Operation},
    stage::Stage,
};

/// Lets something go wrong. Every 429 asks to wait for so many seconds.
pub(crate) fn cause(stage: &Stage, fault: &Operation, retry_after: u64) {
    let faults = stage.sandbox.faults();
    match fault {
        Operation::Events(topic, fate, times) => faults.events(topic, *fate, *times),
        Operation::Release(order) => faults.release_events(Some(order)),
        Operation::Requests(method, path, harm, times) => {
            faults.requests(RequestFault {
                times: *times,
                ..RequestFault::to(method, path, effect(*harm, retry_after))
            });
        }
        Operation::Line(fault) => line(stage, faults, *fault),
        Operation::Outage(cut) => {
            let effect = if *cut {
                Effect::Cut
            } else {
                Effect::Answer(503, None)
            };
            faults.requests(RequestFault::to("", "", effect));
            faults.cut_sockets();
        }
        _ => {}
    }
}

/// What becomes of a request, in the sandbox's words.
fn effect(harm: Harm, retry_after: u64) -> Effect {
    match harm {
        Harm::Status(status) => Effect::Answer(status, None),
        Harm::Throttled => Effect::Answer(429, Some(retry_after)),
        Harm::AppliedThen(status) => Effect::AppliedThenAnswer(status),
        Harm::AppliedThenCut => Effect::AppliedThenCut,
        Harm::Cut => Effect::Cut,
        Harm::Late(seconds) => Effect::Delay(Duration::from_secs(seconds)),
    }
}

/// Something happens to sockets, channels or tokens.
fn line(stage: &Stage, faults: &Faults, fault: LineFault) {
    match fault {
        LineFault::Cut => faults.cut_sockets(),
        LineFault::Close(code) => faults.close_sockets(code),
        LineFault::Silence => faults.silence_sockets(),
        LineFault::Announce => faults.announce_closing(),
        LineFault::Refuse(status, times) => faults.refuse_sockets(status, times),
        LineFault::Flap(seconds) => faults.flap_sockets(Some(Duration::from_secs(seconds))),
        LineFault::Strange => {
            faults.send_text("{");
            faults.send_binary(&[0, 1, 2]);
        }
        LineFault::Evict => faults.evict_channels(),
        LineFault::Revoke => faults.revoke_tokens(),
        LineFault::Disable => faults.disable_client(true),
        LineFault::ForbidSales => faults.forbid_queue(&stage.queue(true)),
        LineFault::RejectTopics => faults.reject_topics("v2.routing.queues."),
    }
}
