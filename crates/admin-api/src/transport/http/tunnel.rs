//! Connections by way of a proxy, for other protocols than that of calls.

use std::future::poll_fn;

use http::Uri;
#[cfg(feature = "tls")]
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::Connection as Described;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Intercept;
use tokio::time::timeout;
use tower_service::Service;

use super::bare::Connection;
use super::connect::tcp;
use super::{Connections, SetupError};
use crate::app_root::AppRoot;
use crate::error::TransportError;

/// Connects to a server through a proxy.
pub(super) async fn connect(
    root: &AppRoot,
    connections: &Connections,
    proxy: &Intercept,
) -> Result<Connection, TransportError> {
    let longest = connections.settings().timeouts.connect;
    timeout(longest, through(root, connections, proxy))
        .await
        .map_err(|late| TransportError::no_connection_in_time().caused_by(late))?
        .map_err(TransportError::no_connection_because)
}

async fn through(
    root: &AppRoot,
    connections: &Connections,
    proxy: &Intercept,
) -> Result<Connection, SetupError> {
    let (at, tcp) = (proxy.uri().clone(), tcp(connections));
    match at.scheme_str().unwrap_or_default() {
        "http" => reach(root, connections, tunnel(proxy, tcp)).await,
        #[cfg(feature = "tls")]
        "https" => reach(root, connections, tunnel(proxy, over_tls(tcp, connections)?)).await,
        // The last letter says who looks the name of the server up.
        scheme @ ("socks5" | "socks5h") => {
            let socks = SocksV5::new(at.clone(), tcp).local_dns(scheme == "socks5");
            let socks = match proxy.raw_auth() {
                Some((name, password)) => socks.with_auth(name.to_owned(), password.to_owned()),
                None => socks,
            };
            reach(root, connections, socks).await
        }
        scheme @ ("socks4" | "socks4a") => {
            let socks = SocksV4::new(at.clone(), tcp).local_dns(scheme == "socks4");
            reach(root, connections, socks).await
        }
        scheme => Err(format!("a proxy with the scheme `{scheme}` cannot be used").into()),
    }
}

fn tunnel<C>(proxy: &Intercept, to_the_proxy: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri().clone(), to_the_proxy);
    match proxy.basic_auth() {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}

/// Connects to the server by what leads to it, over TLS if its address says so.
async fn reach<C>(root: &AppRoot, connections: &Connections, mut way: C) -> Result<Connection, SetupError>
where
    C: Service<Uri>,
    C::Response: Described + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Error: Into<SetupError>,
    C::Future: Send + 'static,
{
    let server: Uri = root.origin().parse()?;
    if server.scheme() == Some(&http::uri::Scheme::HTTP) {
        // A tunnel without a port would lead to that of https.
        let server: Uri = format!("http://{}", with_port(root)).parse()?;
        poll_fn(|cx| way.poll_ready(cx)).await.map_err(Into::into)?;
        return Ok(Connection::of(way.call(server).await.map_err(Into::into)?));
    }
    #[cfg(feature = "tls")]
    {
        let mut tls = over_tls(way, connections)?;
        poll_fn(|cx| tls.poll_ready(cx)).await?;
        Ok(Connection::of(tls.call(server).await?))
    }
    #[cfg(not(feature = "tls"))]
    {
        let _ = connections;
        Err("this program was built without TLS; enable one of the features `aws-lc-rs` and `ring`".into())
    }
}

fn with_port(root: &AppRoot) -> String {
    format!("{}:{}", root.host(), root.port())
}

#[cfg(feature = "tls")]
fn over_tls<C>(way: C, connections: &Connections) -> Result<HttpsConnector<C>, SetupError> {
    let tls = HttpsConnectorBuilder::new().with_tls_config(connections.tls()?);
    Ok(tls.https_only().enable_http1().wrap_connector(way))
}
