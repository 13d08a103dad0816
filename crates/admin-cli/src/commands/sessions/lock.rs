//! `sessions lock`: bans users and signs them out for some time.

use std::time::Duration;

use clap::Args;
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::jobs::lock::preview;
use easemob_admin_ops::locks::lock::unattended;
use easemob_admin_ops::locks::store::LockStore;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::locks_elsewhere::warn_of_others;
use crate::acts::open_locks::open_locks;
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::aim::aim;
use crate::commands::reading::StatusArgs;
use crate::commands::times::lasting;
use crate::commands::user_cap::UserCap;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Run, drive_status_first, summary_of};
use crate::exit::{self, Exit};
use crate::forecast;
use crate::input::user_list::UserList;
use crate::present::words::words;

/// Arguments of `sessions lock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions lock ann --ttl 10h --reason \"account stolen\" --ticket INC-7
  easemob-admin sessions lock --from users.txt --ttl 30m --reason \"leak\" --yes
  easemob-admin sessions lock --from users.txt --ttl 10h --reason \"leak\" --ticket INC-7 --yes --verify

Locking a user who is already locked extends the lock, unless it ends later anyway. An existing ban is left alone and \
does not become a lock. The server does not lift bans on its own: only `sessions unlock --due` lifts locks, so run it \
every few minutes from cron or the systemd timer in contrib/systemd. This command prints a note if that has not run here \
within the last hour.")]
pub struct LockArgs {
    #[command(flatten)]
    users: UserSource,
    /// How long, such as 30m, 10h or 3d; a day has 24 hours
    #[arg(long, value_name = "TIME", value_parser = lasting)]
    ttl: Duration,
    #[command(flatten)]
    cap: UserCap,
    /// Read each user again afterwards, report who is not banned or still online, and write text for the ticket
    #[arg(long, conflicts_with_all = ["dry_run", "detach"])]
    verify: bool,
    #[command(flatten)]
    acting: Acting,
    #[command(flatten)]
    reading: StatusArgs,
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &LockArgs) -> Result<Exit, CommandError> {
    args.acting.require_record(context, session)?;
    let until = Timestamp::now()
        .checked_add(args.ttl)
        .map_err(|error| CommandError::new(exit::USAGE, t!("--ttl is too long")).because(error))?;
    let list = args.users.read(context)?;
    args.cap.check(list.users, list.users)?;
    let reading = args.reading.reading(session);
    let act = t!("lock, until {until:.0}, {}", users(list.users));
    let locks = open_locks(context, &session.target())?;
    warn_of_others(context, session, &*locks)?;
    if let Some(note) = unattended(locks.lifted_last()?, Timestamp::now()) {
        context.ui.note(note);
        context.ui.note(lifting(session));
    }
    let mut calls = Forecast::locking(list.users, reading);
    if args.verify {
        calls = calls.and(Forecast::verifying_locks(list.users, reading));
    }
    forecast::say_of_act(context, session, list.users, calls, args.acting.dry_run);
    args.acting.confirm(context, session, list.users, &act)?;
    if args.acting.dry_run {
        return dry_run(context, session, args, (&*locks, &list), reading, until).await;
    }
    let order = begin::Order {
        acting: &args.acting,
        action: Action::Lock { until },
        source: args.users.describe(),
        allowance: None,
        reading,
    };
    let open = begin(context, session, order, begin::items(args.users.stream(&list)?))?;
    let attempted = Attempted {
        verify: args.verify,
        ..Attempted::first(summary_of(&list), &args.acting)
    };
    perform(context, session, open, attempted).await
}

/// Returns what must run so that locks end: nothing else lifts them.
pub(super) fn lifting(session: &Session) -> String {
    let server = aim(session.is_sandbox(), session.profile.as_deref());
    let needs = if server.is_empty() {
        t!(" (cron does not see the EASEMOB_ variables of this shell, so use --profile)")
    } else {
        ""
    };
    t!(
        "nothing else lifts a lock: enable the timer in contrib/systemd, or add this line to the crontab of this \
         account{needs}\n  */5 * * * * easemob-admin {server}sessions unlock --due --yes --no-progress"
    )
}

/// Checks each user as the run would, so that the preview is accurate.
async fn dry_run(
    context: &Context,
    session: &Session,
    args: &LockArgs,
    (locks, list): (&dyn LockStore, &UserList),
    reading: Reading,
    until: Timestamp,
) -> Result<Exit, CommandError> {
    let mut summary = summary_of(list);
    args.acting.record(&mut summary);
    let run = Run {
        context,
        session,
        command: "sessions lock",
        verb: t!("reading"),
        words: words(&Job::Lock(until), true),
        acts: false,
        summary,
    };
    let work = async |task: Task| preview(&session.server, &task, locks, until).await;
    let tasks = begin::items(args.users.stream(list)?).map(|item| item.map(Task::fresh));
    let cut_off = |task: &Task| vec![LockReport::cut_off(&task.item)];
    let forecast = Forecast::previewing_lock(list.users, reading);
    drive_status_first(run, reading, forecast, tasks, work, cut_off).await
}
