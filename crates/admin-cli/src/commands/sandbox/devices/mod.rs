//! `sandbox devices`: simulated devices with real connections.

pub mod connect;

use clap::Subcommand;

/// Commands about simulated devices.
#[derive(Debug, Subcommand)]
pub enum SandboxDevicesCommand {
    /// Sign simulated devices in to a sandbox that is being served, and show what they receive
    Connect(connect::ConnectArgs),
}
