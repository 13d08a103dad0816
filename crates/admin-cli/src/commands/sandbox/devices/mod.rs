//! `sandbox devices`: simulated devices with real connections.

pub mod connect;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::commands::online::online;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about simulated devices.
#[derive(Debug, Subcommand)]
pub enum SandboxDevicesCommand {
    /// Sign simulated devices in to a sandbox that is being served, and show what they receive
    Connect(connect::ConnectArgs),
}

impl SandboxDevicesCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        online(context, async |session| match self {
            Self::Connect(args) => connect::run(context, session, args).await,
        })
        .await
    }
}
