//! `audit`: proves who did what, when and why.

pub mod export;
pub mod key;
pub mod log;
pub mod trail;
pub mod verify;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about the audit trail. None of them talks to a server.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show the trail
    Log(log::LogArgs),
    /// Check that the trail was not changed
    Verify(verify::VerifyArgs),
    /// Write the trail in the format of a log system
    Export(export::ExportArgs),
    /// Print the public key that verifies checkpoints
    Key(key::KeyArgs),
}

impl AuditCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::Log(args) => log::run(context, args).await,
            Self::Verify(args) => verify::run(context, args),
            Self::Export(args) => export::run(context, args).await,
            Self::Key(args) => key::run(context, args),
        }
    }
}
