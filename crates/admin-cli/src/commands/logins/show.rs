//! `logins show`: shows the known history of one user, in order of time.

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_ops::logins::store::{KnownDevice, LoginEvent};
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
    #[serde(skip)]
    at_ms: i64,
    at: Option<String>,
    event: &'static str,
    resource: String,
    platform: String,
    detail: String,
}

impl ShowRow {
    fn new(at_ms: i64, event: &'static str, device: (&str, &str), detail: &str) -> Self {
        Self {
            at_ms,
            at: rfc3339_signed(at_ms),
            event,
            resource: device.0.to_owned(),
            platform: device.1.to_owned(),
            detail: detail.to_owned(),
        }
    }

    fn of_event(event: &LoginEvent) -> Self {
        let device = (event.resource.as_str(), event.platform.as_str());
        Self::new(event.at_ms, event.kind.word(), device, &event.reason)
    }

    fn of_device(known: &KnownDevice) -> [Self; 2] {
        let device = (known.resource.as_str(), known.platform.as_str());
        let name = known.name.as_deref().unwrap_or_default();
        [
            Self::new(known.first_seen_ms, "first_seen", device, name),
            Self::new(known.last_seen_ms, "last_seen", device, name),
        ]
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
    let mut rows = Vec::new();
    store.each_event(range, Some(&user), &mut |event| {
        rows.push(ShowRow::of_event(&event));
    })?;
    rows.extend(store.known_devices(&user)?.iter().flat_map(ShowRow::of_device));
    rows.retain(|row| (range.since_ms..range.until_ms).contains(&row.at_ms));
    rows.sort_by_key(|row| row.at_ms);
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
