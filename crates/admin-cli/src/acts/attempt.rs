//! What must be possible before an attempt on a run, and how it is reported.

use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::resume::Which;

use super::at_service::refuse_own_rate;
use super::open_locks::open_locks;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::summary::{LimitCounts, Summary};

/// Fills in what the summary of an attempt says about its run.
#[must_use]
pub fn summary_of_attempt(mut summary: Summary, header: &Header, before: &Counts, which: Which) -> Summary {
    summary.users = which.count(before);
    summary.leave(which.leaves(before));
    summary.run = Some(header.run.clone());
    if matches!(header.action, Action::SetLimits { .. }) {
        summary.limits = Some(LimitCounts {
            of_the_app: header.is_about_the_app(),
            ..LimitCounts::default()
        });
    }
    summary.reason.clone_from(&header.reason);
    summary.ticket.clone_from(&header.ticket);
    summary
}

/// Checks, before the first request is sent, that an act on this server can be recorded.
///
/// # Errors
/// When it cannot be recorded. Nothing may be sent then.
pub fn prove_recordable(context: &Context, session: &Session) -> Result<(), CommandError> {
    if session.service.is_some() {
        refuse_own_rate(context)?;
    }
    context.stores()?.runs().can_record(&session.target())?;
    Ok(())
}

/// Checks that the data an act depends on can be read: which bans are locks, and how old devices are.
///
/// # Errors
/// When the locks cannot be used, or if a newer version wrote the login data that holds the ages. Nothing may
/// be sent then.
pub fn prove_readable(context: &Context, session: &Session, action: &Action) -> Result<(), CommandError> {
    match action {
        Action::Ban { .. } | Action::Unban { .. } | Action::Lock { .. } | Action::Unlock { .. } => {
            open_locks(context, &session.target()).map(drop)
        }
        Action::Logout { selection }
        | Action::Apply { selection, .. }
        | Action::Enforce { selection, .. } => context.require_ages(selection),
        Action::LogoutUnread | Action::SetLimits { .. } => Ok(()),
    }
}
