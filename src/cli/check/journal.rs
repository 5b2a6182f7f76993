//! What the database says to `journal.url`.

use super::{Exit, Report};
use crate::{
    journal::{self, Look},
    settings::Settings,
};

/// Says whether the journal's database can be reached, and what is in it.
pub(super) async fn database(settings: &Settings, report: &mut Report) {
    let Some(shared) = &settings.journal.shared else {
        return;
    };
    let (sentence, exit) = match journal::look_at_database(shared).await {
        Ok(look) => found(&look),
        Err(error) => (format!("failed: {error}"), Exit::Unreachable),
    };
    report.say(format!("Journal {}: {sentence}", shared.url));
    if report.exit == Exit::Ok {
        report.exit = exit;
    }
}

/// What is found, in words, and how the check ends with it.
fn found(look: &Look) -> (String, Exit) {
    let Look {
        format,
        known,
        writable,
        standby,
    } = *look;
    if standby {
        return (
            "this is a standby, which nobody can write: let journal.url name the primary, or all hosts and target_session_attrs=read-write.".to_owned(),
            Exit::Settings,
        );
    }
    if !writable {
        return (
            "the role may not write here: see the README for the rights that it needs.".to_owned(),
            Exit::Denied,
        );
    }
    match format {
        None => (
            "can be reached and written; there is no journal yet, and the first start makes one."
                .to_owned(),
            Exit::Ok,
        ),
        Some(format) if format > known => (
            format!(
                "a newer callback-prioritizer has brought it to format {format}, and this one knows {known}: run that version."
            ),
            Exit::Settings,
        ),
        Some(format) if format < known => (
            format!(
                "can be reached and written; it has format {format}, and the next start brings it to {known}, after which older daemons write nothing more."
            ),
            Exit::Ok,
        ),
        Some(format) => (
            format!("can be reached and written; its format is {format}."),
            Exit::Ok,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_sentence_and_its_end() {
        let good = Look {
            format: Some(2),
            known: 2,
            writable: true,
            standby: false,
        };
        for (look, expected, exit) in [
            (good, "its format is 2", Exit::Ok),
            (
                Look {
                    format: None,
                    ..good
                },
                "no journal yet",
                Exit::Ok,
            ),
            (
                Look {
                    format: Some(1),
                    ..good
                },
                "brings it to 2",
                Exit::Ok,
            ),
            (
                Look {
                    format: Some(3),
                    ..good
                },
                "run that version",
                Exit::Settings,
            ),
            (
                Look {
                    writable: false,
                    ..good
                },
                "may not write",
                Exit::Denied,
            ),
            (
                Look {
                    standby: true,
                    ..good
                },
                "a standby",
                Exit::Settings,
            ),
        ] {
            let (sentence, ended) = found(&look);
            assert!(sentence.contains(expected), "{sentence}");
            assert_eq!(ended, exit, "{sentence}");
        }
    }
}
