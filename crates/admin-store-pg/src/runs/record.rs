//! Writes blocks of notes: records, the states of items, and entries of the trail, in one transaction each.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use deadpool_postgres::Object;
use easemob_admin_audit::{Event, HeadSigner};
use easemob_admin_ops::record::sink::{RunEvents, ends_an_attempt};
use easemob_admin_ops::run::journal::header::Durability;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::run_record::{Recorded, RunRecord};
use easemob_admin_ops::schedule::pipeline::Stop;
use easemob_admin_ops::store_error::StoreError;

use super::counts::{self, Changed};
use crate::database::{Database, helps_repeating};
use crate::lease::{Lease, now};
use crate::statement::{column, execute};
use crate::trail::{PgTrail, TrailError, append};
use crate::transaction::Transaction;

/// The most bytes of records in one statement; a longer record is alone.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How long to wait before something is tried again that a cut connection ended.
const AGAIN: Duration = Duration::from_millis(100);

/// The record of one run, and its part of the trail.
pub(super) struct PgRecord {
    database: Database,
    lease: Lease,
    trail: PgTrail,
    signer: HeadSigner,
    /// The size of the last head that this machine signed.
    signed: u64,
    /// When it was last looked at.
    looked: Instant,
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
        lease: Lease,
        trail: PgTrail,
        events: RunEvents,
        durability: Durability,
    ) -> Result<Self, TrailError> {
        let mut signer = trail.signer()?;
        Ok(Self {
            database,
            lease,
            signed: signer.last()?.map_or(0, |head| head.size),
            looked: Instant::now(),
            signer,
            trail,
            events,
            durability,
        })
    }

    /// Writes a block, and returns the number of entries of the trail after it; `None` if another machine works on the items.
    /// A block of which nothing is there, because a connection was cut, is written again.
    fn write(&self, notes: &[Note], events: Vec<Event>) -> Result<Option<u64>, StoreError> {
        let rows = Rows::of(notes.iter().map(|note| &note.record));
        let rows = Arc::new(rows.map_err(|error| StoreError::Failed(error.into()))?);
        let events = Arc::new(events);
        patiently(
            self.lease.term().length(),
            || self.write_once(Arc::clone(&rows), Arc::clone(&events)),
            helps_repeating,
        )
    }

    fn write_once(&self, rows: Arc<Rows>, events: Arc<Vec<Event>>) -> Result<Option<u64>, StoreError> {
        let transaction = Transaction::begin_with(&self.database, first(self.durability))?;
        let term = Arc::clone(self.lease.term());
        let since = now();
        // The items first: the row of the trail, for which all writers wait, is held as shortly as possible.
        let is_ours = transaction.ask(move |connection| async move {
            let is_ours = term.renew(&connection).await?;
            if is_ours {
                rows.write(&connection, term.span().run).await?;
            }
            Ok(is_ours)
        });
        if !is_ours? {
            return Ok(None);
        }
        let (trail, limits) = (self.trail.id(), self.trail.limits());
        let size = transaction.ask(move |connection| append(connection, trail, events, limits))?;
        transaction.commit()?;
        self.lease.term().heard(since);
        Ok(Some(size))
    }

    fn sign(&mut self) -> Result<(), TrailError> {
        self.looked = Instant::now();
        self.trail.sign(&mut self.signer, SystemTime::now())?;
        self.signed = self.signer.last()?.map_or(0, |head| head.size);
        Ok(())
    }

    /// Signs the end of an attempt.
    fn sign_the_end(&mut self) -> Result<(), TrailError> {
        let again =
            |error: &TrailError| matches!(error, TrailError::Store { source, .. } if helps_repeating(source));
        patiently(self.lease.term().length(), || self.sign(), again)
    }
}

/// Does something again until it is done, or fails for so long that the lease has run out.
fn patiently<T, E>(
    patience: Duration,
    mut work: impl FnMut() -> Result<T, E>,
    helps_repeating: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let began = Instant::now();
    loop {
        match work() {
            Err(error) if helps_repeating(&error) && began.elapsed() < patience => std::thread::sleep(AGAIN),
            done => return done,
        }
    }
}

