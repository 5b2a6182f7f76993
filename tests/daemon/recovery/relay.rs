//! A cable between a daemon and its platform that can be unplugged, or cut where neither end notices.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// How the cable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cable {
    /// Everything goes through.
    Whole,
    /// Connections are refused, and those that were open are gone.
    Refusing,
    /// Connections open, and stay open, and carry nothing.
    Dead,
}

/// The cable.
pub(super) struct Relay {
    /// Where it begins.
    address: SocketAddr,
    /// How it is.
    cable: watch::Sender<Cable>,
    /// Who carries.
    _carrying: JoinSet<()>,
    /// Keeps the port while nobody listens on it, so that no other program gets it.
    _port: TcpSocket,
}

impl Relay {
    /// A whole cable to a platform at this address, which may be a URL.
    pub(super) fn to(platform: &str) -> Self {
        let platform: SocketAddr = platform
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let port = socket((Ipv4Addr::LOCALHOST, 0).into());
        let address = port.local_addr().expect("a port");
        let cable = watch::Sender::new(Cable::Whole);
        let mut carrying = JoinSet::new();
        carrying.spawn(listen(address, platform, cable.subscribe()));
        Self {
            address,
            cable,
            _carrying: carrying,
            _port: port,
        }
    }

    /// Where it begins, as a URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on the cable is so.
    pub(super) fn is(&self, cable: Cable) {
        self.cable.send_replace(cable);
    }
}

/// A socket that has this address, perhaps together with others.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("a shared port");
    socket.bind(address).expect("a port of our own");
    socket
}

/// Listens while connections are not refused.
async fn listen(address: SocketAddr, platform: SocketAddr, mut cable: watch::Receiver<Cable>) {
    let mut carried = JoinSet::new();
    while cable.wait_for(|now| *now != Cable::Refusing).await.is_ok() {
        let listener = socket(address).listen(BACKLOG).expect("a listener");
        let refusing = cable.clone();
        tokio::select! {
            () = accept(&listener, platform, &refusing, &mut carried) => {}
            _ = cable.wait_for(|now| *now == Cable::Refusing) => {}
        }
    }
}

/// Accepts for ever.
async fn accept(
    listener: &TcpListener,
    platform: SocketAddr,
    cable: &watch::Receiver<Cable>,
    carried: &mut JoinSet<()>,
) {
    loop {
        let (near, _) = listener.accept().await.expect("a connection");
        carried.spawn(carry(near, platform, cable.clone()));
    }
}

/// Carries one connection as long as the cable is whole; one that was dead is not revived.
async fn carry(mut near: TcpStream, platform: SocketAddr, mut cable: watch::Receiver<Cable>) {
    let mut broken = cable.clone();
    let carrying = async {
        let mut far = TcpStream::connect(platform).await.expect("the platform");
        let _over = copy_bidirectional(&mut near, &mut far).await;
        far
    };
    tokio::select! {
        biased;
        _ = broken.wait_for(|now| *now != Cable::Whole) => {}
        _over = carrying => return,
    }
    let _ended = cable.wait_for(|now| *now != Cable::Dead).await;
}
