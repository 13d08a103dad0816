//! `store migrate`: brings the tables to the version of this program.

use clap::Args;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::schema;
use easemob_admin_words::t;

use super::database;
use super::worker::WorkerArgs;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `store migrate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin store migrate --store postgres://owner@db.example.com/team --worker operators

Programs of earlier versions continue to work meanwhile, as far as `store status` says. Nothing is migrated by any other \
command. With --worker, the role also gets its rights on new tables.")]
pub struct MigrateArgs {
    #[command(flatten)]
    worker: WorkerArgs,
}

/// Runs the command.
///
/// # Errors
/// When the database cannot be used, or its tables need a newer program.
pub fn run(context: &Context, args: &MigrateArgs) -> Result<Exit, CommandError> {
    let (address, password) = database(context)?;
    let before = Database::migrate(&address, &password)?.version;
    let now = before.max(schema::needed());
    if before == now {
        context
            .ui
            .note(t!("the tables have version {now}; nothing was to be done"));
    } else {
        context
            .ui
            .note(t!("the tables had version {before}, and have version {now} now"));
    }
    args.worker.allow(context, &address, &password)?;
    Ok(exit::OK)
}
