//! `sessions logout`: signs users' devices out.

use clap::Args;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_ops::select::decide::Order;

use crate::acts::begin::{self, begin};
use crate::acts::dry_run::dry_run;
use crate::acts::perform::{Attempted, perform};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::allowance;
use crate::commands::selection::{SelectionArgs, in_words, without_a_user};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::summary_of;
use crate::exit::Exit;

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
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    acting: Acting,
    #[command(flatten)]
    selection: SelectionArgs,
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &LogoutArgs) -> Result<Exit, CommandError> {
    args.acting.require_record(context, session)?;
    let list = args.users.read(context)?;
    let order = Order {
        selection: args.selection.selection(context, &args.users.users)?,
        ..Order::default()
    };
    let exempt = &order.selection.exempt;
    let unmatched = without_a_user(context, exempt, args.users.names(&list)?)?;
    let summary = summary_of(&list).with_unmatched(unmatched);
    let act = format!("log out {} of {}", in_words(&order.selection), users(list.users));
    args.acting.confirm(context, session, list.users, &act)?;
    let allowance = match args.max_logouts {
        Some(spec @ CapSpec::Percent(_)) => {
            let entries = args.users.stream(&list)?;
            Some(allowance::of_share(context, session, entries, list.users, &order, spec).await?)
        }
        Some(CapSpec::Devices(devices)) => Some(devices),
        None => None,
    };
    if args.acting.dry_run {
        let mut summary = summary;
        args.acting.record(&mut summary);
        let tasks = begin::items(args.users.stream(&list)?).map(|item| item.map(Task::fresh));
        return dry_run(
            context,
            session,
            "sessions logout",
            tasks,
            &order,
            allowance,
            summary,
        )
        .await;
    }
    let new = begin::Order {
        acting: &args.acting,
        action: Action::Logout {
            selection: order.selection,
        },
        source: args.users.describe(),
        allowance,
    };
    let open = begin(context, session, new, begin::items(args.users.stream(&list)?))?;
    let attempted = Attempted {
        verify: args.verify,
        ..Attempted::first(summary)
    };
    perform(context, session, open, attempted).await
}
