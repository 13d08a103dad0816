//! Drives a bulk run of a command: rows to stdout, progress and summary to stderr, and the exit code.

mod conclusion;
mod rows;

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use easemob_admin_ops::jobs::verify::Verified;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::breaker::Breaker;
use easemob_admin_ops::schedule::concurrency::Gauge;
use easemob_admin_ops::schedule::pipeline::{self, Cause, Control, Stop, Wish};
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_ops::server::client::Server;
use tokio::sync::watch;

use self::conclusion::{Silence, conclude};
use self::rows::Rows;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::input::spool::Entry;
use crate::input::user_list::UserList;
use crate::interrupt;
use crate::render::report::{Report, Row};
use crate::summary::{Summary, Words, stop_word, way_back, way_on};

/// What a run is about.
pub struct Run<'a> {
    /// What the command was run with.
    pub context: &'a Context,
    /// The server.
    pub session: &'a Session,
    /// The command, such as `sessions logout`.
    pub command: &'static str,
    /// The word beside the progress bar.
    pub verb: &'static str,
    /// The words of the summary.
    pub words: Words,
    /// Whether the run changes anything on the server: then it goes on when nobody reads its rows.
    pub acts: bool,
    /// The summary as far as it is known before the run.
    pub summary: Summary,
}

/// The result of one job.
pub struct Done<R> {
    /// Rows to write.
    pub rows: Vec<R>,
    /// How the users of the job count.
    pub tally: Tally,
    /// What failed.
    pub failures: Vec<CallError>,
    /// Why the run must stop after this job.
    pub stop: Option<Stop>,
}

/// One user, or several that share a request.
pub trait Batch: Clone {
    /// The first line.
    fn line(&self) -> u64;
    /// How many users.
    fn users(&self) -> u64;
}

impl Batch for Entry {
    fn line(&self) -> u64 {
        self.line
    }

    fn users(&self) -> u64 {
        1
    }
}

impl Batch for Task {
    fn line(&self) -> u64 {
        self.item.line
    }

