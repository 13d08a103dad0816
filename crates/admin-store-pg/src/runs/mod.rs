//! Runs in PostgreSQL, each with its users, its records and its entries in the audit trail.
//!
//! Items of a run are worked on by whoever has the lease on them. Records, the states of items and entries of the trail are
//! written in one transaction, so none of them is ever ahead of the others.

mod counts;
mod directed;
mod held;
mod import;
mod items;
mod prune;
mod record;
mod records;

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use deadpool_postgres::Object;
use easemob_admin_audit::Event;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::direction::{RunState, range_of};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::header::{FORMAT, Header};
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::journal::read::JournalError;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::store::{
    Direction, Items, ListedRun, OpenRun, Overview, Pruning, Records, RunError, RunStore, SeenRun,
};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::target::Target;

use self::held::HeldRow;
use self::items::Written;
use self::records::{records, records_of};
use crate::budget::PgBudget;
use crate::database::Database;
use crate::lease::{self, Lease, Span, Taken, Terms, Whole, leased, take_all, take_range};
use crate::statement::{column, damaged, execute, field, query, query_opt};
use crate::trail::{PgTrails, TrailError, append};
use crate::transaction::Transaction;

/// Stores the runs of all targets, and their trails, in one database. Clones share them.
#[derive(Debug, Clone)]
pub struct PgRuns {
    database: Database,
    trails: PgTrails,
    terms: Terms,
    /// The clock of this machine, for the times of heads.
    clock: fn() -> SystemTime,
    /// The budget that hears which run this process works on.
    budget: Option<PgBudget>,
    /// Runs whose items were compared with their digest, by number.
    compared: Arc<Mutex<HashSet<i64>>>,
}

impl PgRuns {
    /// Keeps runs in a database, and their trails in it.
    #[must_use]
    pub fn in_database(database: Database, trails: PgTrails) -> Self {
        Self {
            database,
            trails,
            terms: Terms {
                worker: lease::process(),
                length: lease::LENGTH,
                longest_request: Duration::ZERO,
            },
            clock: SystemTime::now,
            budget: None,
            compared: Arc::default(),
        }
    }

    /// Tells a budget which run this process works on, and with which priority.
    #[must_use]
    pub fn with_budget(mut self, budget: PgBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets how long after the last sign of life of one machine another one may continue its run, 30 s by default, and how
    /// long a request may take, which the other one waits in addition. Nothing is sent that may outlast the lease, so it must
    /// be longer than a request.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration, longest_request: Duration) -> Self {
        self.terms.length = lease;
        self.terms.longest_request = longest_request;
        self
    }

