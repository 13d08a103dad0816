//! `limits`: how many devices may be online, where the server manages that by REST.

pub mod set;
pub mod show;
mod words;

use clap::Subcommand;

/// Commands about device limits.
#[derive(Debug, Subcommand)]
pub enum LimitsCommand {
    /// Show the limits of the app, or of users
    Show(show::ShowArgs),
    /// Change the limits of the app, or of users
    Set(set::SetArgs),
}
