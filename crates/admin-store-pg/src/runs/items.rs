//! The items of a run: written by COPY, and read in pages, both in flat memory.

use std::collections::VecDeque;
use std::io;

use easemob_admin_ops::files::digest::Sha256;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::store::Items;
use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::database::{Database, failure};
use crate::statement::{column, damaged, field, number, query};
use crate::transaction::Transaction;

/// How many items are written or read at once.
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

/// The items of a run as lines, in their order.
pub(super) struct ItemRows {
    database: Database,
    run: i64,
    next: u64,
    page: VecDeque<(u64, String)>,
    at_end: bool,
}

impl ItemRows {
    pub(super) fn of(database: &Database, run: i64) -> Self {
        Self {
            database: database.clone(),
            run,
            next: 0,
            page: VecDeque::new(),
            at_end: false,
        }
    }

    fn read(&mut self) -> Result<(), StoreError> {
        let (run, next, most) = (self.run, column(self.next), column(PAGE as u64));
        self.page = self.database.read(move |connection| async move {
            let wanted = "SELECT seq, item FROM easemob_admin.run_item WHERE run = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
            let rows = query(&connection, wanted, &[&run, &next, &most]).await?;
            rows.iter()
                .map(|row| Ok((number(row, 0)?, field(row, 1)?)))
                .collect::<Result<_, StoreError>>()
        })?;
        self.at_end = self.page.len() < PAGE;
        self.next += self.page.len() as u64;
        Ok(())
    }
}

impl Iterator for ItemRows {
    type Item = Result<(u64, String), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.at_end
            && let Err(error) = self.read()
        {
            self.at_end = true;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}

/// Returns the digest of items, as a file of them would have it.
pub(super) fn digest(rows: ItemRows) -> Result<String, StoreError> {
    let mut digest = Sha256::default();
    for row in rows {
        let (_, line) = row?;
        digest.add(line.as_bytes());
        digest.add(b"\n");
    }
    Ok(digest.hex())
}

/// Streams items.
pub(super) fn stream(rows: ItemRows) -> Items {
    Box::new(rows.map(|row| {
        let (number, line) = row.map_err(io::Error::other)?;
        let item: Item = serde_json::from_str(&line).map_err(|error| io::Error::other(damaged(error)))?;
        Ok(Item { number, ..item })
    }))
}
