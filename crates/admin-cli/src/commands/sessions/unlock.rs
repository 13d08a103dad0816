//! `sessions unlock`: lifts locks.

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
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::{t, told_later};
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
use crate::forecast;
use crate::present::words::words;
use crate::summary::Summary;

/// Arguments of `sessions unlock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions unlock ann --reason \"it was her after all\" --ticket INC-7
  easemob-admin --profile prod sessions unlock --due --yes

--due lifts the locks that have expired. It also settles locks whose run was interrupted: it lifts the ban if the run had \
started to send it, and leaves an earlier ban alone. The exit code is 11 while an expired lock cannot be lifted because \
its run is unreadable or still in progress. Only locks are lifted: to lift a ban that `sessions lock` did not set, use \
`users unban`. A lock that is set or extended after the command was started stays.")]
pub struct UnlockArgs {
    #[command(flatten)]
    users: UserSource,
    /// Lift all locks that have expired
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
/// When a user is not locked, the operator does not agree, or the run was stopped.
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
    // From now on, every new lock is either visible in the store or newer than this time.
    let mut as_of = locks.now();
    locks.at_rest(&mut || as_of = locks.now())?;
    let as_of = as_of?;
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
    // Read again: another process may have settled some locks in the meantime.
    let due = locks.list(Listing::Due(as_of))?;
    let mut left = pending(&due);
    if acting.dry_run {
        left.retain(|lock| !overdue.can_end(lock));
    }
    overdue.warn(context, session, &left);
    Ok(if left.is_empty() { exit::OK } else { exit::FINDINGS })
}

/// The request, and what was found before acting on it.
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
            t!("no expired lock can be lifted")
        } else {
            t!("no locks have expired")
        });
        let report = context.report::<LockReport>(session, "sessions unlock", None)?;
        return finish_empty(report, &summary);
    }
    let count = items.len() as u64;
    forecast::say_of_act(
        context,
        session,
        count,
        Forecast::exactly(2 * count),
        acting.dry_run,
    );
    acting.confirm(context, session, count, &t!("lift the locks of {}", users(count)))?;
    if acting.dry_run {
        return dry_run(context, session, asked, items, summary).await;
    }
    let order = begin::Order {
        acting,
        action: Action::Unlock {
            as_of: Some(asked.as_of),
            undoes: None,
        },
        source: if args.due {
            told_later!("locks that are due").into()
        } else {
            args.users.describe()
        },
        allowance: None,
        reading: Reading::EVERY_USER,
    };
    let open = begin(context, session, order, items.into_iter().map(Ok))?;
    perform(context, session, open, Attempted::first(summary, acting)).await
}

/// Returns the named users, each of whom is locked, and the initial summary.
fn named(
    context: &Context,
    args: &UnlockArgs,
    locks: &dyn LockStore,
) -> Result<(Vec<Item>, Summary), CommandError> {
    let list = args.users.read(context)?;
    let (mut users, mut strangers, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
    for entry in args.users.stream(&list)? {
        let entry = entry.map_err(|error: io::Error| {
            CommandError::new(exit::INTERNAL, t!("cannot read the temporary copy of the list")).because(error)
        })?;
        match locks.lock_of(&entry.user)? {
            None => strangers.push(entry.user),
            Some(lock) if lock.is_pending() => unfinished.push(lock),
            Some(_) => users.push((entry.line, entry.user)),
        }
    }
    refuse_strangers(context, &strangers)?;
    refuse_pending(context, &unfinished)?;
    Ok((numbered(users), summary_of(&list)))
}

fn refuse_strangers(context: &Context, strangers: &[UserId]) -> Result<(), CommandError> {
    if strangers.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = strangers.iter().take(NAMED).map(UserId::as_str).collect();
    let what = t!(
        "these users are not locked, so nothing was done: {}",
        names.join(", ")
    );
    Err(CommandError::new(exit::USAGE, what)
        .hint(t!("list the locks: {}", context.command("sessions locks")))
        .hint(t!(
            "to lift a ban that is not a lock: {}",
            context.command("users unban")
        )))
}

/// The ban behind a pending lock may be somebody else's; only the run of the lock can tell.
fn refuse_pending(context: &Context, pending: &[Lock]) -> Result<(), CommandError> {
    let Some(first) = pending.first() else {
        return Ok(());
    };
    let names: Vec<&str> = pending
        .iter()
        .take(NAMED)
        .map(|lock| lock.user.as_str())
        .collect();
    let what = t!(
        "the run that locks these users was not finished, so nothing was done: {}",
        names.join(", ")
    );
    Err(CommandError::new(exit::USAGE, what)
        .hint(t!("finish it first: easemob-admin runs resume {}", first.run))
        .hint(t!(
            "to lift the ban, no matter who set it: {}",
            context.command("users unban")
        )))
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
        verb: t!("reading"),
        words: words(
            &Job::Unlock {
                as_of: None,
                undoes: None,
            },
            true,
        ),
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
