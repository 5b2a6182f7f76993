//! The AWS SDK's requests on the HTTP client that everything else uses: one TLS, one set of trusted roots.

use std::{error::Error, fmt, time::Duration};

use aws_sdk_sqs::{
    config::{
        HttpClient, RuntimeComponents,
        http::{HttpRequest, HttpResponse},
    },
    error::ConnectorError,
};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};

/// Largest answer read, in bytes. Ten messages have a mebibyte at most, and JSON makes it six of them at worst.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The HTTP client as the SDK wants it.
#[derive(Clone)]
pub(super) struct Requests {
    /// The client.
    client: reqwest::Client,
    /// How long a request may take, where the SDK says.
    limit: Option<Duration>,
}

impl Requests {
    /// Requests by this client.
    pub(super) fn by(client: reqwest::Client) -> Self {
        Self {
            client,
            limit: None,
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl HttpClient for Requests {
    /// The SDK's limits are for looking for credentials, where an address that nobody has must not hold it up.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let limits = [settings.connect_timeout(), settings.read_timeout()];
        let limit = settings
            .read_timeout()
            .map(|_| limits.into_iter().flatten().sum());
        SharedHttpConnector::new(Self {
            client: self.client.clone(),
            limit,
        })
    }
}

impl HttpConnector for Requests {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let requests = self.clone();
        HttpConnectorFuture::new(async move { requests.send(request).await })
    }
}

impl Requests {
    /// Sends a request and reads its answer.
    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let method = request.method().parse().map_err(misused)?;
        let body = request.body().bytes().map(<[u8]>::to_vec);
        let body = body.ok_or_else(|| misused("a body that is not at hand"))?;
        let mut sending = self.client.request(method, request.uri()).body(body);
        for (name, value) in request.headers() {
            sending = sending.header(name, value);
        }
        if let Some(limit) = self.limit {
            sending = sending.timeout(limit);
        }
        let mut answer = sending.send().await.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(misused("an answer that is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        let status = answer.status().as_u16().try_into().map_err(misused)?;
        let mut response = HttpResponse::new(status, body.into());
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                let headers = response.headers_mut();
                let (name, value) = (name.as_str().to_owned(), value.to_owned());
                headers.try_append(name, value).map_err(misused)?;
            }
        }
        Ok(response)
    }
}

/// A request that was not made as it must be, or an answer that is none.
fn misused(error: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// A request that brought no answer. Its URL stays out.
fn broken(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
