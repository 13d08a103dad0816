//! One connection to the server, on which one request after the other is answered: the home of hyper.
//!
//! The task that waits for an answer runs the connection itself. No second task has to be woken for every byte,
//! and a connection nobody waits on costs nothing; whether the server has closed it in the meantime turns out when it
//! is used next, before the request is written.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Received;
use super::answer_body::AnswerBody;
use super::connect::Stream;
use crate::error::TransportError;

/// A request as it is written.
pub(super) type Outgoing = http::Request<Full<Bytes>>;

/// How long an exchange may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// When it has to be over.
    pub(super) deadline: Instant,
    /// The longest silence before that.
    pub(super) silence: Duration,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The connection was closed before anything of the request was written; here it is back.
    NotSent(Box<Outgoing>, hyper::Error),
    /// Anything else.
    Failed(TransportError),
}

/// A connection.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// Nothing once it has ended: a request that waits in it unsent comes back only when it is dropped.
    connection: Option<Connection<Stream, Full<Bytes>>>,
    /// One timer for all exchanges: setting it anew to a later time is cheap.
    timer: Pin<Box<Sleep>>,
}

/// Nothing was heard for too long, or until the end.
struct TimedOut;

impl Link {
    /// Begins to speak HTTP on a stream.
    pub(super) async fn new(stream: Stream) -> hyper::Result<Self> {
        // Requests are small: gathering them in one buffer is cheaper than a vectored write.
        let (sender, connection) = Builder::new().writev(false).handshake(stream).await?;
        Ok(Self {
            sender,
            connection: Some(connection),
            timer: Box::pin(sleep_until(Instant::now())),
        })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        request: Outgoing,
        patience: Patience,
    ) -> Result<Received, Unanswered> {
        let late = |TimedOut| Unanswered::Failed(TransportError::no_answer_in_time());
        let mut heard_at = Instant::now();
        self.set_timer(heard_at, patience);
        let mut response = pin!(self.sender.try_send_request(request));
        let response = self.run(heard_at, patience, |cx| response.as_mut().poll(cx));
        let (head, mut incoming) = match response.await.map_err(late)? {
            Ok(response) => response.into_parts(),
            Err(mut error) => {
                let request = error.take_message();
                let error = error.into_error();
                return Err(match request {
                    Some(request) => Unanswered::NotSent(Box::new(request), error),
                    None => Unanswered::Failed(TransportError::broke_before_the_answer().caused_by(error)),
                });
            }
        };
        let mut body = AnswerBody::default();
        while !incoming.is_end_stream() {
            heard_at = Instant::now();
            let piece = self.run(heard_at, patience, |cx| next_piece(&mut incoming, cx));
            match piece.await.map_err(late)? {
                None => break,
                Some(Ok(piece)) => body.add(piece).map_err(Unanswered::Failed)?,
                Some(Err(error)) => {
                    let broken = TransportError::answer_broke_off().caused_by(error);
                    return Err(Unanswered::Failed(broken));
                }
            }
        }
        Ok(Received {
            status: head.status,
            headers: head.headers,
            body: body.finish(),
        })
    }

    /// Returns true if another request can be sent.
    pub(super) fn is_reusable(&mut self) -> bool {
        if !self.sender.is_ready() {
            // The end of the answer may have been read and not been made known yet.
            self.poll_connection(&mut Context::from_waker(Waker::noop()));
        }
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Runs the connection as far as it goes. What it ended with is told to those who wait for an answer or its body.
    fn poll_connection(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            self.connection = None;
        }
    }

    /// Runs the connection until there is what is `wanted`.
    async fn run<T>(
        &mut self,
        heard_at: Instant,
        patience: Patience,
        mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, TimedOut> {
        poll_fn(|cx| {
            // Only the connection can bring it, so that nothing else has to wake this task.
            let mut nobody = Context::from_waker(Waker::noop());
            if let Poll::Ready(found) = wanted(&mut nobody) {
                return Poll::Ready(Ok(found));
            }
            self.poll_connection(cx);
            if let Poll::Ready(found) = wanted(&mut nobody) {
                return Poll::Ready(Ok(found));
            }
            self.poll_timer(cx, heard_at, patience).map(Err)
        })
        .await
    }

    fn set_timer(&mut self, heard_at: Instant, patience: Patience) {
        let due = patience.deadline.min(heard_at + patience.silence);
        self.timer.as_mut().reset(due);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, heard_at: Instant, patience: Patience) -> Poll<TimedOut> {
        while self.timer.as_mut().poll(cx).is_ready() {
            // It was set when less had been heard.
            if self.timer.deadline() >= patience.deadline.min(heard_at + patience.silence) {
                return Poll::Ready(TimedOut);
            }
            self.set_timer(heard_at, patience);
        }
        Poll::Pending
    }
}

fn next_piece(incoming: &mut Incoming, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Bytes>>> {
    loop {
        match Pin::new(&mut *incoming).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers say nothing here.
                if let Ok(piece) = frame.into_data() {
                    return Poll::Ready(Some(Ok(piece)));
                }
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("open", &self.connection.is_some())
            .finish_non_exhaustive()
    }
}
