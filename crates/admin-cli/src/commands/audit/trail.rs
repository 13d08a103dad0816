//! The arguments that name a trail and choose its events.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use easemob_admin_api::UserId;
use easemob_admin_audit::{AuditError, EventTime, Filter, Outcome};
use easemob_admin_ops::names::user;
use jiff::Timestamp;

use crate::command_error::CommandError;
use crate::commands::times::moment;
use crate::context::Context;
use crate::exit;

/// Which trail.
#[derive(Debug, Clone, Args)]
pub struct TrailArgs {
    /// The directory of the trail, which may be a copy; else that of the profile in use
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl TrailArgs {
    /// Finds the directory of a trail that is there.
    ///
    /// # Errors
    /// As [`TrailArgs::directory`], and when nothing was recorded yet.
    pub fn existing(&self, context: &Context) -> Result<PathBuf, CommandError> {
        let directory = self.directory(context)?;
        if directory.is_dir() {
            return Ok(directory);
        }
        let what = format!("there is no audit trail in {}", directory.display());
        Err(CommandError::new(exit::USAGE, what)
            .hint("a trail begins with the first act on a server, or name one with --dir"))
    }

    /// Finds the directory without reading a secret.
    ///
    /// # Errors
    /// When no profile or server is configured and there is not exactly one trail.
    pub fn directory(&self, context: &Context) -> Result<PathBuf, CommandError> {
        match &self.dir {
            Some(directory) => Ok(directory.clone()),
            None => context.audit_directory(),
        }
    }
}

/// Returns the error of a trail that cannot be read.
#[must_use]
pub fn unreadable(error: AuditError) -> CommandError {
    let hint = error.hint();
    CommandError::new(exit::INTERNAL, "the audit trail cannot be read")
        .hint(hint)
        .because(error)
}

/// Which events.
#[derive(Debug, Clone, Args)]
pub struct FilterArgs {
    /// Only what was done to this user
    #[arg(long, value_name = "USER", value_parser = user)]
    user: Option<UserId>,
    /// Only what this operator did, by account or by the subject of the token
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Only this run, or the runs whose ids begin like this
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only what belongs to this ticket
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Only what happened since then: 24h, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what happened before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Only acts with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(Outcome::KNOWN))]
    outcome: Option<String>,
}

impl FilterArgs {
    /// Returns the conditions.
    #[must_use]
    pub fn filter(&self) -> Filter {
        let time = |time: Timestamp| EventTime::from_millis(time.as_millisecond());
        Filter {
            user: self.user.as_ref().map(ToString::to_string),
            operator: self.operator.clone(),
            run: self.run.clone(),
            ticket: self.ticket.clone(),
            since: self.since.map(time),
            until: self.until.map(time),
            outcome: self.outcome.as_deref().map(Outcome::from),
            acts_only: false,
        }
    }
}
