//! The work of one process on a run, from its first record to its last.

use std::io;

use easemob_admin_audit::AuditError;

use crate::run::item::Task;
use crate::run::journal::header::{Header, Operator};
use crate::run::journal::progress::{Counts, Progress};
use crate::run::journal::record::{Begin, End, Record};
use crate::run::recorder::{Clock, Note, RecordError, Recorder};
use crate::run::resume::{Which, remaining};
use crate::run::store::{Items, OpenRun, RunError};

/// The work of one process on a run.
#[derive(Debug)]
pub struct Attempt {
    /// The header of the run.
    pub header: Header,
    /// The state of the run before this attempt.
    pub before: Counts,
    /// Which items to work on.
    pub which: Which,
    /// Records the attempt.
    pub recorder: Recorder,
    /// This process and its host, if others may work on the run at the same time.
    process: Option<(u32, String)>,
}

/// Why an attempt cannot start. Nothing was sent then.
#[derive(Debug, thiserror::Error)]
pub enum CannotBegin {
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The results of the run are unknown, because its audit trail cannot be read.
    #[error("cannot compare the run with the audit trail, so nothing was sent")]
    Compare(#[source] io::Error),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Trail(#[from] AuditError),
    /// The system cannot start another thread.
    #[error("cannot start the recorder thread")]
    Thread(#[source] io::Error),
    /// The journal or the audit trail cannot be written.
    #[error("cannot write the record of the run, so nothing was sent")]
    Record(#[source] RecordError),
}

impl Attempt {
    /// Opens all records, records that `operator` starts to work, and returns what there is to do.
    ///
    /// # Errors
    /// When something cannot be read or written. Nothing may be sent then.
    pub async fn begin(
        open: OpenRun,
        which: Which,
        operator: Operator,
        clock: Clock,
    ) -> Result<(Self, impl Iterator<Item = io::Result<Task>> + Send + use<>), CannotBegin> {
        let OpenRun {
            header,
            mut progress,
            held,
        } = open;
        let beside_others = held.is_beside_others().then(|| operator.host.clone());
        let items = held.items()?;
        let record = held.into_record(&header, &mut progress)?;
        let recorder = Recorder::start(record, header.durability, clock).map_err(CannotBegin::Thread)?;
        let (mut this, tasks) = Self::with(recorder, header, progress, items, which, operator).await?;
        this.process = beside_others.map(|host| (std::process::id(), host));
        Ok((this, tasks))
    }

    /// Starts with a recorder that is already running.
    pub(crate) async fn with(
        recorder: Recorder,
        header: Header,
        progress: Progress,
        items: Items,
        which: Which,
        operator: Operator,
    ) -> Result<(Self, impl Iterator<Item = io::Result<Task>> + Send + use<>), CannotBegin> {
        let before = progress.counts();
        let begin = Begin {
            at: recorder.now(),
            tool: env!("CARGO_PKG_VERSION").into(),
            operator,
            pid: std::process::id(),
        };
        let noted = recorder.record(Note::of_run(Record::Begin(begin))).await;
        if let Err(error) = noted {
            // Release the run, so that it can be tried again. Closing fails with the same error, which adds
            // nothing.
            let _ = recorder.close();
            return Err(CannotBegin::Record(error));
        }
        let tasks = remaining(items, progress, which);
        let this = Self {
            header,
            before,
            which,
            recorder,
            process: None,
        };
        Ok((this, tasks))
    }

    /// Returns true if the run changes the app itself, and that is left to do.
    #[must_use]
    pub fn works_on_the_app(&self) -> bool {
        self.header.is_about_the_app() && self.which.count(&self.before) > 0
    }

    /// Returns how many more devices may be signed out, if there is a limit.
    #[must_use]
    pub fn allowance(&self) -> Option<u64> {
        let spent = self.before.devices_ended + self.before.devices_intended;
        let allowance = self.header.allowance?;
        Some(allowance.saturating_sub(spent))
    }

    /// Records that the work has ended, and why if it was stopped, and waits until everything is on disk.
    ///
    /// # Errors
    /// When something could not be recorded.
    pub async fn close(self, stopped: Option<&str>) -> Result<(), RecordError> {
        let end = End {
            at: self.recorder.now(),
            stopped: stopped.map(str::to_owned),
            process: self.process,
        };
        let noted = self.recorder.record(Note::of_run(Record::End(end))).await;
        noted.and(self.recorder.close())
    }
}
