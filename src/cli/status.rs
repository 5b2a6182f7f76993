//! `status`: what the running daemon knows, in a terminal: once, or again and again.

mod overview;

mod table;

use std::{
    io::{self, IsTerminal, Write, stdout},
    time::Duration,
};

use reqwest::StatusCode;
use tokio::time::sleep;

use super::{Exit, Failed, Status, page::Page, runtime};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Clears a terminal.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Shows it.
pub(super) fn run(command: &Status) -> Result<Exit, Failed> {
    let page = Page::of(&command.source)?;
    runtime()?.block_on(show(command, &page))
}

/// Shows it once, or until nobody reads any more.
async fn show(command: &Status, page: &Page) -> Result<Exit, Failed> {
    let on_terminal = stdout().is_terminal();
    // What does not fit on the screen would push out what stands above it.
    let height = terminal_size::terminal_size().filter(|_| on_terminal && command.watch);
    let rows = height.map(|(_, height)| usize::from(height.0));
    loop {
        let told = tell(command, page, rows).await;
        let text = match told {
            Ok(text) => text,
            // Whoever watches is there when it comes back.
            Err(failed) if command.watch => format!("{}\n", failed.error),
            Err(failed) => return Err(failed),
        };
        let clear = if on_terminal && command.watch {
            CLEAR
        } else {
            ""
        };
        let mut out = stdout().lock();
        let written = write!(out, "{clear}{text}").and_then(|()| out.flush());
        match written {
            // Whoever reads has had enough: `status --watch | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Ok),
            Err(error) => return Err(Failed::new(Exit::Internal, error)),
            Ok(()) if !command.watch => return Ok(Exit::Ok),
            Ok(()) => {}
        }
        drop(out);
        sleep(EVERY).await;
    }
}

/// What is to be shown, in no more lines than that.
async fn tell(command: &Status, page: &Page, rows: Option<usize>) -> Result<String, Failed> {
    let what = format!("status.json{}", command.whose.query());
    let (status, answer) = page.get(&what).await?;
    if status == StatusCode::NOT_FOUND {
        let words = format!("the daemon answers: {}", answer.trim_end());
        return Err(Failed::new(Exit::Usage, words));
    }
    if !status.is_success() {
        let words = format!("the daemon answers {status} where it should tell its status");
        return Err(Failed::new(Exit::Unreachable, words));
    }
    if command.json {
        return Ok(format!("{answer}\n"));
    }
    if let Ok(all) = serde_json::from_str(&answer) {
        return Ok(overview::draw(&all));
    }
    let seen = serde_json::from_str(&answer).map_err(|error| {
        let words = format!("what answers there is no status of this version: {error}");
        Failed::new(Exit::Unreachable, words)
    })?;
    Ok(table::draw(&seen, rows))
}
