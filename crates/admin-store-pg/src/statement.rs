//! Runs statements, and reads their rows.

use std::error::Error;

use deadpool_postgres::Object;
use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use crate::database::failure;

/// The values of a statement.
pub(crate) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Returns the rows of a statement.
pub(crate) async fn query(
    connection: &Object,
    sql: &str,
    values: Values<'_>,
) -> Result<Vec<Row>, StoreError> {
    let statement = connection.prepare_cached(sql).await.map_err(failure)?;
    connection.query(&statement, values).await.map_err(failure)
}

/// Returns the only row of a statement, or none.
pub(crate) async fn query_opt(
    connection: &Object,
    sql: &str,
    values: Values<'_>,
) -> Result<Option<Row>, StoreError> {
    let mut rows = query(connection, sql, values).await?;
    Ok(rows.pop())
}

/// Runs a statement, and returns how many rows it changed.
pub(crate) async fn execute(connection: &Object, sql: &str, values: Values<'_>) -> Result<u64, StoreError> {
    let statement = connection.prepare_cached(sql).await.map_err(failure)?;
    connection.execute(&statement, values).await.map_err(failure)
}

/// Reads a column.
pub(crate) fn field<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(failure)
}

/// Reads a column that is never negative.
pub(crate) fn number(row: &Row, index: usize) -> Result<u64, StoreError> {
    u64::try_from(field::<i64>(row, index)?).map_err(damaged)
}

/// Returns a number as a column has it. More than fits is more than there is.
pub(crate) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A row was changed by something else.
#[derive(Debug, thiserror::Error)]
#[error("a row is damaged; it was left unchanged")]
struct Damaged(#[source] Box<dyn Error + Send + Sync>);

/// Returns the error of a row that cannot be understood.
pub(crate) fn damaged(why: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Failed(Box::new(Damaged(why.into())))
}