    /// Uses another clock for the times of signed heads. Nothing else depends on the clock of a machine.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    /// Names this process, for people who look who works on a run. It means nothing else: two processes may have one name.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.terms.worker = format!("{name} (process {})", std::process::id());
        self
    }

    fn failed(&self, source: StoreError) -> RunError {
        RunError::Store {
            place: format!("the {}", self.database.address()),
            source,
        }
    }

    /// Takes the lease on all items of a run.
    fn hold(&self, id: &RunId, run: i64) -> Result<Lease, RunError> {
        let failed = |error| self.failed(error);
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let taken = self.take_all(&transaction, id, run)?;
        transaction.commit().map_err(failed)?;
        Ok(taken.keep(&self.database, &self.terms))
    }

    fn take_all(&self, transaction: &Transaction<'_>, id: &RunId, run: i64) -> Result<Taken, RunError> {
        let (what, terms) = (leased(id), self.terms.clone());
        let taken =
            transaction.ask(move |connection| async move { take_all(&connection, what, run, &terms).await });
        match taken.map_err(|error| self.failed(error))? {
            Whole::Taken(taken) => Ok(taken),
            Whole::Busy(left) => Err(RunError::Busy(id.clone(), Some(left))),
        }
    }

    /// Reads a run as far as it needs no items.
    fn row_of(&self, id: &RunId) -> Result<RunRow, RunError> {
        let asked = id.to_string();
        let found = self.database.read_again(move |connection| {
            let asked = asked.clone();
            async move {
                let wanted = format!("SELECT {COLUMNS} FROM easemob_admin.run r WHERE id = $1");
                let row = query_opt(&connection, &wanted, &[&asked]).await?;
                row.map(|row| RunRow::read(&row)).transpose()
            }
        });
        let found = found.map_err(|error| self.failed(error))?;
        found.ok_or_else(|| RunError::NoSuchRun(id.to_string()))
    }

    /// Opens all items of a run whose lease was taken.
    fn open_whole(
        &self,
        id: &RunId,
        row: &RunRow,
        lease: Lease,
        as_worker: bool,
    ) -> Result<OpenRun, RunError> {
        let header = row.header(id)?;
        let failed = |error| self.failed(error);
        let mut progress = Progress::new(header.jobs());
        for record in records(&self.database, row.number).map_err(failed)? {
            progress.note(record.map_err(failed)?);
        }
        self.compare(id, row.number, &header)?;
        Ok(OpenRun {
            header,
            progress,
            held: Box::new(HeldRow::new(self.clone(), lease, as_worker)),
        })
    }

    /// Opens a range of items whose lease was taken.
    fn open_part(&self, id: &RunId, row: &RunRow, lease: Lease) -> Result<OpenRun, RunError> {
        let header = row.header(id)?;
        let failed = |error| self.failed(error);
        let Span { run, from, to } = lease.term().span();
        // A worker compares the items once, and not for each range.
        let known = self
            .compared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&run);
        if !known {
            self.compare(id, run, &header)?;
            self.compared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(run);
        }
        let mut progress = Progress::of_range(from.unsigned_abs()..to.unsigned_abs());
        for record in records_of(&self.database, run, (from, to)).map_err(failed)? {
            progress.note(record);
        }
        Ok(OpenRun {
            header,
            progress,
            held: Box::new(HeldRow::new(self.clone(), lease, true)),
        })
    }

    /// Compares the items of a run with their digest.
    fn compare(&self, id: &RunId, run: i64, header: &Header) -> Result<(), RunError> {
        let digest = items::digest(items::lines(&self.database, run, (0, i64::MAX)));
        if digest.map_err(|error| self.failed(error))? == header.input_sha256 {
            Ok(())
        } else {
            Err(RunError::InputChanged(id.clone()))
        }
    }

    /// Enters a run with its items, and returns its number; `None` if the run exists.
    fn fill(
        &self,
        transaction: &Transaction<'_>,
        id: &RunId,
        header: &mut Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<Option<i64>, RunError> {
        let failed = |error| self.failed(error);
        let entered = id.to_string();
        let number = transaction
            .ask(|connection| enter(connection, entered))
            .map_err(failed)?;
        let Some(number) = number else {
            return Ok(None);
        };
        let Written { count, sha256 } = match items::write(&self.database, transaction, number, items) {
            Ok(written) => written.map_err(failed)?,
            Err(unread) => return Err(cannot(id, "cannot keep the users of")(unread)),
        };
        (header.items, header.input_sha256) = (count, sha256);
        let text = serde_json::to_string(header);
        let text = text.map_err(|error| cannot(id, "cannot keep")(error.into()))?;
        let priority = header.priority.word();
        let complete = transaction.ask(move |connection| async move {
            let complete = "UPDATE easemob_admin.run SET header = $2, priority = $3 WHERE number = $1";
            execute(&connection, complete, &[&number, &text, &priority]).await
        });
        complete.map_err(failed)?;
        Ok(Some(number))
    }
}

fn cannot(id: &RunId, what: &'static str) -> impl FnOnce(io::Error) -> RunError + use<> {
    let at = format!("run {id}");
    move |source| RunError::Io { what, at, source }
}

impl RunStore for PgRuns {
    fn create(
        &self,
        id: &RunId,
        mut header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError> {
        let failed = |error| self.failed(error);
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let number = self.fill(&transaction, id, &mut header, items)?;
        let exists = || RunError::Exists(id.clone());
        let taken = self.take_all(&transaction, id, number.ok_or_else(exists)?)?;
        transaction.commit().map_err(failed)?;
        let lease = taken.keep(&self.database, &self.terms);
        Ok(OpenRun {
            progress: Progress::new(header.jobs()),
            header,
            held: Box::new(HeldRow::new(self.clone(), lease, false)),
        })
    }

    fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        let row = self.row_of(id)?;
        row.header(id)?;
        let lease = self.hold(id, row.number)?;
        self.open_whole(id, &row, lease, false)
    }

    fn open_range(&self, id: &RunId) -> Result<Option<OpenRun>, RunError> {
        let row = self.row_of(id)?;
        if row.state != RunState::Open {
            return Ok(None);
        }
        let header = row.header(id)?;
        let Some(size) = range_of(&header) else {
            return match self.hold(id, row.number) {
                Err(RunError::Busy(..)) => Ok(None),
                lease => {
                    let open = self.open_whole(id, &row, lease?, true)?;
                    Ok(Some(open).filter(|open| open.progress.counts().unfinished() > 0))
                }
            };
        };
        let failed = |error| self.failed(error);
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let (what, terms) = (leased(id), self.terms.clone());
        let wanted = (row.number, column(header.items), column(size));
        let taken = transaction
            .ask(move |connection| async move { take_range(&connection, what, wanted, &terms).await })
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        let lease = taken.map(|taken| taken.keep(&self.database, &self.terms));
        lease.map(|lease| self.open_part(id, &row, lease)).transpose()
    }

