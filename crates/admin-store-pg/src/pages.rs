//! Reads rows in the order of a number, in pages, so that memory does not depend on how many there are.

use std::collections::VecDeque;

use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::Row;

use crate::database::Database;
use crate::statement::query;

/// How many rows are read at once.
const PAGE: i64 = 2048;

/// The rows of one owner in a range of numbers, each with its number.
pub(crate) struct Pages<T> {
    database: Database,
    source: Source<T>,
    /// Whose rows they are.
    owner: i64,
    next: i64,
    /// The number behind the last one.
    end: i64,
    page: VecDeque<(i64, T)>,
}

/// Where rows come from.
pub(crate) struct Source<T> {
    /// Selects the rows of owner `$1` from number `$2` to before `$3`, in order, and at most `$4`.
    pub(crate) sql: &'static str,
    /// Reads the number and the rest of a row.
    pub(crate) read: fn(&Row) -> Result<(i64, T), StoreError>,
}

impl<T> Pages<T> {
    pub(crate) fn of(database: &Database, source: Source<T>, owner: i64, (from, to): (i64, i64)) -> Self {
        Self {
            database: database.clone(),
            source,
            owner,
            next: from,
            end: to,
            page: VecDeque::new(),
        }
    }
}

impl<T: Send + 'static> Pages<T> {
    fn turn(&mut self) -> Result<(), StoreError> {
        let Source { sql, read } = self.source;
        let (owner, next, end) = (self.owner, self.next, self.end);
        self.page = self.database.read_again(move |connection| async move {
            let rows = query(&connection, sql, &[&owner, &next, &end, &PAGE]).await?;
            rows.iter().map(read).collect::<Result<_, StoreError>>()
        })?;
        // After the last row there is nothing to read.
        self.next = self.page.back().map_or(self.end, |(number, _)| number + 1);
        Ok(())
    }
}

impl<T: Send + 'static> Iterator for Pages<T> {
    type Item = Result<(i64, T), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && self.next < self.end
            && let Err(error) = self.turn()
        {
            self.next = self.end;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}
