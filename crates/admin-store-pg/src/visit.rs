//! Shows the rows of a statement to a visitor on the calling thread, in flat memory.

use std::pin::pin;
use std::sync::mpsc;

use easemob_admin_ops::store_error::StoreError;
use futures_util::TryStreamExt as _;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::database::{Database, failure};

/// How many rows are read before the visitor has seen the ones before.
const PAGE: usize = 2048;

/// A value of a statement that goes to another thread.
pub(crate) type Value = Box<dyn ToSql + Sync + Send>;

/// Shows each row, in order. Blocks the thread. The visitor may ask the database in turn.
pub(crate) fn each(
    database: &Database,
    sql: impl Into<String>,
    values: Vec<Value>,
    visit: &mut dyn FnMut(&Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (pages, seen) = mpsc::channel::<Result<Vec<Row>, StoreError>>();
    let (go_on, mut wanted) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (asked, sql) = (database.clone(), sql.into());
    database.calling().handle().spawn(async move {
        let read = async {
            let connection = asked.connection().await?;
            let statement = connection.prepare_cached(&sql).await.map_err(failure)?;
            let rows = connection.query_raw(&statement, values).await.map_err(failure)?;
            let mut rows = pin!(rows);
            let mut page = Vec::new();
            while let Some(row) = rows.try_next().await.map_err(failure)? {
                page.push(row);
                if page.len() == PAGE {
                    let _ = pages.send(Ok(std::mem::take(&mut page)));
                    if wanted.recv().await.is_none() {
                        break;
                    }
                }
            }
            Ok(page)
        };
        // Nobody listens if the visitor has refused a row.
        let _ = pages.send(read.await);
    });
    while let Ok(page) = seen.recv() {
        for row in page? {
            visit(&row)?;
        }
        let _ = go_on.send(());
    }
    Ok(())
}
