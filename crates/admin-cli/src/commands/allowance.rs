//! `--max-logouts P%`: computing a share needs the total before the first act.

use std::io;

use easemob_admin_ops::jobs::logout::choose;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::select::decide::{Decision, Order};
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;

use crate::acts::begin::items;
use crate::acts::read_first::ReadFirst;
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::context::{Context, Session};
use crate::exit;
use crate::input::spool::Entry;

/// The users whose devices are counted.
pub(crate) struct Source<I> {
    /// The users.
    pub(crate) entries: I,
    /// How many there are.
    pub(crate) users: u64,
    /// How it is found out who is online.
    pub(crate) reading: Reading,
}

/// Counts the devices of all users and returns how many may be signed out.
///
/// # Errors
/// When the share allows fewer than would be signed out, or if a device list cannot be read.
pub(crate) async fn of_share(
    context: &Context,
    session: &Session,
    source: Source<impl Iterator<Item = io::Result<Entry>> + Send>,
    order: &Order,
    spec: CapSpec,
) -> Result<u64, CommandError> {
    let (mut online, mut victims, mut unread) = (0, 0, 0_u64);
    let tasks = items(source.entries).map(|item| item.map(Task::fresh));
    let read = async |task: Task| {
        let chosen = choose(&session.server, &task, order).await;
        (task, chosen)
    };
    let count = |_: Task, read: Result<Decision, CallError>| {
        match read {
            Ok(decision) => {
                online += decision.online() as u64;
                victims += decision.victims.len() as u64;
            }
            // A user that cannot be read adds nothing to the total, which makes the cap stricter, never
            // looser.
            Err(_) => unread += 1,
        }
        Ok(())
    };
    let first = ReadFirst {
        context,
        session,
        verb: t!("counting"),
        users: source.users,
        reading: source.reading,
    };
    first.run(tasks, read, count).await?;
    let allowed = spec.allowance(online);
    let unread = if unread == 0 {
        String::new()
    } else {
        t!(", {} could not be read", counted(unread, "user"))
    };
    context.ui.note(t!(
        "{victims} of {} selected, at most {allowed} allowed{unread}",
        counted(online, "device")
    ));
    if victims > allowed {
        return Err(exceeded(victims, online, allowed));
    }
    Ok(allowed)
}

/// Returns the error for a selection larger than `--max-logouts` allows.
pub(crate) fn exceeded(victims: u64, online: u64, allowed: u64) -> CommandError {
    CommandError::new(
        exit::CAP_HIT,
        t!(
            "{victims} of {} would be signed out, but --max-logouts allows {allowed}; nothing was done",
            counted(online, "device")
        ),
    )
    .hint(t!("check the selection with --dry-run before raising the cap"))
}
