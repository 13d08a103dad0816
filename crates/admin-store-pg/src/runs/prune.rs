//! Removes old runs: their rows, and an entry of the trail about it, in one transaction. Only the owner of the tables can.

use std::sync::Arc;

use easemob_admin_audit::Limits;
use easemob_admin_ops::record::sink::pruned;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::store::{Pruning, RunError};
use easemob_admin_ops::target::Target;

use super::{PgRuns, cannot_begin};
use crate::lease::leased;
use crate::statement::{execute, field, query_opt};
use crate::trail::append;
use crate::transaction::Transaction;

/// How many runs one transaction removes. Those that follow are there as a whole if it is interrupted.
const AT_ONCE: usize = 50;

impl PgRuns {
    /// Checks that this account may remove runs.
    pub(super) fn may_prune(&self) -> Result<(), RunError> {
        let may = self.database.read_again(|connection| async move {
            let wanted = "SELECT bool_and(has_table_privilege('easemob_admin.' || name, 'DELETE')) FROM \
                          unnest(ARRAY['run', 'run_item', 'run_record', 'lease']) AS name";
            let row = query_opt(&connection, wanted, &[]).await?;
            row.map_or(Ok(false), |row| field(&row, 0))
        });
        if may.map_err(|error| self.failed(error))? {
            Ok(())
        } else {
            Err(RunError::OnlyTheOwner)
        }
    }

    /// Returns about how many bytes the rows of a run have.
    pub(super) fn bytes_of(&self, id: &RunId) -> Result<u64, RunError> {
        let run = self.row_of(id)?.number;
        let bytes = self.database.read_again(move |connection| async move {
            let wanted = "SELECT (SELECT coalesce(sum(pg_column_size(i)), 0) FROM easemob_admin.run_item i WHERE run = $1) \
                          + (SELECT coalesce(sum(pg_column_size(r)), 0) FROM easemob_admin.run_record r WHERE run = $1)";
            let row = query_opt(&connection, wanted, &[&run]).await?;
            row.map_or(Ok(0), |row| field::<i64>(&row, 0))
        });
        Ok(bytes.map_err(|error| self.failed(error))?.unsigned_abs())
    }

    /// Removes runs of one target, after an entry of its trail that says so.
    pub(super) fn prune_runs(
        &self,
        target: &Target,
        ids: &[RunId],
        pruning: &Pruning,
    ) -> Result<(), CannotBegin> {
        self.may_prune()?;
        let trail = self.trails.of(&target.name()).map_err(cannot_begin)?;
        // A trail that was changed is not added to.
        let mut signer = trail.signer().map_err(cannot_begin)?;
        for ids in ids.chunks(AT_ONCE) {
            self.prune_at_once(target, ids, pruning, (trail.id(), trail.limits()))?;
            trail.sign(&mut signer, (self.clock)()).map_err(cannot_begin)?;
        }
        Ok(())
    }

    fn prune_at_once(
        &self,
        target: &Target,
        ids: &[RunId],
        pruning: &Pruning,
        (trail, limits): (i32, Limits),
    ) -> Result<(), CannotBegin> {
        let failed = |error| CannotBegin::from(self.failed(error));
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        for id in ids {
            let run = self.row_of(id)?.number;
            // Nobody can begin to work on it.
            self.take_all(&transaction, id, run)?;
            let what = leased(id);
            let removed = transaction.ask(move |connection| async move {
                for remove in [
                    "DELETE FROM easemob_admin.run_record WHERE run = $1",
                    "DELETE FROM easemob_admin.run_item WHERE run = $1",
                    "DELETE FROM easemob_admin.run WHERE number = $1",
                ] {
                    execute(&connection, remove, &[&run]).await?;
                }
                execute(
                    &connection,
                    "DELETE FROM easemob_admin.lease WHERE what = $1",
                    &[&what],
                )
                .await
            });
            removed.map_err(failed)?;
        }
        // Last, because whoever appends keeps everybody else waiting.
        let events = Arc::new(pruned(target, ids, pruning));
        let appended = transaction.ask(move |connection| append(connection, trail, events, limits));
        appended.map_err(failed)?;
        transaction.commit().map_err(failed)
    }
}
