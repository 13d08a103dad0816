//! Which lines of a segment are about a user, and which start a run.
//!
//! An index is derived from its segment and proves nothing. That of a full segment is a file beside it; that of the
//! open segment is in memory and grows with it. Without one, the segment is read.

mod contents;
mod draft;
mod full;
mod identity;
mod marks;
mod open;
mod table;

use std::time::SystemTime;

use full::FullIndex;
use marks::user_key;
use open::OpenIndexAt;
pub use open::SearchMemory;
use table::key;

use crate::filter::Filter;
use crate::trail::line_reader::Place;
use crate::trail::snapshot::Extent;

/// Finds and makes the indexes of a trail.
#[derive(Debug)]
pub(super) struct Indexes {
    now: SystemTime,
    /// Whether an index could not be written, so that it is not worth trying again.
    unwritable: bool,
    memory: SearchMemory,
    /// How far the open segment is searched: no further the second time than the first.
    covered: Option<Place>,
}

/// The index of one segment.
#[derive(Debug)]
pub(super) enum Index {
    Full(FullIndex),
    Open(OpenIndexAt),
}

impl Indexes {
    /// Prepares for a search at the time `now`.
    pub(super) fn new(now: SystemTime, memory: SearchMemory) -> Self {
        Self {
            now,
            unwritable: false,
            memory,
            covered: None,
        }
    }

    /// Returns the index of a segment. Makes it if it is missing, or not of this segment. Returns `None` if that is
    /// impossible: the segment must be read then.
    pub(super) fn of(&mut self, extent: &Extent) -> Option<Index> {
        if extent.is_last {
            let index = self.memory.of(extent)?;
            let covered = *self.covered.get_or_insert(index.covered());
            return Some(Index::Open(index.up_to(covered)));
        }
        self.proven(extent).or_else(|| self.made(extent)).map(Index::Full)
    }

    /// Makes an index again, because the one that was found is wrong.
    pub(super) fn replace(&mut self, extent: &Extent) {
        if extent.is_last {
            self.memory.forget(extent);
        } else {
            self.made(extent);
        }
    }

    fn made(&mut self, extent: &Extent) -> Option<FullIndex> {
        if self.unwritable {
            return None;
        }
        let made = full::make(extent, self.now);
        self.unwritable = made.is_err();
        if made.ok()? { self.proven(extent) } else { None }
    }

    fn proven(&mut self, extent: &Extent) -> Option<FullIndex> {
        let (index, is_rewritten) = FullIndex::proven(extent, self.now, !self.unwritable)?;
        self.unwritable |= !is_rewritten;
        Some(index)
    }
}

impl Index {
    /// Returns false if the times of the segment exclude that any of its entries matches.
    pub(super) fn may_match(&self, filter: &Filter) -> bool {
        match self {
            Self::Full(index) => index.may_match(filter),
            // Its next entries may.
            Self::Open(_) => true,
        }
    }

    /// Returns the offsets of the lines about a user, and perhaps about others, in their order; `None` if the
    /// index is damaged.
    pub(super) fn of_user(&mut self, user: &str) -> Option<Vec<u64>> {
        match self {
            Self::Full(index) => index.of_user(user_key(user)),
            Self::Open(index) => Some(index.of_user(user_key(user))),
        }
    }

    /// Returns the offsets of the lines that start a run, and perhaps others, in their order; `None` if the index
    /// is damaged.
    pub(super) fn starts_of(&mut self, run: &str) -> Option<Vec<u64>> {
        match self {
            Self::Full(index) => index.starts_of(key(run)),
            Self::Open(index) => Some(index.starts_of(key(run))),
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
