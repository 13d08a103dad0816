//! Reads the records of a run in their order.

use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::store_error::StoreError;

use crate::database::Database;
use crate::pages::{Pages, Source};
use crate::statement::{damaged, field, query, query_opt};

/// The condition that an item, as `i`, is not settled.
pub(super) const UNSETTLED: &str = "(i.state IS NULL OR i.state NOT IN ('done', 'nothing', 'skipped'))";

/// How many records are read at once.
const PAGE: usize = 2048;

/// Returns the records that a run has now, in flat memory.
pub(super) fn records(
    database: &Database,
    run: i64,
) -> Result<impl Iterator<Item = Result<Record, StoreError>> + use<>, StoreError> {
    let last: Option<i64> = database.read_again(move |connection| async move {
        let wanted = "SELECT max(number) FROM easemob_admin.run_record WHERE run = $1";
        let row = query_opt(&connection, wanted, &[&run]).await?;
        row.map_or(Ok(None), |row| field(&row, 0))
    })?;
    let source: Source<String> = Source {
        sql: "SELECT number, record FROM easemob_admin.run_record WHERE run = $1 AND number >= $2 AND number < $3 \
              ORDER BY number LIMIT $4",
        read: |row| Ok((field(row, 0)?, field(row, 1)?)),
    };
    let pages = Pages::of(database, source, run, (0, last.map_or(0, |last| last + 1)));
    Ok(pages.map(|row| read(&row?.1)))
}

/// Returns the records that a run has now about itself, and about the items that are not settled.
pub(super) fn unsettled(
    database: &Database,
    run: i64,
) -> Result<impl Iterator<Item = Result<Record, StoreError>> + use<>, StoreError> {
    let numbers: Vec<i64> = database.read_again(move |connection| async move {
        let wanted = format!(
            "SELECT number FROM easemob_admin.run_record WHERE run = $1 AND item IS NULL UNION ALL \
             SELECT r.number FROM easemob_admin.run_item i JOIN easemob_admin.run_record r ON r.run = i.run AND r.item = i.seq \
             WHERE i.run = $1 AND {UNSETTLED} ORDER BY number"
        );
        let rows = query(&connection, &wanted, &[&run]).await?;
        rows.iter().map(|row| field(row, 0)).collect()
    })?;
    let database = database.clone();
    let mut rest = numbers.into_iter();
    Ok(std::iter::from_fn(move || {
        let page: Vec<i64> = rest.by_ref().take(PAGE).collect();
        if page.is_empty() {
            return None;
        }
        Some(page_of(&database, run, page))
    })
    .flat_map(|page| match page {
        Ok(lines) => lines.iter().map(|line| read(line)).collect(),
        Err(error) => vec![Err(error)],
    }))
}

fn page_of(database: &Database, run: i64, numbers: Vec<i64>) -> Result<Vec<String>, StoreError> {
    let numbers = std::sync::Arc::new(numbers);
    database.read_again(move |connection| {
        let numbers = std::sync::Arc::clone(&numbers);
        async move {
            let wanted = "SELECT record FROM easemob_admin.run_record WHERE run = $1 AND number = ANY($2) ORDER BY number";
            let rows = query(&connection, wanted, &[&run, &*numbers]).await?;
            rows.iter().map(|row| field(row, 0)).collect()
        }
    })
}

/// Returns the records about the items of a range.
pub(super) fn records_of(
    database: &Database,
    run: i64,
    (from, to): (i64, i64),
) -> Result<Vec<Record>, StoreError> {
    let lines: Vec<String> = database.read_again(move |connection| async move {
        let wanted = "SELECT record FROM easemob_admin.run_record WHERE run = $1 AND item >= $2 AND item < $3 \
                      ORDER BY number";
        let rows = query(&connection, wanted, &[&run, &from, &to]).await?;
        rows.iter().map(|row| field(row, 0)).collect()
    })?;
    lines.iter().map(|line| read(line)).collect()
}

fn read(line: &str) -> Result<Record, StoreError> {
    serde_json::from_str(line).map_err(damaged)
}
