//! A run, or a range of its items, that this process works on.

use easemob_admin_api::Leave;
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
    /// Whether others may work on the rest of the run.
    is_part: bool,
}

impl HeldRow {
    pub(super) fn whole(runs: PgRuns, lease: Lease) -> Self {
        Self {
            runs,
            lease,
            is_part: false,
        }
    }

    pub(super) fn part(runs: PgRuns, lease: Lease) -> Self {
        Self {
            runs,
            lease,
            is_part: true,
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
        let trails = &self.runs.trails;
        let trail = trails.of(&Target::from(header).name()).map_err(cannot_begin)?;
        let database = self.runs.database.clone();
        let record = PgRecord::new(database, self.lease, trail, header, progress);
        Ok(Box::new(record.map_err(cannot_begin)?))
    }

    fn begin_work(&self, call_off: CallOff) -> Result<Leave, RunError> {
        if !self.is_part {
            // Whoever works on all of a run has been asked to, whatever was decided before.
            let run = self.lease.term().span().run;
            let resumed = self.runs.database.read_again(move |connection| async move {
                let resume = "UPDATE easemob_admin.run SET state = 'alone' WHERE number = $1 AND state IN ('paused', 'stopped')";
                execute(&connection, resume, &[&run]).await
            });
            resumed.map_err(|error| self.runs.failed(error))?;
        }
        Ok(self.lease.begin_work(call_off))
    }
}
