//! `store init`: makes the tables.

use clap::Args;
use easemob_admin_store_pg::database::Database;

use super::database;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `store init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin store init --store postgres://owner@db.example.com/team
  easemob-admin store init --store postgres://owner@db.example.com/team --worker operators

Run it once, as the account that shall own the tables. The operators then work as another one, which --worker names: it \
adds to the audit trail, and can neither change nor remove what is there. See docs/team.md.")]
pub struct InitArgs {
    /// Allow this role of PostgreSQL, which must exist, to work with the tables
    #[arg(long, value_name = "ROLE")]
    worker: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the database cannot be used, or has tables already.
pub fn run(context: &Context, args: &InitArgs) -> Result<Exit, CommandError> {
    let (address, password) = database(context)?;
    if Database::state(&address, &password)?.version > 0 {
        return Err(CommandError::new(
            exit::USAGE,
            format!("the {address} has tables already; nothing was changed"),
        )
        .hint("bring them to the version of this program with: easemob-admin store migrate"));
    }
    Database::migrate(&address, &password)?;
    context.ui.note(format_args!("made the tables in the {address}"));
    allow(context, &address, &password, args.worker.as_deref())?;
    Ok(exit::OK)
}

/// Allows a role to work with the tables, if one was given.
pub(super) fn allow(
    context: &Context,
    address: &easemob_admin_store_pg::address::DatabaseAddress,
    password: &easemob_admin_store_pg::password::PasswordSource,
    worker: Option<&str>,
) -> Result<(), CommandError> {
    if let Some(role) = worker {
        Database::allow_worker(address, password, role)?;
        context.ui.note(format_args!("{role} may work with them"));
    }
    Ok(())
}
