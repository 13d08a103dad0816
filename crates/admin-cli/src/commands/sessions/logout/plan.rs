//! The reading pass of `--max-logouts P%`: a share needs the whole before the first act.

use std::io;
use std::ops::ControlFlow;

use easemob_admin_api::UserId;

use crate::bulk::breaker::Breaker;
use crate::bulk::calls::CallError;
use crate::bulk::cap::CapSpec;
use crate::bulk::logout::choose;
use crate::bulk::pipeline::{self, Stop, Wish};
use crate::bulk::select::Selection;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit;
use crate::input::spool::Entry;
use crate::progress::Progress;

/// Counts the devices of all users and returns how many may be ended.
///
/// # Errors
/// When more would be ended than the share allows, or a device list cannot be read.
pub(super) async fn allowance(
    context: &Context,
    session: &Session,
    source: impl Iterator<Item = io::Result<Entry>>,
    users: u64,
    selection: &Selection,
    spec: CapSpec,
) -> Result<u64, CommandError> {
    let globals = &context.globals;
    let show = context.screen.stderr && !globals.quiet && !globals.no_progress && users > 1;
    let bar = show.then(|| Progress::on_stderr(users, "counting"));
    if let Some(bar) = &bar {
        context.ui.raise(bar.clone());
    }
    let (_keep, wish) = tokio::sync::watch::channel(Wish::Run);
    let (mut online, mut victims, mut unread) = (0, 0, 0_u64);
    let mut breaker = Breaker::default();
    let read = async |entry: Entry| count(session, &entry.user, selection).await;
    let end = pipeline::run(source, globals.concurrency, wish, read, |counted| {
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
        return Err(CommandError::new(
            exit::CAP_HIT,
            format!("{victims} of {online} devices would be ended, and --max-logouts allows {allowed}; nothing was done"),
        )
        .hint("look at the selection with --dry-run before raising the cap"));
    }
    Ok(allowed)
}

async fn count(session: &Session, user: &UserId, selection: &Selection) -> Result<(u64, u64), CallError> {
    let (selected, devices) = choose(&session.server, user, selection).await?;
    Ok((devices.len() as u64, selected.victims.len() as u64))
}
