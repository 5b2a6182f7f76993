//! The network between one replica and the platform: it carries, holds, delivers late, and remembers who sent what and when.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use callback_prioritizer::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    gate::{Gate, Point},
    wire::Wire,
};

/// How long the platform is left with a connection that the replica has given up: it must not see so before it has done what
/// it was asked for.
const LINGER: Duration = Duration::from_secs(5);
/// Bytes carried at once.
const PIECE: usize = 64 * 1024;

/// The network of one replica.
pub(crate) struct Link {
    /// Where it begins, as a URL.
    pub(crate) url: String,
    /// What its connections share.
    cable: Arc<Cable>,
    /// Who carries.
    _carrying: JoinSet<()>,
}

/// What connections share.
struct Cable {
    /// Which replica.
    replica: usize,
    /// What holds.
    gate: Arc<Gate>,
    /// What remembers.
    wire: Wire,
    /// The clock that is right.
    clock: Clock,
    /// Where it ends.
    platform: String,
    /// Where it begins.
    here: String,
    /// How often it was cut.
    cuts: watch::Sender<u32>,
}

/// A connection.
#[derive(Default)]
struct Connection {
    /// Its newest request, by its number on the wire.
    request: Mutex<Option<usize>>,
    /// Whether the replica has given it up.
    given_up: AtomicBool,
}

/// Some bytes on their way.
struct Piece {
    /// They.
    bytes: Vec<u8>,
    /// When they were sent.
    sent: Instant,
    /// The request that they are of.
    request: Option<usize>,
}

impl Link {
    /// A link of this replica to a platform at this URL.
    pub(crate) async fn new(
        replica: usize,
        platform: &str,
        gate: Arc<Gate>,
        wire: Wire,
        clock: Clock,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let here = listener.local_addr().expect("an address").to_string();
        let cable = Arc::new(Cable {
            replica,
            gate,
            wire,
            clock,
            platform: platform.trim_start_matches("http://").to_owned(),
            here,
            cuts: watch::Sender::default(),
        });
        let mut carrying = JoinSet::new();
        carrying.spawn(accept(listener, Arc::clone(&cable)));
        Self {
            url: format!("http://{}", cable.here),
            cable,
            _carrying: carrying,
        }
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        self.cable.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Accepts for ever.
async fn accept(listener: TcpListener, cable: Arc<Cable>) {
    let mut carried = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.expect("a connection");
        carried.spawn(Arc::clone(&cable).carry(near));
        while carried.try_join_next().is_some() {}
    }
}

impl Cable {
    /// Carries one connection.
    async fn carry(self: Arc<Self>, near: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let far = TcpStream::connect(&self.platform)
            .await
            .expect("the platform");
        // What waits for an acknowledgement waits in real time, and virtual time runs away from it.
        near.set_nodelay(true).expect("a connection");
        far.set_nodelay(true).expect("a connection");
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        let connection = Connection::default();
        let (out, to_send) = mpsc::unbounded_channel();
        let (back, to_tell) = mpsc::unbounded_channel();
        let outwards = async {
            tokio::join!(
                self.read_out(near_in, out, &connection),
                self.write_out(far_out, to_send, &connection)
            );
        };
        let homewards = async {
            tokio::join!(
                self.read_back(far_in, back, &connection),
                self.write_back(near_out, to_tell)
            );
            // Where the platform has closed it, so will the replica; what it has sent before may be held yet.
            pending::<()>().await;
        };
        tokio::select! {
            () = outwards => {}
            () = homewards => {}
            _ = cuts.changed() => {}
        }
    }

    /// Takes what the replica sends.
    async fn read_out(
        &self,
        mut near: OwnedReadHalf,
        out: mpsc::UnboundedSender<Piece>,
        connection: &Connection,
    ) {
        while let Some(bytes) = read(&mut near).await {
            let mut newest = connection.request.lock().expect("no panic");
            let now = self.clock.now();
            *newest = self.wire.sent(self.replica, now, &bytes, *newest);
            let _read_by_us = out.send(Piece {
                bytes,
                sent: Instant::now(),
                request: *newest,
            });
        }
        connection.given_up.store(true, Ordering::Relaxed);
    }

    /// Lets the platform have it, when that may be.
    async fn write_out(
        &self,
        mut far: OwnedWriteHalf,
        mut pieces: mpsc::UnboundedReceiver<Piece>,
        connection: &Connection,
    ) {
        let mut anew = None;
        while let Some(piece) = pieces.recv().await {
            let late = self.gate.let_out().await;
            let given_up = connection.given_up.load(Ordering::Relaxed);
            let held = piece.sent < Instant::now();
            if held && given_up {
                // Only writes come late: topics that did would leave a replica deaf when all is well.
                if !(late && piece.request.is_some_and(|one| self.wire.is_write(one))) {
                    continue;
                }
                // The platform has closed its side meanwhile.
                if anew.is_none() {
                    anew = TcpStream::connect(&self.platform).await.ok();
                }
            }
            // Where the platform is gone, what comes back says so.
            let _gone = match &mut anew {
                Some(anew) => anew.write_all(&piece.bytes).await,
                None => far.write_all(&piece.bytes).await,
            };
            if let Some(request) = piece.request
                && self.wire.arrives(request, self.clock.now())
            {
                self.gate.at(Point::Written);
            }
        }
        sleep(LINGER).await;
    }

    /// Takes what the platform answers or tells.
    async fn read_back(
        &self,
        mut far: OwnedReadHalf,
        back: mpsc::UnboundedSender<Piece>,
        connection: &Connection,
    ) {
        while let Some(mut bytes) = read(&mut far).await {
            // Sockets go by this link as well.
            redirect(&mut bytes, &self.platform, &self.here);
            let request = *connection.request.lock().expect("no panic");
            let _read_by_us = back.send(Piece {
                bytes,
                sent: Instant::now(),
                request,
            });
        }
    }

    /// Lets the replica have it, when that may be.
    async fn write_back(
        &self,
        mut near: OwnedWriteHalf,
        mut pieces: mpsc::UnboundedReceiver<Piece>,
    ) {
        while let Some(piece) = pieces.recv().await {
            self.gate.thawed().await;
            if near.write_all(&piece.bytes).await.is_ok()
                && let Some(request) = piece.request
            {
                self.wire.answered(request, self.clock.now(), &piece.bytes);
            }
        }
        self.gate.thawed().await;
    }
}

/// The next bytes; nothing at the end.
async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut bytes = vec![0; PIECE];
    let length = from.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
    bytes.truncate(length);
    Some(bytes)
}

/// Replaces an address by another one that is as long: ports have five digits.
fn redirect(bytes: &mut [u8], from: &str, to: &str) {
    if from.len() != to.len() {
        return;
    }
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..at + from.len()) {
        if rest == from.as_bytes() {
            rest.copy_from_slice(to.as_bytes());
        }
        at += 1;
    }
}
