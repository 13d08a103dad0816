//! A run, or a range of its items, that this process works on.

use easemob_admin_api::Leave;
use easemob_admin_ops::record::sink::RunEvents;
use easemob_admin_ops::run::attempt::CannotBegin;
use easemob_admin_ops::run::journal::header::Header;
use easemob_admin_ops::run::journal::progress::Progress;
use easemob_admin_ops::run::run_record::RunRecord;
use easemob_admin_ops::run::store::{CallOff, HeldRun, Items, RunError};
use easemob_admin_ops::target::Target;

use super::record::PgRecord;
use super::{PgRuns, cannot_begin, items};
use crate::lease::{Lease, Span};
use crate::statement::execute;

/// Items that are worked on while this value lives.
#[derive(Debug)]
pub(super) struct HeldRow {
    runs: PgRuns,
    lease: Lease,
    /// Whether it was taken as one worker among others, and not by somebody who wants all of the run.
    as_worker: bool,
}

impl HeldRow {
    pub(super) fn new(runs: PgRuns, lease: Lease, as_worker: bool) -> Self {
        Self {
            runs,
            lease,
            as_worker,
        }
    }
}

impl HeldRun for HeldRow {
    fn items(&self) -> Result<Items, RunError> {
        let Span { run, from, to } = self.lease.term().span();
        Ok(items::stream(items::lines(&self.runs.database, run, (from, to))))
    }

    fn into_record(
        self: Box<Self>,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Box<dyn RunRecord>, CannotBegin> {
        if let Some(budget) = &self.runs.budget {
            budget.work_on(&header.run, header.priority);
        }
        let trails = &self.runs.trails;
        let trail = trails.of(&Target::from(header).name()).map_err(cannot_begin)?;
        let database = self.runs.database.clone();
        let mut events = RunEvents::new(header.clone(), progress.outstanding());
        if self.as_worker {
            events = events.beside_others();
        }
        let record = PgRecord::new(
            database,
            self.lease,
            trail,
            events,
            header.durability,
            self.runs.clock,
        );
        Ok(Box::new(record.map_err(cannot_begin)?))
    }

    fn is_beside_others(&self) -> bool {
        self.as_worker
    }

    fn begin_work(&self, call_off: CallOff) -> Result<Leave, RunError> {
        if !self.as_worker {
            // Whoever works on all of a run has been asked to, whatever was decided before, and if that is interrupted,
            // nobody goes on unasked.
            let run = self.lease.term().span().run;
            let resumed = self.runs.database.read_again(move |connection| async move {
                let resume =
                    "UPDATE easemob_admin.run SET state = 'alone' WHERE number = $1 AND state <> 'alone'";
                execute(&connection, resume, &[&run]).await
            });
            resumed.map_err(|error| self.runs.failed(error))?;
        }
        Ok(self.lease.begin_work(call_off))
    }
}
