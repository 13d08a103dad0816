//! One process's work on a run, and how it is reported.

use std::io;

use easemob_admin_ops::run::attempt::Attempt;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::resume::Which;
use easemob_admin_ops::run::store::OpenRun;
use easemob_admin_ops::schedule::pipeline::Stop;

use super::open_locks::open_locks;
use super::operator::operator;
use crate::command_error::CommandError;
use crate::commands::times::now_ms;
use crate::context::{Context, Session};
use crate::drive::{Driven, Run, RunRow};
use crate::summary::{LimitCounts, Summary, Words};

/// An attempt at a run, together with its report.
pub struct Reported<'a> {
    /// The context of the command.
    pub context: &'a Context,
    /// The server.
    pub session: &'a Session,
    /// The attempt.
    pub attempt: Attempt,
    summary: Summary,
}

impl<'a> Reported<'a> {
    /// Starts an attempt and fills in what the summary says about the run.
    ///
    /// # Errors
    /// When something cannot be written. Nothing may be sent then.
    pub async fn begin(
        context: &'a Context,
        session: &'a Session,
        open: OpenRun,
        which: Which,
        mut summary: Summary,
    ) -> Result<(Self, impl Iterator<Item = io::Result<Task>> + use<>), CommandError> {
        let operator = operator(session.subject.clone(), context.environment.get("SUDO_USER"));
        let (attempt, tasks) = Attempt::begin(open, which, operator, now_ms).await?;
        summary.users = which.count(&attempt.before);
        summary.leave(which.leaves(&attempt.before));
        summary.run = Some(attempt.header.run.clone());
        if matches!(attempt.header.action, Action::SetLimits { .. }) {
            summary.limits = Some(LimitCounts {
                of_the_app: attempt.header.is_about_the_app(),
                ..LimitCounts::default()
            });
        }
        summary.reason.clone_from(&attempt.header.reason);
        summary.ticket.clone_from(&attempt.header.ticket);
        let this = Self {
            context,
            session,
            attempt,
            summary,
        };
        Ok((this, tasks))
    }

    /// Starts the report.
    ///
    /// # Errors
    /// When the rows have no column that `--fields` or `--sort` names.
    pub fn drive<R: RunRow>(&self, verb: &'static str, words: Words) -> Result<Driven<'a, R>, CommandError> {
        Driven::begin(Run {
            context: self.context,
            session: self.session,
            command: self.attempt.header.action.command(),
            verb,
            words,
            acts: true,
            summary: self.summary.clone(),
        })
    }

    /// Records the end of the attempt and waits until everything is on disk.
    pub async fn end<R: RunRow>(self, driven: &mut Driven<'_, R>) {
        let stopped = driven.stop().map(Stop::word);
        if let Err(error) = self.attempt.close(stopped).await {
            driven.stop_because(Stop::Record(error));
        }
    }
}

/// Checks, before the first request is sent, that an act on this server can be recorded.
///
/// # Errors
/// When it cannot be recorded. Nothing may be sent then.
pub fn prove_recordable(context: &Context, session: &Session) -> Result<(), CommandError> {
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
        Action::Ban | Action::Unban | Action::Lock { .. } | Action::Unlock { .. } => {
            open_locks(context, &session.target()).map(drop)
        }
        Action::Logout { selection }
        | Action::Apply { selection, .. }
        | Action::Enforce { selection, .. } => context.require_ages(selection),
        Action::LogoutUnread | Action::SetLimits { .. } => Ok(()),
    }
}
