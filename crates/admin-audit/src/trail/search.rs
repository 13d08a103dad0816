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
use crate::line::Entry;
use crate::run_context::RunContext;
use crate::trail::entries::Entries;
use crate::trail::entries_at::entries_at;
use crate::trail::index::{Index, Indexes, SearchMemory, may_be_same_user};
use crate::trail::line_reader::Place;
use crate::trail::run_starts::{RunStarts, last_start};
use crate::trail::snapshot::{Extent, extents};

/// If an index has more lines of a user than this, reading the whole segment takes no longer, and less memory.
const MOST_PICKED: usize = 4096;

/// How much of the end of a segment is read first for its newest entries, in bytes: a few dozen entries.
const FIRST_PART: u64 = 32 * 1024;

/// The entries of a trail that match a filter, oldest first, with the context of their run filled in.
///
/// It finds what [`Entries`], [`RunContext`] and [`Filter`] find together. For a user or a time, it uses an index
/// beside each full segment, makes the indexes that are missing, and does without those that cannot be made. The index
/// of the segment that still gets entries is in memory. Nothing is verified.
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
    /// Near which byte the reading of the segment `next` starts.
    near: u64,
    /// The segment and the offset since which all lines were read.
    whole_from: Option<(usize, u64)>,
    /// The runs of these lines.
    runs: RunContext,
    /// Entries of a segment that is not read whole.
    picked: VecDeque<Entry>,
    /// How many matching entries to leave out.
    skip: u64,
    /// The numbers of the entries to find.
    numbers: Range<u64>,
}

/// The matching entries of a segment that is not read, and where its unexamined lines start.
struct Picked {
    matching: VecDeque<Entry>,
    rest: Place,
}

impl Search {
    /// Starts a search in the trail in `directory`; a missing directory has no entries.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open(directory: &Path, filter: Filter) -> Result<Self, AuditError> {
        Self::open_with(directory, filter, &SearchMemory::default())
    }

    /// Starts a search like [`open`](Self::open) that uses what earlier searches left in `memory`.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn open_with(directory: &Path, filter: Filter, memory: &SearchMemory) -> Result<Self, AuditError> {
        Self::open_at(directory, filter, memory, SystemTime::now())
    }

    pub(super) fn open_at(
        directory: &Path,
        filter: Filter,
        memory: &SearchMemory,
        now: SystemTime,
    ) -> Result<Self, AuditError> {
        let extents = extents(directory)?;
        Ok(Self {
            filter,
            end: extents.len(),
            extents,
            indexes: Indexes::new(now, memory.clone()),
            next: 0,
            whole: Entries::none(directory),
            near: 0,
            whole_from: None,
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
        self.restart(first.min(end), 0, end);
        self
    }

    /// Restricts a search that has not started yet to the newest `most` matching entries.
    ///
    /// Counts from the end on, and goes back not much further than necessary.
    ///
    /// # Errors
    /// When an entry that would be counted cannot be read.
    pub fn newest(mut self, most: u64) -> Result<Self, AuditError> {
        let (oldest, end) = (self.next, self.end);
        let (mut first, mut near, mut found) = (end, 0, 0);
        while first > oldest && found < most {
            first -= 1;
            if let Some(Picked { matching, .. }) = self.pick(first)? {
                near = 0;
                let wanted = matching.iter().filter(|entry| self.numbers.contains(&entry.seq));
                found += wanted.count() as u64;
                continue;
            }
            let mut part = FIRST_PART;
            let here = loop {
                near = self.extents[first].bytes.saturating_sub(part);
                self.restart(first, near, first + 1);
                let mut here = 0;
                while self.next_match()?.is_some() {
                    here += 1;
                }
                if found + here >= most || near == 0 {
                    break here;
                }
                part *= 4;
            };
            found += here;
        }
        self.restart(first, near, end);
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

    /// Goes to a segment, which is read from `near` on unless that is its start, and stops before the segment `end`.
    fn restart(&mut self, segment: usize, near: u64, end: usize) {
        (self.next, self.near, self.end) = (segment, near, end);
        self.whole_from = None;
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
        let (segment, near) = (self.next, self.near);
        (self.next, self.near) = (segment + 1, 0);
        let extent = self.extents[segment].clone();
        // What was counted from a place on is read from there: an index, which may be there by now, has more.
        let picked = if near == 0 { self.pick(segment)? } else { None };
        if let Some(Picked { matching, rest }) = picked {
            self.picked = matching;
            self.runs = RunContext::default();
            self.whole_from = Some((segment, rest.offset));
            let lines = extent.lines_after(rest)?;
            return self.whole.continue_with(extent, lines);
        }
        let lines = extent.lines_near(near)?;
        self.whole_from.get_or_insert((segment, lines.offset()));
        self.whole.continue_with(extent, lines)
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
            let started = self.last_start(run)?;
            self.runs.learn(run, started);
        }
        self.runs.fill(event);
        Ok(self.filter.matches(event).then_some(entry))
    }

    /// Returns the last start of a run before the lines that were read.
    fn last_start(&mut self, run: &str) -> Result<Option<Event>, AuditError> {
        let (segment, offset) = self.whole_from.unwrap_or_default();
        let (before, here) = self.extents.split_at(segment);
        if offset == 0 {
            return last_start(before, &mut self.indexes, run);
        }
        RunStarts::of(&here[0], &mut self.indexes, run)?.last_before(offset, before, &mut self.indexes, run)
    }

    /// Returns the matching entries of a segment, as far as its index says where they are; `None` if the segment must
    /// be read whole.
    fn pick(&mut self, segment: usize) -> Result<Option<Picked>, AuditError> {
        let filter = &self.filter;
        if filter.user.is_none() && filter.since.is_none() && filter.until.is_none() {
            return Ok(None);
        }
        let extent = &self.extents[segment];
        let Some(mut index) = self.indexes.of(extent) else {
            return Ok(None);
        };
        let rest = match &index {
            Index::Open(index) => index.covered(),
            Index::Full(_) => Place {
                number: self
                    .extents
                    .get(segment + 1)
                    .map_or(1, |next| next.first - extent.first + 1),
                offset: extent.bytes,
            },
        };
        if !index.may_match(filter) {
            let matching = VecDeque::new();
            return Ok(Some(Picked { matching, rest }));
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
            self.indexes.replace(extent);
            return Ok(None);
        };
        let matching = self.complete(segment, found)?;
        Ok(Some(Picked { matching, rest }))
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
