//! `users`: which users exist, and who may sign in.

pub mod ban;
mod change;
pub mod list;
pub mod row;
pub mod show;
pub mod status;
pub mod unban;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::commands::online::online;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about users.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// List users, oldest first
    List(list::ListArgs),
    /// Show one user
    Show(show::ShowArgs),
    /// Show whether users are online
    Status(status::StatusArgs),
    /// Keep users from signing in, and sign them out
    Ban(ban::BanArgs),
    /// Allow banned users to sign in again
    Unban(unban::UnbanArgs),
}

impl UsersCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        online(context, async |session| match self {
            Self::List(args) => list::run(context, session, args).await,
            Self::Show(args) => show::run(context, session, args).await,
            Self::Status(args) => status::run(context, session, args).await,
            Self::Ban(args) => ban::run(context, session, args).await,
            Self::Unban(args) => unban::run(context, session, args).await,
        })
        .await
    }
}
