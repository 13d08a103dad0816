//! Sinks that end in the middle, as in a process that is killed, and what is known to be recorded.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use easemob_admin_api::{DeviceId, UserId};

use crate::run::journal::record::Record;
use crate::run::recorder::Note;
use crate::run::run_record::Sink;

/// Writes through to another sink until the process is killed, after a number of notes in all sinks together.
pub(super) struct Mortal {
    pub(super) inner: Box<dyn Sink>,
    pub(super) left: Arc<AtomicI64>,
    /// The notes of the journal; `None` for the trail.
    pub(super) seen: Option<Arc<Mutex<Vec<Note>>>>,
}

impl Sink for Mortal {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        let count = i64::try_from(notes.len()).unwrap();
        let left = self.left.fetch_sub(count, Ordering::SeqCst);
        let written = usize::try_from(left.clamp(0, count)).unwrap();
        if written > 0 {
            self.inner.append(&notes[..written])?;
            if let Some(seen) = &self.seen {
                seen.lock().unwrap().extend_from_slice(&notes[..written]);
            }
        }
        if written < notes.len() {
            return Err(io::Error::other("killed"));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.left.load(Ordering::SeqCst) < 0 {
            return Err(io::Error::other("killed"));
        }
        self.inner.sync()
    }
}

/// What all attempts of a run have written to its journal.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) notes: Arc<Mutex<Vec<Note>>>,
}

impl Journal {
    /// Asserts that there is an intent for a call, without an outcome so far.
    pub(super) fn must_intend(&self, user: &UserId, call: &str, device: Option<&DeviceId>) {
        let notes = self.notes.lock().unwrap();
        let about = |note: &&Note| note.about.as_ref().is_some_and(|(_, about)| about == user);
        let last = notes.iter().rev().find(about);
        let Some(Record::Intent(intent)) = last.map(|note| &note.record) else {
            panic!("{call} of {user} is sent without an intent: {last:?}");
        };
        let meant = match device {
            Some(device) => intent.devices.contains(device),
            None => intent.call == call,
        };
        assert!(
            meant,
            "{call} of {user} {device:?} is not what was meant: {intent:?}"
        );
    }
}
