//! Where the notes of one run are kept: its journal, and what it says to the audit trail, as one unit of work.

use std::collections::BTreeSet;
use std::io;

use crate::run::recorder::Note;

/// The record of one run.
pub trait RunRecord: Send {
    /// Puts notes on record, in journal and trail: all of them, except those about items that another attempt has taken over.
    ///
    /// # Errors
    /// When they cannot be written. What was written by then is found by whoever goes on with the run.
    fn record(&mut self, notes: &[Note]) -> io::Result<Recorded>;

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync(&mut self) -> io::Result<()>;
}

/// What became of a block of notes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// All of them are on record.
    All,
    /// All but those about these items, by their numbers: another attempt works on them by now, and nothing may be sent for
    /// them. Files are locked as long as a run is worked on, so that this happens only where several workers share a run.
    Fenced(BTreeSet<u64>),
}

impl Recorded {
    /// Returns true if a note is not on record, because its item is somebody else's.
    #[must_use]
    pub fn leaves_out(&self, note: &Note) -> bool {
        match self {
            Self::All => false,
            Self::Fenced(items) => note.item().is_some_and(|number| items.contains(&number)),
        }
    }
}

/// One of the files that a run is recorded in.
pub trait Sink: Send {
    /// Hands notes to the operating system, all or none of them acknowledged.
    ///
    /// # Errors
    /// When they cannot be written.
    fn append(&mut self, notes: &[Note]) -> io::Result<()>;

    /// Waits until everything appended is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync(&mut self) -> io::Result<()>;
}

/// Files that are written one after the other: what the last of them has on record, all of them have.
pub struct InOrder(pub Vec<Box<dyn Sink>>);

impl RunRecord for InOrder {
    fn record(&mut self, notes: &[Note]) -> io::Result<Recorded> {
        self.0.iter_mut().try_for_each(|sink| sink.append(notes))?;
        Ok(Recorded::All)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.sync())
    }
}
