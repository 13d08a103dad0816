//! The parts of a run that one command works on: all of it, or range after range beside other workers.

use std::time::Duration;

use easemob_admin_ops::run::direction::{RunState, range_of};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::{Direction, OpenRun, RunError, RunStore};
use easemob_admin_ops::schedule::pipeline::{Cause, Stop, Wish};
use easemob_admin_ops::schedule::tally::Tally;
use easemob_admin_ops::worker::done_between;
use easemob_admin_words::t;
use tokio::sync::watch;

use super::operator::operator;
use crate::command_error::CommandError;
use crate::commands::times::now_ms;
use crate::context::{Context, Session};
use crate::exit;

/// How often to look whether other workers have finished.
const LOOK: Duration = Duration::from_millis(500);

/// The parts of a run.
pub(super) enum Parts {
    /// All that is left, at once.
    Whole(Option<Box<OpenRun>>),
    /// Ranges, which other workers take too.
    Shared(Shared),
}

/// A run that other workers work on, too.
pub(super) struct Shared {
    id: RunId,
    before: Counts,
}

impl Parts {
    /// Leaves a run to all workers if they can share it, and takes part.
    pub(super) fn of(
        context: &Context,
        session: &Session,
        open: OpenRun,
        which: Which,
    ) -> Result<Self, CommandError> {
        let size = range_of(&open.header).filter(|size| open.header.items > *size);
        if size.is_none() || which != Which::Unfinished || context.records()?.in_files {
            return Ok(Self::Whole(Some(Box::new(open))));
        }
        let id = id_of(&open.header)?;
        let before = open.progress.counts();
        // Given back first, so that ranges of it can be taken.
        drop(open);
        direct(context, session, &id, RunState::Open, None)?;
        Ok(Self::Shared(Shared { id, before }))
    }

    /// Returns true if other workers take part.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Opens the next part. Waits for other workers if they have all that is left: what one of them leaves is done here.
    pub(super) async fn next(
        &mut self,
        context: &Context,
        runs: &dyn RunStore,
        wish: &mut watch::Receiver<Wish>,
    ) -> Result<Option<OpenRun>, RunError> {
        let shared = match self {
            Self::Whole(open) => return Ok(open.take().map(|open| *open)),
            Self::Shared(shared) => shared,
        };
        let mut is_waiting = false;
        while *wish.borrow_and_update() == Wish::Run {
            if let Some(open) = runs.open_range(&shared.id)? {
                return Ok(Some(open));
            }
            if runs.glance(&shared.id)?.state != RunState::Open {
                break;
            }
            if !is_waiting {
                is_waiting = true;
                context
                    .ui
                    .note(t!("other workers have all users that are left; waiting for them"));
            }
            // A wish ends the rest early.
            let _ = tokio::time::timeout(LOOK, wish.changed()).await;
        }
        Ok(None)
    }

    /// Returns true if workers may do more of the run after this command has ended.
    pub(super) fn has_more(&self, runs: &dyn RunStore) -> Result<bool, RunError> {
        match self {
            Self::Whole(_) => Ok(false),
            Self::Shared(shared) => {
                let listed = runs.glance(&shared.id)?;
                Ok(listed.counts.unfinished() > 0 && listed.state == RunState::Open)
            }
        }
    }

    /// Pauses the run for all workers if this command stopped.
    pub(super) fn pause(
        &self,
        context: &Context,
        session: &Session,
        stop: Option<&Stop>,
    ) -> Result<(), CommandError> {
        let (Self::Shared(Shared { id, .. }), Some(stop)) = (self, stop) else {
            return Ok(());
        };
        // Somebody else decided, or works on.
        let by_others = matches!(
            stop,
            Stop::Wished(Cause::Paused | Cause::Stopped | Cause::TakenOver)
        );
        if by_others || !self.has_more(context.stores()?.runs())? {
            return Ok(());
        }
        direct(
            context,
            session,
            id,
            RunState::Paused,
            Some(stop.word().to_owned()),
        )
    }

    /// Returns what all workers did, if others may have taken part.
    pub(super) fn done_by_all(&self, runs: &dyn RunStore) -> Result<Option<Tally>, RunError> {
        let Self::Shared(Shared { id, before }) = self else {
            return Ok(None);
        };
        // Only what is not finished is shared.
        let now = runs.glance(id)?.counts;
        Ok(Some(done_between(before, &now, Which::Unfinished)))
    }
}

/// Decides who may work on a run.
///
/// # Errors
/// When it cannot be recorded.
pub fn direct(
    context: &Context,
    session: &Session,
    id: &RunId,
    state: RunState,
    reason: Option<String>,
) -> Result<(), CommandError> {
    let direction = Direction {
        state,
        operator: operator(session.subject.clone(), context.environment.get("SUDO_USER")),
        at: now_ms(),
        reason,
    };
    Ok(context.stores()?.runs().direct(id, direction)?)
}

/// Returns the id of a run.
pub(super) fn id_of(header: &Header) -> Result<RunId, CommandError> {
    RunId::parse(&header.run).ok_or_else(|| CommandError::new(exit::INTERNAL, t!("the run has no id")))
}
