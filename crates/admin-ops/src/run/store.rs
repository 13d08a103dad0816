//! The store of runs, each with its users, its journal and its entries in the audit trail.
//!
//! All methods block the thread while the store works.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::Leave;
use easemob_admin_audit::Event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::attempt::CannotBegin;
use crate::run::direction::RunState;
use crate::run::id::RunId;
use crate::run::item::Item;
use crate::run::journal::header::Header;
use crate::run::journal::header::Operator;
use crate::run::journal::progress::{Counts, Progress};
use crate::run::journal::read::JournalError;
use crate::run::journal::record::Record;
use crate::run::run_record::RunRecord;
use crate::schedule::pipeline::Cause;
use crate::store_error::StoreError;
use crate::target::Target;

/// The items of a run, in their order.
pub type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// The records of a journal, in their order.
pub type Records = Box<dyn Iterator<Item = io::Result<Record>> + Send>;

/// All runs as a list shows them, or why one of them cannot be read.
pub type Overview = Vec<(RunId, Result<ListedRun, RunError>)>;

/// Stores runs.
pub trait RunStore: fmt::Debug + Send + Sync {
    /// Stores a new run. `header` contains everything except the number of its items and their digest.
    ///
    /// # Errors
    /// When a run with this id exists, an item cannot be read, or the run cannot be written. Nothing that could be resumed is left behind
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

    /// Reads a run as a list shows it.
    ///
    /// # Errors
    /// When it cannot be read.
    fn glance(&self, id: &RunId) -> Result<ListedRun, RunError> {
        self.see(id).map(|seen| seen.listed())
    }

    /// Reads all runs as a list shows them, oldest first; one that cannot be read is listed with the reason.
    ///
    /// # Errors
    /// When the runs cannot be listed.
    fn overview(&self) -> Result<Overview, RunError> {
        let ids = self.list()?.into_iter();
        Ok(ids
            .map(|id| {
                let listed = self.glance(&id);
                (id, listed)
            })
            .collect())
    }

    /// Opens the next items of a run that is open for workers: a range on which nobody works and where something is left to
    /// do, or all items if the run [is one range](crate::run::direction::range_of). `None` if there is nothing to take now.
    ///
    /// # Errors
    /// When the run cannot be read, or its items were changed.
    fn open_range(&self, id: &RunId) -> Result<Option<OpenRun>, RunError> {
        let _ = id;
        Ok(None)
    }

    /// Returns the headers of the runs that are open for workers, the most urgent first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn open_for_workers(&self) -> Result<Vec<Header>, RunError> {
        Ok(Vec::new())
    }

    /// Decides who may work on a run, and records who decided and why. Whoever works on it finds out when the lease is next
    /// renewed.
    ///
    /// # Errors
    /// When it cannot be recorded, or the store is of one machine only.
    fn direct(&self, id: &RunId, direction: Direction) -> Result<(), RunError> {
        let _ = direction;
        Err(RunError::OneMachine(id.clone()))
    }

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

    /// Streams the items that are not settled, which may be few of many; a store may stream others, too.
    ///
    /// # Errors
    /// When they cannot be read.
    fn unsettled_items(&self, id: &RunId) -> Result<Items, RunError> {
        self.items(id)
    }

    /// Streams the records about the run itself, and about the items that are not settled; a store may stream others, too.
    ///
    /// # Errors
    /// When they cannot be read.
    fn unsettled_records(&self, id: &RunId) -> Result<Records, RunError> {
        self.records(id)
    }

    /// Returns how many bytes the records of a run take up, without the audit trail.
    ///
    /// # Errors
    /// When they cannot be read, or the store does not know.
    fn size(&self, id: &RunId) -> Result<u64, RunError> {
        let _ = id;
        Err(RunError::OnlyTheOwner)
    }

    /// Checks that records of runs can be removed.
    ///
    /// # Errors
    /// When this account cannot remove any.
    fn can_prune(&self) -> Result<(), RunError> {
        Err(RunError::OnlyTheOwner)
    }

    /// Removes the records of runs of one target, after an entry in its audit trail that says so. The caller has made sure
    /// that nobody needs them any more.
    ///
    /// # Errors
    /// When it cannot be recorded, and nothing was removed then, or if a process works on one of them or it cannot be removed.
    fn prune(&self, target: &Target, ids: &[RunId], pruning: &Pruning) -> Result<(), CannotBegin> {
        let _ = (target, ids, pruning);
        Err(RunError::OnlyTheOwner.into())
    }

    /// Removes what is left of removed runs if the process that removed them was killed.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove_rest(&self) -> Result<(), RunError> {
        Ok(())
    }

    /// Adds entries to the audit trail of a target that belong to no run, such as a key that was made or a request that was
    /// passed on.
    ///
    /// # Errors
    /// When they cannot be recorded. Whatever they announce must not be done then.
    fn enter(&self, target: &Target, events: &[Event]) -> Result<(), CannotBegin>;

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

    /// Returns true if other processes may work on other items of the same run.
    fn is_beside_others(&self) -> bool {
        false
    }

    /// Tells the store that the work begins, so that a pause or a stop is over. From now on, `call_off` is called when the
    /// process must stop working on the run. Returns what says whether a request may be sent: a store that several machines
    /// share gives leave only while no other process can have taken the items over.
    ///
    /// # Errors
    /// When the run can no longer be worked on. Nothing may be sent then.
    fn begin_work(&self, call_off: CallOff) -> Result<Leave, RunError> {
        let _ = call_off;
        Ok(Leave::always())
    }
}

