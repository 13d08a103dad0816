//! From what happened in a run to its exit code.

use std::io;

use easemob_admin_ops::schedule::breaker::Fatal;
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::server::calls::CallError;

use crate::command_error::CommandError;
use crate::disk_hint::disk_hint;
use crate::exit::{self, Exit};
use crate::summary::Summary;

/// Returns the exit code of a run; a silent server counts more than the items that failed by it.
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
            "the run was stopped, because the next user would have exceeded --max-logouts",
        )
        .hint("look at the rows before raising the cap")),
        Some(Stop::Drift) => Err(CommandError::new(
            exit::DRIFT,
            "the run was stopped, because the devices of a user differ from the plan",
        )
        .hint("make a new plan, or apply this one again with --on-drift skip|include")),
        Some(Stop::Record(error)) => Err(CommandError::new(
            exit::INTERNAL,
            "the run was stopped, because what it does can no longer be put on record",
        )
        .hint(disk_hint(
            &error,
            "what was sent is on record as far as it could be written",
        ))
        .because(error)),
        Some(Stop::Output(error)) => io(
            "the rows cannot be written to stdout, so the run was stopped",
            error,
        ),
        Some(Stop::Input(error)) => io(
            "the rest of the list cannot be read, so the run was stopped",
            error,
        ),
        Some(Stop::ReaderGone) => Ok(exit::OK),
        None => Ok(summary.exit()),
    }
}
