//! Appends a block of events to a trail, within a transaction.

use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_audit::{Chain, Event, Kind, Limits};
use easemob_admin_ops::store_error::StoreError;

use crate::statement::{column, damaged, execute, field, number, query_opt};
use crate::trail::appended::CHANNEL;

/// The most bytes of lines in one statement; a longer line is alone.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The lines of one statement, column by column.
#[derive(Default)]
struct Block {
    numbers: Vec<i64>,
    segments: Vec<i64>,
    times: Vec<Option<i64>>,
    users: Vec<Option<String>>,
    runs: Vec<Option<String>>,
    starts: Vec<bool>,
    lines: Vec<Vec<u8>>,
    bytes: usize,
}

impl Block {
    fn push(&mut self, number: u64, segment: u64, event: Option<&Event>, line: String) {
        self.numbers.push(column(number));
        self.segments.push(column(segment));
        self.times.push(event.map(|event| event.time.as_millis()));
        let user = event.and_then(|event| event.user.as_deref());
        self.users.push(user.map(str::to_lowercase));
        self.runs.push(event.and_then(|event| event.run.clone()));
        self.starts
            .push(event.is_some_and(|event| event.kind == Kind::RunStarted));
        self.bytes += line.len();
        self.lines.push(line.into_bytes());
    }

    async fn write(&mut self, connection: &Object, trail: i32) -> Result<(), StoreError> {
        let block = std::mem::take(self);
        let write = "INSERT INTO easemob_admin.trail_line (trail, number, segment, at_ms, folded, run, started, line) \
                     SELECT $1::int, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], \
                     $7::boolean[], $8::bytea[])";
        execute(
            connection,
            write,
            &[
                &trail,
                &block.numbers,
                &block.segments,
                &block.times,
                &block.users,
                &block.runs,
                &block.starts,
                &block.lines,
            ],
        )
        .await?;
        Ok(())
    }
}

/// Holds the row of the trail, appends events, and returns the number of entries after them. Nobody else appends until the
/// end of the transaction.
pub(crate) async fn append(
    connection: Arc<Object>,
    trail: i32,
    events: Arc<Vec<Event>>,
    limits: Limits,
) -> Result<u64, StoreError> {
    let hold =
        "SELECT chain, segment, segment_bytes, lines FROM easemob_admin.trail WHERE id = $1 FOR UPDATE";
    let row = query_opt(&connection, hold, &[&trail]).await?;
    let row = row.ok_or_else(|| damaged("there is no such trail"))?;
    let mut chain: Chain = serde_json::from_str(field(&row, 0)?).map_err(damaged)?;
    let (mut segment, mut bytes, mut lines) = (number(&row, 1)?, field::<i64>(&row, 2)?, number(&row, 3)?);
    let mut block = Block::default();
    let full = limits.is_full(
        chain.size().saturating_sub(segment),
        u64::try_from(bytes).unwrap_or_default(),
    );
    if full && !events.is_empty() {
        segment = chain.size();
        let header = chain.begin_segment();
        bytes = bytes_of(&header);
        block.push(lines, segment, None, header);
        lines += 1;
    }
    for event in events.iter() {
        let line = chain
            .extend(event)
            .map_err(|error| StoreError::Failed(error.into()))?;
        if block.bytes + line.len() > MOST_BYTES {
            block.write(&connection, trail).await?;
        }
        bytes += bytes_of(&line);
        block.push(lines, segment, Some(event), line);
        lines += 1;
    }
    block.write(&connection, trail).await?;
    // Who waits for entries hears of them as soon as they are committed.
    let update = "UPDATE easemob_admin.trail SET chain = $2, segment = $3, segment_bytes = $4, lines = $5 WHERE id = $1 \
                  RETURNING pg_notify($6, '')";
    let values = (state(&chain)?, column(segment), column(lines));
    execute(
        &connection,
        update,
        &[&trail, &values.0, &values.1, &bytes, &values.2, &CHANNEL],
    )
    .await?;
    Ok(chain.size())
}

/// Returns the bytes that a line has in a file.
pub(super) fn bytes_of(line: &str) -> i64 {
    column(line.len() as u64 + 1)
}

/// Returns a chain as a column has it.
pub(super) fn state(chain: &Chain) -> Result<String, StoreError> {
    serde_json::to_string(chain).map_err(|error| StoreError::Failed(error.into()))
}
