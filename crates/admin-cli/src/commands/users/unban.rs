//! `users unban`: allows banned users to sign in again.

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

/// Arguments of `users unban`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin users unban ann --reason \"account recovered\" --ticket INC-7
  easemob-admin users unban --from users.txt --dry-run
  easemob-admin users unban --from users.txt --reason \"leak\" --yes -o jsonl > result.jsonl")]
pub struct UnbanArgs {
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
pub async fn run(context: &Context, session: &Session, args: &UnbanArgs) -> Result<Exit, CommandError> {
    change::run(
        context,
        session,
        &args.users,
        args.cap,
        &args.acting,
        Action::Unban { undoes: None },
        Change::Unban,
    )
    .await
}
