//! The arguments that name a trail and filter its events.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use easemob_admin_api::UserId;
use easemob_admin_audit::{AuditError, EventTime, Filter, Outcome};
use easemob_admin_ops::names::user;
use jiff::Timestamp;

use crate::busy;
use crate::command_error::CommandError;
use crate::commands::times::moment;
use crate::context::Context;
use crate::exit;

/// Which trail to read.
#[derive(Debug, Clone, Args)]
pub struct TrailArgs {
    /// The directory of the trail, which may be a copy; by default the trail of the profile in use
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl TrailArgs {
    /// Finds the directory of an existing trail.
    ///
    /// # Errors
    /// As [`TrailArgs::directory`], and if nothing was recorded yet.
    pub fn existing(&self, context: &Context) -> Result<PathBuf, CommandError> {
        let directory = self.directory(context)?;
        if directory.is_dir() {
            return Ok(directory);
        }
        let what = format!("there is no audit trail in {}", directory.display());
        Err(CommandError::new(exit::USAGE, what)
            .hint("the first change on a server creates the trail; to read another one, add --dir DIR"))
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

/// Returns the error for a trail that cannot be read.
#[must_use]
pub fn unreadable(error: AuditError) -> CommandError {
    let hint = error.hint();
    CommandError::new(busy::exit_of(&error), "cannot read the audit trail")
        .hint(hint)
        .because(error)
}

/// Which events to show.
#[derive(Debug, Clone, Args)]
pub struct FilterArgs {
    /// Only acts on this user
    #[arg(long, value_name = "USER", value_parser = user)]
    user: Option<UserId>,
    /// Only acts of this operator, by account or by the subject of the token
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// Only this run, or runs whose ids start with this
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Only acts with this ticket
    #[arg(long, value_name = "ID")]
    ticket: Option<String>,
    /// Only events since this time: 24h, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Only acts with this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(Outcome::KNOWN))]
    outcome: Option<String>,
}

impl FilterArgs {
    /// Returns the filter.
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
