//! `sandbox`: the local server to try everything on.

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
    /// Forget the data of --sandbox and begin again with demo data
    Reset(reset::ResetArgs),
}
