//! The reading pass of an act that needs the complete picture before it starts.

use std::convert::Infallible;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::breaker::Breaker;
use easemob_admin_ops::schedule::concurrency::Gauge;
use easemob_admin_ops::schedule::pipeline::{self, Cause, Control, Stop, Wish};
use easemob_admin_ops::server::calls::{CallError, Calls};
use easemob_admin_ops::server::client::Server;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::disk_hint::disk_hint;
use crate::exit;
use crate::interrupt;
use crate::progress::Progress;

/// Reads something for every task and passes it to `done`, in any order; `verb` is shown beside the progress
/// bar.
///
/// A signal ends the program at once, because no work is in progress that has to be finished.
///
/// # Errors
/// When continuing is pointless, if `--max-duration` is over, if the tasks cannot be read, or if `done` cannot
/// store a result. Nothing was changed then.
pub async fn read_first<R>(
    context: &Context,
    server: &Server,
    verb: &'static str,
    users: u64,
    tasks: impl Iterator<Item = io::Result<Task>>,
    read: impl AsyncFn(&Task) -> Result<R, CallError>,
    mut done: impl FnMut(Task, Result<R, CallError>) -> io::Result<()>,
) -> Result<(), CommandError> {
    let (wishes, wish) = tokio::sync::watch::channel(Wish::Run);
    let time_limit = async {
        interrupt::over(context.deadline()).await;
        wishes.send_replace(Wish::Drain(Cause::Deadline));
        server.client().stop_waiting();
        std::future::pending::<Infallible>().await
    };
    let work = async |task: Task| {
        let result = read(&task).await;
        (task, result)
    };
    let mut reading = Reading {
        server,
        gauge: Gauge::new(context.globals.concurrency, server.requests()),
        breaker: Breaker::default(),
        bar: context.bar(users, verb),
        gave_up: false,
        done: &mut done,
    };
    let end = tokio::select! {
        end = pipeline::run(tasks, wish, work, &mut reading) => end,
        never = time_limit => match never {},
    };
    context.ui.lower();
    let gave_up = reading.gave_up.then_some(Stop::Wished(Cause::Deadline));
    match end.stop.or(gave_up) {
        None => Ok(()),
        Some(Stop::Wished(_)) => {
            let what = "--max-duration ended before all devices were read, so nothing was done";
            Err(CommandError::new(exit::INTERRUPTED, what)
                .hint("give more time with --max-duration, or fewer users at once"))
        }
        Some(Stop::Fatal(fatal)) => Err(fatal.into()),
        Some(Stop::Input(error)) => Err(unread("cannot read the rest of the list", error)),
        Some(Stop::Output(error)) => Err(unread("cannot store the results", error)),
        // These stops need an act, and this pass does not act.
        Some(Stop::Aborted | Stop::Cap | Stop::Drift | Stop::Record(_) | Stop::ReaderGone) => {
            let what = "not all devices were read, so nothing was done";
            Err(CommandError::new(exit::INTERNAL, what))
        }
    }
}

fn unread(what: &str, error: io::Error) -> CommandError {
    let hint = disk_hint(&error, "nothing was done; see the cause above");
    CommandError::new(exit::INTERNAL, format!("{what}, so nothing was done"))
        .because(error)
        .hint(hint)
}

/// Passes on everything that was read.
struct Reading<'a, D> {
    server: &'a Server,
    gauge: Gauge,
    breaker: Breaker,
    bar: Option<Progress>,
    /// Whether a request was given up before it was sent.
    gave_up: bool,
    done: &'a mut D,
}

impl<R, D> Control<(Task, Result<R, CallError>)> for Reading<'_, D>
where
    D: FnMut(Task, Result<R, CallError>) -> io::Result<()>,
{
    fn jobs(&self) -> usize {
        self.gauge.jobs()
    }

    fn take(
        &mut self,
        (task, result): (Task, Result<R, CallError>),
        took: Duration,
        running: usize,
    ) -> ControlFlow<Stop> {
        if result.as_ref().is_err_and(|error| error.given_up) {
            self.gave_up = true;
            return ControlFlow::Break(Stop::Wished(Cause::Deadline));
        }
        let troubled = result.as_ref().is_err_and(|error| error.retry_may_help);
        self.gauge.ended(took, running, troubled, self.server.requests());
        if let Some(bar) = &self.bar {
            bar.advance(1);
        }
        let fatal = match &result {
            Ok(_) => {
                self.breaker.succeeded();
                None
            }
            Err(error) => self.breaker.failed(error),
        };
        match ((self.done)(task, result), fatal) {
            (Err(error), _) => ControlFlow::Break(Stop::Output(error)),
            (Ok(()), Some(fatal)) => ControlFlow::Break(Stop::Fatal(fatal)),
            (Ok(()), None) => ControlFlow::Continue(()),
        }
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        ControlFlow::Continue(())
    }
}
