//! `runs undo`: lifts the bans or locks that a run set and that nobody has changed since.

use std::time::Duration;

use clap::Args;
use easemob_admin_audit::{EventTime, Filter};
use easemob_admin_ops::jobs::ban::{Change, done_with};
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::locks::reconcile::reconcile;
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::report::{Outcome, one};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::store::{ListedRun, RunStore};
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::schedule::tally::Settled;
use easemob_admin_ops::server::calls::AccountCalls;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_ops::undo::{CannotUndo, Changes, Lifted, Standing, Standings, Undo, UndoError, undoable};
use easemob_admin_words::t;
use jiff::Timestamp;

use super::again::same_server;
use crate::acts::begin::{self, begin};
use crate::acts::open_locks::open_locks;
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, devices, users};
use crate::commands::user_cap::UserCap;
use crate::completion;
use crate::context::{Context, Session};
use crate::drive::{Run, drive, finish_empty};
use crate::exit::{self, Exit};
use crate::forecast;
use crate::ownership::{require_data, require_run};
use crate::present::trail_place::in_words;
use crate::present::words::words;
use crate::summary::Summary;

/// Arguments of `runs undo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs undo last --dry-run
  easemob-admin runs undo 20261123-1137 --reason \"wrong list\" --ticket INC-7
  easemob-admin runs undo last --max-users 50 --reason \"wrong list\" --yes

Lifts the bans of a `users ban` run, or the locks of a `sessions lock` run, as a run of its own. Left alone are users who \
were banned before the run, and those whom another run banned, unbanned, locked or unlocked since then, according to the \
audit trail and the locks. Each user is looked up before the ban is lifted. Sign-outs, limits and lifted bans cannot be \
undone, nor can bans of a version that did not look whether a user was banned before: such a run is refused.")]
pub struct UndoArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN", add = completion::runs())]
    run: String,
    #[command(flatten)]
    cap: UserCap,
    #[command(flatten)]
    acting: Acting,
}

/// How many users a message names.
const NAMED: usize = 5;

/// How much earlier than the run the search in the trail begins: clocks of other machines may be behind.
const EARLIER: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs the command.
///
/// # Errors
/// When nothing of the run can be undone, the operator does not agree, or the new run was stopped.
pub async fn run(context: &Context, args: &UndoArgs) -> Result<Exit, CommandError> {
    require_data(context)?;
    let stores = context.stores()?;
    let runs = stores.runs();
    let id = runs.find(&args.run)?;
    require_run(context, &id)?;
    let listed = runs.glance(&id)?;
    let what = undoable(&listed.header.action).map_err(|why| refused(context, &listed.header, why))?;
    if listed.running {
        return Err(CommandError::new(
            exit::BUSY,
            t!("a process is working on run {id}, so nothing was undone"),
        )
        .hint(t!("stop it first, or wait until it has ended")));
    }
    let context = &context.aimed_at(&listed.header)?;
    let session = context.connect().await?;
    // Boxed, because it holds the state of every kind of run.
    let result = Box::pin(undo(context, &session, args, &id, &listed, what)).await;
    let closed = session.close().await;
    result.and_then(|exit| closed.map(|()| exit))
}

fn refused(context: &Context, header: &Header, why: CannotUndo) -> CommandError {
    let (run, command) = (&header.run, header.action.command());
    let error = |why: &str| CommandError::new(exit::USAGE, t!("cannot undo run {run} (`{command}`): {why}"));
    match why {
        CannotUndo::SignOuts => {
            error(t!("a sign-out is final")).hint(t!("the users can sign in again at any time"))
        }
        CannotUndo::Limits => error(t!("nobody knows the limits before it")).hint(t!(
            "set the limits that you want: {}",
            context.command("limits set")
        )),
        CannotUndo::Lifting => error(t!("it lifted bans, and to ban again is an act of its own")).hint(t!(
            "ban the users again: {}, or {}",
            context.command("users ban"),
            context.command("sessions lock")
        )),
        CannotUndo::BannedWithoutLooking => error(t!(
            "an older version made it, which did not look whether users were banned before"
        ))
        .hint(t!(
            "decide for each user, and lift those bans: {} --from LIST",
            context.command("users unban")
        )),
    }
}

