//! `sessions unlock`: lift locks.

use std::io;

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::jobs::unlock::left;
use easemob_admin_ops::locks::lock::{Lock, Locks, due};
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::report::{Outcome, one};
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::tally::Settled;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::locks_elsewhere::warn_of_others;
use crate::acts::overdue::{Overdue, pending_and_due};
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::user_cap::UserCap;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Run, drive, finish_empty, summary_of};
use crate::exit::{self, Exit};
use crate::present::words::words;
use crate::summary::Summary;

/// Arguments of `sessions unlock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions unlock ann --reason \"it was her after all\" --ticket INC-7
  easemob-admin --profile prod sessions unlock --due --yes

--due lifts the locks whose time has come. It also settles those whose run was cut off: it lifts the ban if the run had \
begun to send it, and leaves a ban that was there before. The exit code is 11 while a lock that should have been lifted \
cannot be, because its run cannot be read or is still going on. Only locks are lifted: a ban that \
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
    let book = context.stores()?.lock_book(&session.target());
    warn_of_others(context, session, &book)?;
    reconcile(&context.stores()?.runs(), &book)?;
    // Between the two nobody can set a lock that is neither seen nor newer.
    let (as_of, locks) = book.change(|locks| (Timestamp::now(), locks.clone()))?;
    let overdue = if args.due {
        Overdue::look(context, session, &book, &pending_and_due(&locks, as_of)).await?
    } else {
        Overdue::default()
    };
    let (items, summary) = items(context, args, &locks, (as_of, &overdue))?;
    args.cap.check(items.len() as u64, locks.len() as u64)?;
    let asked = Asked {
        args,
        acting: &acting,
        as_of,
        locks: &locks,
        overdue: &overdue,
    };
    let lifted = lift(context, session, &asked, items, summary).await?;
    if !args.due || lifted != exit::OK {
        return Ok(lifted);
    }
    if !acting.dry_run {
        book.note_lifted(as_of)?;
    }
    // Read again: what was to be settled may have turned out to be in other hands.
    let locks = book.read()?;
    let mut left = pending_and_due(&locks, as_of);
    if acting.dry_run {
        left.retain(|lock| !overdue.can_end(lock));
    }
    overdue.warn(context, session, &left);
    Ok(if left.is_empty() { exit::OK } else { exit::FINDINGS })
}

/// What was asked for, and what was found before it is done.
struct Asked<'a> {
    args: &'a UnlockArgs,
    acting: &'a Acting,
    as_of: Timestamp,
    locks: &'a Locks,
    overdue: &'a Overdue,
}

impl Asked<'_> {
    /// Returns the outcome of a dry run for a user.
    fn would(&self, user: &UserId) -> Outcome {
        let lock = self.locks.get(&user.folded()).filter(|lock| lock.is_pending());
        let verdict = lock.and_then(|lock| self.overdue.verdict(lock));
        verdict.and_then(left).unwrap_or(Outcome::WouldUnlock)
    }
}

/// Lifts the locks of `items`.
async fn lift(
    context: &Context,
    session: &Session,
    asked: &Asked<'_>,
    items: Vec<Item>,
    summary: Summary,
) -> Result<Exit, CommandError> {
    let (args, acting) = (asked.args, asked.acting);
    if items.is_empty() {
        let due = args.due && asked.locks.values().any(|lock| lock.is_due(asked.as_of));
        context.ui.say(if due {
            "no lock that is due can be lifted"
        } else {
            "no lock is due"
        });
        let report = context.report::<LockReport>(session, "sessions unlock", None);
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
        return dry_run(context, session, asked, items, summary).await;
    }
    let order = begin::Order {
        acting,
        action: Action::Unlock {
            as_of: Some(asked.as_of),
        },
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

/// Returns whose locks are to be lifted, and the summary to begin with.
fn items(
    context: &Context,
    args: &UnlockArgs,
    locks: &Locks,
    (now, overdue): (Timestamp, &Overdue),
) -> Result<(Vec<Item>, Summary), CommandError> {
    if args.due {
        let due = due(locks, now, |lock| overdue.can_end(lock));
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
    asked: &Asked<'_>,
    items: Vec<Item>,
    mut summary: Summary,
) -> Result<Exit, CommandError> {
    asked.acting.record(&mut summary);
    let run = Run {
        context,
        session,
        command: "sessions unlock",
        verb: "reading",
        words: words(&Job::Unlock(None), true),
        acts: false,
        summary,
    };
    let work = async |task: Task| match asked.would(&task.item.user) {
        would @ Outcome::WouldUnlock => one(LockReport::new(&task.item, would), Settled::Done),
        left => one(LockReport::new(&task.item, left), Settled::NothingToDo),
    };
    let tasks = items.into_iter().map(|item| Ok(Task::fresh(item)));
    drive(run, tasks, work, |task| vec![LockReport::cut_off(&task.item)]).await
}

fn numbered(users: impl IntoIterator<Item = (u64, UserId)>) -> Vec<Item> {
    let item = |(number, (line, user))| Item::new(number, line, user);
    (0..).zip(users).map(item).collect()
}
