//! Structured logs on stderr: JSON, one object a line, or a readable form on a terminal.
//!
//! Where stderr goes to systemd's journal, each line begins with its level as the journal knows it, which it takes off
//! again: so `journalctl --priority warning` finds what it should, and what is kept is the line itself.
//!
//! Libraries below us log frames, headers and URLs at their lower levels, which would print tokens, channel ids and
//! names. They stay at `warn`, whatever level is asked for.

mod levels;

mod whose;

use std::io::{IsTerminal, stderr};

use tracing::error;
use tracing_subscriber::{
    EnvFilter, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::settings::{Log, LogFormat};

use self::{
    levels::Levelled,
    whose::{SPAN, Whose},
};

pub(crate) use levels::mark_of_error;
pub(crate) use whose::span_of;

/// Libraries that see secrets or personal data.
const CAPPED: [&str; 9] = [
    "axum",
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "tokio_tungstenite",
    "tungstenite",
    "tower",
];

/// Starts logging for the whole process.
///
/// # Errors
/// Where the level is no filter, or logging was started before.
pub fn start(log: &Log) -> Result<Level, Box<dyn std::error::Error>> {
    let (filter, handle) = reload::Layer::new(filter(&log.level)?);
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let layer = fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_target(false)
            .map_event_format(|form| Levelled::new(Whose(form)))
            .with_writer(stderr);
        registry.with(layer).try_init()?;
    } else {
        let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let layer = fmt::layer()
            .with_target(false)
            .with_ansi(colour)
            .map_event_format(Levelled::new)
            .with_writer(stderr);
        registry.with(layer).try_init()?;
    }
    log_panics();
    Ok(Level(handle))
}

/// What is worth a line, while the process runs.
#[derive(Clone, Debug)]
pub struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Logs by this level from now on. One that is no filter changes nothing; the settings know none.
    pub fn set(&self, level: &str) {
        if let Ok(filter) = filter(level) {
            // The subscriber is there as long as the process.
            let _set = self.0.reload(filter);
        }
    }
}

/// Makes panics log lines like all others: where, and not with which words, because nobody knows what they quote.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "internal error: a task panicked");
    }));
}

/// The filter for a level, or for directives such as `info,callback_prioritizer::source=debug`. Directives about libraries
/// that see secrets, or about modules of theirs, are left out.
fn filter(level: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let own = if level.contains(['=', ',']) {
        let kept: Vec<&str> = level
            .split(',')
            .filter(|directive| !is_capped(directive))
            .collect();
        kept.join(",")
    } else {
        format!("warn,callback_prioritizer={level}")
    };
    let capped = CAPPED.map(|library| format!("{library}=warn")).join(",");
    // Whose line it is, is said whatever is worth one.
    EnvFilter::builder().parse(format!("{own},{capped},{SPAN}=error"))
}

/// Whether a directive is about a library that sees secrets.
fn is_capped(directive: &str) -> bool {
    let target = directive
        .trim_start()
        .split(['=', ':', '['])
        .next()
        .unwrap_or_default();
    CAPPED.contains(&target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_see_secrets_stay_quiet() {
        for level in [
            "trace",
            "debug,tungstenite=trace,hyper=trace",
            "info, hyper_util::client::legacy=trace,h2[span]=trace",
            "callback_prioritizer::tracker=trace",
        ] {
            let filter = filter(level).unwrap().to_string();
            for library in CAPPED {
                assert!(
                    filter.contains(&format!("{library}=warn")),
                    "{level}: {filter}"
                );
                assert!(
                    !filter.contains(&format!("{library}=trace")),
                    "{level}: {filter}"
                );
            }
        }
        assert!(filter("loud=louder=loudest").is_err());
    }
}
