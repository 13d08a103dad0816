//! Drives a bulk run of a command: rows to stdout, progress and summary to stderr, and the exit code.

mod conclusion;
mod elsewhere;
mod rows;
mod stats;
mod told;

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::Instant;

use easemob_admin_ops::jobs::execute::{Executed, Job, execute};
use easemob_admin_ops::report::Report;
use easemob_admin_ops::run::attempt::Attempt;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::concurrency::Traffic;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::pipeline::{Stop, Wish};
pub use easemob_admin_ops::schedule::run_loop::{Batch, Done};
use easemob_admin_ops::schedule::run_loop::{Ended, Observer, RunLoop};
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::server::calls::Calls;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::status_first::{Reading, StatusFirst};
use easemob_admin_ops::stores::Stores;
use easemob_admin_words::t;
use tokio::sync::watch;

use self::conclusion::conclude;
use self::rows::Rows;
use self::stats::Stats;
use self::told::Told;
use crate::cli::RowsOf;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::forecast;
use crate::input::spool::Entry;
use crate::input::user_list::UserList;
use crate::interrupt;
use crate::next_step::{Rest, next_steps, rest_of_list};
use crate::render::Format;
use crate::render::report::{self, Row};
use crate::summary::{SecondReading, Summary, Words};

/// The most users whose rows are all shown on a terminal.
const MOST_ROWS: u64 = 100;

/// The parameters of a bulk run.
pub struct Run<'a> {
    /// The context of the command.
    pub context: &'a Context,
    /// The server.
    pub session: &'a Session,
    /// The command, such as `sessions logout`.
    pub command: &'static str,
    /// The word beside the progress bar.
    pub verb: &'static str,
    /// The words of the summary.
    pub words: Words,
    /// Whether the run changes anything on the server; if so, it continues even if the reader of its rows is
    /// gone.
    pub acts: bool,
    /// The summary as far as it is known before the run.
    pub summary: Summary,
}

impl Batch for Entry {
    fn line(&self) -> u64 {
        self.line
    }
}

/// A row that can describe a failure in one line, in case nobody reads stdout.
pub trait RunRow: Row {
    /// Returns line, user and error if this is a failure.
    fn failure(&self) -> Option<String>;

    /// Returns the line of the list that named the user, if the row has it.
    fn line(&self) -> Option<u64> {
        None
    }
}

/// Returns the warning that a status was wrong.
#[must_use]
pub fn status_is_wrong(user: &str, left: u64) -> String {
    t!(
        "the server reports {user} as offline, who has devices: its statuses are wrong, so every user is read, also \
         the {left} reported as offline so far"
    )
}

/// Returns the effective rate if it is noticeably lower than requested.
fn reduced(nominal: Option<u32>, effective: Option<f64>) -> Option<f64> {
    effective.filter(|effective| nominal.is_some_and(|nominal| *effective < f64::from(nominal) * 0.97))
}

/// Returns true if only the rows of failures are shown.
fn failures_only(run: &Run<'_>) -> bool {
    let context = run.context;
    let on_screen = context.screen.width.is_some() && context.globals.output == Format::Table;
    run.acts
        && match context.globals.rows {
            Some(rows) => rows == RowsOf::Failures,
            None => on_screen && run.summary.users > MOST_ROWS,
        }
}

/// Returns a summary filled in from the list.
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

/// Finishes the report of a run that had nothing to do, so that stdout contains a complete document.
///
/// # Errors
/// When stdout cannot be written.
pub fn finish_empty(mut report: report::Report, summary: &Summary) -> Result<Exit, CommandError> {
    report.finish(summary).map_err(|error| {
        CommandError::new(exit::INTERNAL, t!("cannot write the summary to stdout")).because(error)
    })?;
    Ok(summary.exit())
}

/// Runs `work` on every item of `source` and reports; `dropped` makes the row of an item that was
/// interrupted.
///
/// # Errors
/// When something other than the operator stopped the run.
pub async fn drive<T, R, Fut>(
    run: Run<'_>,
    source: impl Iterator<Item = io::Result<T>> + Send,
    work: impl Fn(T) -> Fut + Send + Sync,
    dropped: impl Fn(&T) -> Vec<R> + Send + Sync,
) -> Result<Exit, CommandError>
where
    T: Batch,
    R: RunRow,
    Fut: Future<Output = Done<R>> + Send,
{
    let mut driven = Driven::begin(run)?;
    driven.phase(source, work, dropped).await;
    driven.finish()
}

