//! The run loop: works on the items of a run, counts what becomes of them, stops in good order, and tells an observer.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::watch;

use crate::run::item::Task;
use crate::run::recorder::RecordError;
use crate::schedule::breaker::Breaker;
use crate::schedule::concurrency::{Concurrency, Gauge};
use crate::schedule::pipeline::{self, Cause, Control, Stop, Wish};
use crate::schedule::tally::{Settled, Tally};
use crate::server::calls::{CallError, Scope};

/// The result of one job.
#[derive(Debug)]
pub struct Done<R> {
    /// What is reported.
    pub reports: Vec<R>,
    /// How the users of the job count.
    pub tally: Tally,
    /// What failed.
    pub failures: Vec<CallError>,
    /// Why the run must stop after this job.
    pub stop: Option<Stop>,
}

impl<R> Done<R> {
    /// The result of a job on one user.
    #[must_use]
    pub fn settled(reports: Vec<R>, settled: Settled) -> Self {
        let mut done = Self {
            reports,
            ..Self::default()
        };
        done.tally.count(settled);
        done
    }

    /// Makes the reports those of another type.
    #[must_use]
    pub fn into_reports<S: From<R>>(self) -> Done<S> {
        Done {
            reports: self.reports.into_iter().map(S::from).collect(),
            tally: self.tally,
            failures: self.failures,
            stop: self.stop,
        }
    }
}

impl<R> Default for Done<R> {
    fn default() -> Self {
        Self {
            reports: Vec::new(),
            tally: Tally::default(),
            failures: Vec::new(),
            stop: None,
        }
    }
}

/// One user, or several that share a request.
pub trait Batch: Clone {
    /// The first line.
    fn line(&self) -> u64;
    /// How many users.
    fn users(&self) -> u64 {
        1
    }
}

impl Batch for Task {
    fn line(&self) -> u64 {
        self.item.line
    }
}

impl<T: Batch> Batch for Vec<T> {
    fn line(&self) -> u64 {
        self.first().map_or(0, Batch::line)
    }

    fn users(&self) -> u64 {
        self.len() as u64
    }
}

/// Who is told what becomes of the items of a run.
pub trait Observer<R> {
    /// Returns how many requests have been sent in all, by which the run finds how many jobs may run at a time.
    fn requests(&self) -> u64;

    /// Takes what is reported of one job, which may be handed on at [`rest`](Self::rest); or says why the run has to stop.
    fn report(&mut self, reports: Vec<R>) -> ControlFlow<Stop>;

    /// Takes note that so many users have had their turn.
    fn advance(&mut self, users: u64);

    /// Hands on what was reported; called a few times a second while there is anything.
    fn rest(&mut self) -> ControlFlow<Stop>;

    /// Takes note that a phase has ended: what comes next may take a while, and is something else.
    fn phase_ended(&mut self) {}
}

/// A run that is under way: one phase after the other, with one count of what became of its items.
#[derive(Debug)]
pub struct RunLoop {
    wish: watch::Receiver<Wish>,
    concurrency: Concurrency,
    tally: Tally,
    silence: Silence,
    stop: Option<Stop>,
    /// The first line whose turn came when there was no token, so that nothing was sent for it.
    unsent: Option<u64>,
    first_line_not_started: Option<u64>,
}

/// What became of a run.
#[derive(Debug)]
pub struct Ended {
    /// What became of its items.
    pub tally: Tally,
    /// Why it ended early, if it did.
    pub stop: Option<Stop>,
    /// The line of the first item that was not started, if there is one.
    pub first_line_not_started: Option<u64>,
    /// The first failure, if all that came of the run was silence of the server.
    pub silent: Option<CallError>,
}

impl RunLoop {
    /// Begins a run that follows `wish`.
    #[must_use]
    pub fn new(wish: watch::Receiver<Wish>, concurrency: Concurrency) -> Self {
        Self {
            wish,
            concurrency,
            tally: Tally::default(),
            silence: Silence::default(),
            stop: None,
            unsent: None,
            first_line_not_started: None,
        }
    }

    /// Returns why the run stopped, if it did.
    #[must_use]
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Notes a reason to stop, unless there is one already.
    pub fn stop_because(&mut self, stop: Stop) {
        self.stop.get_or_insert(stop);
    }

    /// Runs `work` on every item of `source`, unless the run was stopped before; `dropped` makes the report of an item that
    /// was cut off.
    pub async fn phase<T, R, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>>,
        work: impl Fn(T) -> Fut,
        dropped: impl Fn(&T) -> Vec<R>,
        observer: &mut impl Observer<R>,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>>,
    {
        let mut tally = self.tally;
        let next = self.work(source, work, dropped, &mut tally, observer).await;
        self.tally = tally;
        if self.first_line_not_started.is_none() {
            self.first_line_not_started = self.unsent.into_iter().chain(next).min();
        }
    }

