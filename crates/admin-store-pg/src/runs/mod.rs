//! Runs in PostgreSQL, each with its users, its records and its entries in the audit trail.
//!
//! A run is worked on by whoever has its lease. Records, the states of items and entries of the trail are written in one
//! transaction, so none of them is ever ahead of the others.

mod import;
mod items;
mod record;
mod records;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::header::{FORMAT, Header};
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::journal::read::JournalError;
use easemob_admin_ops::run::run_record::RunRecord;
use easemob_admin_ops::run::store::{HeldRun, Items, OpenRun, Records, RunError, RunStore, SeenRun};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::target::Target;

use self::items::Written;
use self::record::PgRecord;
use self::records::records;
use crate::database::Database;
use crate::lease::{self, Lease};
use crate::statement::{execute, field, query, query_opt};
use crate::trail::{PgTrails, TrailError};
use crate::transaction::Transaction;

/// Stores the runs of all targets, and their trails, in one database. Clones share them.
#[derive(Debug, Clone)]
pub struct PgRuns {
    database: Database,
    trails: PgTrails,
    lease: Duration,
}

/// A run that is worked on while this value lives.
#[derive(Debug)]
struct HeldRow {
    runs: PgRuns,
    number: i64,
    lease: Lease,
}

impl PgRuns {
    /// Keeps runs in a database, and their trails in it.
    #[must_use]
    pub fn in_database(database: Database, trails: PgTrails) -> Self {
        Self {
            database,
            trails,
            lease: lease::LENGTH,
        }
    }

    /// Sets how long after the last sign of life of one machine another one may continue its run; 30 s by default. It must
    /// be longer than a request may take, because the first machine may still be waiting for the answer to one.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    fn failed(&self, source: StoreError) -> RunError {
        RunError::Store {
            place: format!("the {}", self.database.address()),
            source,
        }
    }

    /// Takes the lease on a run.
    fn hold(&self, id: &RunId) -> Result<Option<Lease>, RunError> {
        Lease::take(&self.database, &leased(id), self.lease).map_err(|error| self.failed(error))
    }

    /// Reads the number and the header of a run.
    fn header_of(&self, id: &RunId) -> Result<(i64, Header), RunError> {
        let asked = id.to_string();
        let found = self.database.read(|connection| header(connection, asked));
        let found = found.map_err(|error| self.failed(error))?;
        let (number, header) = found.ok_or_else(|| RunError::NoSuchRun(id.to_string()))?;
        let header = read_header(&header).map_err(|source| RunError::Journal {
            run: id.clone(),
            source,
        })?;
        Ok((number, header))
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
        let complete = transaction.ask(move |connection| async move {
            let complete = "UPDATE easemob_admin.run SET header = $2 WHERE number = $1";
            execute(&connection, complete, &[&number, &text]).await
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
        let lease = self.hold(id)?.ok_or_else(|| RunError::Busy(id.clone()))?;
        let failed = |error| self.failed(error);
        let transaction = Transaction::begin(&self.database).map_err(failed)?;
        let number = self.fill(&transaction, id, &mut header, items)?;
        let exists = || cannot(id, "cannot create")(io::ErrorKind::AlreadyExists.into());
        let number = number.ok_or_else(exists)?;
        transaction.commit().map_err(failed)?;
        Ok(OpenRun {
            progress: Progress::new(header.jobs()),
            header,
            held: Box::new(HeldRow {
                runs: self.clone(),
                number,
                lease,
            }),
        })
    }

    fn open(&self, id: &RunId) -> Result<OpenRun, RunError> {
        let (number, header) = self.header_of(id)?;
        let lease = self.hold(id)?.ok_or_else(|| RunError::Busy(id.clone()))?;
        let failed = |error| self.failed(error);
        let mut progress = Progress::new(header.jobs());
        for record in records(&self.database, number).map_err(failed)? {
            progress.note(record.map_err(failed)?);
        }
        let digest = items::digest(items::lines(&self.database, number)).map_err(failed)?;
        if digest != header.input_sha256 {
            return Err(RunError::InputChanged(id.clone()));
        }
        Ok(OpenRun {
            header,
            progress,
            held: Box::new(HeldRow {
                runs: self.clone(),
                number,
                lease,
            }),
        })
    }

    fn see(&self, id: &RunId) -> Result<SeenRun, RunError> {
        let (number, header) = self.header_of(id)?;
        let failed = |error| self.failed(error);
        let what = leased(id);
        let running = self
            .database
            .read(|connection| lease::is_taken(connection, what))
            .map_err(failed)?;
        let mut seen = SeenRun::new(header, running);
        for record in records(&self.database, number).map_err(failed)? {
            seen.note(record.map_err(failed)?);
        }
        Ok(seen)
    }

    fn list(&self) -> Result<Vec<RunId>, RunError> {
        let listed = self.database.read(|connection| async move {
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
        let (number, _) = self.header_of(id)?;
        Ok(items::stream(items::lines(&self.database, number)))
    }

    fn records(&self, id: &RunId) -> Result<Records, RunError> {
        let (number, _) = self.header_of(id)?;
        let found = records(&self.database, number).map_err(|error| self.failed(error))?;
        Ok(Box::new(found.map(|record| record.map_err(io::Error::other))))
    }

    fn can_record(&self, target: &Target) -> Result<(), CannotBegin> {
        let trail = self.trails.of(&target.name()).map_err(cannot_begin)?;
        trail.signer().map(drop).map_err(cannot_begin)
    }
}

impl HeldRun for HeldRow {
    fn items(&self) -> Result<Items, RunError> {
        Ok(items::stream(items::lines(&self.runs.database, self.number)))
    }

    fn into_record(
        self: Box<Self>,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Box<dyn RunRecord>, CannotBegin> {
        let trails = &self.runs.trails;
        let trail = trails.of(&Target::from(header).name()).map_err(cannot_begin)?;
        let record = PgRecord::new(
            self.runs.database.clone(),
            self.number,
            self.lease,
            trail,
            header,
            progress,
        );
        Ok(Box::new(record.map_err(cannot_begin)?))
    }
}

fn cannot_begin(error: TrailError) -> CannotBegin {
    match error {
        TrailError::Store { place, source } => {
            let place = format!("the {place}");
            RunError::Store { place, source }.into()
        }
        TrailError::Audit(error) => error.into(),
        TrailError::Changed(_) => CannotBegin::Compare(io::Error::other(error)),
    }
}

/// Returns what the lease on a run is named.
fn leased(id: &RunId) -> String {
    format!("run {id}")
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

async fn header(connection: Arc<Object>, id: String) -> Result<Option<(i64, String)>, StoreError> {
    let wanted = "SELECT number, header FROM easemob_admin.run WHERE id = $1";
    let row = query_opt(&connection, wanted, &[&id]).await?;
    row.map(|row| Ok((field(&row, 0)?, field(&row, 1)?))).transpose()
}
