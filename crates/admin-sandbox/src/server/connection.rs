//! Connections that a fault can cut: without an answer, or in the middle of one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use easemob_admin_listener::{BoundedListener, BoundedStream, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const WHOLE: usize = 0;
const NOTHING: usize = usize::MAX;
const CLOSED: usize = usize::MAX - 1;

/// Says how much of the next answer leaves the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cutter(Arc<AtomicUsize>);

impl Cutter {
    /// Lets nothing through any more: the client sees the connection break.
    pub(crate) fn cut(&self) {
        self.0.store(NOTHING, Ordering::Release);
    }

    /// Holds back the last `bytes` of the next answer and closes after it.
    pub(crate) fn withhold(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Release);
    }
}

/// What a handler knows of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) cutter: Cutter,
    pub(crate) connection: Connection,
}

impl Connected<IncomingStream<'_, CuttableListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        Self {
            address: *stream.remote_addr(),
            cutter: stream.io().cutter.clone(),
            connection: stream.io().connection.clone(),
        }
    }
}

/// Accepts connections a [`Cutter`] can cut.
#[derive(Debug)]
pub(crate) struct CuttableListener(pub(crate) BoundedListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, connection) = self.0.accept().await;
        // Small answers must not wait for the acknowledgement of earlier ones; failing to say so is harmless.
        let _ = stream.get_ref().set_nodelay(true);
        let address = connection.address();
        (
            CuttableStream {
                stream,
                connection,
                cutter: Cutter::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that a [`Cutter`] can cut.
#[derive(Debug)]
pub(crate) struct CuttableStream {
    stream: BoundedStream,
    connection: Connection,
    cutter: Cutter,
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    // Vectored writing is not offered, so an answer of ordinary size arrives here in one piece.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.cutter.0.load(Ordering::Acquire) {
            WHOLE => Pin::new(&mut self.stream).poll_write(cx, bytes),
            withheld if withheld < bytes.len() => {
                let sent = &bytes[..bytes.len() - withheld];
                let result = Pin::new(&mut self.stream).poll_write(cx, sent);
                if matches!(result, Poll::Ready(Ok(count)) if count == sent.len()) {
                    self.cutter.0.store(CLOSED, Ordering::Release);
                }
                result
            }
            NOTHING => {
                // A reset, as a crashed process or a killed proxy sends it; a plain close is as good.
                let _ = self.stream.get_ref().set_zero_linger();
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
