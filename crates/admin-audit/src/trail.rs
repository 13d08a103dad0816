//! The trail as files in a directory, for writers.

mod access;
mod archive;
mod blocks;
mod checkpoint_file;
mod digested;
mod entries;
mod entries_at;
mod head_signer;
mod index;
mod key_files;
mod line_reader;
mod lock;
mod meter;
mod run_starts;
mod search;
mod segment;
mod snapshot;
mod stored_lines;
mod tail;
mod verify;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use access::Closed;
pub use archive::{ArchiveWriter, archived_lines};
use checkpoint_file::CheckpointFile;
pub use entries::Entries;
pub use head_signer::{HeadSigner, SignedHeads};
pub use index::SearchMemory;
use key_files::private_file;
use lock::TrailLock;
pub use search::Search;
use segment::segments;
pub use stored_lines::{StoredLines, stored_heads};
use tail::{Failed, Tail, Torn};
pub use verify::{Against, verify};

use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::event::{Event, TOOL};
use crate::event_time::EventTime;
use crate::key::SigningKey;
use crate::kind::Kind;
use crate::limits::Limits;

/// A trail to append to. All calls block; several processes may use the same trail.
#[derive(Debug)]
pub struct AuditTrail {
    directory: PathBuf,
    lock: TrailLock,
    key: SigningKey,
    tail: Tail,
    checkpoints: CheckpointFile,
    /// The size of the last head that this writer knows.
    signed: u64,
    limits: Limits,
    closed: bool,
}

impl AuditTrail {
    /// Opens the trail of `origin` in `directory`, and creates directory, key and first file on first use.
    ///
    /// Checks owner and permissions, takes and releases the lock, compares the end with the last checkpoint,
    /// and proves that bytes can be written there. Reads no more than the last file.
    ///
    /// # Errors
    /// When any of this fails. Nothing that would have to be recorded may be done then.
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

    /// Appends events as one block; they are on disk when this returns.
    ///
    /// # Errors
    /// When the lock cannot be taken, something else changed the files, or the block cannot be written. None
    /// of the events counts as recorded then.
    pub fn append(&mut self, events: &[Event]) -> Result<(), AuditError> {
        self.append_buffered(events)?;
        self.sync()
    }

    /// Waits until everything appended is on disk.
    ///
    /// # Errors
    /// When the disk does not confirm it. The trail is closed then.
    pub fn sync(&mut self) -> Result<(), AuditError> {
        if self.closed {
            return Err(AuditError::Closed);
        }
        let synced = self.tail.sync();
        self.judge(synced)
    }

    /// Appends events as one block, without waiting for the disk. When this returns, the system has them: the
    /// end of this process cannot undo that, but a power failure can, until [`sync`](Self::sync) has
    /// returned.
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

    /// Signs size and root of the tree, unless exactly this head is already signed.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn checkpoint(&mut self, now: SystemTime) -> Result<(), AuditError> {
        self.locked(|trail| trail.sign(now.into()))
    }

    /// Returns the number of entries when the trail was last read or written.
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
        // Another process may have signed since then.
        let last = self.checkpoints.last(self.key.public())?;
        self.signed = last.map_or(0, |last| last.size);
        self.check_end()?;
        let size = self.tail.chain().size();
        if size > self.signed {
            // A signed head must never cover entries that a power failure can remove.
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

/// Finds the key, or creates one for a trail without entries.
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

/// Writes about as much as a run writes first, so that a full disk is detected before anything is sent.
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
