//! The reading pass of `--max-logouts P%`: a share needs the whole before the first act.

use std::io;
use std::ops::ControlFlow;

use crate::acts::begin::items;
use crate::bulk::breaker::Breaker;
use crate::bulk::calls::CallError;
use crate::bulk::cap::CapSpec;
use crate::bulk::decide::Order;
use crate::bulk::item::Task;
use crate::bulk::logout::choose;
use crate::bulk::pipeline::{self, Stop, Wish};
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit;
use crate::input::spool::Entry;

/// Counts the devices of all users and returns how many may be ended.
///
/// # Errors
/// When more would be ended than the share allows, or a device list cannot be read.
pub(super) async fn of_share(
    context: &Context,
    session: &Session,
    source: impl Iterator<Item = io::Result<Entry>>,
    users: u64,
    order: &Order,
    spec: CapSpec,
) -> Result<u64, CommandError> {
    let globals = &context.globals;
    let bar = context.bar(users, "counting");
    let (_keep, wish) = tokio::sync::watch::channel(Wish::Run);
    let (mut online, mut victims, mut unread) = (0, 0, 0_u64);
    let mut breaker = Breaker::default();
    let tasks = items(source).map(|item| item.map(Task::fresh));
    let read = async |task: Task| count(session, &task, order).await;
    let end = pipeline::run(tasks, globals.concurrency, wish, read, |counted| {
        if let Some(bar) = &bar {
            bar.advance(1);
        }
        match counted {
            Ok((all, chosen)) => {
                breaker.succeeded();
                online += all;
                victims += chosen;
            }
            // An unread user adds nothing to the whole, which makes the cap stricter, never looser.
            Err(error) => {
                unread += 1;
                if let Some(fatal) = breaker.failed(&error) {
                    return ControlFlow::Break(Stop::Fatal(fatal));
                }
            }
        }
        ControlFlow::Continue(())
    })
    .await;
    context.ui.lower();
    match end.stop {
        None => {}
        Some(Stop::Fatal(fatal)) => return Err(fatal.into()),
        Some(other) => {
            let what = format!("the devices could not be counted ({other:?}), so nothing was done");
            return Err(CommandError::new(exit::INTERNAL, what));
        }
    }
    let allowed = spec.allowance(online);
    let unread = if unread == 0 {
        String::new()
    } else {
        format!(", {unread} users could not be read")
    };
    context.ui.note(format_args!(
        "{victims} of {online} devices are chosen, {allowed} may be ended{unread}"
    ));
    if victims > allowed {
        return Err(exceeded(victims, online, allowed));
    }
    Ok(allowed)
}

/// The error of a selection that is larger than `--max-logouts` allows.
pub(super) fn exceeded(victims: u64, online: u64, allowed: u64) -> CommandError {
    CommandError::new(
        exit::CAP_HIT,
        format!("{victims} of {online} devices would be ended, and --max-logouts allows {allowed}; nothing was done"),
    )
    .hint("look at the selection with --dry-run before raising the cap")
}

async fn count(session: &Session, task: &Task, order: &Order) -> Result<(u64, u64), CallError> {
    let decision = choose(&session.server, task, order).await?;
    Ok((decision.online() as u64, decision.victims.len() as u64))
}
