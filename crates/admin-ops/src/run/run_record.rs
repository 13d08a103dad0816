//! The record of one run: its journal and its entries in the audit trail, as one unit.

use std::collections::BTreeSet;
use std::io;

use crate::run::recorder::Note;

/// The record of one run.
pub trait RunRecord: Send {
    /// Writes notes to journal and trail: all of them, except those about items that another attempt has
    /// taken over.
    ///
    /// # Errors
    /// When they cannot be written. The next attempt finds what was written by then.
    fn record(&mut self, notes: &[Note]) -> io::Result<Recorded>;

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// When the disk refuses.
    fn sync(&mut self) -> io::Result<()>;
}

/// The result of recording a block of notes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// All of them are recorded.
    All,
    /// All except those about these items, given by number: another attempt is working on them now, and
    /// nothing may be sent for them. Files stay locked while a run is worked on, so this happens only if
    /// several workers share a run.
    Fenced(BTreeSet<u64>),
}

impl Recorded {
    /// Returns true if a note was not recorded, because another attempt owns its item.
    #[must_use]
    pub fn leaves_out(&self, note: &Note) -> bool {
        match self {
            Self::All => false,
            Self::Fenced(items) => note.item().is_some_and(|number| items.contains(&number)),
        }
    }
}

/// One of the files that record a run.
pub trait Sink: Send {
    /// Passes notes to the operating system; either all of them are acknowledged or none.
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

/// Files that are written one after the other: what is in the last of them is in all of them.
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
