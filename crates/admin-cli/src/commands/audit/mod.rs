//! `audit`: prove afterwards who did what, and why.

pub mod export;
pub mod key;
pub mod log;
pub mod trail;
pub mod verify;

use clap::Subcommand;

/// Commands about the audit trail. None of them talks to a server.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Read the trail
    Log(log::LogArgs),
    /// Check that nobody has changed the trail
    Verify(verify::VerifyArgs),
    /// Write the trail in the form of a log system
    Export(export::ExportArgs),
    /// Print the public key that checkpoints are signed with
    Key(key::KeyArgs),
}
