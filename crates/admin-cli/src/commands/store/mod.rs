//! `store`: keeps the records of several machines in PostgreSQL.

pub mod budget;
pub mod import;
pub mod init;
pub mod migrate;
pub mod status;
pub mod worker;

use clap::Subcommand;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::stores::database_at;

/// Commands about the database of the records. None of them talks to a server of Easemob.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Make the tables in an empty database
    Init(init::InitArgs),
    /// Show whether this program fits the tables
    Status(status::StatusArgs),
    /// Bring the tables to the version of this program
    Migrate(migrate::MigrateArgs),
    /// Bring in the records of this machine, once
    Import(import::ImportArgs),
    /// Show and set the rate that all machines share, and show what is in use
    Budget(budget::BudgetArgs),
}

impl StoreCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When it could not do what it was asked for.
    pub fn run(&self, context: &Context) -> Result<Exit, CommandError> {
        match self {
            Self::Init(args) => init::run(context, args),
            Self::Status(args) => status::run(context, args),
            Self::Migrate(args) => migrate::run(context, args),
            Self::Import(args) => import::run(context, args),
            Self::Budget(args) => budget::run(context, args),
        }
    }
}

/// Returns the database that is configured.
fn database(context: &Context) -> Result<(DatabaseAddress, PasswordSource), CommandError> {
    let at = context.store_at()?.ok_or_else(|| {
        CommandError::new(exit::CONFIG, t!("no database is configured")).hint(
            t!("add --store postgres://USER@HOST/DATABASE, or set EASEMOB_STORE or `store` in the profile (see docs/team.md)"),
        )
    })?;
    database_at(&at)
}
