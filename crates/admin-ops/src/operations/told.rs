//! Turns the reports of a run into a stream that drives the run.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::{Stream, stream};

use super::{Event, OperationError, RunReport};
use crate::report::Report;
use crate::schedule::concurrency::Traffic;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Observer;
use crate::server::calls::Calls;

/// Reports that were not yet taken from the stream: at most those of one poll of the run.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<VecDeque<Report>>>);

impl Told {
    fn next(&self) -> Option<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Streams the reports while `work` runs, and then its result.
    pub(super) fn and_then<W>(
        self,
        work: W,
    ) -> impl Stream<Item = Result<Event, OperationError>> + Send + use<W>
    where
        W: Future<Output = Result<RunReport, OperationError>> + Send,
    {
        let mut work = Some(Box::pin(work));
        let mut ended = None;
        stream::poll_fn(move |context| {
            if let Some(report) = self.next() {
                return Poll::Ready(Some(Ok(Event::Item(report))));
            }
            if let Some(running) = &mut work
                && let Poll::Ready(result) = running.as_mut().poll(context)
            {
                work = None;
                ended = Some(result.map(Event::Ended));
            }
            match self.next() {
                Some(report) => Poll::Ready(Some(Ok(Event::Item(report)))),
                None if work.is_some() => Poll::Pending,
                None => Poll::Ready(ended.take()),
            }
        })
    }
}

/// Passes reports to a stream, if there is one.
pub(super) struct ToldObserver<S> {
    server: S,
    told: Option<Told>,
}

impl<S> ToldObserver<S> {
    pub(super) fn new(server: S, told: Option<Told>) -> Self {
        Self { server, told }
    }
}

impl<S: Calls> Observer<Report> for ToldObserver<S> {
    fn traffic(&self) -> Traffic {
        self.server.traffic()
    }

    fn report(&mut self, reports: Vec<Report>) -> ControlFlow<Stop> {
        if let Some(Told(told)) = &self.told {
            told.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(reports);
        }
        ControlFlow::Continue(())
    }

    fn advance(&mut self, _: u64) {}

    fn rest(&mut self) -> ControlFlow<Stop> {
        ControlFlow::Continue(())
    }
}
