//! Does what the journal of a run says is to be done.

use easemob_admin_ops::jobs::ban::Change;
use easemob_admin_ops::run::directory::OpenRun;
use easemob_admin_ops::run::job::{Action, OnDrift};
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::select::decide::Order;
use jiff::Timestamp;

use super::attempt::Reported;
use super::{ban, lock, logout, unlock};
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
    let act = Act::of(open.header.action.clone())?;
    let (reported, tasks) =
        Reported::begin(context, session, open, attempted.which, attempted.summary).await?;
    match act {
        Act::End(order) => logout::perform(reported, tasks, &order, attempted.verify).await,
        Act::Change(change) => ban::perform(reported, tasks, change).await,
        Act::Lock(until) => lock::perform(reported, tasks, until).await,
        Act::Unlock(as_of) => {
            let as_of = as_of.unwrap_or(reported.attempt.header.created);
            unlock::perform(reported, tasks, as_of).await
        }
    }
}

/// What is done to each item of a run, or would be if it were gone on with.
pub enum Act {
    /// Devices are ended.
    End(Box<Order>),
    /// A call is sent that names no device.
    Change(Change),
    /// The user is locked until then.
    Lock(Timestamp),
    /// The lock is lifted, if it was there already at that time; else at the time when the run was made.
    Unlock(Option<Timestamp>),
}

impl Act {
    /// Returns what is done for `action`.
    ///
    /// # Errors
    /// When the command itself did it, and alone knows how.
    pub fn of(action: Action) -> Result<Self, CommandError> {
        Ok(match action {
            Action::Logout { selection } => Self::End(Box::new(Order {
                selection,
                ..Order::default()
            })),
            Action::Apply {
                selection, on_drift, ..
            } => Self::End(Box::new(Order { selection, on_drift })),
            Action::Enforce { selection, .. } => Self::End(Box::new(Order {
                selection,
                on_drift: OnDrift::StillMeant,
            })),
            Action::Ban => Self::Change(Change::Ban),
            Action::Unban => Self::Change(Change::Unban),
            Action::Lock { until } => Self::Lock(until),
            Action::Unlock { as_of } => Self::Unlock(as_of),
            Action::SetLimits { .. } => {
                return Err(
                    CommandError::new(exit::USAGE, "a change of limits cannot be gone on with")
                        .hint("run the same `limits set` again: what is already so is left as it is"),
                );
            }
        })
    }
}
