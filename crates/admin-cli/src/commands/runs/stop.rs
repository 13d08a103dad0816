//! `runs stop`: gives a run up.

use clap::Args;
use easemob_admin_ops::run::direction::RunState;

use super::direct::{Directing, direct};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::Exit;

/// Arguments of `runs stop`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin runs stop last --reason \"wrong list\"

Whoever works on the run, on any machine, finishes the users in progress within seconds and starts no other. What was done \
stays done. The run is no longer listed as unfinished; `runs resume` continues it all the same. Needs a database (--store): \
a run whose records are files is stopped with Ctrl-C.")]
pub struct StopArgs {
    /// The id of the run, the start of it, or `last`
    #[arg(value_name = "RUN")]
    run: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs the command.
///
/// # Errors
/// When the run does not exist, or nothing can be recorded.
pub fn run(context: &Context, args: &StopArgs) -> Result<Exit, CommandError> {
    direct(
        context,
        Directing {
            run: &args.run,
            state: RunState::Stopped,
            reason: Some(args.reason.clone()),
        },
    )
}
