//! The common part of `users ban` and `users unban`.

use easemob_admin_ops::jobs::ban::{Change, preview};
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::t;

use crate::acts::begin::{self, begin};
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::user_cap::UserCap;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Run, drive, summary_of};
use crate::exit::Exit;
use crate::forecast;
use crate::input::user_list::UserList;
use crate::present::words::words;

/// Runs one of the two commands.
pub(super) async fn run(
    context: &Context,
    session: &Session,
    source: &UserSource,
    cap: UserCap,
    acting: &Acting,
    action: Action,
    change: Change,
) -> Result<Exit, CommandError> {
    acting.require_record(context, session)?;
    let list = source.read(context)?;
    cap.check(list.users, list.users)?;
    let act = match change {
        Change::Ban => t!("ban {}", users(list.users)),
        Change::Unban | Change::Lift => t!("unban {}", users(list.users)),
    };
    // A ban looks first whether the user is banned.
    let calls = match change {
        Change::Ban => 2 * list.users,
        Change::Unban | Change::Lift => list.users,
    };
    forecast::say_of_act(
        context,
        session,
        list.users,
        Forecast::exactly(calls),
        acting.dry_run,
    );
    acting.confirm(context, session, list.users, &act)?;
    if acting.dry_run {
        return dry_run(
            context,
            session,
            source,
            acting,
            (action.command(), change),
            &list,
        )
        .await;
    }
    let order = begin::Order {
        acting,
        action,
        source: source.describe(),
        allowance: None,
        reading: Reading::EVERY_USER,
    };
    let open = begin(context, session, order, begin::items(source.stream(&list)?))?;
    perform(
        context,
        session,
        open,
        Attempted::first(summary_of(&list), acting),
    )
    .await
}

/// Reads each user, so that unknown names are found before anything is changed.
async fn dry_run(
    context: &Context,
    session: &Session,
    source: &UserSource,
    acting: &Acting,
    (command, change): (&'static str, Change),
    list: &UserList,
) -> Result<Exit, CommandError> {
    let mut summary = summary_of(list);
    acting.record(&mut summary);
    let run = Run {
        context,
        session,
        command,
        verb: t!("reading"),
        words: words(&Job::Change(change), true),
        acts: false,
        summary,
    };
    let work = async |task: Task| preview(&session.server, &task.item, change).await;
    let tasks = begin::items(source.stream(list)?).map(|item| item.map(Task::fresh));
    drive(run, tasks, work, |task| vec![BanReport::cut_off(&task.item)]).await
}
