//! The run loop: works on the items of a run, counts the results, stops cleanly, and informs an observer.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::run::item::Task;
use crate::run::recorder::RecordError;
use crate::schedule::breaker::Breaker;
use crate::schedule::concurrency::{Concurrency, Gauge, Traffic};
use crate::schedule::pipeline::{self, Cause, Control, Stop, Wish};
use crate::schedule::tally::{Settled, Tally};
use crate::server::calls::{CallError, Scope};

/// The result of one job.
#[derive(Debug)]
pub struct Done<R> {
    /// The reports.
    pub reports: Vec<R>,
    /// How the users of the job count.
    pub tally: Tally,
    /// The failed calls.
    pub failures: Vec<CallError>,
    /// Why the run must stop after this job.
    pub stop: Option<Stop>,
    /// How many users have had their turn, if not those of `tally`.
    pub advanced: Option<u64>,
}

impl<R> Done<R> {
    /// Creates the result of a job on one user.
    #[must_use]
    pub fn settled(reports: Vec<R>, settled: Settled) -> Self {
        let mut done = Self {
            reports,
            ..Self::default()
        };
        done.tally.count(settled);
        done
    }

    /// Converts the reports to another type.
    #[must_use]
    pub fn into_reports<S: From<R>>(self) -> Done<S> {
        Done {
            reports: self.reports.into_iter().map(S::from).collect(),
            tally: self.tally,
            failures: self.failures,
            stop: self.stop,
            advanced: self.advanced,
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
            advanced: None,
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

/// Observes the items of a run.
pub trait Observer<R> {
    /// Returns what has been sent in total, from which the run finds how many jobs may run at once.
    fn traffic(&self) -> Traffic;

    /// Handles the reports of one job, which may be passed on at [`rest`](Self::rest); or returns why the run
    /// must stop.
    fn report(&mut self, reports: Vec<R>) -> ControlFlow<Stop>;

    /// Records that `users` more users have had their turn.
    fn advance(&mut self, users: u64);

    /// Passes on the reports; called a few times a second while there are any.
    fn rest(&mut self) -> ControlFlow<Stop>;

    /// Records that `users` who have had their turn will have another one.
    fn again(&mut self, users: u64) {
        let _ = users;
    }

    /// Records that the server reports `user`, who has devices, as offline, so that `left` users reported as
    /// offline are read after all.
    fn status_is_wrong(&mut self, user: &str, left: u64) {
        let _ = (user, left);
    }

    /// Handles the end of a phase: the next one may take a while, and does something else.
    fn phase_ended(&mut self) {}
}

/// Works on an item.
type OnItem<'a, 'w, T, R> = dyn Fn(T) -> BoxFuture<'w, Done<R>> + Send + Sync + 'a;

/// A run in progress: several phases with one count of results.
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

/// The result of a run.
#[derive(Debug)]
pub struct Ended {
    /// The results of its items.
    pub tally: Tally,
    /// Why it ended early, if it did.
    pub stop: Option<Stop>,
    /// The line of the first item that was not started, if there is one.
    pub first_line_not_started: Option<u64>,
    /// The first failure, if the server never answered during the run.
    pub silent: Option<CallError>,
}

impl RunLoop {
    /// Starts a run that follows `wish`.
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

    /// Replaces the counters by those of all processes that work on the run.
    pub fn recount(&mut self, tally: Tally) {
        self.tally = Tally {
            unknown: self.tally.unknown,
            ..tally
        };
    }

    /// Takes over how a run ended that another process worked on.
    pub fn ended_elsewhere(&mut self, ended: Ended) {
        self.tally.add(&ended.tally);
        self.first_line_not_started = ended.first_line_not_started;
        if let Some(stop) = ended.stop {
            self.stop_because(stop);
        }
        self.silence = Silence {
            only: ended.silent.is_some(),
            first: ended.silent,
        };
    }

    /// Records that the item of a line was not started, if the run has stopped.
    pub fn not_started(&mut self, line: Option<u64>) {
        if self.stop.is_some() {
            self.first_line_not_started = self.first_line_not_started.into_iter().chain(line).min();
        }
    }

    /// Records a reason to stop, unless there is one already.
    pub fn stop_because(&mut self, stop: Stop) {
        self.stop.get_or_insert(stop);
    }

    /// Runs `work` on every item of `source`, unless the run was stopped earlier; `dropped` makes the report
    /// of an item that was interrupted.
    pub async fn phase<'w, T, R: 'w, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>> + Send,
        work: impl Fn(T) -> Fut + Send + Sync,
        dropped: impl Fn(&T) -> Vec<R> + Send + Sync,
        observer: &mut impl Observer<R>,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>> + Send + 'w,
    {
        self.growing_phase(source.fuse(), work, dropped, observer).await;
        observer.phase_ended();
    }

    /// Runs a part of a phase whose jobs find further items: `source` is asked again whenever a job has ended.
    pub(crate) async fn growing_phase<'w, T, R: 'w, Fut>(
        &mut self,
        mut source: impl Iterator<Item = io::Result<T>> + Send,
        work: impl Fn(T) -> Fut + Send + Sync,
        dropped: impl Fn(&T) -> Vec<R> + Send + Sync,
        observer: &mut impl Observer<R>,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>> + Send + 'w,
    {
        let mut tally = self.tally;
        let next = self
            .work(
                &mut source,
                &|item| work(item).boxed(),
                &dropped,
                &mut tally,
                observer,
            )
            .await;
        self.tally = tally;
        if self.first_line_not_started.is_none() {
            self.first_line_not_started = self.unsent.into_iter().chain(next).min();
        }
    }

    /// Runs `work` on what the run has left, unless it was stopped earlier.
    ///
    /// The users of the run are already counted: whatever happens in this phase, they are done.
    pub async fn afterwards<'w, T, R: 'w, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>> + Send,
        work: impl Fn(T) -> Fut + Send + Sync,
        observer: &mut impl Observer<R>,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>> + Send + 'w,
    {
        let work = |item| work(item).boxed();
        let _ = self
            .work(
                &mut source.fuse(),
                &work,
                &|_| Vec::new(),
                &mut Tally::default(),
                observer,
            )
            .await;
        observer.phase_ended();
    }

    /// Does a phase, counts it in `tally`, and returns the line of the first item that was not started.
    ///
    /// It is large, and knows its parts only by what they do: otherwise it would be compiled for each phase of each command.
    async fn work<T: Batch, R>(
        &mut self,
        source: &mut (dyn Iterator<Item = io::Result<T>> + Send),
        work: &OnItem<'_, '_, T, R>,
        dropped: &(dyn Fn(&T) -> Vec<R> + Send + Sync),
        tally: &mut Tally,
        observer: &mut impl Observer<R>,
    ) -> Option<u64> {
        if self.stop.is_some() {
            return None;
        }
        let mut control = Bookkeeping {
            gauge: Gauge::new(self.concurrency, observer.traffic()),
            breaker: Breaker::default(),
            observer,
            tally,
            silence: &mut self.silence,
            unsent: &mut self.unsent,
            gave_up: false,
        };
        let work = |item: T| {
            let line = item.line();
            work(item).map(move |done| (line, done))
        };
        let end = pipeline::run(source, self.wish.clone(), work, &mut control).await;
        // The caller asked for an end, or the server asked for a pause that is longer than the run may take.
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

/// Handles every result of a phase.
struct Bookkeeping<'r, O> {
    gauge: Gauge,
    breaker: Breaker,
    observer: &'r mut O,
    tally: &'r mut Tally,
    silence: &'r mut Silence,
    /// The first line for which nothing was sent.
    unsent: &'r mut Option<u64>,
    /// Whether a request was given up before it was sent.
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
        self.gauge.ended(took, running, troubled, self.observer.traffic());
        self.tally.add(&done.tally);
        let counted = done.tally.settled() + done.tally.not_tried;
        self.observer.advance(done.advanced.unwrap_or(counted));
        self.silence.hear(&done.failures);
        // A request that was given up says nothing about the server.
        let heard = !(gave_up && done.failures.is_empty());
        let fatal = heard.then(|| self.breaker.ended(&done.failures)).flatten();
        // Another attempt is working on this item now, which says nothing about the others.
        let stop = done
            .stop
            .filter(|stop| !matches!(stop, Stop::Record(RecordError::Fenced)));
        let stop = stop.or(fatal.map(Stop::Fatal));
        // Items that have not started would be given up as well.
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

/// Tracks whether every failure was silence of the server.
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
    /// Records the failures of one job.
    fn hear(&mut self, failures: &[CallError]) {
        self.only &= failures.iter().all(|error| error.scope == Scope::Network);
        self.first = self.first.take().or_else(|| failures.first().cloned());
    }
}