/// Runs `work` on every task and reports, as [`drive`] does; the status of the users is asked for first, if
/// `reading` says so. `forecast` says how many calls that takes.
///
/// # Errors
/// When something other than the operator stopped the run.
pub async fn drive_status_first<R, Fut>(
    run: Run<'_>,
    reading: Reading,
    forecast: Forecast,
    tasks: impl Iterator<Item = io::Result<Task>> + Send,
    work: impl Fn(Task) -> Fut + Send + Sync,
    dropped: impl Fn(&Task) -> Vec<R> + Send + Sync,
) -> Result<Exit, CommandError>
where
    R: RunRow,
    Fut: Future<Output = Done<R>> + Send,
{
    let mut driven = Driven::begin(run)?;
    driven.status_first(reading, forecast, tasks, work, dropped).await;
    driven.finish()
}

/// A run in progress: several phases with one report and one summary.
pub struct Driven<'a, R> {
    run: Run<'a>,
    run_loop: RunLoop,
    screen: Screen<'a>,
    started: Instant,
    requests_before: u64,
    /// Requests that another process sent for this run.
    requests_elsewhere: u64,
    /// The line that was reported last, of a run that another process works on.
    reported: Option<u64>,
    /// Whether the run goes on in another process when this one ends.
    goes_on: bool,
    kind: PhantomData<R>,
}

impl<'a, R: RunRow> Driven<'a, R> {
    /// Starts to listen for signals, and starts the report.
    ///
    /// # Errors
    /// When the rows have no column that `--fields` or `--sort` names.
    pub fn begin(run: Run<'a>) -> Result<Self, CommandError> {
        let wishes = watch::channel(Wish::Run).0;
        let driven = Self::begin_with(run, &wishes)?;
        let context = driven.run.context;
        let client = driven.run.session.server.client();
        interrupt::listen_into(wishes, &context.ui, context.deadline(), client);
        Ok(driven)
    }