async fn undo(
    context: &Context,
    session: &Session,
    args: &UndoArgs,
    id: &RunId,
    listed: &ListedRun,
    what: Lifted,
) -> Result<Exit, CommandError> {
    let acting = &args.acting;
    same_server(&listed.header, session)?;
    acting.require_record(context, session)?;
    let stores = context.stores()?;
    let runs = stores.runs();
    let locks = open_locks(context, &session.target())?;
    reconcile(runs, &*locks)?;
    // From now on, every new lock is either visible in the store or newer than this time.
    let mut as_of = locks.now();
    locks.at_rest(&mut || as_of = locks.now())?;
    let as_of = as_of?;
    let changes = changes_since(context, runs, id, &listed.header)?;
    let mut named = Vec::new();
    let undo = Undo::decide(runs, &*locks, id, what, &changes, |item, standing| {
        if standing == Standing::ChangedSince && named.len() < NAMED {
            named.push(item.user.to_string());
        }
    })?;
    let standings = undo.standings();
    tell_left(context, listed, standings, &named);
    args.cap.check(standings.lift, listed.header.items)?;
    let mut summary = Summary::of_users(standings.lift);
    if standings.lift == 0 {
        context.ui.say(t!("nothing is left to undo"));
        let report = context.report::<BanReport>(session, "runs undo", None)?;
        return finish_empty(report, &summary);
    }
    forecast::say_of_act(
        context,
        session,
        standings.lift,
        Forecast::exactly(2 * standings.lift),
        acting.dry_run,
    );
    let count = users(standings.lift);
    let act = match what {
        Lifted::Bans => t!("lift the bans that run {id} set, for {count}"),
        Lifted::Locks(_) => t!("lift the locks that run {id} set, for {count}"),
    };
    acting.confirm(context, session, standings.lift, &act)?;
    let items = undo.items()?;
    if acting.dry_run {
        acting.record(&mut summary);
        let tasks = items.map(|item| item.map(Task::fresh));
        return dry_run(context, session, what, tasks, summary).await;
    }
    let undoes = Some(id.to_string());
    let order = begin::Order {
        acting,
        action: match what {
            Lifted::Bans => Action::Unban { undoes },
            Lifted::Locks(_) => Action::Unlock {
                as_of: Some(as_of),
                undoes,
            },
        },
        source: format!("run {id}"),
        allowance: None,
        reading: Reading::EVERY_USER,
    };
    let open = begin(context, session, order, items)?;
    perform(context, session, open, Attempted::first(summary, acting)).await
}

/// Reads in the audit trail what others did to users since a run began.
///
/// # Errors
/// When the trail cannot be read, or does not have the run.
pub(super) fn changes_since(
    context: &Context,
    runs: &dyn RunStore,
    id: &RunId,
    header: &Header,
) -> Result<Changes, CommandError> {
    let trail = context.audit_trail()?;
    let since = header.created.checked_sub(EARLIER).unwrap_or(Timestamp::MIN);
    let filter = Filter {
        since: Some(EventTime::from_millis(since.as_millisecond())),
        ..Filter::default()
    };
    let mut changes = Changes::since(id);
    for entry in trail.search(filter, None)? {
        changes.note(&entry?.event, runs);
    }
    if changes.is_complete() {
        return Ok(changes);
    }
    let what = t!(
        "the audit trail {} does not have run {id}, so nobody can tell what happened to its users since then",
        in_words(&trail.place())
    );
    Err(CommandError::new(exit::USAGE, what).hint(t!(
        "nothing was undone; decide for each user: {} --from LIST",
        context.command("users unban")
    )))
}

/// Says what of the run stays as it is.
fn tell_left(context: &Context, listed: &ListedRun, standings: Standings, named: &[String]) {
    let Standings {
        lift: _,
        not_by_this_run,
        changed_since,
        unfinished,
    } = standings;
    let counts = &listed.counts;
    let say = |text: String| context.ui.say(text);
    if changed_since > 0 {
        let more = if changed_since > named.len() as u64 {
            ", …"
        } else {
            ""
        };
        say(t!(
            "left alone: {} whose ban or lock was changed or lifted since then, or only extended by the run ({}{more})",
            users(changed_since),
            named.join(", ")
        ));
    }
    if not_by_this_run > 0 {
        say(t!(
            "left alone: {} whom the run did not ban ({} banned before, {} failed or not started)",
            users(not_by_this_run),
            counts.nothing,
            not_by_this_run.saturating_sub(counts.nothing)
        ));
    }
    if unfinished > 0 {
        say(t!(
            "left alone: {} whose lock was interrupted; finish the run first: {}",
            users(unfinished),
            context.command(&format!("runs resume {}", listed.header.run))
        ));
    }
    if counts.devices_ended > 0 {
        say(t!(
            "cannot be undone: {} signed out",
            devices(counts.devices_ended)
        ));
    }
}

/// Looks up each user as the run would.
async fn dry_run(
    context: &Context,
    session: &Session,
    what: Lifted,
    tasks: impl Iterator<Item = std::io::Result<Task>> + Send,
    summary: Summary,
) -> Result<Exit, CommandError> {
    let job = match what {
        Lifted::Bans => Job::Change(Change::Lift),
        Lifted::Locks(_) => Job::Unlock {
            as_of: None,
            undoes: None,
        },
    };
    let run = Run {
        context,
        session,
        command: "runs undo",
        verb: t!("reading"),
        words: words(&job, true),
        acts: false,
        summary,
    };
    match what {
        Lifted::Bans => {
            let work = async |task: Task| match session.server.is_banned(&task.item.user).await {
                Ok(false) => one(
                    BanReport::new(&task.item, Outcome::NotBanned),
                    Settled::NothingToDo,
                ),
                found => done_with(&task.item, found.map(drop), Change::Lift.outcome(true)),
            };
            drive(run, tasks, work, |task| vec![BanReport::cut_off(&task.item)]).await
        }
        Lifted::Locks(_) => {
            let work =
                async |task: Task| one(LockReport::new(&task.item, Outcome::WouldUnlock), Settled::Done);
            drive(run, tasks, work, |task| vec![LockReport::cut_off(&task.item)]).await
        }
    }
}

impl From<UndoError> for CommandError {
    fn from(error: UndoError) -> Self {
        match error {
            UndoError::Run(error) => error.into(),
            UndoError::Locks(error) => error.into(),
        }
    }
}