/// Returns what a transaction begins with. Both are on the disk of the server before anything is sent; with `each`, also on
/// that of the server that would replace it, if replication is synchronous. A process that stands still within a block must
/// not keep the row of the trail from all others for long, and writes the block again when it goes on.
fn first(durability: Durability) -> &'static str {
    match durability {
        Durability::Batch => {
            "SET LOCAL synchronous_commit = local; SET LOCAL idle_in_transaction_session_timeout = '5s';"
        }
        Durability::Each => {
            "SET LOCAL synchronous_commit = on; SET LOCAL idle_in_transaction_session_timeout = '5s';"
        }
    }
}

impl RunRecord for PgRecord {
    fn record(&mut self, notes: &[Note]) -> io::Result<Recorded> {
        if notes.is_empty() {
            return Ok(Recorded::All);
        }
        if notes.iter().any(|note| matches!(note.record, Record::Intent(_))) {
            self.lease.term().sends(true);
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
        if ends_an_attempt(notes) {
            let term = self.lease.term();
            let stops = notes.iter().filter_map(|note| match &note.record {
                Record::End(end) => Some(end.stopped.as_deref()),
                _ => None,
            });
            for stopped in stops {
                // Whoever stops at once leaves requests under way.
                term.sends(stopped == Some(Stop::Aborted.word()));
                if stopped.is_none() {
                    term.finish();
                }
            }
            self.sign_the_end().map_err(io::Error::other)?;
        } else if self.trail.limits().is_head_due(self.signed, size)
            || self.looked.elapsed() >= self.trail.heads_every()
        {
            match self.sign() {
                // The block is recorded, and a later head covers it.
                Err(TrailError::Store { .. }) => {}
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
    /// Each with the item that it is about.
    records: Vec<(Option<i64>, String)>,
    /// The last state of each item.
    states: BTreeMap<i64, String>,
    devices: i64,
}

impl Rows {
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Record>) -> serde_json::Result<Self> {
        let (mut lines, mut states, mut devices) = (Vec::new(), BTreeMap::new(), 0);
        for record in records {
            let item = match record {
                Record::Intent(intent) => {
                    states.insert(column(intent.n), "intended".to_owned());
                    Some(column(intent.n))
                }
                Record::Outcome(outcome) => {
                    let state = serde_json::to_value(outcome.state)?;
                    let state = state.as_str().unwrap_or_default().to_owned();
                    states.insert(column(outcome.n), state);
                    devices += column(outcome.ended.len() as u64);
                    Some(column(outcome.n))
                }
                Record::Begin(_) | Record::End(_) | Record::Directed(_) => None,
            };
            lines.push((item, serde_json::to_string(record)?));
        }
        Ok(Self {
            records: lines,
            states,
            devices,
        })
    }

    /// Takes the states out, which are not written then, and how many devices were signed out.
    pub(super) fn take_states(&mut self) -> (BTreeMap<i64, String>, i64) {
        (
            std::mem::take(&mut self.states),
            std::mem::take(&mut self.devices),
        )
    }

    /// Writes the rows.
    pub(super) async fn write(&self, connection: &Object, run: i64) -> Result<(), StoreError> {
        let mut rest = &self.records[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|(_, record)| {
                bytes += record.len();
                bytes <= MOST_BYTES
            });
            let (some, others) = rest.split_at(fitting.count().max(1));
            let insert = "INSERT INTO easemob_admin.run_record (run, item, record) SELECT $1::bigint, item, record \
                          FROM unnest($2::bigint[], $3::text[]) WITH ORDINALITY AS new (item, record, place) ORDER BY place";
            let (items, records): (Vec<Option<i64>>, Vec<&str>) =
                some.iter().map(|(item, record)| (*item, record.as_str())).unzip();
            execute(connection, insert, &[&run, &items, &records]).await?;
            rest = others;
        }
        // The row of the run, for which all its workers wait, is held as shortly as possible.
        set_states(connection, run, &self.states, self.devices).await
    }
}

/// Enters states of items, and counts them.
pub(super) async fn set_states(
    connection: &Object,
    run: i64,
    states: &BTreeMap<i64, String>,
    devices: i64,
) -> Result<(), StoreError> {
    let changed = Changed {
        items: states.keys().copied().collect(),
        states: states.values().cloned().collect(),
        devices,
    };
    counts::enter(connection, run, &changed).await
}
