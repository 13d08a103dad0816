//! Does what the journal of a run says is to be done.

use super::attempt::Attempt;
use super::{change, lock, logout};
use crate::bulk::action::{Action, OnDrift};
use crate::bulk::decide::Order;
use crate::bulk::resume::Which;
use crate::bulk::runs::directory::OpenRun;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::summary::Summary;

/// What an attempt adds to what the journal says.
pub struct Attempted {
    /// Which items are worked on.
    pub which: Which,
    /// Whether the devices are read again afterwards.
    pub verify: bool,
    /// The summary as far as it is known.
    pub summary: Summary,
    /// How many devices may be ended in all, if that is to differ from what the journal says.
    pub allowance: Option<u64>,
}

impl Attempted {
    /// The first attempt.
    #[must_use]
    pub fn first(summary: Summary) -> Self {
        Self {
            which: Which::Unfinished,
            verify: false,
            summary,
            allowance: None,
        }
    }
}

/// Works on a run until it is done or stopped.
///
/// # Errors
/// When nothing can be recorded, or the run was stopped by something else than the operator.
pub async fn perform(
    context: &Context,
    session: &Session,
    mut open: OpenRun,
    attempted: Attempted,
) -> Result<Exit, CommandError> {
    if attempted.allowance.is_some() {
        open.header.allowance = attempted.allowance;
    }
    let action = open.header.action.clone();
    if matches!(action, Action::SetLimits { .. }) {
        return Err(
            CommandError::new(exit::USAGE, "a change of limits cannot be gone on with")
                .hint("run the same `limits set` again: what is already so is left as it is"),
        );
    }
    let items = open.items()?;
    let (attempt, tasks) = Attempt::begin(context, session, open, attempted.which, attempted.summary).await?;
    match action {
        Action::Logout { selection } => {
            let order = Order {
                selection,
                ..Default::default()
            };
            logout::perform(attempt, tasks, &order, attempted.verify).await
        }
        Action::Apply {
            selection, on_drift, ..
        } => {
            let order = Order { selection, on_drift };
            logout::perform(attempt, tasks, &order, attempted.verify).await
        }
        Action::Enforce { selection, .. } => {
            let order = Order {
                selection,
                on_drift: OnDrift::StillMeant,
            };
            logout::perform(attempt, tasks, &order, attempted.verify).await
        }
        Action::Ban => change::perform(attempt, tasks, &change::BAN).await,
        Action::Unban => change::perform(attempt, tasks, &change::UNBAN).await,
        Action::Lock { until } => lock::lock(attempt, tasks, items, until).await,
        Action::Unlock => lock::unlock(attempt, tasks).await,
        Action::SetLimits { .. } => Ok(exit::OK),
    }
}
