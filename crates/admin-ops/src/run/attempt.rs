//! The work of one process on a run: from the first note on record to the last.

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
    /// What the run is about.
    pub header: Header,
    /// How far the run had come before.
    pub before: Counts,
    /// Which items are worked on.
    pub which: Which,
    /// What is recorded by.
    pub recorder: Recorder,
}

/// Why an attempt cannot begin. Nothing was sent then.
#[derive(Debug, thiserror::Error)]
pub enum CannotBegin {
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What the run has done cannot be told, because its audit trail cannot be read.
    #[error("cannot compare the run with the audit trail, so nothing was sent")]
    Compare(#[source] io::Error),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Trail(#[from] AuditError),
    /// The system has no thread left to record with.
    #[error("cannot start to record")]
    Thread(#[source] io::Error),
    /// The journal or the audit trail cannot be written.
    #[error("the record of the run cannot be written, so nothing was sent")]
    Record(#[source] RecordError),
}

impl Attempt {
    /// Opens everything that is written to, notes that `operator` starts to work, and returns what there is to do.
    ///
    /// # Errors
    /// When something cannot be read or written; then nothing may be sent.
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
        let items = held.items()?;
        let record = held.into_record(&header, &mut progress)?;
        let recorder = Recorder::start(record, header.durability, clock).map_err(CannotBegin::Thread)?;
        Self::with(recorder, header, progress, items, which, operator).await
    }

    /// Begins with a recorder that has been started.
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
            // Whoever tries again finds the run free. That it ends with the same error says nothing more.
            let _ = recorder.close();
            return Err(CannotBegin::Record(error));
        }
        let tasks = remaining(items, progress, which);
        let this = Self {
            header,
            before,
            which,
            recorder,
        };
        Ok((this, tasks))
    }

    /// Returns true if the run is about the app itself, and that is left to do.
    #[must_use]
    pub fn works_on_the_app(&self) -> bool {
        self.header.is_about_the_app() && self.which.count(&self.before) > 0
    }

    /// Returns how many more devices may be ended, if that is limited.
    #[must_use]
    pub fn allowance(&self) -> Option<u64> {
        let spent = self.before.devices_ended + self.before.devices_intended;
        let allowance = self.header.allowance?;
        Some(allowance.saturating_sub(spent))
    }

    /// Notes that the work has ended, and why if it was stopped, and waits until everything is on disk.
    ///
    /// # Errors
    /// When something could not be put on record.
    pub async fn close(self, stopped: Option<&str>) -> Result<(), RecordError> {
        let end = End {
            at: self.recorder.now(),
            stopped: stopped.map(str::to_owned),
        };
        let noted = self.recorder.record(Note::of_run(Record::End(end))).await;
        noted.and(self.recorder.close())
    }
}
