//! `sandbox`: the embedded platform as a process of its own.

use std::io::{Write, stdout};

use super::{Exit, Failed, Sandbox as Command, runtime};
use crate::{
    sandbox::{Options, Sandbox},
    shutdown::Shutdown,
};

/// Serves until stopped.
pub(super) fn run(command: &Command) -> Result<Exit, Failed> {
    if !command.listen.ip().is_loopback() {
        let sentence = format!(
            "--listen: {} is no loopback address: the sandbox takes orders from anybody, so it listens on 127.0.0.1 or [::1] only",
            command.listen
        );
        return Err(Failed::new(Exit::Usage, sentence));
    }
    runtime()?.block_on(serve(command))
}

/// Starts the platform, says how to reach it, and waits for a signal.
async fn serve(command: &Command) -> Result<Exit, Failed> {
    let options = Options {
        listen: command.listen,
        seed: command.seed,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.map_err(|error| {
        let sentence = format!(
            "--listen: {} cannot be listened on: {error}",
            command.listen
        );
        Failed::new(Exit::Internal, sentence)
    })?;
    writeln!(
        stdout(),
        "sandbox: a Genesys Cloud on {} (client id and secret: sandbox), queues Support and Sales; Ctrl-C ends it",
        sandbox.url()
    )
    .map_err(|error| Failed::new(Exit::Internal, error))?;
    let shutdown = Shutdown::default();
    let stop = async {
        tokio::select! {
            () = shutdown.drain().cancelled() => {}
            // Without signals, only the end of the process ends it.
            _uncatchable = shutdown.follow_signals() => std::future::pending().await,
        }
    };
    sandbox.run_until(stop).await;
    Ok(Exit::Ok)
}
