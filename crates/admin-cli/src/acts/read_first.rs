//! The reading pass of an act that has to know the whole before it begins.

use std::io;
use std::ops::ControlFlow;

use crate::bulk::breaker::Breaker;
use crate::bulk::calls::CallError;
use crate::bulk::item::Task;
use crate::bulk::pipeline::{self, Stop, Wish};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit;

/// Reads something about every task and hands it to `done`, in any order; `verb` is shown beside the progress bar.
///
/// # Errors
/// When going on is pointless, the tasks cannot be read, or `done` cannot keep what it was given; nothing was done
/// to anybody then.
pub async fn read_first<R>(
    context: &Context,
    verb: &'static str,
    users: u64,
    tasks: impl Iterator<Item = io::Result<Task>>,
    read: impl AsyncFn(&Task) -> Result<R, CallError>,
    mut done: impl FnMut(Task, Result<R, CallError>) -> io::Result<()>,
) -> Result<(), CommandError> {
    let bar = context.bar(users, verb);
    let (_keep, wish) = tokio::sync::watch::channel(Wish::Run);
    let mut breaker = Breaker::default();
    let work = async |task: Task| {
        let result = read(&task).await;
        (task, result)
    };
    let end = pipeline::run(
        tasks,
        context.globals.concurrency,
        wish,
        work,
        |(task, result): (Task, Result<R, CallError>)| {
            if let Some(bar) = &bar {
                bar.advance(1);
            }
            let fatal = match &result {
                Ok(_) => {
                    breaker.succeeded();
                    None
                }
                Err(error) => breaker.failed(error),
            };
            match (done(task, result), fatal) {
                (Err(error), _) => ControlFlow::Break(Stop::Output(error)),
                (Ok(()), Some(fatal)) => ControlFlow::Break(Stop::Fatal(fatal)),
                (Ok(()), None) => ControlFlow::Continue(()),
            }
        },
    )
    .await;
    context.ui.lower();
    match end.stop {
        None => Ok(()),
        Some(Stop::Fatal(fatal)) => Err(fatal.into()),
        Some(other) => {
            let what = format!("the devices could not be counted ({other:?}), so nothing was done");
            Err(CommandError::new(exit::INTERNAL, what))
        }
    }
}
