//! How many items of a run are in each state, kept with the run so that a list reads no items.

use deadpool_postgres::Object;
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::store_error::StoreError;

use crate::statement::execute;

/// New states of items, and how many devices were signed out meanwhile.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) items: Vec<i64>,
    pub(super) states: Vec<String>,
    pub(super) devices: i64,
}

/// Enters states of items, and counts them, within a transaction.
pub(super) async fn enter(connection: &Object, run: i64, changed: &Changed) -> Result<(), StoreError> {
    if changed.items.is_empty() {
        return Ok(());
    }
    // All parts see the states of before.
    let enter = "WITH new AS (SELECT seq, state FROM unnest($2::bigint[], $3::text[]) AS new (seq, state)), \
         old AS (SELECT seq, item.state FROM easemob_admin.run_item item JOIN new USING (seq) WHERE run = $1), \
         entered AS (UPDATE easemob_admin.run_item item SET state = new.state FROM new \
         WHERE item.run = $1 AND item.seq = new.seq), \
         step AS (SELECT new.state, 1 AS one FROM new JOIN old USING (seq) UNION ALL SELECT state, -1 FROM old), \
         total AS (SELECT \
         coalesce(sum(one) FILTER (WHERE state = 'done'), 0) AS done, \
         coalesce(sum(one) FILTER (WHERE state = 'nothing'), 0) AS nothing, \
         coalesce(sum(one) FILTER (WHERE state = 'skipped'), 0) AS skipped, \
         coalesce(sum(one) FILTER (WHERE state = 'failed_retry'), 0) AS failed_retry, \
         coalesce(sum(one) FILTER (WHERE state = 'failed_final'), 0) AS failed_final, \
         coalesce(sum(one) FILTER (WHERE state IN ('unreached', 'unknown')), 0) AS in_vain FROM step) \
         UPDATE easemob_admin.run SET done = run.done + total.done, nothing = run.nothing + total.nothing, \
         skipped = run.skipped + total.skipped, failed_retry = run.failed_retry + total.failed_retry, \
         failed_final = run.failed_final + total.failed_final, in_vain = run.in_vain + total.in_vain, \
         devices_ended = run.devices_ended + $4 FROM total WHERE run.number = $1";
    let Changed {
        items,
        states,
        devices,
    } = changed;
    execute(connection, enter, &[&run, items, states, devices]).await?;
    Ok(())
}

/// Returns the counts of a run of `items`, from the columns of its row. Items whose result is unknown count as open.
pub(super) fn of(columns: &[i64], items: u64) -> Counts {
    let column = |index: usize| columns.get(index).map_or(0, |count| count.unsigned_abs());
    let settled: u64 = (0..5).map(column).sum();
    Counts {
        items,
        done: column(0),
        nothing: column(1),
        skipped: column(2),
        failed_retry: column(3),
        failed_final: column(4),
        in_vain: column(5),
        open: items.saturating_sub(settled),
        devices_ended: column(6),
        ..Counts::default()
    }
}