    fn open_for_workers(&self) -> Result<Vec<Header>, RunError> {
        let listed = self.database.read_again(|connection| async move {
            let wanted = "SELECT header FROM easemob_admin.run r WHERE state = 'open' AND EXISTS (SELECT FROM \
                          easemob_admin.lease l WHERE l.what = 'run ' || r.id AND until + grace_ms * interval '1 ms' < \
                          clock_timestamp()) ORDER BY array_position(ARRAY['incident', 'normal', 'nightly'], priority), id";
            let rows = query(&connection, wanted, &[]).await?;
            let headers = rows.iter().map(|row| field::<String>(row, 0));
            headers.collect::<Result<Vec<_>, _>>()
        });
        let listed = listed.map_err(|error| self.failed(error))?;
        // A run of a newer version is left to newer workers.
        Ok(listed.iter().filter_map(|text| read_header(text).ok()).collect())
    }

    fn see(&self, id: &RunId) -> Result<SeenRun, RunError> {
        let row = self.row_of(id)?;
        let failed = |error| self.failed(error);
        let mut seen = SeenRun::new(row.header(id)?, !row.workers.is_empty());
        seen.state = row.state;
        for record in records(&self.database, row.number).map_err(failed)? {
            seen.note(record.map_err(failed)?);
        }
        Ok(seen)
    }

    fn glance(&self, id: &RunId) -> Result<ListedRun, RunError> {
        self.listed(id, &self.row_of(id)?)
    }

    fn overview(&self) -> Result<Overview, RunError> {
        let rows = self.database.read_again(|connection| async move {
            let wanted = format!("SELECT {COLUMNS}, r.id FROM easemob_admin.run r ORDER BY r.id");
            let rows = query(&connection, &wanted, &[]).await?;
            let read = rows
                .iter()
                .map(|row| Ok((field::<String>(row, ID)?, RunRow::read(row)?)));
            read.collect::<Result<Vec<_>, StoreError>>()
        });
        let rows = rows.map_err(|error| self.failed(error))?.into_iter();
        // Only ids are ever written.
        let rows = rows.filter_map(|(id, row)| Some((RunId::parse(&id)?, row)));
        Ok(rows
            .map(|(id, row)| {
                let listed = self.listed(&id, &row);
                (id, listed)
            })
            .collect())
    }

    fn direct(&self, id: &RunId, direction: Direction) -> Result<(), RunError> {
        let row = self.row_of(id)?;
        let header = row.header(id)?;
        self.record_direction(id, row.number, header, direction)
    }

    fn list(&self) -> Result<Vec<RunId>, RunError> {
        let listed = self.database.read_again(|connection| async move {
            let rows = query(&connection, "SELECT id FROM easemob_admin.run ORDER BY id", &[]).await?;
            let ids = rows.iter().map(|row| Ok(RunId::parse(field(row, 0)?)));
            // Only ids are ever written.
            Ok(ids
                .collect::<Result<Vec<_>, StoreError>>()?
                .into_iter()
                .flatten()
                .collect())
        });
        listed.map_err(|error| self.failed(error))
    }

    fn items(&self, id: &RunId) -> Result<Items, RunError> {
        let row = self.row_of(id)?;
        Ok(items::stream(items::lines(
            &self.database,
            row.number,
            (0, i64::MAX),
        )))
    }

    fn records(&self, id: &RunId) -> Result<Records, RunError> {
        let row = self.row_of(id)?;
        let found = records(&self.database, row.number).map_err(|error| self.failed(error))?;
        Ok(Box::new(found.map(|record| record.map_err(io::Error::other))))
    }

    fn unsettled_items(&self, id: &RunId) -> Result<Items, RunError> {
        let row = self.row_of(id)?;
        Ok(items::stream(items::unsettled(&self.database, row.number)))
    }

    fn unsettled_records(&self, id: &RunId) -> Result<Records, RunError> {
        let row = self.row_of(id)?;
        if row.header(id)?.is_about_the_app() {
            // The app is no item.
            return self.records(id);
        }
        let found = records::unsettled(&self.database, row.number).map_err(|error| self.failed(error))?;
        Ok(Box::new(found.map(|record| record.map_err(io::Error::other))))
    }

    fn size(&self, id: &RunId) -> Result<u64, RunError> {
        self.bytes_of(id)
    }

    fn can_prune(&self) -> Result<(), RunError> {
        self.may_prune()
    }

