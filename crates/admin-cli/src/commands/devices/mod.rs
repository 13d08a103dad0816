//! `devices`: shows which devices are online.

pub mod list;

use clap::Subcommand;

/// Commands about devices.
#[derive(Debug, Subcommand)]
pub enum DevicesCommand {
    /// List the devices of users that are online
    List(list::ListArgs),
}
