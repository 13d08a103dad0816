//! `store init`: makes the tables.

use clap::Args;
use easemob_admin_store_pg::database::Database;
use easemob_admin_words::t;

use super::database;
use super::worker::WorkerArgs;
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
    #[command(flatten)]
    worker: WorkerArgs,
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
            t!("the {address} has tables already; nothing was changed"),
        )
        .hint(t!(
            "bring them to the version of this program with: easemob-admin store migrate"
        )));
    }
    Database::migrate(&address, &password)?;
    context.ui.note(t!("made the tables in the {address}"));
    args.worker.allow(context, &address, &password)?;
    Ok(exit::OK)
}
