//! `audit archive`: seals old entries of a trail in a database in files.

use std::path::PathBuf;

use clap::Args;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use crate::acts::operator::operator;
use crate::command_error::CommandError;
use crate::commands::times::moment;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::ownership::require_data;
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `audit archive`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit archive /mnt/archive/prod --before 2026-01-01
  easemob-admin audit verify --dir /mnt/archive/prod

Writes the oldest entries of the trail in the database to files that `audit verify --dir` verifies anywhere, seals them with \
the key of this machine, and reads them again. Whole segments are written, of some 40,000 entries each, so the newest of the \
old entries stay out. A directory can get more later. Nothing is removed: `audit prune` does that.")]
pub struct ArchiveArgs {
    /// The directory of the archive
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Archive entries from before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    before: Timestamp,
}

#[derive(Debug, Serialize)]
struct ArchiveRow {
    origin: String,
    first_entry: u64,
    entries: u64,
    directory: String,
    head: String,
}

impl Row for ArchiveRow {
    const COLUMNS: &'static [&'static str] = &["origin", "first_entry", "entries", "directory", "head"];
    const TABLE: &'static [&'static str] = &["origin", "first_entry", "entries", "directory"];

    fn cells(&self) -> Vec<String> {
        let mut cells = self.table_cells();
        cells.push(self.head.clone());
        cells
    }

    fn table_cells(&self) -> Vec<String> {
        vec![
            self.origin.clone(),
            self.first_entry.to_string(),
            self.entries.to_string(),
            self.directory.clone(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct ArchiveSummary {
    entries: u64,
}

/// Runs the command.
///
/// # Errors
/// When there is no database, the trail was changed, or the archive cannot be written.
pub fn run(context: &Context, args: &ArchiveArgs) -> Result<Exit, CommandError> {
    require_data(context)?;
    let (trails, name, trail) = context.database_trail()?;
    let directory = std::path::absolute(&args.dir).map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot use {}", args.dir.display())).because(error)
    })?;
    let host = operator(None, context.environment.get("SUDO_USER")).host;
    let archived = trail.archive(&directory, args.before.into(), &host)?;
    let mut report = context.local_report::<ArchiveRow>("audit archive", context.globals.sandbox)?;
    let entries = archived
        .as_ref()
        .map_or(0, |archive| archive.size - archive.first);
    if let Some(archive) = &archived {
        trails.enter_archive(&name, archive)?;
        let row = ArchiveRow {
            origin: archive.origin.clone(),
            first_entry: archive.first,
            entries,
            directory: archive.directory.clone(),
            head: archive.head.clone(),
        };
        report.row(&row).map_err(unwritten_rows)?;
    }
    report
        .finish(&ArchiveSummary { entries })
        .map_err(unwritten_rows)?;
    if archived.is_some() {
        context.ui.note(t!(
            "{}: sealed, read again and verified; to remove these entries from the database: easemob-admin audit prune {}",
            directory.display(),
            easemob_admin_ops::files::encoding::quoted(&directory)
        ));
    } else {
        context.ui.note(t!(
            "no segment is older than that as a whole; nothing was archived"
        ));
    }
    Ok(exit::OK)
}
