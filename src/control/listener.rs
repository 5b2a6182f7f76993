//! The socket: who may order, how much is read, and how long that may take.
//!
//! Whoever is neither this user nor root is denied, by what the kernel says of the peer; the file's mode keeps most of them
//! away before that. A connection is one line in and one line out, small and soon, and few at a time, so that noise costs
//! nothing but itself.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream as Probe,
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use super::{Answer, Obey};

/// Largest order, bytes.
const LARGEST: u64 = 4_096;
/// How long an order may take to come, and its answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at a time.
const CONNECTIONS: usize = 8;
/// Delay after a failed accept: the process is out of file descriptors, and trying at once would spin.
const ACCEPT_DELAY: Duration = Duration::from_millis(100);
/// For this user alone.
const MODE: u32 = 0o600;

/// Takes orders at this path until stopped.
pub(crate) async fn listen(control: &Arc<impl Obey>, path: PathBuf, stop: &CancellationToken) {
    let bound = bind(&path).and_then(|listener| Ok((listener, own_user()?)));
    let (listener, own) = match bound {
        Ok(bound) => bound,
        Err(error) => {
            warn!(socket = %path.display(), %error, "no orders are taken: `pause` and `resume` do not reach this daemon");
            return stop.cancelled().await;
        }
    };
    info!(socket = %path.display(), "orders are taken");
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS => {
                    let control = Arc::clone(control);
                    let served = async move { serve(&*control, stream, own).await };
                    connections.spawn(served.in_current_span());
                }
                Ok(_one_too_many) => {}
                Err(_exhausted) => sleep(ACCEPT_DELAY).await,
            },
            Some(_served) = connections.join_next() => {}
        }
    }
    // Another daemon has taken it over, or somebody has removed it: no matter.
    let _gone = fs::remove_file(&path);
}

/// Listens at this path. What a daemon that was killed has left there is removed; that of one that lives is not.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match Probe::connect(path) {
        Ok(_answered) => {
            let what = "another callback-prioritizer takes its orders there";
            return Err(io::Error::new(io::ErrorKind::AddrInUse, what));
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            if fs::symlink_metadata(path)?.file_type().is_socket() {
                fs::remove_file(path)?;
            }
        }
        // Whatever else is the matter with the path, binding says it.
        Err(_absent) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    Ok(listener)
}

/// The user that this process is, as its peers see it.
fn own_user() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

/// Whether this user may order something of a daemon that is this other one.
fn may_order(user: u32, own: u32) -> bool {
    user == own || user == 0
}

/// Serves one connection.
async fn serve(control: &impl Obey, mut stream: UnixStream, own: u32) {
    // Also of those who are denied: a connection that is closed before it was read loses its answer.
    let Some(line) = order(&mut stream).await else {
        // Whoever says nothing expects nothing.
        return;
    };
    let user = stream.peer_cred().map(|peer| peer.uid());
    let answer = match user {
        Ok(user) if may_order(user, own) => answer(control, &line).await,
        _ => {
            debug!(?user, "an order was denied");
            Answer::Denied
        }
    };
    let Ok(mut line) = serde_json::to_vec(&answer) else {
        return;
    };
    line.push(b'\n');
    // One that does not wait for the answer has its order done all the same.
    let _taken = timeout(PATIENCE, stream.write_all(&line)).await;
}

/// Reads an order, or what is meant to be one; nothing where none comes in time.
async fn order(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream).take(LARGEST);
    let read = timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await;
    (matches!(read, Ok(Ok(1..)))).then_some(line)
}

/// What a line is answered with.
async fn answer(control: &impl Obey, line: &[u8]) -> Answer {
    match serde_json::from_slice(line) {
        Ok(order) => control.obey(order).await,
        Err(_strange) => Answer::refused(
            "the order is not understood: is the program that sent it of the same version?",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_user_and_root_may_order_and_nobody_else() {
        for (user, own, expected) in [
            (1000, 1000, true),
            (0, 1000, true),
            (0, 0, true),
            (1001, 1000, false),
            (1000, 0, false),
        ] {
            assert_eq!(may_order(user, own), expected, "{user} to {own}");
        }
    }
}
