//! `runs retry-failed`: try again what failed in a run.

use clap::Args;
use easemob_admin_ops::run::resume::Which;

use super::again::{Again, go_on};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `runs retry-failed`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs retry-failed last
  easemob-admin runs retry-failed last --all --yes

Only devices that were meant the first time are touched. What was never begun is done too.")]
pub struct RetryFailedArgs {
    /// The id of the run, the beginning of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Also what repeating will probably not help
    #[arg(long)]
    all: bool,
    /// Read the devices again afterwards
    #[arg(long)]
    verify: bool,
    /// Do not ask
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
        yes: args.yes,
    };
    go_on(context, again).await
}
