//! The level before each line, in the form that systemd's journal takes off and keeps as the line's priority: `<4>`.
//!
//! Only where stderr is a stream to the journal. It says so itself, by device and inode in `$JOURNAL_STREAM`, which a
//! stderr that was redirected since does not match (systemd.exec(5), sd-daemon(3)).

use std::{
    fmt,
    fs::File,
    io::stderr,
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Writes an event as the form within does, after its level where the journal reads it.
#[derive(Debug)]
pub(super) struct Levelled<F> {
    /// The form of the line itself.
    form: F,
    /// Whether the journal reads it.
    journal: bool,
}

impl<F> Levelled<F> {
    /// This form, with levels if the journal reads our stderr.
    pub(super) fn new(form: F) -> Self {
        let journal = is_journal();
        Self { form, journal }
    }
}

impl<S, N, F> FormatEvent<S, N> for Levelled<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.journal {
            writer.write_str(mark(*event.metadata().level()))?;
        }
        self.form.format_event(context, writer, event)
    }
}

/// What stands before a line that tells of an error and comes from no event: nothing where the journal does not read it.
pub(crate) fn mark_of_error() -> &'static str {
    if is_journal() { mark(Level::ERROR) } else { "" }
}

/// A level as syslog numbers them: error, warning, info, debug.
fn mark(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

/// Whether our stderr is a stream to the journal.
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let ours = stderr().as_fd().try_clone_to_owned();
    let ours = ours.and_then(|ours| File::from(ours).metadata());
    ours.is_ok_and(|ours| stream == format!("{}:{}", ours.dev(), ours.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_levels_have_smaller_numbers_as_syslog_has_them() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG];
        assert_eq!(levels.map(mark), ["<3>", "<4>", "<6>", "<7>"]);
    }
}
