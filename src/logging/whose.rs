//! Whose line it is, where there are several organisations: a field of every line that one of their daemons writes.
//!
//! Each daemon runs in a span that says so, and so do the tasks that it starts. JSON lines have their fields at the top, and
//! nothing of spans, so the name is put there; lines for people show the span themselves.

use std::fmt;

use tracing::{Event, Span, Subscriber, error_span};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

use crate::conversation::Organization;

/// What the span is called, what it is about, and the field in it.
pub(super) const SPAN: &str = "organization";

/// The span of all that is one organisation's; none where there is but one. Of the highest level, so that the name is there
/// whatever is worth a line.
pub(crate) fn span_of(organization: &Organization) -> Span {
    match organization.name() {
        Some(organization) => error_span!(target: SPAN, SPAN, organization),
        None => Span::none(),
    }
}

/// Writes an event as the form within does, with the name of the organisation as one more field.
#[derive(Debug)]
pub(super) struct Whose<F>(pub(super) F);

impl<S, F> FormatEvent<S, JsonFields> for Whose<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: FormatEvent<S, JsonFields>,
    JsonFields: for<'a> FormatFields<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut spans = context.event_scope().into_iter().flatten();
        let Some(span) = spans.find(|span| span.metadata().target() == SPAN) else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let extensions = span.extensions();
        let fields = extensions.get::<FormattedFields<JsonFields>>();
        let name = fields.map_or("", |fields| fields.fields.as_str());
        let name = name.trim_start_matches('{').trim_end_matches('}');
        match line.strip_suffix("}\n") {
            Some(open) if !name.is_empty() => writeln!(writer, "{open},{name}}}"),
            _ => writer.write_str(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing::info;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Lines in memory.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_names_the_organization_whose_it_is_and_no_other() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .map_event_format(Whose)
            .with_writer(move || writer.clone());
        // With the strictest filter that lets a line through at all.
        let filter = super::super::filter("callback_prioritizer::logging=info").unwrap();
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let acme = span_of(&"acme".parse().unwrap());
            acme.in_scope(|| info!(number = 1, "hers"));
            span_of(&Organization::default()).in_scope(|| info!(number = 2, "of the only one"));
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let lines: Vec<_> = text.lines().map(read).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["organization"], "acme", "{text}");
        assert_eq!(
            (&lines[0]["number"], &lines[0]["message"]),
            (&1.into(), &"hers".into())
        );
        assert!(lines[1].get("organization").is_none(), "{text}");
    }
}
