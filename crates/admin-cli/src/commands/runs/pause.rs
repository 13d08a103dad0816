//! `runs pause`: keeps everybody from working on a run until it is resumed.

use clap::Args;
use easemob_admin_ops::run::direction::RunState;

use super::direct::{Directing, direct};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `runs pause`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs pause last --reason \"too many complaints\"
  easemob-admin runs pause 20261123-1137

Whoever works on the run, on any machine, finishes the users in progress within seconds and starts no other. Continue with \
`runs resume`, which leaves the run to workers again with --detach. Needs a database (--store): a run whose records are files \
is stopped with Ctrl-C.")]
pub struct PauseArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the run does not exist, or nothing can be recorded.
pub fn run(context: &Context, args: &PauseArgs) -> Result<Exit, CommandError> {
    direct(
        context,
        Directing {
            run: &args.run,
            state: RunState::Paused,
            reason: args.reason.clone(),
        },
    )
}
