//! `audit`: proves who did what, when and why.

pub mod export;
pub mod key;
pub mod log;
pub mod trail;
pub mod verify;

use clap::Subcommand;

/// Commands about the audit trail. None of them contacts a server.
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
