//! Events as comma-separated values for spreadsheets: a line of names, then a line an event. The names are those of the
//! daemon's log lines; what a start or an end of the daemon has none of is empty.

use std::io::{self, Write};

use super::{
    line::{change, outcome},
    table::late,
};
use crate::journal::Event;

/// What the columns are called.
const COLUMNS: [&str; 13] = [
    "kind",
    "at",
    "conversation_id",
    "visit",
    "queue_id",
    "from",
    "to",
    "step",
    "due",
    "late_ms",
    "outcome",
    "settled",
    "replica",
];

/// A sheet that is being written.
pub(super) struct Sheet<W: Write>(csv::Writer<W>);

impl<W: Write> Sheet<W> {
    /// Begins a sheet with the names of its columns.
    pub(super) fn begin(to: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(COLUMNS).map_err(as_io)?;
        Ok(Self(writer))
    }

    /// Writes an event.
    pub(super) fn write(&mut self, event: &Event) -> io::Result<()> {
        let text = |value: &dyn ToString| value.to_string();
        let cells = match event {
            Event::Write(written) => [
                "write".to_owned(),
                text(&written.write.at),
                text(&written.visit.conversation),
                text(&written.visit.leg),
                written
                    .queue
                    .as_ref()
                    .map_or_else(String::new, |id| text(id)),
                text(&written.write.from),
                text(&written.write.to),
                text(&written.write.step),
                text(&written.write.due),
                text(&late(written).as_millis()),
                outcome(written.outcome).to_owned(),
                written
                    .settled
                    .as_ref()
                    .map_or_else(String::new, |at| text(at)),
                written.replica.clone().unwrap_or_default(),
            ],
            Event::Daemon { at, what, replica } => {
                let mut cells = [const { String::new() }; COLUMNS.len()];
                "daemon".clone_into(&mut cells[0]);
                cells[1] = text(at);
                change(*what).clone_into(&mut cells[10]);
                cells[12] = replica.clone().unwrap_or_default();
                cells
            }
        };
        self.0.write_record(cells).map_err(as_io)
    }

    /// Lets go of what was written.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What kept a line from being written, as whoever looks for a closed pipe knows it.
fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::table::tests::{afternoon, of_replica},
        *,
    };

    #[test]
    fn an_event_is_a_line_under_the_names_of_its_columns() {
        let mut out = Vec::new();
        let mut sheet = Sheet::begin(&mut out).unwrap();
        for event in afternoon() {
            sheet.write(&event).unwrap();
        }
        sheet.write(&of_replica()).unwrap();
        sheet.end().unwrap();
        let text = String::from_utf8(out.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "kind,at,conversation_id,visit,queue_id,from,to,step,due,late_ms,outcome,settled,replica",
                "daemon,2026-01-05T13:59:58Z,,,,,,,,,started,,",
                "write,2026-01-05T14:00:00.2Z,7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86,leg,1a2b3c4d-0e9d-43ea-a2fa-fd5e97a80f86,0,1,1,2026-01-05T14:00:00Z,200,raised,2026-01-05T14:00:00.3Z,",
            ]
        );
        assert_eq!(lines[10], "daemon,2026-01-05T14:00:00Z,,,,,,,,,killed,,r2");
        assert_eq!(lines.len(), 2 + afternoon().len());
        let mut reader = csv::Reader::from_reader(out.as_slice());
        assert_eq!(reader.records().count(), 1 + afternoon().len());
    }

    /// A reader who has seen enough.
    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_has_seen_enough_is_known_as_one() {
        let mut sheet = Sheet::begin(Gone).expect("it is buffered");
        let mut lines = (0..10_000).flat_map(|_| afternoon());
        let failed = lines.find_map(|event| sheet.write(&event).err());
        assert_eq!(
            failed.map(|error| error.kind()),
            Some(io::ErrorKind::BrokenPipe)
        );
    }
}
