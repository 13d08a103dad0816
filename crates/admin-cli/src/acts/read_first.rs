//! The reading pass of an act that needs the complete picture before it starts.

use std::convert::Infallible;
use std::io;
use std::ops::ControlFlow;

use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::concurrency::Traffic;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::pipeline::{Cause, Stop, Wish};
use easemob_admin_ops::schedule::run_loop::{Done, Observer, RunLoop};
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::server::calls::{CallError, Calls};
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::status_first::{Reading, StatusFirst};
use easemob_admin_words::t;
use futures_util::FutureExt as _;

use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::disk_hint::disk_hint;
use crate::drive::status_is_wrong;
use crate::exit;
use crate::forecast;
use crate::interrupt;

/// A reading pass.
pub struct ReadFirst<'a> {
    /// The context of the command.
    pub context: &'a Context,
    /// The server.
    pub session: &'a Session,
    /// The word beside the progress bar.
    pub verb: &'static str,
    /// How many users there are.
    pub users: u64,
    /// How it is found out who is online.
    pub reading: Reading,
}

impl ReadFirst<'_> {
    /// Reads something for every task and passes it to `done`, in any order.
    ///
    /// A signal ends the program at once, because no work is in progress that has to be finished.
    ///
    /// # Errors
    /// When continuing is pointless, if `--max-duration` is over, if the tasks cannot be read, or if `done`
    /// cannot store a result. Nothing was changed then.
    pub async fn run<R: Send, Fut>(
        &self,
        tasks: impl Iterator<Item = io::Result<Task>> + Send,
        read: impl Fn(Task) -> Fut + Send + Sync,
        done: impl FnMut(Task, Result<R, CallError>) -> io::Result<()>,
    ) -> Result<(), CommandError>
    where
        Fut: Future<Output = (Task, Result<R, CallError>)> + Send,
    {
        let Self { context, session, .. } = *self;
        let server = &session.server;
        let (wishes, wish) = tokio::sync::watch::channel(Wish::Run);
        let time_limit = async {
            interrupt::over(context.deadline()).await;
            wishes.send_replace(Wish::Drain(Cause::Deadline));
            server.client().stop_waiting();
            std::future::pending::<Infallible>().await
        };
        let work = |task: Task| {
            read(task).map(|(task, result)| {
                let settled = result.as_ref().map_or_else(Settled::of_error, |_| Settled::Done);
                let failure = result.as_ref().err().cloned();
                Done {
                    failures: failure.into_iter().collect(),
                    ..Done::settled(vec![(task, result)], settled)
                }
            })
        };
        forecast::say(
            context,
            session,
            self.users,
            Forecast::reading(self.users, self.reading),
        );
        // Shown until it is lowered.
        let _ = context.bar(self.users, self.verb);
        let mut run_loop = RunLoop::new(wish, context.globals.concurrency);
        let mut results = Results {
            context,
            server,
            done,
        };
        let status_first = StatusFirst::new(server, self.reading, self.users, fastrand::u64(..));
        let nobody = |_: &Task| Vec::new();
        tokio::select! {
            _ = status_first.phase(&mut run_loop, tasks, work, nobody, &mut results) => {}
            never = time_limit => match never {},
        }
        context.ui.lower();
        match run_loop.finish().stop {
            None => Ok(()),
            Some(Stop::Wished(_)) => {
                let what = t!("--max-duration ended before all devices were read, so nothing was done");
                Err(CommandError::new(exit::INTERRUPTED, what)
                    .hint(t!("give more time with --max-duration, or fewer users at once")))
            }
            Some(Stop::Fatal(fatal)) => Err(fatal.into()),
            Some(Stop::Input(error)) => Err(unread(t!("cannot read the rest of the list"), error)),
            Some(Stop::Output(error)) => Err(unread(t!("cannot store the results"), error)),
            // These stops need an act, and this pass does not act.
            Some(Stop::Aborted | Stop::Cap | Stop::Drift | Stop::Record(_) | Stop::ReaderGone) => {
                let what = t!("not all devices were read, so nothing was done");
                Err(CommandError::new(exit::INTERNAL, what))
            }
        }
    }
}

fn unread(what: &str, error: io::Error) -> CommandError {
    let hint = disk_hint(&error, t!("nothing was done; see the cause above"));
    CommandError::new(exit::INTERNAL, t!("{what}, so nothing was done"))
        .because(error)
        .hint(hint)
}

/// Passes on everything that was read.
struct Results<'a, D> {
    context: &'a Context,
    server: &'a Server,
    done: D,
}

impl<R, D> Observer<(Task, Result<R, CallError>)> for Results<'_, D>
where
    D: FnMut(Task, Result<R, CallError>) -> io::Result<()>,
{
    fn traffic(&self) -> Traffic {
        self.server.traffic()
    }

    fn report(&mut self, reports: Vec<(Task, Result<R, CallError>)>) -> ControlFlow<Stop> {
        for (task, result) in reports {
            if let Err(error) = (self.done)(task, result) {
                return ControlFlow::Break(Stop::Output(error));
            }
        }
        ControlFlow::Continue(())
    }

    fn advance(&mut self, users: u64) {
        self.context.ui.advance(users);
    }

    fn again(&mut self, users: u64) {
        self.context.ui.extend(users);
    }

    fn status_is_wrong(&mut self, user: &str, left: u64) {
        self.context.ui.warn(status_is_wrong(user, left));
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        ControlFlow::Continue(())
    }
}
