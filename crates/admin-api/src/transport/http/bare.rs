//! Connections for other protocols than that of calls, with the same time-outs and certificates.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::Connections;
use super::connect::{Connector, Stream};
use crate::app_root::AppRoot;
use crate::error::TransportError;

/// A connection to a server, over TLS if its address begins with `https`, on which nothing was sent.
pub struct Connection(Box<dyn Bytes>);

/// Bytes in both directions.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Connects straight to a server, past any proxy.
pub(super) async fn connect(root: &AppRoot, connections: &Connections) -> Result<Stream, TransportError> {
    let connector = Connector::new(root, connections).map_err(TransportError::no_connection_because)?;
    timeout(connections.settings().timeouts.connect, connector.connect())
        .await
        .map_err(|late| TransportError::no_connection_in_time().caused_by(late))?
        .map_err(TransportError::no_connection_because)
}

impl Connection {
    pub(super) fn of(stream: impl hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static) -> Self {
        Self(Box::new(TokioIo::new(stream)))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
