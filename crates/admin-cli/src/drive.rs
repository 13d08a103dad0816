//! Drives a bulk run of a command: rows to stdout, progress and summary to stderr, and the exit code.

mod conclusion;
mod rows;

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use self::conclusion::{Silence, conclude};
use self::rows::Rows;
use crate::bulk::breaker::Breaker;
use crate::bulk::calls::CallError;
use crate::bulk::pipeline::{self, Stop};
use crate::bulk::tally::Tally;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::Exit;
use crate::input::spool::Entry;
use crate::input::user_list::UserList;
use crate::interrupt;
use crate::progress::Progress;
use crate::render::report::Row;
use crate::summary::{Summary, Words, stop_word};

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
    /// Whether the cap refused the job.
    pub cap_hit: bool,
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

impl Batch for Vec<Entry> {
    fn line(&self) -> u64 {
        self.first().map_or(0, |entry| entry.line)
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

/// Begins a summary with what is known from the list.
#[must_use]
pub fn summary_of(list: &UserList) -> Summary {
    Summary {
        users: list.users,
        done: 0,
        nothing_to_do: 0,
        failed_retry_may_help: 0,
        failed_final: 0,
        unknown: 0,
        not_started: list.users,
        first_line_not_started: None,
        devices: 0,
        duplicate_lines: list.remarks.duplicates,
        invalid_lines: list.remarks.invalid.count,
        dry_run: false,
        reason: None,
        ticket: None,
        requests: 0,
        elapsed_seconds: 0.0,
        requests_per_second: 0.0,
        stopped: None,
    }
}

/// Runs `work` on every item of `source` and reports; `dropped` makes the row of an item that was cut off.
///
/// # Errors
/// When the run was stopped by something else than the operator.
pub async fn drive<T, R, Fut>(
    mut run: Run<'_>,
    mut source: impl Iterator<Item = io::Result<T>>,
    work: impl Fn(T) -> Fut,
    dropped: impl Fn(T) -> Vec<R>,
) -> Result<Exit, CommandError>
where
    T: Batch,
    R: RunRow,
    Fut: Future<Output = Done<R>>,
{
    let context = run.context;
    let globals = &context.globals;
    let wish = interrupt::listen(context.ui.clone(), globals.max_duration);
    let show = context.screen.stderr && !globals.quiet && !globals.no_progress && run.summary.users > 1;
    let bar = show.then(|| Progress::on_stderr(run.summary.users, run.verb));
    if let Some(bar) = &bar {
        context.ui.raise(bar.clone());
    }
    let report = context.report::<R>(run.session, run.command, bar.clone());
    let mut rows = Rows::new(&context.ui, report, run.acts);
    let (started, requests_before) = (Instant::now(), run.session.server.requests());
    let mut tally = Tally::default();
    let mut breaker = Breaker::default();
    let mut silence = Silence::default();
    let end = pipeline::run(
        source.by_ref(),
        globals.concurrency,
        wish,
        work,
        |done: Done<R>| {
            tally.add(&done.tally);
            if let Some(bar) = &bar {
                bar.advance(done.tally.settled() + done.tally.not_tried);
            }
            silence.hear(&done.failures);
            let mut stop = None;
            if done.failures.is_empty() {
                breaker.succeeded();
            }
            for failure in &done.failures {
                stop = stop.or(breaker.failed(failure).map(Stop::Fatal));
            }
            if done.cap_hit {
                stop = stop.or(Some(Stop::Cap));
            }
            match (rows.write(done.rows), stop) {
                (ControlFlow::Continue(()), None) => ControlFlow::Continue(()),
                (ControlFlow::Break(reason), None) | (_, Some(reason)) => ControlFlow::Break(reason),
            }
        },
    )
    .await;
    let mut stop = end.stop;
    for item in end.dropped {
        tally.unknown += item.users();
        if let ControlFlow::Break(reason) = rows.write(dropped(item)) {
            stop = stop.or(Some(reason));
        }
    }
    let next = source.next().and_then(Result::ok).map(|item| item.line());
    run.summary.count(&tally, next);
    run.summary
        .time(run.session.server.requests() - requests_before, started.elapsed());
    // A wish to stop that came when everything had been started has changed nothing.
    if run.summary.not_started == 0 && matches!(stop, Some(Stop::Wished(_))) {
        stop = None;
    }
    run.summary.stopped = stop.as_ref().map(stop_word);
    context.ui.lower();
    let finished = rows.finish(&run.summary);
    let prefix = if run.session.is_sandbox() { "sandbox: " } else { "" };
    context
        .ui
        .say(format_args!("{prefix}{}", run.summary.text(run.words)));
    if let Some(line) = run.summary.first_line_not_started {
        context.ui.note(format_args!(
            "to do the rest, run the same command with: tail -n +{line} LIST | … --from -"
        ));
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
