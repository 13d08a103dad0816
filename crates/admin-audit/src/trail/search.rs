//! Finds the entries that match a filter, and reads no more than that takes.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use crate::error::AuditError;
use crate::event::Event;
use crate::filter::Filter;
use crate::kind::Kind;
use crate::line::{Entry, Header};
use crate::run_context::RunContext;
use crate::trail::entries::Entries;
use crate::trail::entries_at::entries_at;
use crate::trail::index::{Indexes, may_be_same_user};
use crate::trail::line_reader::Line;
use crate::trail::run_starts::{RunStarts, last_start};
use crate::trail::snapshot::{Extent, extents};

/// If an index has more lines of a user than this, reading the whole segment takes no longer, and less memory.
const MOST_PICKED: usize = 4096;

/// The entries of a trail that match a filter, oldest first, with the context of their run filled in.
///
/// It finds what [`Entries`], [`RunContext`] and [`Filter`] find together. For a user or a time, it uses an index
/// beside each full segment, makes the indexes that are missing, and does without those that cannot be made. Nothing
/// is verified.
///
/// A line that is unreadable or has a newer format yields an error, and the next line follows. After the last
/// entry, [`read_on`](Self::read_on) makes entries available that were appended since then.
#[derive(Debug)]
pub struct Search {
    filter: Filter,
    extents: Vec<Extent>,
    indexes: Indexes,
    /// The segment to look at next, and the one after the last to look at.
    next: usize,
    end: usize,
    /// Reads the segments that are read whole.
    whole: Entries,
    /// The first segment since which all segments were read whole.
    whole_from: usize,
    /// The runs of these segments.
    runs: RunContext,
    /// Entries of a segment that is not read whole.
    picked: VecDeque<Entry>,
    /// How many matching entries to leave out.
    skip: u64,
    /// The numbers of the entries to find.
    numbers: Range<u64>,
}

