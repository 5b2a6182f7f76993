//! One TLS configuration for requests and sockets: rustls, the system's trusted roots, no switch to look away.

#[cfg(feature = "postgres")]
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

/// What keeps TLS from being set up: no trusted roots, usually an image without `ca-certificates`.
#[derive(Debug, thiserror::Error)]
#[error(
    "TLS cannot be set up, so the platform cannot be reached: install the system's trusted roots (ca-certificates)"
)]
pub struct NoTls(#[source] Box<dyn std::error::Error + Send + Sync>);

impl NoTls {
    /// The HTTP client could not be made with it.
    pub(super) fn of_client(error: reqwest::Error) -> Self {
        Self(error.into())
    }
}

/// TLS 1.2 and 1.3, verified against the system's roots.
pub(crate) fn verified() -> Result<Arc<ClientConfig>, NoTls> {
    let config = builder()?
        .with_platform_verifier()
        .map_err(|error| NoTls(error.into()))?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The same, verified against the roots in a file.
#[cfg(feature = "postgres")]
pub(crate) fn trusting(file: &Path) -> Result<Arc<ClientConfig>, NoTls> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| NoTls(error.into()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| NoTls(error.into()))?;
        roots
            .add(certificate)
            .map_err(|error| NoTls(error.into()))?;
    }
    if roots.is_empty() {
        return Err(NoTls("the file has no certificate".into()));
    }
    let config = builder()?.with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}

/// TLS that trusts nobody: for a platform on loopback without TLS, where the system's roots are not needed.
pub(crate) fn trusting_nobody() -> Result<Arc<ClientConfig>, NoTls> {
    let config = builder()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A client for a platform on loopback: no TLS, no proxy, no redirects.
pub(crate) fn loopback_client() -> Result<reqwest::Client, NoTls> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_backend_preconfigured((*trusting_nobody()?).clone())
        .build()
        .map_err(NoTls::of_client)
}

/// A client for a service that is not the platform; one that is not `secure` is on loopback. No redirects.
#[cfg(feature = "aws")]
pub(crate) fn http_client(secure: bool) -> Result<reqwest::Client, NoTls> {
    if !secure {
        return loopback_client();
    }
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(super::answer::DEADLINE)
        .tls_backend_preconfigured((*verified()?).clone())
        .build()
        .map_err(NoTls::of_client)
}

/// The client side of TLS, but for whom it trusts.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, NoTls> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NoTls(error.into()))
}
