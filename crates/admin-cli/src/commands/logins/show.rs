//! `logins show`: shows the known history of one user, in order of time.

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_ops::logins::questions::timeline::{Moment, timeline};
use easemob_admin_ops::names::user;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use super::snapshot::{kept, warn_of_gaps};
use super::top::range;
use crate::command_error::CommandError;
use crate::commands::times::{moment, rfc3339_signed, short};
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::Row;

/// Arguments of `logins show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins show ann
  easemob-admin logins show ann --since 7d -o json

Sign-ins and sign-outs come from events, `first_seen` and `last_seen` from snapshots.")]
pub struct ShowArgs {
    /// The user
    #[arg(value_name = "USER", value_parser = user)]
    user: UserId,
    /// Only since this time: 24h, 30d, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct ShowRow {
    at: Option<String>,
    event: &'static str,
    resource: String,
    platform: String,
    detail: String,
}

impl From<Moment> for ShowRow {
    fn from(moment: Moment) -> Self {
        Self {
            at: rfc3339_signed(moment.at_ms),
            event: moment.event,
            resource: moment.resource,
            platform: moment.platform,
            detail: moment.detail,
        }
    }
}

impl Row for ShowRow {
    const COLUMNS: &'static [&'static str] = &["at", "event", "resource", "platform", "detail"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.at.clone().unwrap_or_default(),
            self.event.to_owned(),
            self.resource.clone(),
            self.platform.clone(),
            self.detail.clone(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let mut cells = self.cells();
        cells[0] = short(self.at.as_deref());
        cells
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    user: String,
    rows: usize,
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read.
pub fn run(context: &Context, args: &ShowArgs) -> Result<Exit, CommandError> {
    let store = kept(context)?;
    let range = range(args.since, args.until);
    // Names ignore case, and the service stores them in lower case.
    let user = args.user.folded();
    let rows = timeline(&*store, &user, range)?.into_iter();
    let rows: Vec<ShowRow> = rows.map(ShowRow::from).collect();
    warn_of_gaps(context, &*store, range)?;
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("the rows cannot be written to stdout")).because(error);
    let mut report = context.local_report::<ShowRow>("logins show", context.globals.sandbox)?;
    for row in &rows {
        report.row(row).map_err(output)?;
    }
    let summary = Summary {
        user,
        rows: rows.len(),
    };
    report.finish(&summary).map_err(output)?;
    if rows.is_empty() {
        context.ui.note(t!("no data about this user in that time"));
    }
    Ok(exit::OK)
}