/// Asks a process to stop working on a run, and says why.
pub type CallOff = Arc<dyn Fn(Cause) + Send + Sync>;

/// A decision about who may work on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direction {
    /// Who may work on it from now on.
    pub state: RunState,
    /// Who decides.
    pub operator: Operator,
    /// When: milliseconds since 1970.
    pub at: i64,
    /// Why.
    pub reason: Option<String>,
}

/// The removal of old runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruning {
    /// Who removes them.
    pub operator: Operator,
    /// When: milliseconds since 1970.
    pub at: i64,
    /// Runs that ended before this time are removed.
    pub older_than: Timestamp,
}

/// A run as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedRun {
    /// The header of the run.
    pub header: Header,
    /// How many items are in each state. Stores that keep counts do not tell doubtful items from open ones.
    pub counts: Counts,
    /// Who may work on it.
    pub state: RunState,
    /// Whether a process is working on it.
    pub running: bool,
    /// The names of the processes that work on it, each for one range, where the store knows them.
    pub workers: Vec<String>,
    /// When the last attempt ended, in milliseconds since 1970; `None` while one is running, or if it was killed.
    pub ended: Option<i64>,
}

impl ListedRun {
    /// Returns true if `runs resume` could continue the run.
    #[must_use]
    pub fn can_be_gone_on_with(&self) -> bool {
        self.counts.unfinished() > 0 && !self.running && self.header.action.can_be_gone_on_with()
    }
}

/// A run as it was read; another process may be working on it.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeenRun {
    /// The header of the run.
    pub header: Header,
    /// Its progress.
    pub progress: Progress,
    /// When and why the last attempt ended; `None` while it is running, or if it was killed.
    pub ended: Option<(i64, Option<String>)>,
    /// Who may work on it.
    pub state: RunState,
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
            state: RunState::Alone,
            running,
        }
    }

    /// Returns who may work on a run of a store that keeps no decisions: the last attempt knows if somebody ended it for good.
    #[must_use]
    pub fn left_by_last_attempt(&self) -> RunState {
        let word = self.ended.as_ref().and_then(|(_, stopped)| stopped.as_deref());
        match word.and_then(RunState::of_word) {
            Some(state @ (RunState::Paused | RunState::Stopped)) => state,
            _ => RunState::Alone,
        }
    }

    /// Returns the run as a list shows it.
    #[must_use]
    pub fn listed(&self) -> ListedRun {
        ListedRun {
            header: self.header.clone(),
            counts: self.progress.counts(),
            state: self.state,
            running: self.running,
            workers: Vec::new(),
            ended: self.ended.as_ref().map(|(at, _)| *at),
        }
    }

    /// Adds the next record.
    pub fn note(&mut self, record: Record) {
        match &record {
            Record::Begin(_) => self.ended = None,
            Record::End(end) => self.ended = Some((end.at, end.stopped.clone())),
            Record::Intent(_) | Record::Outcome(_) | Record::Directed(_) => {}
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
    /// There is a run with this id already.
    #[error("run {0} exists already")]
    Exists(RunId),
    /// More than one id starts with the given text.
    #[error("more than one run id starts with `{0}`")]
    Ambiguous(String),
    /// Another process is working on it. With a database, it is known after which time it is free, if that process is gone.
    #[error("another process is working on run {0}")]
    Busy(RunId, Option<Duration>),
    /// Its records are files of one machine.
    #[error("the records of run {0} are files of this machine, which no other process can direct")]
    OneMachine(RunId),
    /// Its records are in a database, of which workers remove nothing.
    #[error("the records of runs are in a database, and this account cannot remove them")]
    OnlyTheOwner,
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
