//! `healthcheck`: asks the daemon on this machine how it is, for a container without a shell or a `curl` of its own.

use std::io::{Write, stdout};

use super::{Exit, Failed, Healthcheck, page::Page, runtime};

/// Asks, and says the answer: on stdout where all is well.
pub(super) fn run(command: &Healthcheck) -> Result<Exit, Failed> {
    let page = Page::of(&command.source)?;
    let what = if command.live { "livez" } else { "readyz" };
    let what = format!("{what}{}", command.whose.query());
    let (status, words) = runtime()?.block_on(page.get(&what))?;
    if !status.is_success() {
        return Err(Failed::new(Exit::Unreachable, words.trim_end()));
    }
    // Whoever asked may want the exit code only.
    let _closed = stdout().write_all(words.as_bytes());
    Ok(Exit::Ok)
}
