//! `sessions unlock`: lift locks.

use std::io;

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::jobs::unlock::left;
use easemob_admin_ops::locks::lock::{Lock, liftable};
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::locks::store::{Listing, LockStore};
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::report::{Outcome, one};
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::tally::Settled;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::locks_elsewhere::warn_of_others;
use crate::acts::open_locks::open_locks;
use crate::acts::overdue::{Overdue, pending};
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
    let locks = open_locks(context, &session.target())?;
    warn_of_others(context, session, &*locks)?;
    reconcile(context.stores()?.runs(), &*locks)?;
    // Nobody can set a lock that is neither seen from now on nor newer.
    let mut as_of = Timestamp::now();
    locks.at_rest(&mut || as_of = Timestamp::now())?;
    let due = if args.due {
        locks.list(Listing::Due(as_of))?
    } else {
        Vec::new()
    };
    let overdue = Overdue::look(context, session, locks.app_root(), &pending(&due)).await?;
    let (items, summary) = if args.due {
        let liftable = liftable(&due, |lock| overdue.can_end(lock));
        let summary = Summary::of_users(liftable.len() as u64);
        (numbered((1..).zip(liftable)), summary)
    } else {
        named(context, args, &*locks)?
    };
    args.cap.check(items.len() as u64, locks.count()?)?;
    let asked = Asked {
        args,
        acting: &acting,
        as_of,
        any_due: !due.is_empty(),
        overdue: &overdue,
    };
    let lifted = lift(context, session, &asked, items, summary).await?;
    if !args.due || lifted != exit::OK {
        return Ok(lifted);
    }
    if !acting.dry_run {
        locks.note_lifted(as_of)?;
    }
    // Read again: what was to be settled may have turned out to be in other hands.
    let due = locks.list(Listing::Due(as_of))?;
    let mut left = pending(&due);
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
    any_due: bool,
    overdue: &'a Overdue,
}

impl Asked<'_> {
    /// Returns the outcome of a dry run for a user.
    fn would(&self, user: &UserId) -> Outcome {
        let verdict = self.overdue.verdict(user);
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
        context.ui.say(if asked.any_due {
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

/// Returns the users who are named, each of whom is locked, and the summary to begin with.
fn named(
    context: &Context,
    args: &UnlockArgs,
    locks: &dyn LockStore,
) -> Result<(Vec<Item>, Summary), CommandError> {
    let list = args.users.read(context)?;
    let (mut users, mut strangers, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
    for entry in args.users.stream(&list)? {
        let entry = entry.map_err(|error: io::Error| {
            CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
        })?;
        match locks.lock_of(&entry.user)? {
            None => strangers.push(entry.user),
            Some(lock) if lock.is_pending() => unfinished.push(lock),
            Some(_) => users.push((entry.line, entry.user)),
        }
    }
    refuse_strangers(&strangers)?;
    refuse_pending(&unfinished)?;
    Ok((numbered(users), summary_of(&list)))
}

fn refuse_strangers(strangers: &[UserId]) -> Result<(), CommandError> {
    if strangers.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = strangers.iter().take(NAMED).map(UserId::as_str).collect();
    let what = format!("not locked, so nothing was done: {}", names.join(", "));
    Err(CommandError::new(exit::USAGE, what)
        .hint("see who is: easemob-admin sessions locks")
        .hint("to lift a ban that is no lock: easemob-admin users unban"))
}

/// A ban behind a pending lock may be somebody else's; only its run can tell.
fn refuse_pending(pending: &[Lock]) -> Result<(), CommandError> {
    let Some(first) = pending.first() else {
        return Ok(());
    };
    let names: Vec<&str> = pending
        .iter()
        .take(NAMED)
        .map(|lock| lock.user.as_str())
        .collect();
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
