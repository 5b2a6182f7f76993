//! What goes wrong with the database, in one sentence with what to do about it. Never holds a password.

use std::{error::Error, fmt};

use tokio_postgres::error::{DbError, SqlState};

use super::{JournalError, store::LIMIT};
use crate::{genesys::tls::NoTls, settings::SharedJournal};

/// The code by which our functions refuse a program of another format.
const OTHER_FORMAT: &str = "CBP01";

/// Why an operation has failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database or the way to it.
    Database(tokio_postgres::Error),
    /// No trusted roots.
    Tls(NoTls),
    /// It was not done in time.
    Late,
    /// The database has another format than this program.
    Format {
        /// Its format.
        found: i32,
        /// Ours.
        known: i32,
    },
    /// The answer is none that our own functions give.
    Answer(String),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<NoTls> for Trouble {
    fn from(error: NoTls) -> Self {
        Self::Tls(error)
    }
}

impl Trouble {
    /// The code of the database's refusal.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Database(error) => error.code(),
            _ => None,
        }
    }

    /// The format that the database has instead of the `known` one, where that is what it says.
    pub(super) fn other_format(self, known: i32) -> Self {
        let Self::Database(error) = &self else {
            return self;
        };
        let refusal = error.as_db_error();
        match refusal.filter(|refusal| refusal.code().code() == OTHER_FORMAT) {
            Some(refusal) => Self::Format {
                found: refusal.message().parse().unwrap_or_default(),
                known,
            },
            None => self,
        }
    }

    /// Whether no waiting mends it, at the start.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Format { found, known } => found > known,
            Self::Database(_) => self.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            _ => false,
        }
    }

    /// The error for whoever asked.
    pub(super) fn of(&self, place: &Place) -> JournalError {
        JournalError::new(self.sentence(place))
    }

    /// In words.
    pub(super) fn sentence(&self, place: &Place) -> String {
        let what = match self {
            Self::Database(error) => match error.as_db_error() {
                Some(refusal) => refused(refusal, place),
                None => lost(error),
            },
            Self::Tls(error) => format!("{}; {error}", reasons(error)),
            Self::Late => format!(
                "no answer within {} seconds: check its host, its port and the firewall between; it is tried again",
                LIMIT.as_secs()
            ),
            Self::Format { found, known } if found > known => format!(
                "it was brought up to date by a newer callback-prioritizer (its format is {found}, the newest known here is {known}), and this one writes nothing more: run that version"
            ),
            Self::Format { found, known } => {
                format!("it has format {found} and is brought up to {known} now")
            }
            Self::Answer(what) => format!("unexpected: {what}; please report it"),
        };
        format!("{place}: {what}")
    }
}

/// The database, as it is named in words.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Host, port and database.
    shown: String,
    /// Who signs in.
    user: Option<String>,
}

impl Place {
    /// The one of these settings.
    pub(super) fn new(shared: &SharedJournal) -> Self {
        Self {
            shown: shared.url.to_string(),
            user: shared.url.user().map(str::to_owned),
        }
    }

    /// The database's own name.
    fn database(&self) -> &str {
        let name = self.shown.rsplit_once('/').map(|(_, name)| name);
        name.unwrap_or(&self.shown)
    }

    /// The role's name.
    fn role(&self) -> &str {
        self.user.as_deref().unwrap_or("this daemon's role")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the database {}", self.shown)?;
        match &self.user {
            Some(user) => write!(f, " as {user}"),
            None => Ok(()),
        }
    }
}

/// A refusal of the database's.
fn refused(refusal: &DbError, place: &Place) -> String {
    let (code, message) = (refusal.code(), refusal.message());
    let (database, role) = (place.database(), place.role());
    let remedy = match code.code() {
        "42501" => format!(
            "in that database run GRANT CREATE ON DATABASE \"{database}\" TO \"{role}\", or make the schema for it: CREATE SCHEMA callback_prioritizer AUTHORIZATION \"{role}\""
        ),
        "25006" => "it is read-only, as a standby is after a failover: let journal.url name the one that can be written, or all hosts and target_session_attrs=read-write".to_owned(),
        "28P01" | "28000" => "check the user, the password, and pg_hba.conf".to_owned(),
        "3D000" => format!("make it: CREATE DATABASE \"{database}\""),
        "57014" | "55P03" => "it is overloaded, or somebody holds a lock: it is tried again".to_owned(),
        "53300" => "too many connections: raise max_connections, or put PgBouncer in front".to_owned(),
        "53100" => "make room on its disk".to_owned(),
        // Class 57P: it stops or starts.
        other if other.starts_with("57P") => "it is tried again".to_owned(),
        "08P01" => "PgBouncer or the database does not take this connection".to_owned(),
        other => format!("unexpected ({other}): please report it"),
    };
    format!("{message}; {remedy}")
}

/// A connection that is not there, or no more.
fn lost(error: &tokio_postgres::Error) -> String {
    let why = reasons(error);
    let remedy = if why.contains("certificate") {
        "let sslrootcert in journal.url name the file with the authority that signed the server's certificate, and the host be a name that it is good for"
    } else if why.contains("does not support TLS") {
        "switch TLS on there; sslmode=disable is for a database on this machine"
    } else if why.contains("password missing") {
        "name a file that holds it in journal.password_file"
    } else {
        "it is tried again"
    };
    format!("{why}; {remedy}")
}

/// What an error says, and all that caused it, each once.
fn reasons(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !words.iter().any(|word| word.contains(&said)) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}
