//! The index of a segment that gets no more entries, in a file beside it.
//!
//! It covers all bytes of the segment, and is used only while the segment is the file from which it was made, or has
//! the same SHA-256. Otherwise it is made again.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tlog_tiles::Hash;

use super::contents::Contents;
use super::draft::Draft;
use super::identity::Identity;
use super::table::Table;
use crate::error::AuditError;
use crate::filter::Filter;
use crate::naming::index_name;
use crate::trail::access::{self, Closed};
use crate::trail::line_reader::LineReader;
use crate::trail::meter::Metered;
use crate::trail::snapshot::Extent;

/// The index of one full segment.
#[derive(Debug)]
pub(in crate::trail) struct FullIndex {
    contents: Contents,
    file: Metered,
    /// Where the tables start.
    tables: u64,
}

impl FullIndex {
    /// Opens the index of a segment, if it is an index of what the segment contains now. Returns false with it if it
    /// should have been written again and could not be.
    pub(super) fn proven(extent: &Extent, now: SystemTime, is_writable: bool) -> Option<(Self, bool)> {
        let metadata = fs::metadata(&extent.path).ok()?;
        let mut index = Self::open(extent)?;
        let identity = Identity::settled(&metadata, now);
        if identity.is_some() && identity == index.contents.file {
            return Some((index, true));
        }
        if index.contents.sha256 != hash(extent).ok()? {
            return None;
        }
        let mut is_written = true;
        if identity.is_some() && is_writable {
            index.contents.file = identity;
            is_written = index.write_again(extent).is_ok();
        }
        Some((index, is_written))
    }

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

    /// Returns the offsets of the lines with the key of a user; `None` if the index is damaged.
    pub(super) fn of_user(&mut self, key: u64) -> Option<Vec<u64>> {
        look_up(&mut self.file, self.tables, &self.contents.users, key)
    }

    /// Returns the offsets of the lines that start a run with this key; `None` if the index is damaged.
    pub(super) fn starts_of(&mut self, key: u64) -> Option<Vec<u64>> {
        let start = self.tables + self.contents.users.size();
        look_up(&mut self.file, start, &self.contents.starts, key)
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

fn path(extent: &Extent) -> PathBuf {
    extent.directory().join(index_name(extent.first))
}

/// Makes the index of a segment; returns false if the segment cannot have one, or if another process is making it
/// now.
pub(super) fn make(extent: &Extent, now: SystemTime) -> Result<bool, AuditError> {
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
