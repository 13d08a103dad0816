//! The arguments that name a trail and filter its events.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use easemob_admin_api::UserId;
use easemob_admin_audit::{EventTime, Filter, Outcome};
use easemob_admin_ops::names::user;
use easemob_admin_ops::trails::{ArchiveBeside, Trail, TrailError, TrailInDirectory};
use easemob_admin_words::t;
use jiff::Timestamp;

use crate::command_error::CommandError;
use crate::commands::times::moment;
use crate::completion;
use crate::context::Context;
use crate::present::trail_place::in_words;

/// Which trail to read.
#[derive(Debug, Clone, Args)]
pub struct TrailArgs {
    /// The directory of the trail, which may be a copy; by default the trail of the profile in use
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl TrailArgs {
    /// Finds an existing trail.
    ///
    /// # Errors
    /// As [`TrailArgs::trail`], and if nothing was recorded yet.
    pub fn existing(&self, context: &Context) -> Result<Box<dyn Trail>, CommandError> {
        let trail = self.trail(context)?;
        if trail.is_there() {
            return Ok(trail);
        }
        Err(TrailError::Missing(trail.place()).into())
    }

    /// Finds the trail without reading a secret.
    ///
    /// # Errors
    /// When no profile or server is configured and there is not exactly one trail, or the records cannot be used.
    pub fn trail(&self, context: &Context) -> Result<Box<dyn Trail>, CommandError> {
        match &self.dir {
            Some(directory) => Ok(Box::new(TrailInDirectory::new(directory.clone()))),
            None => context.audit_trail(),
        }
    }
}

/// Says where a trail begins, and where the entries are that it does not have.
///
/// # Errors
/// When that cannot be read.
pub fn say_where(context: &Context, trail: &dyn Trail) -> Result<(), CommandError> {
    for ArchiveBeside {
        origin,
        first,
        size,
        host,
        directory,
    } in trail.archives()?
    {
        let last = size.saturating_sub(1);
        let what = t!("entries {first} to {last} of {origin} are in the archive {directory}");
        if Path::new(&directory).is_dir() {
            context.ui.note(t!("{what}, and were read there"));
        } else {
            context.ui.note(t!(
                "{what} on {host}, and were not read; read a copy of it with --dir"
            ));
        }
    }
    let first = trail.first_entry()?;
    if first > 0 {
        context
            .ui
            .note(t!("{} begins with entry {first}", in_words(&trail.place())));
    }
    Ok(())
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
    #[arg(long, value_name = "RUN", add = completion::runs())]
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
            decisions: false,
        }
    }
}
