//! `runs resume`: resumes a run that was interrupted.

use clap::Args;
use easemob_admin_ops::run::resume::Which;

use super::again::{Again, go_on};
use crate::command_error::CommandError;
use crate::completion;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `runs resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs resume last
  easemob-admin runs resume 20261123-1137 --yes
  easemob-admin runs resume last --max-logouts 5000

Finished users are skipped, and users that were not started are done. If a request was sent and no answer was \
recorded, the devices are read first: only those that were selected and are still online are signed out. The run keeps \
its server, reason and ticket.")]
pub struct ResumeArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN", add = completion::runs())]
    run: String,
    /// Stop before more than N devices are signed out, including those of earlier attempts
    #[arg(long, value_name = "N")]
    max_logouts: Option<u64>,
    /// Read the devices again afterwards
    #[arg(long)]
    verify: bool,
    /// Leave the work to `easemob-admin work` on any machine; needs a database (--store)
    #[arg(long, conflicts_with_all = ["max_logouts", "verify"])]
    detach: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// When the run cannot be used, or it was stopped again.
pub async fn run(context: &Context, args: &ResumeArgs) -> Result<Exit, CommandError> {
    let again = Again {
        run: &args.run,
        which: Which::Unfinished,
        allowance: args.max_logouts,
        verify: args.verify,
        detach: args.detach,
        yes: args.yes,
    };
    go_on(context, again).await
}
