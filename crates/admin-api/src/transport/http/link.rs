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
use hyper::body::Body;
pub(super) use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Received;
use super::answer_body::{AnswerBody, Extent};
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
    /// When the server was heard last, or a request was sent.
    heard_at: Instant,
}

/// Nothing was heard for too long, or until the end.
struct TimedOut;

impl Link {
    /// Begins to speak HTTP on a stream.
    pub(super) async fn new(stream: Stream) -> hyper::Result<Self> {
        // Requests are small: gathering them in one buffer is cheaper than a vectored write.
        let (sender, connection) = Builder::new().writev(false).handshake(stream).await?;
        let now = Instant::now();
        Ok(Self {
            sender,
            connection: Some(connection),
            timer: Box::pin(sleep_until(now)),
            heard_at: now,
        })
    }

    /// Sends a request and reads the answer; returns what is left of one that is not read to its end.
    ///
    /// The request is handed over before the first wait, so that waiting carries no copy of it along.
    pub(super) fn exchange(
        &mut self,
        request: Outgoing,
        start: Instant,
        patience: Patience,
        extent: Extent,
    ) -> impl Future<Output = Result<(Received, Option<Incoming>), Unanswered>> + Send {
        let response = self.sender.try_send_request(request);
        self.heard_at = start;
        self.set_timer(patience);
        self.answer(response, patience, extent)
    }

    async fn answer(
        &mut self,
        response: impl Future<Output = Result<http::Response<Incoming>, TrySendError<Outgoing>>>,
        patience: Patience,
        extent: Extent,
    ) -> Result<(Received, Option<Incoming>), Unanswered> {
        let late = |TimedOut| Unanswered::Failed(TransportError::no_answer_in_time());
        let mut response = pin!(response);
        let response = self.run(patience, |cx| response.as_mut().poll(cx));
        let (head, mut incoming) = match response.await.map_err(late)? {
            Ok(response) => response.into_parts(),
            Err(error) => return Err(unanswered(error)),
        };
        let (mut body, mut is_enough) = (AnswerBody::up_to(extent), false);
        while !incoming.is_end_stream() && !is_enough {
            let piece = self.run(patience, |cx| next_piece(&mut incoming, cx));
            match piece.await.map_err(late)? {
                None => break,
                Some(Ok(piece)) => is_enough = body.add(piece).map_err(Unanswered::Failed)?,
                Some(Err(error)) => {
                    let broken = TransportError::answer_broke_off().caused_by(error);
                    return Err(Unanswered::Failed(broken));
                }
            }
        }
        let rest = Some(incoming).filter(|incoming| is_enough && !incoming.is_end_stream());
        let received = Received {
            status: head.status,
            headers: head.headers,
            body: body.finish(),
            rest: None,
        };
        Ok((received, rest))
    }

    /// Reads on in an answer; nothing at its end. How long nobody asked for more says nothing of the server.
    pub(super) async fn next(
        &mut self,
        incoming: &mut Incoming,
        patience: Patience,
    ) -> Result<Option<Bytes>, TransportError> {
        self.heard_at = Instant::now();
        self.set_timer(patience);
        let piece = self.run(patience, |cx| next_piece(incoming, cx)).await;
        let piece = piece.map_err(|TimedOut| TransportError::no_answer_in_time())?;
        piece
            .transpose()
            .map_err(|error| TransportError::answer_broke_off().caused_by(error))
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
        patience: Patience,
        mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, TimedOut> {
        let mut paused = false;
        poll_fn(|cx| {
            // Only the connection can bring it, so that nothing else has to wake this task.
            let mut nobody = Context::from_waker(Waker::noop());
            let mut found = wanted(&mut nobody);
            if found.is_pending() {
                self.poll_connection(cx);
                found = wanted(&mut nobody);
            }
            match found {
                Poll::Pending => {
                    paused = true;
                    self.poll_timer(cx, patience).map(Err)
                }
                Poll::Ready(found) => {
                    // What was there at once says nothing about time.
                    if paused {
                        self.heard_at = Instant::now();
                    }
                    Poll::Ready(Ok(found))
                }
            }
        })
        .await
    }

    /// Returns when something was heard last.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard_at
    }

    fn set_timer(&mut self, patience: Patience) {
        let due = patience.deadline.min(self.heard_at + patience.silence);
        self.timer.as_mut().reset(due);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, patience: Patience) -> Poll<TimedOut> {
        while self.timer.as_mut().poll(cx).is_ready() {
            // It was set when less had been heard.
            if self.timer.deadline() >= patience.deadline.min(self.heard_at + patience.silence) {
                return Poll::Ready(TimedOut);
            }
            self.set_timer(patience);
        }
        Poll::Pending
    }
}

fn unanswered(mut error: TrySendError<Outgoing>) -> Unanswered {
    let request = error.take_message();
    let error = error.into_error();
    match request {
        Some(request) => Unanswered::NotSent(Box::new(request), error),
        None => Unanswered::Failed(TransportError::broke_before_the_answer().caused_by(error)),
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
