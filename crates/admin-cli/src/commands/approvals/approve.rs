//! `approvals approve`: agrees to a request of somebody else.

use clap::Args;

use super::decide::decide;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `approvals approve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin approvals approve 20261129-101500-3f09ab --reason \"checked the list with security\"

Nobody approves a request of his own, and each person decides once. What is approved is what `approvals show` shows: the run \
may do less, and never more. Needs a key with the scope sessions:approve.")]
pub struct ApproveArgs {
    /// The id of the run that waits
    #[arg(value_name = "RUN")]
    run: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs the command.
///
/// # Errors
/// When no service is configured, or it refuses the decision.
pub fn run(context: &Context, args: &ApproveArgs) -> Result<Exit, CommandError> {
    decide(context, &args.run, true, &args.reason)
}
