//! `sandbox`: the local server to try everything on.

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
    /// Replace the data of --sandbox
    Seed(seed::SeedArgs),
    /// Forget the data of --sandbox and begin again with demo data
    Reset(reset::ResetArgs),
}
