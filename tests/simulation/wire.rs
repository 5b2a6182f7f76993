//! What replicas have sent and heard: every request, with the moments at which it was sent, arrived and was answered.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use callback_prioritizer::clock::elapsed;
use jiff::Timestamp;

/// The path of the writes.
const WRITE: &str = "/api/v2/routing/conversations/";
/// What the body of a write says before the priority.
const PRIORITY: &str = r#""priority":"#;

/// How long a replica waits for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// By which replica.
    pub(crate) replica: usize,
    /// When.
    pub(crate) at: Timestamp,
    /// Its method.
    pub(crate) method: String,
    /// Its path, with the query.
    pub(crate) path: String,
    /// The priority in it.
    pub(crate) to: Option<i64>,
    /// When it was let through to the platform.
    pub(crate) arrived: Option<Timestamp>,
    /// When the replica heard the answer, and with which status.
    pub(crate) answered: Option<(Timestamp, u16)>,
}

/// All of them, in the order in which they were sent.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Sent>>>);

impl Sent {
    /// The conversation that it writes to.
    pub(crate) fn written(&self) -> Option<&str> {
        self.path
            .strip_prefix(WRITE)
            .filter(|_| self.method == "PATCH")
    }
}

impl Wire {
    /// Bytes were sent on a connection with this newest request; which is its newest now.
    pub(crate) fn sent(
        &self,
        replica: usize,
        at: Timestamp,
        bytes: &[u8],
        newest: Option<usize>,
    ) -> Option<usize> {
        let text = String::from_utf8_lossy(bytes);
        let mut all = self.all();
        let newest = match first_line(&text) {
            None => newest,
            Some((method, path)) => {
                all.push(Sent {
                    replica,
                    at,
                    method: method.to_owned(),
                    path: path.to_owned(),
                    to: None,
                    arrived: None,
                    answered: None,
                });
                Some(all.len() - 1)
            }
        }?;
        let request = &mut all[newest];
        if request.written().is_some() && request.to.is_none() {
            request.to = priority(&text);
        }
        Some(newest)
    }

    /// Whether a request is a write.
    pub(crate) fn is_write(&self, request: usize) -> bool {
        self.all()[request].written().is_some()
    }

    /// A request is let through to the platform; whether it is a write, and whole, and that is the first word of it.
    pub(crate) fn arrives(&self, request: usize, at: Timestamp) -> bool {
        let request = &mut self.all()[request];
        let first = request.arrived.is_none();
        request.arrived.get_or_insert(at);
        first && request.to.is_some()
    }

    /// A replica hears these bytes as the answer to a request, or as more of it.
    pub(crate) fn answered(&self, request: usize, at: Timestamp, bytes: &[u8]) {
        let request = &mut self.all()[request];
        if request.answered.is_none() && elapsed(request.at, at) < DEADLINE {
            request.answered = status(bytes).map(|status| (at, status));
        }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Sent> {
        self.all().clone()
    }

    /// The list.
    fn all(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().expect("no panic")
    }
}

/// Method and path, where a request begins so.
fn first_line(text: &str) -> Option<(&str, &str)> {
    let (line, _) = text.split_once("\r\n")?;
    let mut words = line.strip_suffix(" HTTP/1.1")?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    path.starts_with('/').then_some((method, path))
}

/// The priority that a body sets.
fn priority(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(PRIORITY)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '-');
    rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
}

/// The status of an answer that begins so.
fn status(bytes: &[u8]) -> Option<u16> {
    let rest = bytes.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}
