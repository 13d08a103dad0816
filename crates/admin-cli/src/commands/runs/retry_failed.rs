//! `runs retry-failed`: retries what failed in a run.

use clap::Args;
use easemob_admin_ops::run::resume::Which;

use super::again::{Again, go_on};
use crate::command_error::CommandError;
use crate::completion;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `runs retry-failed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs retry-failed last
  easemob-admin runs retry-failed last --all --yes

Only devices that were selected the first time are signed out. Users that were not started are done too.")]
pub struct RetryFailedArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN", add = completion::runs())]
    run: String,
    /// Also retry failures that retrying will probably not fix
    #[arg(long)]
    all: bool,
    /// Read the devices again afterwards
    #[arg(long)]
    verify: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// When the run cannot be used, or it was stopped.
pub async fn run(context: &Context, args: &RetryFailedArgs) -> Result<Exit, CommandError> {
    let again = Again {
        run: &args.run,
        which: if args.all {
            Which::AndAllFailed
        } else {
            Which::AndFailed
        },
        allowance: None,
        verify: args.verify,
        detach: false,
        yes: args.yes,
    };
    go_on(context, again).await
}
