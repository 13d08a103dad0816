//! The record of a run in memory, for tests of what jobs leave there.

use std::io;
use std::sync::{Arc, Mutex};

use crate::run::journal::record::{Outcome, Record, State};
use crate::run::recorder::Note;
use crate::run::run_record::{InOrder, RunRecord, Sink};

/// Keeps the notes, unless the disk is full.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptNotes {
    notes: Arc<Mutex<Vec<Note>>>,
    full: bool,
}

impl KeptNotes {
    /// The disk may be full from the beginning.
    pub(super) fn new(full: bool) -> Self {
        Self {
            full,
            ..Self::default()
        }
    }

    /// Returns the record of a run that keeps them here.
    pub(super) fn record(&self) -> Box<dyn RunRecord> {
        Box::new(InOrder(vec![Box::new(self.clone())]))
    }

    pub(super) fn notes(&self) -> Vec<Note> {
        self.notes.lock().unwrap().clone()
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.notes().into_iter().map(|note| note.record).collect()
    }

    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let outcome = |record| match record {
            Record::Outcome(outcome) => Some(outcome),
            _ => None,
        };
        self.records().into_iter().filter_map(outcome).collect()
    }

    pub(super) fn states(&self) -> Vec<State> {
        self.outcomes().iter().map(|outcome| outcome.state).collect()
    }
}

impl Sink for KeptNotes {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.notes.lock().unwrap().extend_from_slice(notes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
