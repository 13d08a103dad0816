//! The index of a segment that gets no more entries: which lines are about a user, and which start a run.
//!
//! An index is derived from its segment and proves nothing. It covers all bytes of the segment, and is used only
//! while the segment is the file from which it was made, or has the same SHA-256. Otherwise it is made again. Without
//! one, the segment is read.

mod contents;
mod draft;
mod identity;
mod table;

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tlog_tiles::Hash;

use contents::{Contents, user_key};
use draft::Draft;
use identity::Identity;
use table::{Table, key};

use crate::error::AuditError;
use crate::filter::Filter;
use crate::naming::index_name;
use crate::trail::access::{self, Closed};
use crate::trail::line_reader::LineReader;
use crate::trail::meter::Metered;
use crate::trail::snapshot::Extent;

/// Finds and makes the indexes of a trail.
#[derive(Debug)]
pub(super) struct Indexes {
    now: SystemTime,
    /// Whether an index could not be written, so that it is not worth trying again.
    unwritable: bool,
}

/// The index of one segment.
#[derive(Debug)]
pub(super) struct Index {
    contents: Contents,
    file: Metered,
    /// Where the tables start.
    tables: u64,
}

impl Indexes {
    /// Prepares for a search at the time `now`.
    pub(super) fn new(now: SystemTime) -> Self {
        let unwritable = false;
        Self { now, unwritable }
    }

    /// Returns the index of a full segment. Makes it if it is missing, or not of this segment. Returns `None` if
    /// that is impossible: the segment must be read then.
    pub(super) fn of(&mut self, extent: &Extent) -> Option<Index> {
        self.proven(extent).or_else(|| self.made(extent))
    }

    /// Makes the index of a full segment again, because the one that was found is wrong.
    pub(super) fn made(&mut self, extent: &Extent) -> Option<Index> {
        if self.unwritable {
            return None;
        }
        let made = make(extent, self.now);
        self.unwritable = made.is_err();
        if made.ok()? { self.proven(extent) } else { None }
    }

    /// Opens the index of a segment, if it is an index of what the segment contains now.
    fn proven(&mut self, extent: &Extent) -> Option<Index> {
        let metadata = fs::metadata(&extent.path).ok()?;
        let mut index = Index::open(extent)?;
        let identity = Identity::settled(&metadata, self.now);
        if identity.is_some() && identity == index.contents.file {
            return Some(index);
        }
        if index.contents.sha256 != hash(extent).ok()? {
            return None;
        }
        if identity.is_some() && !self.unwritable {
            index.contents.file = identity;
            self.unwritable = index.write_again(extent).is_err();
        }
        Some(index)
    }
}

impl Index {
    /// Opens the file, which must belong to this account, like the segment.
    fn open(extent: &Extent) -> Option<Self> {
        let file = access::open(&path(extent), OpenOptions::new().read(true), Closed::ToWriting).ok()?;
        let mut file = extent.meter.read(file);
        let mut lines = LineReader::new(BufReader::new(&mut file));
        let contents = Contents::read(&mut lines)?;
        let tables = lines.offset();
        drop(lines);
        let is_of_it = contents.first == extent.first && contents.bytes == extent.bytes;
        is_of_it.then_some(Self {
            contents,
            file,
            tables,
        })
    }

    /// Returns false if the times of the segment exclude that any of its entries matches.
    pub(super) fn may_match(&self, filter: &Filter) -> bool {
        self.contents.may_match(filter)
    }

    /// Returns the offsets of the lines about a user, and perhaps about others, in their order; `None` if the
    /// index is damaged.
    pub(super) fn of_user(&mut self, user: &str) -> Option<Vec<u64>> {
        look_up(&mut self.file, self.tables, &self.contents.users, user_key(user))
    }

    /// Returns the offsets of the lines that start a run, and perhaps others, in their order; `None` if the index
    /// is damaged.
    pub(super) fn starts_of(&mut self, run: &str) -> Option<Vec<u64>> {
        let start = self.tables + self.contents.users.size();
        look_up(&mut self.file, start, &self.contents.starts, key(run))
    }

    fn write_again(&mut self, extent: &Extent) -> Result<(), AuditError> {
        let mut tables = Vec::new();
        self.file
            .seek(SeekFrom::Start(self.tables))
            .and_then(|_| self.file.read_to_end(&mut tables))
            .map_err(AuditError::io("read", &path(extent)))?;
        match Draft::begin(&path(extent))? {
            Some(draft) => draft.finish(&[self.contents.lines().as_bytes(), &tables]),
            None => Ok(()),
        }
    }
}

/// Returns true if an index has both users under the same key; those whose names differ only in case always do.
pub(super) fn may_be_same_user(one: &str, other: &str) -> bool {
    user_key(one) == user_key(other)
}

/// Returns true if an index has both runs under the same key.
pub(super) fn may_be_same_run(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

fn path(extent: &Extent) -> PathBuf {
    let directory = extent.path.parent().unwrap_or_else(|| Path::new(""));
    directory.join(index_name(extent.first))
}

/// Makes the index of a segment; returns false if the segment cannot have one, or if another process is making it
/// now.
fn make(extent: &Extent, now: SystemTime) -> Result<bool, AuditError> {
    let Some(draft) = Draft::begin(&path(extent))? else {
        return Ok(false);
    };
    let reading = || AuditError::io("read", &extent.path);
    let metadata: Metadata = fs::metadata(&extent.path).map_err(reading())?;
    let made = Contents::of(extent.first, extent.lines()?).map_err(reading())?;
    let Some((mut contents, tables)) = made.filter(|(contents, _)| contents.bytes == extent.bytes) else {
        draft.discard();
        return Ok(false);
    };
    contents.file = Identity::settled(&metadata, now);
    draft.finish(&[contents.lines().as_bytes(), &tables])?;
    Ok(true)
}

fn hash(extent: &Extent) -> Result<String, AuditError> {
    let mut hash = Sha256::new();
    let mut bytes = BufReader::with_capacity(64 * 1024, extent.after(0)?);
    io::copy(&mut bytes, &mut hash).map_err(AuditError::io("read", &extent.path))?;
    Ok(Hash(hash.finalize().into()).to_string())
}

fn look_up(file: &mut Metered, start: u64, table: &Table, key: u64) -> Option<Vec<u64>> {
    let range = table.range(key);
    let mut part = Vec::new();
    file.seek(SeekFrom::Start(start + range.start)).ok()?;
    file.by_ref()
        .take(range.end - range.start)
        .read_to_end(&mut part)
        .ok()?;
    table.offsets(key, &part)
}
