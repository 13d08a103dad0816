//! New connections: name look-up, TCP and TLS.

use std::future::poll_fn;

use http::Uri;
#[cfg(feature = "tls")]
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::{Connections, SetupError};
use crate::app_root::AppRoot;

/// A connection, before HTTP is spoken on it.
#[cfg(feature = "tls")]
pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
/// A connection, before HTTP is spoken on it.
#[cfg(not(feature = "tls"))]
pub(super) type Stream = TokioIo<TcpStream>;

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
    #[cfg(feature = "tls")]
    Tls(HttpsConnector<HttpConnector>),
}

impl Connector {
    pub(super) fn new(root: &AppRoot, connections: &Connections) -> Result<Self, SetupError> {
        let server: Uri = root.origin().parse()?;
        let tcp = tcp(connections);
        let kind = if server.scheme() == Some(&http::uri::Scheme::HTTP) {
            Kind::Plain(tcp)
        } else {
            over_tls(tcp, connections)?
        };
        Ok(Self { server, kind })
    }

    pub(super) async fn connect(&self) -> Result<Stream, SetupError> {
        match self.kind.clone() {
            Kind::Plain(mut tcp) => {
                poll_fn(|cx| tcp.poll_ready(cx)).await?;
                let stream = tcp.call(self.server.clone()).await?;
                #[cfg(feature = "tls")]
                let stream = MaybeHttpsStream::Http(stream);
                Ok(stream)
            }
            #[cfg(feature = "tls")]
            Kind::Tls(mut tls) => {
                poll_fn(|cx| tls.poll_ready(cx)).await?;
                tls.call(self.server.clone()).await
            }
        }
    }
}

/// Returns what connects over TCP.
pub(super) fn tcp(connections: &Connections) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // Divided among the addresses of the name, so that a dead one leaves time for the next.
    tcp.set_connect_timeout(Some(connections.settings().timeouts.connect));
    tcp
}

#[cfg(feature = "tls")]
fn over_tls(tcp: HttpConnector, connections: &Connections) -> Result<Kind, SetupError> {
    let tls = HttpsConnectorBuilder::new().with_tls_config(connections.tls()?);
    Ok(Kind::Tls(tls.https_only().enable_http1().wrap_connector(tcp)))
}

#[cfg(not(feature = "tls"))]
fn over_tls(_: HttpConnector, _: &Connections) -> Result<Kind, SetupError> {
    Err("this program was built without TLS; enable one of the features `aws-lc-rs` and `ring`".into())
}
