//! What operators are told.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use tracing::{Dispatch, subscriber::DefaultGuard};

/// A subscriber that is there all the time and on no thread. While there is but one, whichever thread comes first to a place
/// that logs decides for all threads whether it ever will, and most threads here have none.
static ANOTHER: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

/// The log of whatever runs on this thread, as long as this lives.
pub(crate) struct Log {
    /// What was told.
    told: Told,
    /// Takes it down.
    _listening: DefaultGuard,
}

/// Lines, one after the other.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    /// The lines, for one look or change.
    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        LazyLock::force(&ANOTHER);
        let told = Told::default();
        let writer = told.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone())
            .finish();
        Self {
            told,
            _listening: tracing::subscriber::set_default(subscriber),
        }
    }

    /// How many lines hold all of these words.
    pub(crate) fn count(&self, words: &[&str]) -> usize {
        let lines = self.told.lines();
        let text = String::from_utf8_lossy(&lines);
        let holds = |line: &&str| words.iter().all(|word| line.contains(word));
        text.lines().filter(holds).count()
    }
}
