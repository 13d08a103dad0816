//! Finds the entries that match a filter: those of one user by an index, and all others in the order of the trail.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_audit::{AuditError, Entry, Event, EventTime, Filter, Kind, RunContext};
use easemob_admin_ops::store_error::StoreError;
use tokio_postgres::types::ToSql;

use crate::statement::{column, field, number, query};
use crate::trail::{PgTrail, TrailError};

/// How many lines are read at once.
const PAGE: u16 = 1024;

/// The entries of a trail that match a filter, oldest first, with the context of their run filled in. Nothing is verified.
///
/// A line that is unreadable yields an error, and the next one follows. After the last entry, it finds entries that were
/// appended since then.
#[derive(Debug)]
pub struct PgSearch {
    trail: PgTrail,
    filter: Filter,
    runs: RunContext,
    starts: HashMap<String, Starts>,
    /// The number of the next line to look at.
    next: u64,
    found: VecDeque<(u64, Vec<u8>)>,
    /// The numbers of the entries to find, and the number of the first line after all of them.
    numbers: Range<u64>,
    until: u64,
}

/// Each start of a run among the first lines of a trail, by the number of its line.
#[derive(Debug, Default)]
struct Starts {
    /// How many lines were looked at.
    lines: u64,
    starts: Vec<(u64, Event)>,
}

/// Which way to read: from one line to before another, or back from before a line.
#[derive(Debug, Clone, Copy)]
enum From {
    Oldest(u64, u64),
    NewestBefore(u64),
}

impl PgTrail {
    /// Starts a search.
    #[must_use]
    pub fn search(&self, filter: Filter) -> PgSearch {
        PgSearch {
            trail: self.clone(),
            filter,
            runs: RunContext::default(),
            starts: HashMap::new(),
            next: 0,
            found: VecDeque::new(),
            numbers: 0..u64::MAX,
            until: u64::MAX,
        }
    }
}

impl PgSearch {
    /// Restricts a search that has not started yet to entries with these numbers. Blocks the thread.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn between(mut self, numbers: Range<u64>) -> Result<Self, TrailError> {
        let place = |this: &Self| -> Result<(u64, u64), StoreError> {
            let end = this.trail.end()?;
            let line = |entry| this.trail.line_of(entry, &end);
            let next = if numbers.start == 0 {
                0
            } else {
                line(numbers.start)?
            };
            // Entries that are appended later are found, too.
            let until = if numbers.end < end.chain.size() {
                line(numbers.end)?
            } else {
                u64::MAX
            };
            Ok((next, until))
        };
        (self.next, self.until) = place(&self).map_err(|error| self.trail.failed(error))?;
        self.numbers = numbers;
        Ok(self)
    }

    /// Restricts a search that has not started yet to the newest `most` matching entries. Reads from the newest line on, and
    /// no further than necessary. Blocks the thread.
    ///
    /// # Errors
    /// When an entry that would be counted cannot be read.
    pub fn newest(mut self, most: u64) -> Result<Self, TrailError> {
        let first = self.next;
        let (mut before, mut left) = (self.until, most);
        while left > 0 && before > first {
            let page = self.page(From::NewestBefore(before))?;
            let Some((oldest, _)) = page.last() else {
                break;
            };
            before = *oldest;
            for (number, line) in page {
                if left > 0 && number >= first && self.matching(number, &line)?.is_some() {
                    self.next = number;
                    left -= 1;
                }
            }
        }
        if left == most {
            self.next = self.trail.end().map_err(|error| self.trail.failed(error))?.lines;
        }
        Ok(self)
    }

    /// Returns the unique id of an entry that was just found.
    #[must_use]
    pub fn id_of(&self, entry: &Entry) -> String {
        entry.id(&self.trail.origin)
    }

    fn page(&self, from: From) -> Result<Vec<(u64, Vec<u8>)>, TrailError> {
        let (trail, filter) = (self.trail.id, self.filter.clone());
        let page = self
            .trail
            .database
            .read(move |connection| page(connection, trail, filter, from));
        page.map_err(|error| self.trail.failed(error))
    }

    /// Returns the entry of a line, with the context of its run, if it matches.
    fn matching(&mut self, number: u64, line: &[u8]) -> Result<Option<Entry>, TrailError> {
        let mut entry: Entry = serde_json::from_slice(line).map_err(|error| AuditError::Damaged {
            path: PathBuf::from(&self.trail.origin),
            line: number + 1,
            problem: error.to_string(),
        })?;
        if !self.numbers.contains(&entry.seq) || !self.filter.may_match(&entry.event) {
            return Ok(None);
        }
        if entry.event.kind != Kind::RunStarted
            && let Some(run) = entry.event.run.clone()
        {
            // An attempt by somebody else begins anew.
            let start = self.start_of(&run, number)?;
            self.runs.learn(&run, start);
        }
        self.runs.fill(&mut entry.event);
        Ok(self.filter.matches(&entry.event).then_some(entry))
    }

    /// Returns the last start of a run before a line.
    fn start_of(&mut self, run: &str, before: u64) -> Result<Option<Event>, TrailError> {
        let known = self.starts.get(run).filter(|known| known.lines > before);
        if known.is_none() {
            let (trail, asked) = (self.trail.id, run.to_owned());
            let read = self
                .trail
                .database
                .read(move |connection| starts(connection, trail, asked));
            let read = read.map_err(|error| self.trail.failed(error))?;
            self.starts.insert(run.to_owned(), read);
        }
        let starts = self.starts.get(run).map_or(&[][..], |known| &known.starts);
        let later = starts.partition_point(|(number, _)| *number < before);
        Ok(later.checked_sub(1).map(|last| starts[last].1.clone()))
    }
}

