//! Brings in runs from another store, with their records as they are.

use std::collections::BTreeMap;
use std::io;

use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::store::RunError;

use super::record::{Rows, set_states};
use super::{PgRuns, cannot};
use crate::transaction::Transaction;

/// How many records are written at once.
const BLOCK: usize = 4096;

impl PgRuns {
    /// Brings in a run that nobody works on, and returns false if it is there already. Nothing is added to the trail: the
    /// entries of the run stay in the one that they are in. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be read or written. Nothing of it is there then.
    pub fn import(
        &self,
        id: &RunId,
        mut header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
        records: &mut dyn Iterator<Item = io::Result<Record>>,
    ) -> Result<bool, RunError> {
        let failed = |error| self.failed(error);
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let Some(number) = self.fill(&transaction, id, &mut header, items)? else {
            return Ok(false);
        };
        let (mut states, mut devices) = (BTreeMap::new(), 0);
        loop {
            let block: io::Result<Vec<Record>> = (&mut *records).take(BLOCK).collect();
            let block = block.map_err(cannot(id, "cannot read the records of"))?;
            if block.is_empty() {
                break;
            }
            let rows = Rows::of(block.iter());
            let mut rows = rows.map_err(|error| cannot(id, "cannot keep")(error.into()))?;
            let (new, ended) = rows.take_states();
            states.extend(new);
            devices += ended;
            let written =
                transaction.ask(move |connection| async move { rows.write(&connection, number).await });
            written.map_err(failed)?;
        }
        let set = transaction
            .ask(move |connection| async move { set_states(&connection, number, &states, devices).await });
        set.map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(true)
    }
}
