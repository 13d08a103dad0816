//! `audit`: proves who did what, when and why.

#[cfg(feature = "postgres")]
pub mod archive;
pub mod export;
pub mod key;
pub mod log;
#[cfg(feature = "postgres")]
pub mod prune;
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
    /// Seal old entries of a trail in a database in files
    #[cfg(feature = "postgres")]
    Archive(archive::ArchiveArgs),
    /// Remove entries from the database that an archive has
    #[cfg(feature = "postgres")]
    Prune(prune::PruneArgs),
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
            #[cfg(feature = "postgres")]
            Self::Archive(args) => archive::run(context, args),
            #[cfg(feature = "postgres")]
            Self::Prune(args) => prune::run(context, args),
        }
    }
}
