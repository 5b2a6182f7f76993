//! The other end of the socket: gives one order and waits for its answer.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Answer, Order};

/// How long the daemon may take: as long as its journal may be locked by an administrator's shell, and more.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read, bytes.
const LARGEST: u64 = 1024 * 1024;

/// Why an order was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Nobody is there.
    #[error(
        "no daemon takes orders at {}: is it running, and with these settings? Give the daemon's own with --config, or its socket with --socket",
        path.display()
    )]
    Nobody {
        /// Where it should be.
        path: PathBuf,
    },
    /// The socket is not ours to open.
    #[error("{} is not ours to open: do this as the user that runs the daemon, or as root", path.display())]
    NotOurs {
        /// The socket.
        path: PathBuf,
    },
    /// It broke off.
    #[error("the daemon at {} gives no answer ({error}): see its log for whether the order was heard", path.display())]
    Silence {
        /// The socket.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// Gives an order to the daemon that listens at this path.
pub(crate) fn tell(path: &Path, order: &Order) -> Result<Answer, NoAnswer> {
    let stream = UnixStream::connect(path).map_err(|error| {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::PermissionDenied => NoAnswer::NotOurs { path },
            _ => NoAnswer::Nobody { path },
        }
    })?;
    exchange(stream, order).map_err(|error| NoAnswer::Silence {
        path: path.to_owned(),
        error,
    })
}

/// One line out, one line in.
fn exchange(mut stream: UnixStream, order: &Order) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LARGEST)).read_until(b'\n', &mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}
