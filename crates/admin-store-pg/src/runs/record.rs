//! Writes blocks of notes: records, the states of items, and entries of the trail, in one transaction each.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use deadpool_postgres::Object;
use easemob_admin_audit::{Event, HeadSigner};
use easemob_admin_ops::record::sink::{RunEvents, ends_an_attempt};
use easemob_admin_ops::run::journal::header::{Durability, Header};
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::run_record::{Recorded, RunRecord};
use easemob_admin_ops::store_error::StoreError;

use crate::database::Database;
use crate::lease::Lease;
use crate::statement::{column, execute};
use crate::trail::{PgTrail, TrailError, append};
use crate::transaction::Transaction;

/// The most bytes of records in one statement; a longer record is alone.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The record of one run, and its part of the trail.
pub(super) struct PgRecord {
    database: Database,
    run: i64,
    lease: Lease,
    trail: PgTrail,
    signer: HeadSigner,
    /// The size of the last head that this machine signed.
    signed: u64,
    events: RunEvents,
    durability: Durability,
}

/// Another machine works on the run now.
#[derive(Debug, thiserror::Error)]
#[error("another process has taken the run over, because this one was not heard of for too long")]
struct TakenOver;

impl PgRecord {
    pub(super) fn new(
        database: Database,
        run: i64,
        lease: Lease,
        trail: PgTrail,
        header: &Header,
        progress: &Progress,
    ) -> Result<Self, TrailError> {
        let mut signer = trail.signer()?;
        Ok(Self {
            database,
            run,
            lease,
            signed: signer.last()?.map_or(0, |head| head.size),
            signer,
            trail,
            events: RunEvents::new(header.clone(), progress.outstanding()),
            durability: header.durability,
        })
    }

    /// Writes a block, and returns the number of entries of the trail after it; `None` if another machine works on the run.
    fn write(&self, notes: &[Note], events: Vec<Event>) -> Result<Option<u64>, StoreError> {
        let transaction = Transaction::begin_with(&self.database, first(self.durability))?;
        let (term, run) = (self.lease.term().clone(), self.run);
        let rows = Rows::of(notes.iter().map(|note| &note.record));
        let rows = rows.map_err(|error| StoreError::Failed(error.into()))?;
        // The items first: the row of the trail, for which all writers wait, is held as shortly as possible.
        let is_ours = transaction.ask(move |connection| async move {
            let is_ours = term.renew(&connection).await?;
            if is_ours {
                rows.write(connection, run).await?;
            }
            Ok(is_ours)
        });
        if !is_ours? {
            return Ok(None);
        }
        let (trail, limits) = (self.trail.id(), self.trail.limits());
        let size = transaction.ask(move |connection| append(connection, trail, Arc::new(events), limits))?;
        transaction.commit()?;
        Ok(Some(size))
    }

    fn sign(&mut self) -> Result<(), TrailError> {
        self.trail.sign(&mut self.signer, SystemTime::now())?;
        self.signed = self.signer.last()?.map_or(0, |head| head.size);
        Ok(())
    }
}

/// Returns what a transaction begins with. Both are on the disk of the server before anything is sent; with `each`, also on
/// that of the server that would replace it, if replication is synchronous.
fn first(durability: Durability) -> &'static str {
    match durability {
        Durability::Batch => "SET LOCAL synchronous_commit = local;",
        Durability::Each => "SET LOCAL synchronous_commit = on;",
    }
}

impl RunRecord for PgRecord {
    fn record(&mut self, notes: &[Note]) -> io::Result<Recorded> {
        if notes.is_empty() {
            return Ok(Recorded::All);
        }
        let events = self.events.of(notes);
        let Some(size) = self.write(notes, events).map_err(io::Error::other)? else {
            let items = notes.iter().filter_map(Note::item);
            return if notes.iter().any(|note| note.item().is_none()) {
                Err(io::Error::other(StoreError::Busy(Box::new(TakenOver))))
            } else {
                Ok(Recorded::Fenced(items.collect()))
            };
        };
        let is_end = ends_an_attempt(notes);
        if is_end || self.trail.limits().is_head_due(self.signed, size) {
            match self.sign() {
                // The block is recorded, and a later head covers it.
                Err(TrailError::Store { .. }) if !is_end => {}
                signed => signed.map_err(io::Error::other)?,
            }
        }
        Ok(Recorded::All)
    }

    /// Everything was committed before it was acknowledged.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The rows of a block.
pub(super) struct Rows {
    records: Vec<String>,
    /// The last state of each item.
    states: BTreeMap<i64, String>,
}

impl Rows {
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Record>) -> serde_json::Result<Self> {
        let (mut lines, mut states) = (Vec::new(), BTreeMap::new());
        for record in records {
            lines.push(serde_json::to_string(record)?);
            match record {
                Record::Intent(intent) => {
                    states.insert(column(intent.n), "intended".to_owned());
                }
                Record::Outcome(outcome) => {
                    let state = serde_json::to_value(outcome.state)?;
                    let state = state.as_str().unwrap_or_default().to_owned();
                    states.insert(column(outcome.n), state);
                }
                Record::Begin(_) | Record::End(_) => {}
            }
        }
        Ok(Self {
            records: lines,
            states,
        })
    }

    /// Takes the states out, which are not written then.
    pub(super) fn take_states(&mut self) -> BTreeMap<i64, String> {
        std::mem::take(&mut self.states)
    }

    /// Writes the rows.
    pub(super) async fn write(self, connection: Arc<Object>, run: i64) -> Result<(), StoreError> {
        set_states(&connection, run, self.states).await?;
        let mut rest = &self.records[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|record| {
                bytes += record.len();
                bytes <= MOST_BYTES
            });
            let (some, others) = rest.split_at(fitting.count().max(1));
            let insert = "INSERT INTO easemob_admin.run_record (run, record) SELECT $1::bigint, record \
                          FROM unnest($2::text[]) WITH ORDINALITY AS new (record, place) ORDER BY place";
            execute(&connection, insert, &[&run, &some]).await?;
            rest = others;
        }
        Ok(())
    }
}

/// Enters states of items.
pub(super) async fn set_states(
    connection: &Object,
    run: i64,
    states: BTreeMap<i64, String>,
) -> Result<(), StoreError> {
    if states.is_empty() {
        return Ok(());
    }
    let (items, states): (Vec<i64>, Vec<String>) = states.into_iter().unzip();
    let set = "UPDATE easemob_admin.run_item SET state = new.state FROM unnest($2::bigint[], $3::text[]) \
               AS new (seq, state) WHERE run = $1 AND run_item.seq = new.seq";
    execute(connection, set, &[&run, &items, &states]).await?;
    Ok(())
}
