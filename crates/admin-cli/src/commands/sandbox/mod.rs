//! `sandbox`: the local server for trying everything.

pub mod calls;
pub mod devices;
mod like;
pub mod reset;
pub mod row;
pub mod seed;
pub mod serve;

use clap::Subcommand;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Commands about the sandbox.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Serve a sandbox to other programs until Ctrl-C
    Serve(serve::ServeArgs),
    /// Simulated devices with real connections
    #[command(subcommand)]
    Devices(devices::SandboxDevicesCommand),
    /// Count what an application asked of a sandbox, and what was refused
    Calls(calls::CallsArgs),
    /// Replace the data of --sandbox
    Seed(seed::SeedArgs),
    /// Delete the data of --sandbox and start again with demo data
    Reset(reset::ResetArgs),
}

impl SandboxCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub async fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::Serve(args) => serve::run(context, args).await,
            Self::Devices(command) => command.run(context).await,
            Self::Calls(args) => calls::run(context, args).await,
            Self::Seed(args) => seed::run(context, args).await,
            Self::Reset(args) => reset::run(context, args).await,
        }
    }
}
