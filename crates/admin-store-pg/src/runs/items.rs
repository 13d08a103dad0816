//! The items of a run: written by COPY, and read in pages, both in flat memory.

use std::io;

use easemob_admin_ops::files::digest::Sha256;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::store::Items;
use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::database::{Database, failure};
use crate::pages::{Pages, Source};
use crate::statement::{column, damaged, field};
use crate::transaction::Transaction;

/// How many items are written at once.
const PAGE: usize = 4096;

/// What was written.
pub(super) struct Written {
    pub(super) count: u64,
    /// The digest of all items, as a file of them would have it.
    pub(super) sha256: String,
}

/// Writes items within a transaction.
///
/// # Errors
/// The outer one when an item cannot be read, the inner one when the database refuses.
pub(super) fn write(
    database: &Database,
    transaction: &Transaction<'_>,
    run: i64,
    items: &mut dyn Iterator<Item = io::Result<Item>>,
) -> io::Result<Result<Written, StoreError>> {
    let began = transaction.ask(|connection| async move {
        let copy = "COPY easemob_admin.run_item (run, seq, item) FROM STDIN (FORMAT binary)";
        let sink = connection.copy_in(copy).await.map_err(failure)?;
        let types = [Type::INT8, Type::INT8, Type::TEXT];
        Ok(Box::pin(BinaryCopyInWriter::new(sink, &types)))
    });
    let mut writer = match began {
        Ok(writer) => writer,
        Err(error) => return Ok(Err(error)),
    };
    let (mut count, mut digest) = (0, Sha256::default());
    loop {
        let mut page = Vec::with_capacity(PAGE);
        for item in (&mut *items).take(PAGE) {
            let line = serde_json::to_string(&item?)?;
            digest.add(line.as_bytes());
            digest.add(b"\n");
            page.push(line);
        }
        let (first, is_last) = (count, page.len() < PAGE);
        count += page.len() as u64;
        let wrote = database.calling().wait(async move {
            for (seq, line) in (first..).zip(&page) {
                writer
                    .as_mut()
                    .write(&[&run, &column(seq), line])
                    .await
                    .map_err(failure)?;
            }
            if is_last {
                writer.as_mut().finish().await.map_err(failure)?;
            }
            Ok(writer)
        });
        match wrote {
            Ok(_) if is_last => break,
            Ok(again) => writer = again,
            Err(error) => return Ok(Err(error)),
        }
    }
    let sha256 = digest.hex();
    Ok(Ok(Written { count, sha256 }))
}

/// Returns the items of a range of a run as lines, in their order.
pub(super) fn lines(database: &Database, run: i64, range: (i64, i64)) -> Pages<String> {
    let source = Source {
        sql: "SELECT seq, item FROM easemob_admin.run_item WHERE run = $1 AND seq >= $2 AND seq < $3 ORDER BY seq LIMIT $4",
        read: |row| Ok((field(row, 0)?, field(row, 1)?)),
    };
    Pages::of(database, source, run, range)
}

/// Returns the items of a run that are not settled as lines, in their order.
pub(super) fn unsettled(database: &Database, run: i64) -> Pages<String> {
    let source = Source {
        sql: "SELECT i.seq, i.item FROM easemob_admin.run_item i WHERE i.run = $1 AND i.seq >= $2 AND i.seq < $3 AND \
              (i.state IS NULL OR i.state NOT IN ('done', 'nothing', 'skipped')) ORDER BY i.seq LIMIT $4",
        read: |row| Ok((field(row, 0)?, field(row, 1)?)),
    };
    Pages::of(database, source, run, (0, i64::MAX))
}

/// Returns the digest of items, as a file of them would have it.
pub(super) fn digest(lines: Pages<String>) -> Result<String, StoreError> {
    let mut digest = Sha256::default();
    for line in lines {
        let (_, line) = line?;
        digest.add(line.as_bytes());
        digest.add(b"\n");
    }
    Ok(digest.hex())
}

/// Streams items.
pub(super) fn stream(lines: Pages<String>) -> Items {
    Box::new(lines.map(|line| {
        let (number, line) = line.map_err(io::Error::other)?;
        let item: Item = serde_json::from_str(&line).map_err(|error| io::Error::other(damaged(error)))?;
        let number = number.unsigned_abs();
        Ok(Item { number, ..item })
    }))
}
