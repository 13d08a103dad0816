//! `store status`: shows whether this program fits the tables.

use clap::Args;
use easemob_admin_store_pg::database::{Database, DatabaseError};
use easemob_admin_store_pg::schema::{self, ProgramVersion};
use serde::Serialize;

use super::database;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `store status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin store status --store postgres://ann@db.example.com/team

Exits with 3 if this program cannot work with the tables.")]
pub struct StatusArgs {}

#[derive(Debug, Serialize)]
struct StatusRow {
    store: String,
    tables: i32,
    needed: i32,
    oldest_program: String,
    program: String,
    fits: bool,
}

impl Row for StatusRow {
    const COLUMNS: &'static [&'static str] =
        &["store", "tables", "needed", "oldest_program", "program", "fits"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.store.clone(),
            self.tables.to_string(),
            self.needed.to_string(),
            self.oldest_program.clone(),
            self.program.clone(),
            self.fits.to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct StatusSummary {
    fits: bool,
}

/// Runs the command.
///
/// # Errors
/// When the database cannot be used.
pub fn run(context: &Context, _: &StatusArgs) -> Result<Exit, CommandError> {
    let (address, password) = database(context)?;
    let state = Database::state(&address, &password)?;
    let refusal = schema::check(state, ProgramVersion::this()).err();
    let row = StatusRow {
        store: address.to_string(),
        tables: state.version,
        needed: schema::needed(),
        oldest_program: state.oldest_program.to_string(),
        program: ProgramVersion::this().to_string(),
        fits: refusal.is_none(),
    };
    let mut report = context.local_report::<StatusRow>("store status", false)?;
    report.row(&row).map_err(unwritten_rows)?;
    report
        .finish(&StatusSummary { fits: row.fits })
        .map_err(unwritten_rows)?;
    match refusal {
        None => Ok(exit::OK),
        Some(refusal) => Err(DatabaseError {
            address: Box::new(address),
            cause: refusal.into(),
        }
        .into()),
    }
}
