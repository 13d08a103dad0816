//! `audit prune`: removes entries from the database that an archive has.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use easemob_admin_audit::{Event, Kind, TOOL};
use easemob_admin_ops::record::sink::acting_as;
use easemob_admin_words::t;
use serde::Serialize;

use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::confirm::{Question, confirm};
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::ownership::require_data;
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `audit prune`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit prune /mnt/archive/prod --store postgres://owner@db.example.com/team --reason \"kept for a year\"

Run it as the account that owns the tables, with the directory of an archive that `audit archive` made. The archive is read \
again, verified, and compared with the database line by line; if anything differs, nothing is removed. The removal is an \
entry of the trail, with its reason. Keep the archive: `audit log` and `audit verify` read it beside the trail while it is in \
that directory. A removal that was interrupted is continued when the command is run again.")]
pub struct PruneArgs {
    /// The directory of the archive
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Why; it is recorded in the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct PruneRow {
    origin: String,
    removed: u64,
    first_entry: u64,
}

impl Row for PruneRow {
    const COLUMNS: &'static [&'static str] = &["origin", "removed", "first_entry"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.origin.clone(),
            self.removed.to_string(),
            self.first_entry.to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct PruneSummary {
    removed: u64,
}

/// Runs the command.
///
/// # Errors
/// When there is no database, the account does not own the tables, or the archive is not what it must be.
pub fn run(context: &Context, args: &PruneArgs) -> Result<Exit, CommandError> {
    require_data(context)?;
    let (_, _, trail) = context.database_trail()?;
    let directory = std::path::absolute(&args.dir).map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot use {}", args.dir.display())).because(error)
    })?;
    let first = trail.first_entry()?;
    let archived = trail.archived_in(&directory)?;
    if archived > first {
        let question = Question {
            app: trail.origin().to_owned(),
            users: 0,
            whole_app: false,
            act: t!(
                "remove entries {first} to {} of {} from the database for good; {} has them",
                archived - 1,
                trail.origin(),
                directory.display()
            ),
            can_be_dry: false,
        };
        confirm(&context.ui, args.yes, &question)?;
    }
    let removed = trail.remove_archived(&directory, event(context, &args.reason))?;
    let mut report = context.local_report::<PruneRow>("audit prune", context.globals.sandbox)?;
    let row = PruneRow {
        origin: trail.origin().to_owned(),
        removed,
        first_entry: trail.first_entry()?,
    };
    report.row(&row).map_err(unwritten_rows)?;
    report.finish(&PruneSummary { removed }).map_err(unwritten_rows)?;
    if removed == 0 {
        context.ui.note(t!(
            "the database has none of these entries any more; nothing was to be done"
        ));
    }
    Ok(exit::OK)
}

fn event(context: &Context, reason: &str) -> Event {
    let by = operator(None, context.environment.get("SUDO_USER"));
    let mut event = Event::new(SystemTime::now(), Kind::TrailArchived);
    event.tool = Some(TOOL.to_owned());
    event.host = Some(by.host.clone());
    event.operator = Some(acting_as(&by));
    event.reason = Some(reason.to_owned());
    event
}