    fn users(&self) -> u64 {
        1
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

/// A row that can tell a failure in one line, for the case that nobody reads stdout.
pub trait RunRow: Row {
    /// Returns line, user and error if this is a failure.
    fn failure(&self) -> Option<String>;
}

/// Returns the effective rate if it is noticeably less than what was asked for.
fn reduced(nominal: Option<u32>, effective: Option<f64>) -> Option<f64> {
    effective.filter(|effective| nominal.is_some_and(|nominal| *effective < f64::from(nominal) * 0.97))
}

/// Begins a summary with what is known from the list.
#[must_use]
pub fn summary_of(list: &UserList) -> Summary {
    Summary {
        duplicate_lines: list.remarks.duplicates,
        invalid_lines: list.remarks.invalid.count,
        header_lines: u64::from(list.remarks.header.is_some()),
        names_with_hidden_characters: list.remarks.hidden.count,
        ..Summary::of_users(list.users)
    }
}

/// Ends the report of a run that had nothing to do, so that whoever reads stdout finds a document.
///
/// # Errors
/// When stdout cannot be written.
pub fn finish_empty(mut report: Report, summary: &Summary) -> Result<Exit, CommandError> {
    report.finish(summary).map_err(|error| {
        CommandError::new(exit::INTERNAL, "the summary cannot be written to stdout").because(error)
    })?;
    Ok(summary.exit())
}

/// Runs `work` on every item of `source` and reports; `dropped` makes the row of an item that was cut off.
///
/// # Errors
/// When the run was stopped by something else than the operator.
pub async fn drive<T, R, Fut>(
    run: Run<'_>,
    source: impl Iterator<Item = io::Result<T>>,
    work: impl Fn(T) -> Fut,
    dropped: impl Fn(T) -> Vec<R>,
) -> Result<Exit, CommandError>
where
    T: Batch,
    R: RunRow,
    Fut: Future<Output = Done<R>>,
{
    let mut driven = Driven::begin(run);
    driven.phase(source, work, dropped).await;
    driven.finish()
}

/// A run that is under way: one phase after the other, with one report and one summary.
pub struct Driven<'a, R> {
    run: Run<'a>,
    wish: watch::Receiver<Wish>,
    rows: Rows<'a>,
    started: Instant,
    requests_before: u64,
    tally: Tally,
    silence: Silence,
    stop: Option<Stop>,
    /// The first line whose turn came when there was no token, so that nothing was sent for it.
    unsent: Option<u64>,
    kind: PhantomData<R>,
}

impl<'a, R: RunRow> Driven<'a, R> {
    /// Begins to listen to signals, and the report.
    #[must_use]
    pub fn begin(run: Run<'a>) -> Self {
        let context = run.context;
        let bar = context.bar(run.summary.users, run.verb);
        let report = context.report::<R>(run.session, run.command, bar);
        Self {
            wish: interrupt::listen(&context.ui, context.deadline(), run.session.server.client()),
            rows: Rows::new(&context.ui, report, run.acts),
            started: Instant::now(),
            requests_before: run.session.server.requests(),
            tally: Tally::default(),
            silence: Silence::default(),
            stop: None,
            unsent: None,
            kind: PhantomData,
            run,
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

    /// Returns the summary, to fill in what a later phase found.
    pub fn summary(&mut self) -> &mut Summary {
        &mut self.run.summary
    }

    /// Returns what a second reading found, if there was one.
    #[must_use]
    pub fn verified(&self) -> Option<Verified> {
        self.run.summary.verified
    }

    /// Runs `work` on every item of `source`, unless the run was stopped before.
    pub async fn phase<T, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>>,
        work: impl Fn(T) -> Fut,
        dropped: impl Fn(T) -> Vec<R>,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>>,
    {
        let mut tally = self.tally;
        let next = self.work(source, work, dropped, &mut tally).await;
        self.tally = tally;
        if self.run.summary.first_line_not_started.is_none() {
            self.run.summary.first_line_not_started = self.unsent.into_iter().chain(next).min();
        }
    }

    /// Runs `work` on what the run has left behind, unless it was stopped before.
    ///
    /// The users of the run are counted by then: whatever becomes of this phase, there is no more of them to do.
    pub async fn afterwards<T, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>>,
        work: impl Fn(T) -> Fut,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>>,
    {
        let _ = self
            .work(source, work, |_| Vec::new(), &mut Tally::default())
            .await;
    }

    /// Does a phase, counts it in `tally`, and returns the line of the first item that was not started.
    async fn work<T, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>>,
        work: impl Fn(T) -> Fut,
        dropped: impl Fn(T) -> Vec<R>,
        tally: &mut Tally,
    ) -> Option<u64>
    where
        T: Batch,
        Fut: Future<Output = Done<R>>,
    {
        if self.stop.is_some() {
            return None;
        }
        let context = self.run.context;
        let server = &self.run.session.server;
        let mut control = Bookkeeping {
            context,
            server,
            gauge: Gauge::new(context.globals.concurrency, server.requests()),
            breaker: Breaker::default(),
            rows: &mut self.rows,
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
            if let ControlFlow::Break(reason) = self.rows.write(&dropped(item)) {
                self.stop.get_or_insert(reason);
            }
        }
        context.ui.lower();
        end.next.map(|item| item.line())
    }

    /// Tells the summary and returns the exit code.
    ///
    /// # Errors
    /// When the run was stopped by something else than the operator.
    pub fn finish(self) -> Result<Exit, CommandError> {
        let Self {
            mut run,
            mut rows,
            tally,
            silence,
            mut stop,
            ..
        } = self;
        let context = run.context;
        run.summary.count(&tally);
        run.summary.time(
            run.session.server.requests() - self.requests_before,
            self.started.elapsed(),
        );
        run.summary.stopped = stop.as_ref().map(stop_word);
        let finished = rows.finish(&run.summary);
        let prefix = if run.session.is_sandbox() { "sandbox: " } else { "" };
        context
            .ui
            .say(format_args!("{prefix}{}", run.summary.text(run.words)));
        match (&run.summary.run, run.summary.first_line_not_started) {
            (Some(id), _) if run.summary.is_unfinished() => context.ui.say(way_on(run.summary.stopped, id)),
            (Some(id), _) => {
                // Who failed for good just now is told with the reason, and repeating will not help.
                let (retry, last) = (run.summary.all_failed_retry(), run.summary.failed_earlier_final);
                if let Some(way) = way_back(retry, last, id) {
                    context.ui.say(way);
                }
            }
            (None, Some(line)) if tally.settled() > 0 => context.ui.note(format_args!(
                "to do the rest, run the same command with: tail -n +{line} LIST | … --from -"
            )),
            _ => {}
        }
        if let (None, Err(error)) = (&stop, finished) {
            stop = Some(Stop::Output(error));
        }
        let nothing_worked = tally.done == 0 && tally.nothing_to_do == 0;
        let silent = silence
            .only
            .then_some(silence.first)
            .flatten()
            .filter(|_| nothing_worked);
        conclude(stop, &run.summary, silent)
    }
}

/// What is done with every result of a run.
struct Bookkeeping<'r, 'a> {
    context: &'a Context,
    server: &'r Server,
    gauge: Gauge,
    breaker: Breaker,
    rows: &'r mut Rows<'a>,
    tally: &'r mut Tally,
    silence: &'r mut Silence,
    /// The first line of those for whom nothing was sent.
    unsent: &'r mut Option<u64>,
    /// A request was given up before it was sent.
    gave_up: bool,
}

impl<R: RunRow> Control<(u64, Done<R>)> for Bookkeeping<'_, '_> {
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
        self.gauge.ended(took, running, troubled, self.server.requests());
        self.tally.add(&done.tally);
        self.context
            .ui
            .advance(done.tally.settled() + done.tally.not_tried);
        self.silence.hear(&done.failures);
        // What was given up says nothing of the server.
        let heard = !(gave_up && done.failures.is_empty());
        let fatal = heard.then(|| self.breaker.ended(&done.failures)).flatten();
        let stop = done.stop.or(fatal.map(Stop::Fatal));
        // What has not begun would be given up as well.
        let stop = stop.or(gave_up.then_some(Stop::Wished(Cause::Deadline)));
        match (self.rows.write(&done.rows), stop) {
            (flow, None) => flow,
            (_, Some(reason)) => ControlFlow::Break(reason),
        }
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        let nominal = self.context.rate().calls_per_second();
        let effective = self.server.client().effective_rate();
        self.context.ui.reduced(reduced(nominal, effective));
        self.rows.flush()
    }
}
