//! `sessions lock`: ban users and log them out for some time.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::acts::begin::{self, begin};
use crate::acts::lock::LockRow;
use crate::acts::perform::{Attempted, perform};
use crate::bulk::action::Action;
use crate::bulk::calls::SessionCalls;
use crate::bulk::item::Task;
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::times::lasting;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, drive, summary_of};
use crate::exit::{self, Exit};
use crate::summary::Words;

/// Arguments of `sessions lock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions lock ann --ttl 10h --reason \"account stolen\" --ticket INC-7
  easemob-admin sessions lock --from users.txt --ttl 30m --reason \"leak\" --yes

Locking somebody who is locked already extends the lock. A ban of somebody else stays and is not taken for a lock. \
The server knows no end of a ban: locks are lifted by `sessions unlock --due`, which belongs into cron or the \
systemd timer in contrib/systemd.")]
pub struct LockArgs {
    #[command(flatten)]
    users: UserSource,
    /// How long, such as 30m, 10h or 3d; a day has 24 hours
    #[arg(long, value_name = "TIME", value_parser = lasting)]
    ttl: Duration,
    #[command(flatten)]
    acting: Acting,
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &LockArgs) -> Result<Exit, CommandError> {
    args.acting.require_record(context, session)?;
    let until = Timestamp::now()
        .checked_add(args.ttl)
        .map_err(|error| CommandError::new(exit::USAGE, "--ttl is too long").because(error))?;
    let list = args.users.read(context)?;
    let act = format!("lock, until {until:.0}, {}", users(list.users));
    args.acting.confirm(context, session, list.users, &act)?;
    if args.acting.dry_run {
        return dry_run(context, session, args, &list).await;
    }
    let order = begin::Order {
        acting: &args.acting,
        action: Action::Lock { until },
        source: args.users.describe(),
        allowance: None,
    };
    let open = begin(context, session, order, begin::items(args.users.stream(&list)?))?;
    perform(context, session, open, Attempted::first(summary_of(&list))).await
}

/// Reads the devices of each user, so that unknown names are found before it counts.
async fn dry_run(
    context: &Context,
    session: &Session,
    args: &LockArgs,
    list: &crate::input::user_list::UserList,
) -> Result<Exit, CommandError> {
    let mut summary = summary_of(list);
    args.acting.record(&mut summary);
    let run = Run {
        context,
        session,
        command: "sessions lock",
        verb: "reading",
        words: Words {
            done: "would be locked",
            nothing: "banned before",
            devices: Some("would be ended"),
        },
        acts: false,
        summary,
    };
    let work = async |task: Task| {
        let mut tally = Tally::default();
        let (row, failures) = match session.server.list_devices(&task.item.user).await {
            Ok(devices) => {
                tally.count(Settled::Done);
                tally.devices = devices.len() as u64;
                (LockRow::new(&task.item, "would_lock"), Vec::new())
            }
            Err(error) => {
                tally.count(Settled::of_error(&error));
                (LockRow::new(&task.item, "failed").failed(&error), vec![error])
            }
        };
        Done {
            rows: vec![row],
            tally,
            failures,
            stop: None,
        }
    };
    let tasks = begin::items(args.users.stream(list)?).map(|item| item.map(Task::fresh));
    drive(run, tasks, work, |task| vec![LockRow::new(&task.item, "unknown")]).await
}
