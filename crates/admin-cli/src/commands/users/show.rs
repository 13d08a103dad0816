//! `users show`: shows one user.

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_ops::names::user;
use easemob_admin_words::t;
use serde::Serialize;

use super::row::UserRow;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};

/// Arguments of `users show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin users show ann
  easemob-admin users show ann -o json")]
pub struct ShowArgs {
    /// The user
    #[arg(value_name = "USER", value_parser = user)]
    user: UserId,
}

#[derive(Debug, Serialize)]
struct ShowSummary {
    users: u64,
}

/// Runs the command.
///
/// # Errors
/// When the user cannot be read.
pub async fn run(context: &Context, session: &Session, args: &ShowArgs) -> Result<Exit, CommandError> {
    let server = &session.server;
    let user = server.client().get_user(&args.user).await?;
    let mut report = context.report::<UserRow>(session, "users show", None)?;
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("cannot write the row to stdout")).because(error);
    report.row(&UserRow::from(user)).map_err(output)?;
    report.finish(&ShowSummary { users: 1 }).map_err(output)?;
    Ok(exit::OK)
}
