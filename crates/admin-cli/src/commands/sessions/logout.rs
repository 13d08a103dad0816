//! `sessions logout`: signs users' devices out.

use clap::Args;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::schedule::forecast::Forecast;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_words::t;

use crate::acts::begin::{self, begin};
use crate::acts::dry_run::{dry_run, dry_run_unread};
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::allowance;
use crate::commands::reading::ReadingArgs;
use crate::commands::selection::{SelectionArgs, in_words, without_a_user};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::summary_of;
use crate::exit::{self, Exit};
use crate::forecast;

/// Arguments of `sessions logout`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions logout ann --reason \"phone stolen\" --ticket INC-7
  easemob-admin sessions logout ann --device ios_7f3a --reason \"phone stolen\"
  easemob-admin sessions logout --from users.txt --dry-run
  easemob-admin sessions logout --from users.txt --platform web --reason \"leak\" --yes -o jsonl > result.jsonl
  easemob-admin sessions logout --from users.txt --keep-newest 1 --max-logouts 5% --reason \"policy\" --verify

A logout is not a ban: the user can sign in again at once (see `sessions lock`). The device list is read first; \
devices that sign in later are signed out only if all devices of the user are selected. --keep-newest never signs out a \
device of unknown age unless --unknown-age oldest says so. Every logout is a recorded run: resume an interrupted one \
with `runs resume`.")]
pub struct LogoutArgs {
    #[command(flatten)]
    users: UserSource,
    /// Stop before more than N devices, or P% of those online, are signed out
    #[arg(long, value_name = "N|P%")]
    max_logouts: Option<CapSpec>,
    /// Read the devices again afterwards, and report what is gone, still online, or signed in again
    #[arg(long, conflicts_with = "detach")]
    verify: bool,
    /// Sign out everything of each user with one request, without reading the devices before it: half the
    /// requests, and no record of which devices there were. If the answer to a request does not arrive, the
    /// devices are read, and nothing is sent a second time
    #[arg(long, conflicts_with_all = ["verify", "max_logouts"])]
    unread: bool,
    #[command(flatten)]
    acting: Acting,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    reading: ReadingArgs,
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &LogoutArgs) -> Result<Exit, CommandError> {
    args.acting.require_record(context, session)?;
    let list = args.users.read(context)?;
    let unread = args.unread;
    let order = Order {
        selection: args.selection.selection(context, &args.users.users)?,
        ..Order::default()
    };
    if unread && !order.selection.is_everything() {
        return Err(CommandError::new(
            exit::USAGE,
            t!("--unread signs out everything, so it takes no option that selects or keeps devices"),
        )
        .hint(t!("leave out --unread, and the devices are read first")));
    }
    let exempt = &order.selection.exempt;
    let unmatched = without_a_user(context, exempt, args.users.names(&list)?)?;
    let summary = summary_of(&list).with_unmatched(unmatched);
    let act = t!("log out {} of {}", in_words(&order.selection), users(list.users));
    let reading = args.reading.reading(session);
    let read = Forecast::reading(list.users, reading);
    let calls = if unread {
        Forecast {
            most: read.most,
            ..read
        }
    } else {
        read.and_one_if_online(list.users)
    };
    forecast::say_of_act(context, session, list.users, calls, args.acting.dry_run);
    args.acting.confirm(context, session, list.users, &act)?;
    let allowance = match args.max_logouts {
        Some(spec @ CapSpec::Percent(_)) => {
            let users = list.users;
            let source = allowance::Source {
                entries: args.users.stream(&list)?,
                users,
                reading,
            };
            Some(allowance::of_share(context, session, source, &order, spec).await?)
        }
        Some(CapSpec::Devices(devices)) => Some(devices),
        None => None,
    };
    if args.acting.dry_run {
        let mut summary = summary;
        args.acting.record(&mut summary);
        let tasks = begin::items(args.users.stream(&list)?).map(|item| item.map(Task::fresh));
        if unread {
            return dry_run_unread(context, session, reading, tasks, summary).await;
        }
        return dry_run(
            context,
            session,
            "sessions logout",
            reading,
            tasks,
            &order,
            allowance,
            summary,
        )
        .await;
    }
    let new = begin::Order {
        acting: &args.acting,
        action: if unread {
            Action::LogoutUnread
        } else {
            Action::Logout {
                selection: order.selection,
            }
        },
        source: args.users.describe(),
        allowance,
        reading,
    };
    let open = begin(context, session, new, begin::items(args.users.stream(&list)?))?;
    let attempted = Attempted {
        verify: args.verify,
        ..Attempted::first(summary, &args.acting)
    };
    perform(context, session, open, attempted).await
}
