//! Where runs are kept, each with its users, its journal and what it says to the audit trail.
//!
//! Everything here blocks the thread for as long as the store takes.

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
use crate::target::Target;

/// The items of a run, in their order.
pub type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// The records of a journal, in their order.
pub type Records = Box<dyn Iterator<Item = io::Result<Record>> + Send>;

/// Keeps runs.
pub trait RunStore: fmt::Debug + Send + Sync {
    /// Keeps a new run, of which `header` says everything but the number of its items and their digest.
    ///
    /// # Errors
    /// When an item cannot be read or the run cannot be written; then nothing that could be resumed is left behind.
    fn create(
        &self,
        id: &RunId,
        header: Header,
        items: &mut dyn Iterator<Item = io::Result<Item>>,
    ) -> Result<OpenRun, RunError>;

    /// Opens a run to go on with it.
    ///
    /// # Errors
    /// When another process works on it, or what it left behind is damaged.
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

    /// Proves that an act on a target could be put on record.
    ///
    /// # Errors
    /// When it could not; then nothing may be sent.
    fn can_record(&self, target: &Target) -> Result<(), CannotBegin>;
}

impl dyn RunStore + '_ {
    /// Finds a run by its id, the unique beginning of its id, or the word `last`.
    ///
    /// # Errors
    /// When there is none, or more than one, or the text is empty: every id begins like that.
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

/// A run that this process works on; no other can.
#[derive(Debug)]
pub struct OpenRun {
    /// What it is about.
    pub header: Header,
    /// How far it has come.
    pub progress: Progress,
    /// What keeps others from it.
    pub held: Box<dyn HeldRun>,
}

/// What keeps others from a run, until it is dropped.
pub trait HeldRun: fmt::Debug + Send {
    /// Streams the items.
    ///
    /// # Errors
    /// When they cannot be read.
    fn items(&self) -> Result<Items, RunError>;

    /// Makes the run ready to be written, and adds to `progress` what only the audit trail knows of an attempt that was cut
    /// off.
    ///
    /// # Errors
    /// When journal or trail cannot be read or written; then nothing may be sent.
    fn into_record(
        self: Box<Self>,
        header: &Header,
        progress: &mut Progress,
    ) -> Result<Box<dyn RunRecord>, CannotBegin>;
}

/// A run as it was read, perhaps with another process at work on it.
#[derive(Debug)]
pub struct SeenRun {
    /// What it is about.
    pub header: Header,
    /// How far it has come.
    pub progress: Progress,
    /// When and why the last attempt ended; nothing while it goes on, or if it was killed.
    pub ended: Option<(i64, Option<String>)>,
    /// Whether a process works on it.
    pub running: bool,
}

impl SeenRun {
    /// Begins with what a header says.
    #[must_use]
    pub fn new(header: Header, running: bool) -> Self {
        Self {
            progress: Progress::new(header.jobs()),
            header,
            ended: None,
            running,
        }
    }

    /// Takes note of the next record.
    pub fn note(&mut self, record: Record) {
        match &record {
            Record::Begin(_) => self.ended = None,
            Record::End(end) => self.ended = Some((end.at, end.stopped.clone())),
            Record::Intent(_) | Record::Outcome(_) => {}
        }
        self.progress.note(record);
    }

    /// Returns true if `runs resume` would find something to do.
    #[must_use]
    pub fn can_be_gone_on_with(&self) -> bool {
        let unfinished = self.progress.counts().unfinished() > 0;
        unfinished && !self.running && self.header.action.can_be_gone_on_with()
    }
}

/// Why a run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The text that names a run is empty, as that of a variable that is not set.
    #[error("no run is named: the id is empty")]
    NoName,
    /// There is no such run.
    #[error("there is no run `{0}`")]
    NoSuchRun(String),
    /// More than one id begins like this.
    #[error("`{0}` is the beginning of more than one run id")]
    Ambiguous(String),
    /// Another process works on it.
    #[error("another process works on the run {0}")]
    Busy(RunId),
    /// The journal cannot be used.
    #[error("the run {run} cannot be used")]
    Journal {
        /// The run.
        run: RunId,
        /// Why.
        source: JournalError,
    },
    /// The copy of the input is not the one that the run was begun with.
    #[error("the input of the run {0} was changed after the run was begun")]
    InputChanged(RunId),
    /// The store cannot be read or written.
    #[error("{what} {at}")]
    Io {
        /// What could not be done.
        what: &'static str,
        /// The file or directory.
        at: String,
        /// Why.
        source: io::Error,
    },
}