    /// Runs `work` on what the run has left behind, unless it was stopped before.
    ///
    /// The users of the run are counted by then: whatever becomes of this phase, there is no more of them to do.
    pub async fn afterwards<T, R, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>>,
        work: impl Fn(T) -> Fut,
        observer: &mut impl Observer<R>,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>>,
    {
        let nothing = |_: &T| Vec::new();
        let _ = self
            .work(source, work, nothing, &mut Tally::default(), observer)
            .await;
    }

    /// Does a phase, counts it in `tally`, and returns the line of the first item that was not started.
    async fn work<T, R, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>>,
        work: impl Fn(T) -> Fut,
        dropped: impl Fn(&T) -> Vec<R>,
        tally: &mut Tally,
        observer: &mut impl Observer<R>,
    ) -> Option<u64>
    where
        T: Batch,
        Fut: Future<Output = Done<R>>,
    {
        if self.stop.is_some() {
            return None;
        }
        let mut control = Bookkeeping {
            gauge: Gauge::new(self.concurrency, observer.requests()),
            breaker: Breaker::default(),
            observer,
            tally,
            silence: &mut self.silence,
            unsent: &mut self.unsent,
            gave_up: false,
        };
        let work = |item: T| {
            let line = item.line();
            let work = work(item);
            async move { (line, work.await) }
        };
        let end = pipeline::run(source, self.wish.clone(), work, &mut control).await;
        // Somebody wished for an end, or the server asked for a pause that is longer than the run may take.
        let cause = match *self.wish.borrow() {
            Wish::Drain(cause) => cause,
            Wish::Run | Wish::Abort => Cause::Deadline,
        };
        let gave_up = control.gave_up.then_some(Stop::Wished(cause));
        self.stop = match (end.stop, gave_up) {
            (None | Some(Stop::Wished(_)), Some(stop)) => Some(stop),
            (stop, _) => stop,
        };
        for item in end.dropped {
            tally.unknown += item.users();
            if let ControlFlow::Break(reason) = observer.report(dropped(&item)) {
                self.stop.get_or_insert(reason);
            }
        }
        observer.phase_ended();
        end.next.map(|item| item.line())
    }

    /// Ends the run.
    #[must_use]
    pub fn finish(self) -> Ended {
        let nothing_worked = self.tally.done == 0 && self.tally.nothing_to_do == 0;
        let silent = self.silence.only.then_some(self.silence.first).flatten();
        Ended {
            tally: self.tally,
            stop: self.stop,
            first_line_not_started: self.first_line_not_started,
            silent: silent.filter(|_| nothing_worked),
        }
    }
}

/// What is done with every result of a phase.
struct Bookkeeping<'r, O> {
    gauge: Gauge,
    breaker: Breaker,
    observer: &'r mut O,
    tally: &'r mut Tally,
    silence: &'r mut Silence,
    /// The first line of those for whom nothing was sent.
    unsent: &'r mut Option<u64>,
    /// A request was given up before it was sent.
    gave_up: bool,
}

impl<R, O: Observer<R>> Control<(u64, Done<R>)> for Bookkeeping<'_, O> {
    fn jobs(&self) -> usize {
        self.gauge.jobs()
    }

    fn take(
        &mut self,
        (line, mut done): (u64, Done<R>),
        took: Duration,
        running: usize,
    ) -> ControlFlow<Stop> {
        if done.failures.iter().any(CallError::was_not_sent) {
            *self.unsent = Some(self.unsent.map_or(line, |first| first.min(line)));
        }
        let failures = done.failures.len();
        done.failures.retain(|failure| !failure.given_up);
        let gave_up = done.failures.len() < failures;
        self.gave_up |= gave_up;
        let troubled = done.failures.iter().any(|failure| failure.retry_may_help);
        self.gauge
            .ended(took, running, troubled, self.observer.requests());
        self.tally.add(&done.tally);
        self.observer.advance(done.tally.settled() + done.tally.not_tried);
        self.silence.hear(&done.failures);
        // What was given up says nothing of the server.
        let heard = !(gave_up && done.failures.is_empty());
        let fatal = heard.then(|| self.breaker.ended(&done.failures)).flatten();
        // Somebody else works on this one by now, which says nothing of the others.
        let stop = done
            .stop
            .filter(|stop| !matches!(stop, Stop::Record(RecordError::Fenced)));
        let stop = stop.or(fatal.map(Stop::Fatal));
        // What has not begun would be given up as well.
        let stop = stop.or(gave_up.then_some(Stop::Wished(Cause::Deadline)));
        match (self.observer.report(done.reports), stop) {
            (flow, None) => flow,
            (_, Some(reason)) => ControlFlow::Break(reason),
        }
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        self.observer.rest()
    }
}

/// Whether all that failed was silence of the server.
#[derive(Debug)]
struct Silence {
    only: bool,
    first: Option<CallError>,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            only: true,
            first: None,
        }
    }
}

impl Silence {
    /// Takes note of the failures of one job.
    fn hear(&mut self, failures: &[CallError]) {
        self.only &= failures.iter().all(|error| error.scope == Scope::Network);
        self.first = self.first.take().or_else(|| failures.first().cloned());
    }
}