    /// Starts the report, for a run that is stopped by whoever has `wishes`.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_with(run: Run<'a>, wishes: &watch::Sender<Wish>) -> Result<Self, CommandError> {
        let (context, server) = (run.context, &run.session.server);
        let bar = context.bar(run.summary.users, run.verb);
        let report = context.report::<R>(run.session, run.command, bar)?;
        let wish = wishes.subscribe();
        Ok(Self {
            run_loop: RunLoop::new(wish, context.globals.concurrency),
            screen: Screen {
                context,
                session: run.session,
                rows: Rows::new(&context.ui, report, run.acts, failures_only(&run)),
                stats: Stats::begin(context, run.summary.users),
                first_failed: None,
                told: None,
            },
            started: Instant::now(),
            requests_before: server.client().requests_sent(),
            requests_elsewhere: 0,
            reported: None,
            goes_on: false,
            kind: PhantomData,
            run,
        })
    }

    /// Returns why the run stopped, if it did.
    #[must_use]
    pub fn stop(&self) -> Option<&Stop> {
        self.run_loop.stop()
    }

    /// Records a reason to stop, unless there is one already.
    pub fn stop_because(&mut self, stop: Stop) {
        self.run_loop.stop_because(stop);
    }

    /// Records a wish to stop that came between two parts of a run.
    pub fn stop_if_wished(&mut self, wish: Wish) {
        match wish {
            Wish::Run => {}
            Wish::Drain(cause) => self.stop_because(Stop::Wished(cause)),
            Wish::Abort => self.stop_because(Stop::Aborted),
        }
    }

    /// Counts what all workers did, and not only this one.
    pub fn recount(&mut self, tally: Tally) {
        self.run_loop.recount(tally);
    }

    /// Remembers from now on whose rows were shown, because other processes work on the run, too.
    pub fn remember_told(&mut self) {
        self.screen.told = Some(Told::default());
    }

    /// Returns whose rows were shown, apart from those who were not reached; nobody if that was not to be remembered.
    pub fn take_told(&mut self) -> Told {
        self.screen.told.take().unwrap_or_default()
    }

    /// Returns the summary, to fill in what a later phase found.
    pub fn summary(&mut self) -> &mut Summary {
        &mut self.run.summary
    }

    /// Returns the result of the second reading, if there was one.
    #[must_use]
    pub fn verified(&self) -> Option<SecondReading> {
        self.run.summary.verified
    }

    /// Runs `work` on every item of `source`, unless the run was stopped earlier.
    pub async fn phase<T, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>> + Send,
        work: impl Fn(T) -> Fut + Send + Sync,
        dropped: impl Fn(&T) -> Vec<R> + Send + Sync,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>> + Send,
    {
        self.run_loop.phase(source, work, dropped, &mut self.screen).await;
    }

    /// Works on the tasks of an attempt, unless the run was stopped earlier. `server` is that of the session, with leave to
    /// send requests for the attempt.
    ///
    /// # Errors
    /// When the job cannot be started. Nothing was sent then.
    pub async fn execute(
        &mut self,
        server: &Server,
        stores: &Stores,
        attempt: &Attempt,
        tasks: impl Iterator<Item = io::Result<Task>> + Send,
        job: &Job,
    ) -> Result<Executed, CommandError> {
        let executed = execute(
            server,
            stores,
            attempt,
            tasks,
            job,
            &mut self.run_loop,
            &mut self.screen,
        );
        let executed = executed.await?;
        if let Some(status) = &executed.status {
            self.run.summary.status_first.get_or_insert_default().add(status);
        }
        Ok(executed)
    }

    /// Runs `work` on every task, unless the run was stopped earlier; the status of the users is asked for
    /// first, if `reading` says so. `forecast` says how many calls that takes.
    pub async fn status_first<Fut>(
        &mut self,
        reading: Reading,
        forecast: Forecast,
        tasks: impl Iterator<Item = io::Result<Task>> + Send,
        work: impl Fn(Task) -> Fut + Send + Sync,
        dropped: impl Fn(&Task) -> Vec<R> + Send + Sync,
    ) where
        Fut: Future<Output = Done<R>> + Send,
    {
        let server = &self.run.session.server;
        forecast::say(
            self.run.context,
            self.run.session,
            self.run.summary.users,
            forecast,
        );
        let status_first = StatusFirst::new(server, reading, self.run.summary.users, fastrand::u64(..));
        self.run.summary.status_first = status_first
            .phase(&mut self.run_loop, tasks, work, dropped, &mut self.screen)
            .await;
    }

    /// Runs `work` on what the run has left, unless it was stopped earlier; see [`RunLoop::afterwards`].
    pub async fn afterwards<T, Fut>(
        &mut self,
        source: impl Iterator<Item = io::Result<T>> + Send,
        work: impl Fn(T) -> Fut + Send + Sync,
    ) where
        T: Batch,
        Fut: Future<Output = Done<R>> + Send,
    {
        self.run_loop.afterwards(source, work, &mut self.screen).await;
    }

    /// Prints the summary and returns the exit code.
    ///
    /// # Errors
    /// When something other than the operator stopped the run.
    pub fn finish(self) -> Result<Exit, CommandError> {
        let Self {
            mut run, mut screen, ..
        } = self;
        let context = run.context;
        let Ended {
            tally,
            mut stop,
            first_line_not_started,
            silent,
        } = self.run_loop.finish();
        run.summary.count(&tally);
        run.summary.first_line_not_started = first_line_not_started;
        run.summary.time(
            run.session.server.client().requests_sent() - self.requests_before + self.requests_elsewhere,
            self.started.elapsed(),
        );
        run.summary.stopped = stop.as_ref().map(Stop::word);
        if self.goes_on {
            run.summary.stopped = Some("detached");
        }
        let finished = screen.rows.finish(&run.summary);
        let prefix = match run.session {
            sandbox if sandbox.is_sandbox() => t!("sandbox: ").to_owned(),
            server if run.acts => format!("{}: ", server.app),
            _ => String::new(),
        };
        context
            .ui
            .say(format_args!("{prefix}{}", run.summary.text(run.words)));
        match (&run.summary.run, run.summary.first_line_not_started) {
            (Some(id), _) if self.goes_on => elsewhere::say_how_to_follow(context, id),
            (Some(id), _) => {
                let rest = Rest {
                    unfinished: run.summary.is_unfinished(),
                    stopped: run.summary.stopped,
                    retry_may_help: run.summary.all_failed_retry(),
                    // Permanent failures of this attempt are reported with the reason, and retrying will not
                    // help.
                    last: run.summary.failed_earlier_final,
                };
                for step in next_steps(id, rest) {
                    step.say(context);
                }
            }
            (None, Some(line)) if tally.settled() > 0 => {
                // Nobody who failed is left out, even if some who did not are done again.
                let line = screen.first_failed.map_or(line, |failed| failed.min(line));
                match rest_of_list(&context.arguments, line) {
                    Some(command) => context.ui.note(t!("to do the rest: {command}")),
                    None => context.ui.note(t!(
                        "to do the rest, run the same command with the list from line {line} on"
                    )),
                }
            }
            _ => {}
        }
        if let (None, Err(error)) = (&stop, finished) {
            stop = Some(Stop::Output(error));
        }
        conclude(stop, &run.summary, silent)
    }
}