impl Search {
    /// Starts a search in the trail in `directory`; a missing directory has no entries.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(directory: &Path, filter: Filter) -> Result<Self, AuditError> {
        Self::open_at(directory, filter, SystemTime::now())
    }

    pub(super) fn open_at(directory: &Path, filter: Filter, now: SystemTime) -> Result<Self, AuditError> {
        let extents = extents(directory)?;
        Ok(Self {
            filter,
            end: extents.len(),
            extents,
            indexes: Indexes::new(now),
            next: 0,
            whole: Entries::none(directory),
            whole_from: 0,
            runs: RunContext::default(),
            picked: VecDeque::new(),
            skip: 0,
            numbers: 0..u64::MAX,
        })
    }

    /// Restricts a search that has not started yet to entries with these numbers. Other segments are not read.
    #[must_use]
    pub fn between(mut self, numbers: Range<u64>) -> Self {
        let before = |number: u64| self.extents.partition_point(|extent| extent.first < number);
        let after = |number: u64| self.extents.partition_point(|extent| extent.first <= number);
        let (first, end) = (after(numbers.start).saturating_sub(1), before(numbers.end));
        self.numbers = numbers;
        self.restart(first.min(end), end);
        self
    }

    /// Restricts a search that has not started yet to the newest `most` matching entries.
    ///
    /// Counts from the newest segment on, and goes back no further than necessary.
    ///
    /// # Errors
    /// When an entry that would be counted cannot be read.
    pub fn newest(mut self, most: u64) -> Result<Self, AuditError> {
        let (oldest, end) = (self.next, self.end);
        let (mut first, mut found) = (end, 0);
        while first > oldest && found < most {
            first -= 1;
            self.restart(first, first + 1);
            while self.next_match()?.is_some() {
                found += 1;
            }
        }
        self.restart(first, end);
        self.skip = found.saturating_sub(most);
        Ok(self)
    }

    /// Returns true if the last line that was examined has no end: another process is writing it now, or was
    /// killed while writing.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.whole.is_torn()
    }

    /// Returns the unique id of an entry that was just found.
    #[must_use]
    pub fn id_of(&self, entry: &Entry) -> String {
        self.whole.id_of(entry)
    }

    /// Makes entries available that were appended since then.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn read_on(&mut self) -> Result<(), AuditError> {
        self.whole.read_on()
    }

    /// Returns how many bytes of segments and indexes were read so far, without those of
    /// [`read_on`](Self::read_on).
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.extents.first().map_or(0, |extent| extent.meter.bytes())
    }

    /// Goes to a segment, and stops before the segment `end`.
    fn restart(&mut self, segment: usize, end: usize) {
        (self.next, self.end, self.whole_from) = (segment, end, segment);
        self.whole.clear();
        self.runs = RunContext::default();
        self.picked.clear();
    }

    fn next_match(&mut self) -> Result<Option<Entry>, AuditError> {
        loop {
            if let Some(entry) = self.picked.pop_front() {
                if self.numbers.contains(&entry.seq) {
                    return Ok(Some(entry));
                }
                continue;
            }
            match self.whole.next().transpose()? {
                Some(entry) => {
                    let is_wanted = self.numbers.contains(&entry.seq);
                    if let Some(entry) = self.in_context(entry)?.filter(|_| is_wanted) {
                        return Ok(Some(entry));
                    }
                }
                None if self.next < self.end => self.enter_segment()?,
                None => return Ok(None),
            }
        }
    }

    fn enter_segment(&mut self) -> Result<(), AuditError> {
        let segment = self.next;
        self.next += 1;
        if let Some(picked) = self.pick(segment)? {
            self.picked = picked;
            self.whole_from = self.next;
            self.runs = RunContext::default();
        } else {
            self.whole.add(self.extents[segment].clone());
        }
        Ok(())
    }

    /// Completes an entry of a segment that is read whole; returns it if it matches.
    fn in_context(&mut self, mut entry: Entry) -> Result<Option<Entry>, AuditError> {
        let event = &mut entry.event;
        let may_match = self.filter.may_match(event);
        if let Some(run) = event
            .run
            .as_deref()
            .filter(|_| may_match && event.kind != Kind::RunStarted)
            && !self.runs.knows(run)
        {
            let before = &self.extents[..self.whole_from];
            let started = last_start(before, &mut self.indexes, run)?;
            self.runs.learn(run, started);
        }
        self.runs.fill(event);
        Ok(self.filter.matches(event).then_some(entry))
    }

    /// Returns the matching entries of a segment, as far as its index says where they are; `None` if the segment must
    /// be read whole.
    fn pick(&mut self, segment: usize) -> Result<Option<VecDeque<Entry>>, AuditError> {
        let filter = &self.filter;
        let narrows = filter.user.is_some() || filter.since.is_some() || filter.until.is_some();
        // The last segment gets more entries.
        if !narrows || segment + 1 == self.extents.len() {
            return Ok(None);
        }
        let extent = &self.extents[segment];
        let Some(mut index) = self.indexes.of(extent) else {
            return Ok(None);
        };
        if !index.may_match(filter) {
            return Ok(Some(VecDeque::new()));
        }
        let Some(user) = filter.user.as_deref() else {
            return Ok(None);
        };
        let is_meant = |event: &Event| {
            event
                .user
                .as_deref()
                .is_some_and(|other| may_be_same_user(other, user))
        };
        let mut found = None;
        if let Some(offsets) = index.of_user(user) {
            if offsets.len() > MOST_PICKED {
                return Ok(None);
            }
            found = entries_at(extent, &offsets, is_meant)?;
        }
        let Some(found) = found else {
            // What is damaged is made again for the next search; this one relies on nothing but the segment.
            self.indexes.made(extent);
            return Ok(None);
        };
        if let Some(Line::Whole(line)) = extent
            .lines()?
            .next()
            .map_err(AuditError::io("read", &extent.path))?
            && let Ok(Header { origin, .. }) = serde_json::from_slice(line)
        {
            self.whole.set_origin(origin);
        }
        self.complete(segment, found).map(Some)
    }

    /// Completes entries of a segment that is not read whole; returns those that match.
    fn complete(&mut self, segment: usize, found: Vec<(u64, Entry)>) -> Result<VecDeque<Entry>, AuditError> {
        let (before, here) = self.extents.split_at(segment);
        let mut context = RunContext::default();
        let mut starts: HashMap<String, RunStarts> = HashMap::new();
        let mut matching = VecDeque::new();
        for (offset, mut entry) in found {
            if !self.filter.may_match(&entry.event) {
                continue;
            }
            if let Some(run) = entry.event.run.clone() {
                let indexes = &mut self.indexes;
                let starts = match starts.entry(run.clone()) {
                    Occupied(known) => known.into_mut(),
                    Vacant(unknown) => unknown.insert(RunStarts::of(&here[0], indexes, &run)?),
                };
                context.learn(&run, starts.last_before(offset, before, indexes, &run)?);
            }
            context.fill(&mut entry.event);
            if self.filter.matches(&entry.event) {
                matching.push_back(entry);
            }
        }
        Ok(matching)
    }
}

impl Iterator for Search {
    type Item = Result<Entry, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = self.next_match().transpose()?;
            if next.is_ok() && self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            return Some(next);
        }
    }
}

#[cfg(test)]
mod tests;
