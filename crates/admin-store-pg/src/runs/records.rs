//! Reads the records of a run in their order, in flat memory.

use std::collections::VecDeque;

use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::store_error::StoreError;

use crate::database::Database;
use crate::statement::{damaged, field, query, query_opt};

/// How many records are read at once.
const PAGE: i64 = 4096;

/// The records that a run had when this value was made.
pub(super) struct RecordRows {
    database: Database,
    run: i64,
    /// The number of the record before the next one, and of the last one.
    before: i64,
    last: i64,
    page: VecDeque<(i64, String)>,
}

impl RecordRows {
    pub(super) fn of(database: &Database, run: i64) -> Result<Self, StoreError> {
        let last: Option<i64> = database.read(move |connection| async move {
            let wanted = "SELECT max(number) FROM easemob_admin.run_record WHERE run = $1";
            let row = query_opt(&connection, wanted, &[&run]).await?;
            row.map_or(Ok(None), |row| field(&row, 0))
        })?;
        Ok(Self {
            database: database.clone(),
            run,
            before: 0,
            last: last.unwrap_or(0),
            page: VecDeque::new(),
        })
    }

    fn read(&mut self) -> Result<(), StoreError> {
        let (run, before, last) = (self.run, self.before, self.last);
        self.page = self.database.read(move |connection| async move {
            let wanted = "SELECT number, record FROM easemob_admin.run_record WHERE run = $1 AND number > $2 \
                          AND number <= $3 ORDER BY number LIMIT $4";
            let rows = query(&connection, wanted, &[&run, &before, &last, &PAGE]).await?;
            rows.iter()
                .map(|row| Ok((field(row, 0)?, field(row, 1)?)))
                .collect::<Result<_, StoreError>>()
        })?;
        self.before = self.page.back().map_or(self.last, |(number, _)| *number);
        Ok(())
    }
}

impl Iterator for RecordRows {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && self.before < self.last
            && let Err(error) = self.read()
        {
            self.before = self.last;
            return Some(Err(error));
        }
        let (_, record) = self.page.pop_front()?;
        Some(serde_json::from_str(&record).map_err(damaged))
    }
}
