//! `sessions unlock`: lift locks.

use std::io;

use clap::Args;
use easemob_admin_api::UserId;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::lock::book::{book_of_session, reconcile, warn_of_others};
use crate::acts::lock::row::{LockRow, one};
use crate::acts::perform::{Attempted, perform};
use crate::bulk::action::Action;
use crate::bulk::item::{Item, Task};
use crate::bulk::tally::Settled;
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::user_cap::UserCap;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Run, drive, finish_empty, summary_of};
use crate::exit::{self, Exit};
use crate::locks::lock::{Lock, Locks, due};
use crate::summary::{Summary, Words};

/// Arguments of `sessions unlock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions unlock ann --reason \"it was her after all\" --ticket INC-7
  easemob-admin --profile prod sessions unlock --due --yes

--due lifts the locks whose time has come; its reason is that of each lock. The exit code is 11 while a lock whose run was \
not finished should have been lifted. Only locks are lifted: a ban that \
`sessions lock` did not set is left to `users unban`, and a lock that is set anew or extended after the command was \
given stays.")]
pub struct UnlockArgs {
    #[command(flatten)]
    users: UserSource,
    /// Lift all locks whose time has come
    #[arg(long, conflicts_with_all = ["users", "from"])]
    due: bool,
    #[command(flatten)]
    cap: UserCap,
    #[command(flatten)]
    acting: Acting,
}

/// How many users an error names.
const NAMED: usize = 5;

/// Runs the command.
///
/// # Errors
/// When somebody is not locked, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &UnlockArgs) -> Result<Exit, CommandError> {
    let mut acting = args.acting.clone();
    if args.due {
        let reason = || "the time of the lock is over".to_owned();
        acting.reason = acting.reason.or_else(|| Some(reason()));
    }
    acting.require_record(context, session)?;
    let book = book_of_session(context, session)?;
    warn_of_others(context, session, &book)?;
    reconcile(context, &book)?;
    // Between the two nobody can set a lock that is neither seen nor newer.
    let (as_of, locks) = book.change(|locks| (Timestamp::now(), locks.clone()))?;
    let (items, summary) = items(context, args, &locks, as_of)?;
    args.cap.check(items.len() as u64, locks.len() as u64)?;
    let overdue = args.due && warn_of_pending(context, &locks, as_of);
    let lifted = lift(context, session, &acting, items, summary, (args, as_of)).await?;
    if args.due && !acting.dry_run && lifted == exit::OK {
        book.note_lifted(as_of)?;
    }
    // Somebody is banned past the end of a lock, and only the run that set it knows whether by it.
    Ok(if overdue && lifted == exit::OK {
        exit::FINDINGS
    } else {
        lifted
    })
}

/// Lifts the locks of `items`.
async fn lift(
    context: &Context,
    session: &Session,
    acting: &Acting,
    items: Vec<Item>,
    summary: Summary,
    (args, as_of): (&UnlockArgs, Timestamp),
) -> Result<Exit, CommandError> {
    if items.is_empty() {
        context.ui.say("no lock is due");
        let report = context.report::<LockRow>(session, "sessions unlock", None);
        return finish_empty(report, &summary);
    }
    let count = items.len() as u64;
    acting.confirm(
        context,
        session,
        count,
        &format!("lift the locks of {}", users(count)),
    )?;
    if acting.dry_run {
        return dry_run(context, session, acting, items, summary).await;
    }
    let order = begin::Order {
        acting,
        action: Action::Unlock { as_of: Some(as_of) },
        source: if args.due {
            "locks that are due".into()
        } else {
            args.users.describe()
        },
        allowance: None,
    };
    let open = begin(context, session, order, items.into_iter().map(Ok))?;
    perform(context, session, open, Attempted::first(summary)).await
}

