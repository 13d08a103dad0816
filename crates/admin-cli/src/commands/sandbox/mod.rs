//! `sandbox`: the local server for trying everything.

pub mod devices;
pub mod reset;
pub mod row;
pub mod seed;
pub mod serve;

use clap::Subcommand;

/// Commands about the sandbox.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Serve a sandbox to other programs until Ctrl-C
    Serve(serve::ServeArgs),
    /// Simulated devices with real connections
    #[command(subcommand)]
    Devices(devices::SandboxDevicesCommand),
    /// Replace the data of --sandbox
    Seed(seed::SeedArgs),
    /// Delete the data of --sandbox and start again with demo data
    Reset(reset::ResetArgs),
}
