//! The store of runs, each with its users, its journal and its entries in the audit trail.
//!
//! All methods block the thread while the store works.

use std::fmt;
use std::io;

use crate::run::attempt::CannotBegin;
use crate::run::id::RunId;
use crate::run::item::Item;
use crate::run::journal::header::Header;
use crate::run::journal::progress::Progress;
use crate::run::journal::read::JournalError;
use crate::run::journal::record::Record;
use crate::run::run_record::RunRecord;
use crate::store_error::StoreError;
use crate::target::Target;

/// The items of a run, in their order.
pub type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// The records of a journal, in their order.
pub type Records = Box<dyn Iterator<Item = io::Result<Record>> + Send>;

/// Stores runs.
pub trait RunStore: fmt::Debug + Send + Sync {
    /// Stores a new run. `header` contains everything except the number of its items and their digest.
    ///
    /// # Errors
    /// When an item cannot be read or the run cannot be written. Nothing that could be resumed is left behind
    /// then.
    fn create(
        &self,
        id: &RunId,
        header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError>;

    /// Opens a run to continue it.
    ///
    /// # Errors
    /// When another process is working on it, or its files are damaged.
    fn open(&self, id: &RunId) -> Result<OpenRun, RunError>;

    /// Reads a run without working on it.
    ///
    /// # Errors
    /// When it cannot be read.
    fn see(&self, id: &RunId) -> Result<SeenRun, RunError>;

    /// Returns the ids of all runs, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn list(&self) -> Result<Vec<RunId>, RunError>;

    /// Streams the items of a run.
    ///
    /// # Errors
    /// When they cannot be read.
    fn items(&self, id: &RunId) -> Result<Items, RunError>;

    /// Streams the records of a run.
    ///
    /// # Errors
    /// When they cannot be read.
    fn records(&self, id: &RunId) -> Result<Records, RunError>;

    /// Checks that an act on a target can be recorded.
    ///
    /// # Errors
    /// When it cannot. Nothing may be sent then.
    fn can_record(&self, target: &Target) -> Result<(), CannotBegin>;
}

impl dyn RunStore + '_ {
    /// Finds a run by its id, the unique start of its id, or the word `last`.
    ///
    /// # Errors
    /// When there is none, or more than one, or the text is empty, since every id starts with that.
    pub fn find(&self, text: &str) -> Result<RunId, RunError> {
        if text.trim().is_empty() {
            return Err(RunError::NoName);
        }
        let mut ids = self.list()?;
        if text == "last" {
            return ids.pop().ok_or_else(|| RunError::NoSuchRun(text.into()));
        }
        let mut fitting = ids.into_iter().filter(|id| id.as_str().starts_with(text));
        match (fitting.next(), fitting.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => Err(RunError::Ambiguous(text.into())),
            (None, _) => Err(RunError::NoSuchRun(text.into())),
        }
    }
}

/// A run that this process works on, and no other can.
#[derive(Debug)]
pub struct OpenRun {
    /// The header of the run.
    pub header: Header,
    /// Its progress.
    pub progress: Progress,
    /// Keeps other processes from the run.
    pub held: Box<dyn HeldRun>,
}

/// Keeps other processes from a run until it is dropped.
pub trait HeldRun: fmt::Debug + Send {
    /// Streams the items.
    ///
    /// # Errors
    /// When they cannot be read.
    fn items(&self) -> Result<Items, RunError>;

    /// Prepares the run for writing, and adds to `progress` what only the audit trail knows about an
    /// interrupted attempt.
    ///
    /// # Errors
    /// When journal or trail cannot be read or written. Nothing may be sent then.
    fn into_record(
        self: Box<Self>,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Box<dyn RunRecord>, CannotBegin>;
}

/// A run as it was read; another process may be working on it.
#[derive(Debug)]
pub struct SeenRun {
    /// The header of the run.
    pub header: Header,
    /// Its progress.
    pub progress: Progress,
    /// When and why the last attempt ended; `None` while it is running, or if it was killed.
    pub ended: Option<(i64, Option<String>)>,
    /// Whether a process is working on it.
    pub running: bool,
}

impl SeenRun {
    /// Creates the view of a run from its header.
    #[must_use]
    pub fn new(header: Header, running: bool) -> Self {
        Self {
            progress: Progress::new(header.jobs()),
            header,
            ended: None,
            running,
        }
    }

    /// Adds the next record.
    pub fn note(&mut self, record: Record) {
        match &record {
            Record::Begin(_) => self.ended = None,
            Record::End(end) => self.ended = Some((end.at, end.stopped.clone())),
            Record::Intent(_) | Record::Outcome(_) => {}
        }
        self.progress.note(record);
    }

    /// Returns true if `runs resume` could continue the run.
    #[must_use]
    pub fn can_be_gone_on_with(&self) -> bool {
        let unfinished = self.progress.counts().unfinished() > 0;
        unfinished && !self.running && self.header.action.can_be_gone_on_with()
    }
}

/// Why a run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The given id is empty, as if a variable was not set.
    #[error("the run id is empty")]
    NoName,
    /// The run does not exist.
    #[error("run `{0}` does not exist")]
    NoSuchRun(String),
    /// More than one id starts with the given text.
    #[error("more than one run id starts with `{0}`")]
    Ambiguous(String),
    /// Another process is working on it.
    #[error("another process is working on run {0}")]
    Busy(RunId),
    /// The journal cannot be used.
    #[error("cannot use run {run}")]
    Journal {
        /// The run.
        run: RunId,
        /// The cause.
        source: JournalError,
    },
    /// The copy of the input differs from the one that the run started with.
    #[error("the input of run {0} was changed after the run was started")]
    InputChanged(RunId),
    /// The database of the runs cannot be used.
    #[error("cannot use the runs in {place}")]
    Store {
        /// The place of the runs, for messages.
        place: String,
        /// The cause.
        source: StoreError,
    },
    /// The store cannot be read or written.
    #[error("{what} {at}")]
    Io {
        /// What could not be done.
        what: &'static str,
        /// The file or directory.
        at: String,
        /// The cause.
        source: io::Error,
    },
}