/// Locks that nobody can lift before their run is finished are told, or the timer would leave them for ever.
///
/// Returns true if there are any.
fn warn_of_pending(context: &Context, locks: &Locks, now: Timestamp) -> bool {
    let pending: Vec<&Lock> = locks
        .values()
        .filter(|lock| lock.is_pending() && lock.is_due(now))
        .collect();
    if let Some(first) = pending.first() {
        context.ui.warn(format_args!(
            "{} should have been unlocked by now and may be banned: the run was not finished; \
             easemob-admin runs resume {}",
            users(pending.len() as u64),
            first.run
        ));
    }
    !pending.is_empty()
}

/// Returns whose locks are to be lifted, and the summary to begin with.
fn items(
    context: &Context,
    args: &UnlockArgs,
    locks: &Locks,
    now: Timestamp,
) -> Result<(Vec<Item>, Summary), CommandError> {
    if args.due {
        let due = due(locks, now);
        let summary = Summary::of_users(due.len() as u64);
        return Ok((numbered((1..).zip(due)), summary));
    }
    let list = args.users.read(context)?;
    let mut users = Vec::new();
    for entry in args.users.stream(&list)? {
        let entry = entry.map_err(|error: io::Error| {
            CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
        })?;
        users.push((entry.line, entry.user));
    }
    let lock_of = |user: &UserId| locks.get(&user.folded());
    refuse_strangers(
        users
            .iter()
            .map(|(_, user)| user)
            .filter(|user| lock_of(user).is_none()),
    )?;
    refuse_pending(users.iter().filter_map(|(_, user)| lock_of(user)))?;
    Ok((numbered(users), summary_of(&list)))
}

fn refuse_strangers<'a>(strangers: impl Iterator<Item = &'a UserId>) -> Result<(), CommandError> {
    let names: Vec<String> = strangers.take(NAMED).map(ToString::to_string).collect();
    if names.is_empty() {
        return Ok(());
    }
    let what = format!("not locked, so nothing was done: {}", names.join(", "));
    Err(CommandError::new(exit::USAGE, what)
        .hint("see who is: easemob-admin sessions locks")
        .hint("to lift a ban that is no lock: easemob-admin users unban"))
}

/// A ban behind a pending lock may be somebody else's; only its run can tell.
fn refuse_pending<'a>(locks: impl Iterator<Item = &'a Lock>) -> Result<(), CommandError> {
    let pending: Vec<&Lock> = locks.filter(|lock| lock.is_pending()).take(NAMED).collect();
    let Some(first) = pending.first() else {
        return Ok(());
    };
    let names: Vec<String> = pending.iter().map(|lock| lock.user.to_string()).collect();
    let what = format!(
        "locked by a run that was not finished, so nothing was done: {}",
        names.join(", ")
    );
    Err(CommandError::new(exit::USAGE, what)
        .hint(format!(
            "finish it first: easemob-admin runs resume {}",
            first.run
        ))
        .hint("to lift the ban whoever set it: easemob-admin users unban"))
}

async fn dry_run(
    context: &Context,
    session: &Session,
    acting: &Acting,
    items: Vec<Item>,
    mut summary: Summary,
) -> Result<Exit, CommandError> {
    acting.record(&mut summary);
    let run = Run {
        context,
        session,
        command: "sessions unlock",
        verb: "reading",
        words: Words {
            done: "would be unlocked",
            nothing: "nothing to do",
            devices: None,
        },
        acts: false,
        summary,
    };
    let work = async |task: Task| one(LockRow::new(&task.item, "would_unlock"), Settled::Done);
    let tasks = items.into_iter().map(|item| Ok(Task::fresh(item)));
    drive(run, tasks, work, |task| vec![LockRow::cut_off(&task.item)]).await
}

fn numbered(users: impl IntoIterator<Item = (u64, UserId)>) -> Vec<Item> {
    let item = |(number, (line, user))| Item {
        number,
        line,
        user,
        planned: None,
    };
    (0..).zip(users).map(item).collect()
}
