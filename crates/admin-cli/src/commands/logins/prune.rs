//! `logins prune`: deletes old data.

use clap::Args;
use easemob_admin_ops::logins::store::Forgotten;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use super::snapshot::kept;
use crate::command_error::CommandError;
use crate::commands::times::moment;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::Row;

/// Arguments of `logins prune`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins prune --older-than 90d
  easemob-admin logins prune --older-than 365d --vacuum

The newest complete snapshot is kept, however old it is.")]
pub struct PruneArgs {
    /// Delete data from before this time: 90d, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    older_than: Timestamp,
    /// Return the free space to the disk; this rewrites the file
    #[arg(long)]
    vacuum: bool,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct PruneRow(Forgotten);

impl Row for PruneRow {
    const COLUMNS: &'static [&'static str] = &["snapshots", "events", "devices"];

    fn cells(&self) -> Vec<String> {
        let Forgotten {
            snapshots,
            events,
            devices,
        } = self.0;
        [snapshots, events, devices]
            .map(|number| number.to_string())
            .to_vec()
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    vacuumed: bool,
}

/// Runs the command.
///
/// # Errors
/// When the login data cannot be read or written.
pub fn run(context: &Context, args: &PruneArgs) -> Result<Exit, CommandError> {
    let mut store = kept(context)?;
    let forgotten = store.forget(args.older_than.as_millisecond())?;
    if args.vacuum {
        store.compact()?;
    }
    let output =
        |error| CommandError::new(exit::INTERNAL, t!("cannot write the row to stdout")).because(error);
    let mut report = context.local_report::<PruneRow>("logins prune", context.globals.sandbox)?;
    report.row(&PruneRow(forgotten)).map_err(output)?;
    let vacuumed = args.vacuum;
    report.finish(&Summary { vacuumed }).map_err(output)?;
    Ok(exit::OK)
}
