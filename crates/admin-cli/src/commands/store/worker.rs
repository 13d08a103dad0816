//! The account of the operators, which `store init` and `store migrate` allow to work with the tables.

use clap::Args;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;

/// Who may work with the tables.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Allow this role of PostgreSQL, which must exist, to work with the tables
    #[arg(long, value_name = "ROLE")]
    worker: Option<String>,
}

impl WorkerArgs {
    /// Allows the role to work with the tables, if one was given.
    pub(super) fn allow(
        &self,
        context: &Context,
        address: &DatabaseAddress,
        password: &PasswordSource,
    ) -> Result<(), CommandError> {
        if let Some(role) = &self.worker {
            Database::allow_worker(address, password, role)?;
            context.ui.note(t!("{role} may work with them"));
        }
        Ok(())
    }
}
