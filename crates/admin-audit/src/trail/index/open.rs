//! The index of the segment that gets the next entries, in memory.
//!
//! It trusts the format: a segment is only appended to, and each line has the hash of the one before. So the lines
//! that it covers are the same as long as the last of them is.

use std::collections::HashMap;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::marks::Marks;
use super::table::Row;
use crate::trail::line_reader::{Line, LineReader, Place};
use crate::trail::snapshot::Extent;
use crate::tree::line_hash;

/// What searches remember of the newest entries of trails, so that the next search need not read them again.
///
/// Clones share one memory. It takes 16 bytes per entry of the newest file of each trail that was searched.
#[derive(Debug, Clone, Default)]
pub struct SearchMemory(Arc<Mutex<HashMap<PathBuf, Arc<Mutex<OpenIndex>>>>>);

/// The index of the open segment, up to a place.
#[derive(Debug)]
pub(in crate::trail) struct OpenIndexAt {
    index: Arc<Mutex<OpenIndex>>,
    covered: Place,
}

#[derive(Debug)]
struct OpenIndex {
    first: u64,
    marks: Marks,
    covered: Place,
    /// Where the last covered line starts, and its hash.
    last: Option<(u64, tlog_tiles::Hash)>,
}

impl SearchMemory {
    /// Returns the index of the open segment, with all whole lines that it has; `None` if one cannot be read.
    pub(super) fn of(&self, extent: &Extent) -> Option<OpenIndexAt> {
        let known = held(&self.0).get(extent.directory()).cloned();
        let index = match known {
            Some(index) if held(&index).is_of(extent) => index,
            Some(_) | None => {
                let index = Arc::new(Mutex::new(OpenIndex::new(extent.first)));
                held(&self.0).insert(extent.directory().to_owned(), index.clone());
                index
            }
        };
        let covered = held(&index).read_on(extent).ok().flatten()?;
        Some(OpenIndexAt { index, covered })
    }

    pub(super) fn forget(&self, extent: &Extent) {
        held(&self.0).remove(extent.directory());
    }
}

impl OpenIndexAt {
    /// Returns the place after the last line that it covers.
    pub(in crate::trail) fn covered(&self) -> Place {
        self.covered
    }

    /// The same, as if others had not made it cover more since.
    pub(super) fn up_to(self, covered: Place) -> Self {
        Self { covered, ..self }
    }

    pub(super) fn of_user(&self, key: u64) -> Vec<u64> {
        self.offsets(&held(&self.index).marks.users, key)
    }

    pub(super) fn starts_of(&self, key: u64) -> Vec<u64> {
        self.offsets(&held(&self.index).marks.starts, key)
    }

    fn offsets(&self, rows: &[Row], key: u64) -> Vec<u64> {
        let covered = rows.iter().take_while(|row| row.offset < self.covered.offset);
        covered
            .filter(|row| row.key == key)
            .map(|row| row.offset)
            .collect()
    }
}

impl OpenIndex {
    fn new(first: u64) -> Self {
        Self {
            first,
            marks: Marks::default(),
            covered: Place::default(),
            last: None,
        }
    }

    /// Returns true if the segment still starts with the lines that are covered.
    fn is_of(&self, extent: &Extent) -> bool {
        let Some((offset, hash)) = self.last.filter(|_| self.first == extent.first) else {
            return false;
        };
        let is_last = || -> io::Result<bool> {
            let mut file = extent.open().map_err(io::Error::other)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut lines = LineReader::new(BufReader::with_capacity(1024, file));
            Ok(matches!(lines.next()?, Some(Line::Whole(line)) if line_hash(line) == hash))
        };
        is_last().unwrap_or(false)
    }

    /// Covers all whole lines; returns `None` at one that cannot be read.
    fn read_on(&mut self, extent: &Extent) -> io::Result<Option<Place>> {
        let mut lines = extent.lines_after(self.covered).map_err(io::Error::other)?;
        loop {
            let place = lines.place();
            let Some(Line::Whole(line)) = lines.next()? else {
                return Ok(Some(self.covered));
            };
            if !self.marks.add(line, place, self.first) {
                return Ok(None);
            }
            self.last = Some((place.offset, line_hash(line)));
            self.covered = lines.place();
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
