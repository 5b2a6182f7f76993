//! The platform shows a certificate that nobody can trust, for a while.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{SEED, centre::Centre, journal, number, process::Installation};

/// Time from one raise to the next.
const WAIT: Duration = Duration::from_millis(1_500);
/// How long nobody can trust it.
const DISTRUSTED: Duration = Duration::from_secs(8);
/// Attempts of one tracker in that time, with delays that grow from a tenth of a second on.
const ATTEMPTS: usize = 12;

/// Somebody who vouches for names.
type Authority = CertifiedIssuer<'static, KeyPair>;

/// An authority that nobody else knows.
fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that this authority vouches for, under this name.
fn vouched(authority: &Authority, name: &str) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config).into()
}

/// A secure front of a platform, which shows a certificate to whoever comes.
struct Front {
    /// Where it listens.
    address: SocketAddr,
    /// What it shows. Whenever it changes, all who came before are cut off.
    shows: watch::Sender<TlsAcceptor>,
    /// Who came so far.
    came: watch::Receiver<usize>,
    /// Listens.
    _listening: JoinSet<()>,
}

impl Front {
    /// A front of the platform at this URL.
    async fn of(platform: &str, shows: TlsAcceptor) -> Self {
        let platform = platform.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shows = watch::Sender::new(shows);
        let (counter, came) = watch::channel(0);
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, platform, shows.subscribe(), counter));
        Self {
            address,
            shows,
            came,
            _listening: listening,
        }
    }

    /// Its URL.
    fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

/// Takes everybody in.
async fn listen(
    listener: TcpListener,
    platform: SocketAddr,
    shows: watch::Receiver<TlsAcceptor>,
    came: watch::Sender<usize>,
) {
    let mut carried = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        came.send_modify(|came| *came += 1);
        carried.spawn(carry(near, platform, shows.clone()));
    }
}

/// Carries one connection until it ends, or something else is shown.
async fn carry(near: TcpStream, platform: SocketAddr, mut shows: watch::Receiver<TlsAcceptor>) {
    let acceptor = shows.borrow_and_update().clone();
    let carrying = async {
        // Who does not trust what is shown goes away.
        if let Ok(mut near) = acceptor.accept(near).await {
            let mut far = TcpStream::connect(platform).await.unwrap();
            let _over = copy_bidirectional(&mut near, &mut far).await;
        }
    };
    tokio::select! {
        () = carrying => {}
        _ = shows.changed() => {}
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_can_trust_is_never_trusted_and_is_caught_up_by_one_write_each() {
    let (ours, strangers) = (authority(), authority());
    let centre = Centre::open(number("SEED", SEED), WAIT).await;
    let front = Front::of(&centre.sandbox.url(), vouched(&ours, "localhost")).await;
    let installation = Installation::new("trust", &front.url(), WAIT);
    let roots = installation.folder.with_extension("pem");
    fs::write(&roots, ours.pem()).unwrap();
    let installation = installation.trusting(roots);
    let daemon = installation.start();
    daemon.says("\"connected\"", 1).await;
    centre.on_target().await;
    for (shown, why) in [
        (vouched(&strangers, "localhost"), "a stranger vouches"),
        (vouched(&ours, "elsewhere.example"), "another name"),
    ] {
        front.shows.send_replace(shown);
        // What had arrived is answered by then.
        sleep(WAIT / 2).await;
        let (arrived, came) = (centre.sandbox.requests().len(), *front.came.borrow());
        sleep(DISTRUSTED).await;
        let came = *front.came.borrow() - came;
        assert_eq!(centre.sandbox.requests().len(), arrived, "{why}");
        assert!(came > 0, "{why}: nobody even tried");
        let most = centre.waiting() * ATTEMPTS;
        assert!(came < most, "{why}: {came} attempts");
        assert_eq!(daemon.said("\"ERROR\""), 0, "it will pass");

        let before = centre.sandbox.world().writes().len();
        front.shows.send_replace(vouched(&ours, "localhost"));
        centre.on_target().await;
        centre.caught_up_at_once(before, DISTRUSTED);
    }
    daemon.stop().await;
    centre.never_above_target_and_never_down();
    centre.hands_off_what_is_over(Duration::ZERO);
    journal::no_step_was_done_twice(&installation);
}
