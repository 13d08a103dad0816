//! Maps the result of a run to its exit code.

use std::io;

use easemob_admin_ops::schedule::breaker::Fatal;
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_words::t;

use crate::busy;
use crate::command_error::CommandError;
use crate::disk_hint::disk_hint;
use crate::exit::{self, Exit};
use crate::summary::Summary;

/// Returns the exit code of a run; an unresponsive server takes precedence over the items that failed because
/// of it.
pub(super) fn conclude(
    stop: Option<Stop>,
    summary: &Summary,
    silent: Option<CallError>,
) -> Result<Exit, CommandError> {
    let io = |what: &str, error: io::Error| Err(CommandError::new(exit::INTERNAL, what).because(error));
    if let (None, Some(error)) = (&stop, silent) {
        return Err(Fatal::Unreachable(error).into());
    }
    match stop {
        Some(Stop::Wished(_)) => Ok(exit::INTERRUPTED),
        Some(Stop::Aborted) => Ok(exit::ABORTED),
        Some(Stop::Fatal(fatal)) => Err(fatal.into()),
        Some(Stop::Cap) => Err(CommandError::new(
            exit::CAP_HIT,
            t!("the run was stopped because the next user would have exceeded --max-logouts"),
        )
        .hint(t!("check the rows before raising the cap"))),
        Some(Stop::Drift) => Err(CommandError::new(
            exit::DRIFT,
            t!("the run was stopped because the devices of a user differ from the plan"),
        )
        .hint(t!(
            "make a new plan, or apply this one again with --on-drift skip|include"
        ))),
        Some(Stop::Record(error)) => Err(CommandError::new(
            busy::exit_of(&error),
            t!("the run was stopped because it can no longer be recorded"),
        )
        .hint(disk_hint(
            &error,
            t!("requests are recorded as far as they could be written"),
        ))
        .because(error)),
        Some(Stop::Output(error)) => io(
            t!("cannot write the rows to stdout, so the run was stopped"),
            error,
        ),
        Some(Stop::Input(error)) => io(
            t!("cannot read the rest of the list, so the run was stopped"),
            error,
        ),
        Some(Stop::ReaderGone) => Ok(exit::OK),
        None => Ok(summary.exit()),
    }
}
