//! A connection that ends when its time is over, whatever reads from it.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Connection;

/// Wakes the task of a connection that has to go.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Alarm {
    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A TCP connection. Reading and writing fail when its time is over, or when it has to make room for another one.
#[derive(Debug)]
pub struct BoundedStream {
    stream: TcpStream,
    connection: Connection,
    alarm: Arc<Alarm>,
    /// `None` once the connection has no limits any more.
    until: Option<Pin<Box<Sleep>>>,
}

impl BoundedStream {
    pub(crate) fn new(stream: TcpStream, connection: Connection, alarm: Arc<Alarm>) -> Self {
        let now = Instant::now();
        let deadline = connection.shared.table().deadline(connection.id, now);
        end_unread(&stream, connection.shared.table().patience());
        Self {
            stream,
            connection,
            alarm,
            until: Some(Box::pin(sleep_until(deadline.unwrap_or(now)))),
        }
    }

    /// Returns the connection below.
    #[must_use]
    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    /// Returns an error if the connection has to end, and else makes sure that the task is woken when it has to.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.alarm.waker.register(cx.waker());
        if self.alarm.rung.load(Ordering::Acquire) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        match self.poll_over(cx) {
            Poll::Ready(()) => Err(ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(until) = &mut self.until else {
                return Poll::Pending;
            };
            ready!(until.as_mut().poll(cx));
            let now = Instant::now();
            let Connection { id, shared, .. } = &self.connection;
            match shared.table().deadline(*id, now) {
                None => self.until = None,
                Some(deadline) if deadline > now => until.as_mut().reset(deadline),
                Some(_) => return Poll::Ready(()),
            }
        }
    }
}

/// Has the system end a connection whose other side takes nothing for so long. What was written fills buffers of megabytes first,
/// so that nothing above the system would notice for minutes, and heartbeats fill them without an end.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn end_unread(stream: &TcpStream, patience: Duration) {
    let patience = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    // Without it, the connection ends later.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, patience);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn end_unread(_: &TcpStream, _: Duration) {}

impl Drop for BoundedStream {
    fn drop(&mut self) {
        let Connection { id, shared, .. } = &self.connection;
        shared.table().close(*id);
        shared.changed.notify_one();
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
