//! The trail as files of a directory, as its writers use it.

mod access;
mod checkpoint_file;
mod entries;
mod key_files;
mod line_reader;
mod lock;
mod segment;
mod snapshot;
mod tail;
mod verify;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use access::Closed;
use checkpoint_file::CheckpointFile;
pub use entries::Entries;
use key_files::private_file;
use lock::TrailLock;
use segment::segments;
use tail::{Failed, Tail, Torn};
pub use verify::{Against, verify};

use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::event::{Event, TOOL};
use crate::event_time::EventTime;
use crate::key::SigningKey;
use crate::kind::Kind;
use crate::limits::Limits;

/// A trail that is appended to. All calls block; several processes may hold the same trail.
#[derive(Debug)]
pub struct AuditTrail {
    directory: PathBuf,
    lock: TrailLock,
    key: SigningKey,
    tail: Tail,
    checkpoints: CheckpointFile,
    /// The size of the last head that this writer knows of.
    signed: u64,
    limits: Limits,
    closed: bool,
}

impl AuditTrail {
    /// Opens the trail of `origin` in `directory`, making directory, key and first file on first use.
    ///
    /// Owner and permissions are checked, the lock is taken and released, the end is checked against the last
    /// checkpoint, and it is proven that bytes can be written there. Not more than the last file is read.
    ///
    /// # Errors
    /// When any of this fails; then nothing must be done that would have to be recorded.
    pub fn open(directory: &Path, origin: &str) -> Result<Self, AuditError> {
        Self::open_with(directory, origin, Limits::default())
    }

    /// Opens the trail with other limits.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(directory: &Path, origin: &str, limits: Limits) -> Result<Self, AuditError> {
        access::own_directory(directory)?;
        let lock = TrailLock::open(directory, limits.lock_wait)?;
        let held = lock.hold()?;
        prove_writable(directory)?;
        let key = key_of(directory)?;
        let mut torn = Vec::new();
        let tail = Tail::load(directory, origin, &mut torn)?;
        let mut checkpoints = CheckpointFile::open(directory)?;
        let signed = checkpoints.last(key.public())?.map_or(0, |last| last.size);
        let mut opened = Self {
            directory: directory.to_owned(),
            lock,
            key,
            tail,
            checkpoints,
            signed,
            limits,
            closed: false,
        };
        opened.check_end()?;
        opened.record_repairs(&torn)?;
        drop(held);
        Ok(opened)
    }

    /// Appends events as one block; they are on the disk when this returns.
    ///
    /// # Errors
    /// When the lock is not to be had, the files were changed by something else, or the block cannot be
    /// written; then none of the events counts as recorded.
    pub fn append(&mut self, events: &[Event]) -> Result<(), AuditError> {
        self.append_buffered(events)?;
        self.sync()
    }

    /// Waits until all that was appended is on the disk.
    ///
    /// # Errors
    /// When the disk does not confirm it; then the trail is closed.
    pub fn sync(&mut self) -> Result<(), AuditError> {
        if self.closed {
            return Err(AuditError::Closed);
        }
        let synced = self.tail.sync();
        self.judge(synced)
    }

    /// Appends events as one block; they are with the system when this returns, which the end of this process
    /// cannot undo, but a loss of power can, until [`sync`](Self::sync) has returned.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_buffered(&mut self, events: &[Event]) -> Result<(), AuditError> {
        let Some(newest) = events.last().map(|event| event.time) else {
            return Ok(());
        };
        self.locked(|trail| {
            trail.write(events)?;
            if trail.limits.is_head_due(trail.signed, trail.size()) {
                trail.sign(newest)?;
            }
            Ok(())
        })
    }

    /// Signs size and root of the tree, unless this very head is signed already.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn checkpoint(&mut self, now: SystemTime) -> Result<(), AuditError> {
        self.locked(|trail| trail.sign(now.into()))
    }

    /// Returns how many entries there were when the trail was last read or written.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tail.chain().size()
    }

    fn locked(&mut self, act: impl FnOnce(&mut Self) -> Result<(), AuditError>) -> Result<(), AuditError> {
        if self.closed {
            return Err(AuditError::Closed);
        }
        let _held = self.lock.hold()?;
        let mut torn = Vec::new();
        self.tail.catch_up(&self.directory, &mut torn)?;
        self.record_repairs(&torn)?;
        act(self)
    }

    fn write(&mut self, events: &[Event]) -> Result<(), AuditError> {
        if self.tail.is_full(&self.limits) {
            let rotated = self.tail.rotate(&self.directory);
            self.judge(rotated)?;
        }
        let mut chain = self.tail.chain().clone();
        let mut block = String::new();
        for event in events {
            block += &chain.extend(event)?;
            block.push('\n');
        }
        let written = self.tail.write(&block, events.len() as u64, chain);
        self.judge(written)
    }

    fn judge(&mut self, written: Result<(), Failed>) -> Result<(), AuditError> {
        written.map_err(|failed| {
            self.closed |= !failed.undone;
            failed.error
        })
    }

    fn sign(&mut self, time: EventTime) -> Result<(), AuditError> {
        // Another process may have signed since.
        let last = self.checkpoints.last(self.key.public())?;
        self.signed = last.map_or(0, |last| last.size);
        self.check_end()?;
        let size = self.tail.chain().size();
        if size > self.signed {
            // A signed head must never name entries that a loss of power can take away.
            self.sync()?;
            let checkpoint = Checkpoint::of(self.tail.chain(), time);
            self.checkpoints.add(&checkpoint, &self.key)?;
            self.signed = size;
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), AuditError> {
        if self.signed > self.tail.chain().size() {
            return Err(self.tail.cut(self.signed));
        }
        Ok(())
    }

    fn record_repairs(&mut self, torn: &[Torn]) -> Result<(), AuditError> {
        if torn.is_empty() {
            return Ok(());
        }
        let now = SystemTime::now();
        let events: Vec<Event> = torn.iter().map(|torn| repaired(now, torn)).collect();
        self.write(&events)
    }
}

fn repaired(now: SystemTime, torn: &Torn) -> Event {
    let mut event = Event::new(now, Kind::TrailRepaired);
    event.tool = Some(TOOL.to_owned());
    let name = torn.path.file_name().unwrap_or_default().to_string_lossy();
    event.details.insert("file".into(), name.into());
    event.details.insert("bytes_cut".into(), torn.bytes.into());
    event
}

/// Finds the key, or makes one for a trail that has no entries yet.
fn key_of(directory: &Path) -> Result<SigningKey, AuditError> {
    if let Some(key) = SigningKey::load(directory)? {
        return Ok(key);
    }
    if segments(directory)?.is_empty() {
        SigningKey::create(directory)
    } else {
        let path = private_file(directory);
        Err(AuditError::NoKey { path })
    }
}

/// Writes about what a run writes first, so that a full disk is noticed before anything is sent.
fn prove_writable(directory: &Path) -> Result<(), AuditError> {
    const BYTES: usize = 64 * 1024;
    let path = directory.join("probe");
    let mut options = access::private();
    options.write(true).create(true).truncate(true);
    let mut file = access::open(&path, &options, Closed::ToWriting)?;
    let proven = file.write_all(&vec![0; BYTES]).and_then(|()| file.sync_all());
    let removed = fs::remove_file(&path);
    proven.and(removed).map_err(AuditError::io("written", &path))
}

#[cfg(test)]
mod tests;
