//! `devices`: shows which devices are online.

pub mod list;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::commands::online::online;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about devices.
#[derive(Debug, Subcommand)]
pub enum DevicesCommand {
    /// List the devices of users that are online
    List(list::ListArgs),
}

impl DevicesCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        online(context, async |session| match self {
            Self::List(args) => list::run(context, session, args).await,
        })
        .await
    }
}
