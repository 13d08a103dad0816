//! New connections: name look-up, TCP and TLS.

use std::future::poll_fn;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Settings, SetupError, tls};

/// A connection, before HTTP is spoken on it.
pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Connects to one server.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    server: Uri,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Without TLS, whose certificates take longer to read than a whole call takes on a fast network.
    Plain(HttpConnector),
    Tls(HttpsConnector<HttpConnector>),
}

impl Connector {
    pub(super) fn new(settings: &Settings<'_>) -> Result<Self, SetupError> {
        let server: Uri = settings.root.origin().parse()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of the name, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(settings.timeouts.connect));
        let kind = if server.scheme() == Some(&http::uri::Scheme::HTTP) {
            Kind::Plain(tcp)
        } else {
            let tls = HttpsConnectorBuilder::new().with_tls_config(tls::config(settings.trusted)?);
            Kind::Tls(tls.https_only().enable_http1().wrap_connector(tcp))
        };
        Ok(Self { server, kind })
    }

    pub(super) async fn connect(&self) -> Result<Stream, SetupError> {
        match self.kind.clone() {
            Kind::Plain(mut tcp) => {
                poll_fn(|cx| tcp.poll_ready(cx)).await?;
                Ok(MaybeHttpsStream::Http(tcp.call(self.server.clone()).await?))
            }
            Kind::Tls(mut tls) => {
                poll_fn(|cx| tls.poll_ready(cx)).await?;
                tls.call(self.server.clone()).await
            }
        }
    }
}