impl Iterator for PgSearch {
    type Item = Result<Entry, TrailError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.found.is_empty() {
                match self.page(From::Oldest(self.next, self.until)) {
                    Ok(page) => self.found = page.into(),
                    Err(error) => return Some(Err(error)),
                }
            }
            let (number, line) = self.found.pop_front()?;
            match self.matching(number, &line).transpose() {
                // Whoever asks again when the database is back misses nothing.
                Some(Err(error @ TrailError::Store { .. })) => {
                    self.found.push_front((number, line));
                    return Some(Err(error));
                }
                found => {
                    self.next = number + 1;
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
    }
}

/// Reads entries of which the columns match.
async fn page(
    connection: Arc<Object>,
    trail: i32,
    filter: Filter,
    from: From,
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let (bound, order, start, until) = match from {
        From::Oldest(first, until) => (">=", "ASC", first, until),
        From::NewestBefore(end) => ("<", "DESC", end, u64::MAX),
    };
    let past = (until < u64::MAX).then(|| column(until));
    let (start, user) = (column(start), filter.user.as_deref().map(str::to_lowercase));
    let (since, until) = (
        filter.since.map(EventTime::as_millis),
        filter.until.map(EventTime::as_millis),
    );
    let mut wanted = format!(
        "SELECT number, line FROM easemob_admin.trail_line WHERE trail = $1 AND number {bound} $2 AND at_ms IS NOT NULL"
    );
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&trail, &start];
    // Only what is asked for, or the planner would take an index that helps little.
    let mut narrow = |condition: &str, value| {
        values.push(value);
        wanted += &condition.replace('$', &format!("${}", values.len()));
    };
    if past.is_some() {
        narrow(" AND number < $", &past);
    }
    if user.is_some() {
        narrow(" AND folded = $", &user);
    }
    if since.is_some() {
        narrow(" AND at_ms >= $", &since);
    }
    if until.is_some() {
        narrow(" AND at_ms < $", &until);
    }
    if filter.run.is_some() {
        narrow(" AND starts_with(run, $)", &filter.run);
    }
    let wanted = format!("{wanted} ORDER BY number {order} LIMIT {PAGE}");
    let rows = query(&connection, &wanted, &values).await?;
    rows.iter()
        .map(|row| Ok((number(row, 0)?, field(row, 1)?)))
        .collect()
}

async fn starts(connection: Arc<Object>, trail: i32, run: String) -> Result<Starts, StoreError> {
    let wanted = "SELECT trail.lines, number, line FROM easemob_admin.trail LEFT JOIN easemob_admin.trail_line ON \
                  trail = id AND run = $2 AND started WHERE id = $1 ORDER BY number";
    let mut found = Starts::default();
    for row in query(&connection, wanted, &[&trail, &run]).await? {
        found.lines = number(&row, 0)?;
        let line: Option<Vec<u8>> = field(&row, 2)?;
        // What cannot be read is reported where it is found, and has no context to give.
        if let Some(Ok(start)) = line.map(|line| serde_json::from_slice::<Entry>(&line)) {
            found.starts.push((number(&row, 1)?, start.event));
        }
    }
    Ok(found)
}
