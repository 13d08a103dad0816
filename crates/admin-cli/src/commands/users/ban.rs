//! `users ban`: keeps users from signing in.

use clap::Args;
use easemob_admin_ops::jobs::ban::Change;
use easemob_admin_ops::run::job::Action;

use super::change;
use crate::command_error::CommandError;
use crate::commands::acting::Acting;
use crate::commands::user_cap::UserCap;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::exit::Exit;

/// Arguments of `users ban`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin users ban ann --reason \"account stolen\" --ticket INC-7
  easemob-admin users ban --from users.txt --dry-run
  easemob-admin users ban --from users.txt --reason \"leak\" --yes -o jsonl > result.jsonl

A ban signs the user out on all devices at once and lasts until `users unban`. Each user is looked up first: whoever is \
banned already is left as is, and a lock of such a user no longer ends. `runs undo` lifts the bans that a run set.")]
pub struct BanArgs {
    #[command(flatten)]
    users: UserSource,
    #[command(flatten)]
    cap: UserCap,
    #[command(flatten)]
    acting: Acting,
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &BanArgs) -> Result<Exit, CommandError> {
    change::run(
        context,
        session,
        &args.users,
        args.cap,
        &args.acting,
        Action::Ban { looks_first: true },
        Change::Ban,
    )
    .await
}