/// What the operator sees of a run in progress.
struct Screen<'a> {
    context: &'a Context,
    session: &'a Session,
    rows: Rows<'a>,
    stats: Stats,
    /// The first line of the list whose user failed.
    first_failed: Option<u64>,
    /// Whose rows were shown, if that is to be remembered.
    told: Option<Told>,
}

impl<R: Shown> Observer<R> for Screen<'_> {
    fn traffic(&self) -> Traffic {
        self.session.server.traffic()
    }

    fn report(&mut self, reports: Vec<R>) -> ControlFlow<Stop> {
        for report in &reports {
            if report.failed() {
                self.context.ui.failed();
                self.stats.failed += 1;
                let lines = self.first_failed.into_iter().chain(report.line());
                self.first_failed = lines.min();
            }
            if let Some(told) = &mut self.told {
                report.remember(told);
            }
            report.show(&mut self.rows)?;
        }
        ControlFlow::Continue(())
    }

    fn advance(&mut self, users: u64) {
        self.context.ui.advance(users);
        if let Some(line) = self.stats.advance(users, Instant::now()) {
            self.context.ui.note(line);
        }
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        let nominal = self.session.budget.rate.calls_per_second();
        let effective = self.session.server.client().effective_rate();
        self.context.ui.reduced(reduced(nominal, effective));
        self.rows.flush()
    }

    fn again(&mut self, users: u64) {
        self.context.ui.extend(users);
        self.stats.users += users;
    }

    fn status_is_wrong(&mut self, user: &str, left: u64) {
        self.context.ui.warn(status_is_wrong(user, left));
    }

    fn phase_ended(&mut self) {
        self.context.ui.lower();
    }
}

/// What can be written as rows.
trait Shown {
    fn show(&self, rows: &mut Rows<'_>) -> ControlFlow<Stop>;

    fn failed(&self) -> bool;

    /// The line of the list, if it is known.
    fn line(&self) -> Option<u64>;

    /// Remembers whose row this is.
    fn remember(&self, told: &mut Told);
}

impl<R: RunRow> Shown for R {
    fn show(&self, rows: &mut Rows<'_>) -> ControlFlow<Stop> {
        rows.write(self)
    }

    fn failed(&self) -> bool {
        self.failure().is_some()
    }

    fn line(&self) -> Option<u64> {
        RunRow::line(self)
    }

    // Only runs are shared, and runs report.
    fn remember(&self, _: &mut Told) {}
}

impl Shown for Report {
    fn show(&self, rows: &mut Rows<'_>) -> ControlFlow<Stop> {
        match self {
            Self::Device(row) => rows.write(row),
            Self::Ban(row) => rows.write(row),
            Self::Lock(row) => rows.write(row),
            Self::Limits(row) => rows.write(row),
        }
    }

    fn failed(&self) -> bool {
        match self {
            Self::Device(row) => row.failed(),
            Self::Ban(row) => row.failed(),
            Self::Lock(row) => row.failed(),
            Self::Limits(row) => row.failed(),
        }
    }

    fn line(&self) -> Option<u64> {
        Self::line(self)
    }

    fn remember(&self, told: &mut Told) {
        told.insert(self);
    }
}