    fn prune(&self, target: &Target, ids: &[RunId], pruning: &Pruning) -> Result<(), CannotBegin> {
        self.prune_runs(target, ids, pruning)
    }

    fn enter(&self, target: &Target, events: &[Event]) -> Result<(), CannotBegin> {
        let failed = |error| CannotBegin::from(self.failed(error));
        let trail = self.trails.of(&target.name()).map_err(cannot_begin)?;
        // A trail that was changed is not added to.
        let mut signer = trail.signer().map_err(cannot_begin)?;
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let (events, place, limits) = (Arc::new(events.to_vec()), trail.id(), trail.limits());
        let appended = transaction.ask(move |connection| append(connection, place, events, limits));
        appended.map_err(failed)?;
        transaction.commit().map_err(failed)?;
        trail.sign(&mut signer, (self.clock)()).map_err(cannot_begin)
    }

    fn can_record(&self, target: &Target) -> Result<(), CannotBegin> {
        let trail = self.trails.of(&target.name()).map_err(cannot_begin)?;
        trail.signer().map(drop).map_err(cannot_begin)
    }
}

impl PgRuns {
    /// Returns a run as a list shows it. The app itself is no item, so what became of it is in the records.
    fn listed(&self, id: &RunId, row: &RunRow) -> Result<ListedRun, RunError> {
        let header = row.header(id)?;
        if header.is_about_the_app() {
            return self.see(id).map(|seen| seen.listed());
        }
        Ok(ListedRun {
            counts: counts::of(&row.counts, header.items),
            header,
            state: row.state,
            running: !row.workers.is_empty(),
            workers: row.workers.clone(),
            ended: row.ended(),
        })
    }
}

/// The columns of [`RunRow`], and the place of the id after them.
const COLUMNS: &str = "r.number, r.header, r.state, ARRAY(SELECT worker FROM easemob_admin.lease l \
                       WHERE l.what = 'run ' || r.id AND l.until >= clock_timestamp() ORDER BY from_seq), ARRAY[r.done, r.nothing, r.skipped, r.failed_retry, \
                       r.failed_final, r.in_vain, r.devices_ended], (SELECT record FROM easemob_admin.run_record x \
                       WHERE x.run = r.number ORDER BY x.number DESC LIMIT 1)";
const ID: usize = 6;

/// A run as its row has it.
struct RunRow {
    number: i64,
    header: String,
    state: RunState,
    /// Those who work on it.
    workers: Vec<String>,
    counts: Vec<i64>,
    /// The last record.
    last: Option<String>,
}

impl RunRow {
    fn read(row: &tokio_postgres::Row) -> Result<Self, StoreError> {
        let state: &str = field(row, 2)?;
        Ok(Self {
            number: field(row, 0)?,
            header: field(row, 1)?,
            state: RunState::of_word(state).ok_or_else(|| damaged("a run is in no known state"))?,
            workers: field(row, 3)?,
            counts: field(row, 4)?,
            last: field(row, 5)?,
        })
    }

    /// Returns when the last attempt ended, unless one is running.
    fn ended(&self) -> Option<i64> {
        match serde_json::from_str(self.last.as_deref()?).ok()? {
            Record::End(end) => Some(end.at),
            _ => None,
        }
    }

    fn header(&self, id: &RunId) -> Result<Header, RunError> {
        read_header(&self.header).map_err(|source| RunError::Journal {
            run: id.clone(),
            source,
        })
    }
}

fn cannot_begin(error: TrailError) -> CannotBegin {
    match error {
        TrailError::Store { place, source } => {
            let place = format!("the {place}");
            RunError::Store { place, source }.into()
        }
        TrailError::Audit(error) => error.into(),
        TrailError::Changed(_) | TrailError::Missing(_) => CannotBegin::Compare(io::Error::other(error)),
    }
}

fn read_header(text: &str) -> Result<Header, JournalError> {
    let damaged = |source| JournalError::Damaged { line: 1, source };
    let any: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
    let format = any["easemob_admin_journal"].as_u64().unwrap_or_default();
    if format > u64::from(FORMAT) {
        return Err(JournalError::Newer {
            format: u32::try_from(format).unwrap_or(u32::MAX),
            tool: any["tool"].as_str().map(str::to_owned),
        });
    }
    serde_json::from_value(any).map_err(damaged)
}

/// Enters a run whose header follows; returns its number, unless the run exists.
async fn enter(connection: Arc<Object>, id: String) -> Result<Option<i64>, StoreError> {
    let enter =
        "INSERT INTO easemob_admin.run (id, header) VALUES ($1, '') ON CONFLICT DO NOTHING RETURNING number";
    let row = query_opt(&connection, enter, &[&id]).await?;
    row.map(|row| field(&row, 0)).transpose()
}
