//! `approvals refuse`: refuses a request, for good.

use clap::Args;

use super::decide::decide;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `approvals refuse`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin approvals refuse 20261129-101500-3f09ab --reason \"the list has staff accounts\"

One refusal is final: a new run has to be made and asked for. Nobody decides about a request of his own. Needs a key with \
the scope sessions:approve.")]
pub struct RefuseArgs {
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
pub fn run(context: &Context, args: &RefuseArgs) -> Result<Exit, CommandError> {
    decide(context, &args.run, false, &args.reason)
}
