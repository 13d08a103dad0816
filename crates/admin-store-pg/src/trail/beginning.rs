//! Where a trail begins from which old entries were removed, and whether it says itself that they were.

use std::collections::BTreeMap;

use easemob_admin_audit::{Entry, EventTime, Kind};
use easemob_admin_ops::store_error::StoreError;

use crate::statement::{field, number, query, query_opt};
use crate::trail::{PgTrail, TrailError};

/// The field of an entry that says how many entries were removed.
pub(super) const ENTRIES: &str = "entries";

/// The first line that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FirstLine {
    pub(super) number: u64,
    /// The number of the first entry.
    pub(super) entry: u64,
}

/// How many of the first entries a trail says to have been archived.
#[derive(Debug, Default)]
pub(super) struct SaidToBeArchived(u64);

impl SaidToBeArchived {
    /// Looks at a line of the trail.
    pub(super) fn note(&mut self, line: &[u8]) {
        // Few lines are read, of millions.
        let word = Kind::TrailArchived.as_str().as_bytes();
        if !line.windows(word.len()).take(200).any(|part| part == word) {
            return;
        }
        let entry = serde_json::from_slice::<Entry>(line).ok();
        let entry = entry.filter(|entry| entry.event.kind == Kind::TrailArchived);
        let entries = entry.and_then(|entry| entry.event.details.get(ENTRIES)?.as_u64());
        self.0 = self.0.max(entries.unwrap_or_default());
    }

    /// Returns what is wrong with a trail that begins with entry `first`.
    pub(super) fn problem(&self, first: u64) -> Option<String> {
        (first > self.0).then(|| {
            let (from, last) = (self.0, first - 1);
            format!("entries {from} to {last} are missing, and no entry says that they were archived")
        })
    }
}

/// The parts of a trail that other files or tables are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentOfTrail {
    /// The number of its first entry.
    pub(super) first: u64,
    /// The number of its first line.
    pub(super) line: u64,
    pub(super) newest: Option<EventTime>,
}

impl PgTrail {
    /// Returns the number of the first entry that the database still has. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn first_entry(&self) -> Result<u64, TrailError> {
        Ok(self.first_line().map_err(|error| self.failed(error))?.entry)
    }

    /// Reads which line is the first one.
    pub(super) fn first_line(&self) -> Result<FirstLine, StoreError> {
        let id = self.id;
        self.database.read_again(move |connection| async move {
            let wanted =
                "SELECT number, segment FROM easemob_admin.trail_line WHERE trail = $1 ORDER BY number LIMIT 1";
            let row = query_opt(&connection, wanted, &[&id]).await?;
            row.map_or(Ok(FirstLine::default()), |row| {
                Ok(FirstLine {
                    number: number(&row, 0)?,
                    entry: number(&row, 1)?,
                })
            })
        })
    }

    /// Reads the segments that are left, by their first entries.
    pub(super) fn segments(&self) -> Result<BTreeMap<u64, SegmentOfTrail>, StoreError> {
        let id = self.id;
        self.database.read_again(move |connection| async move {
            let wanted = "SELECT segment, min(number), max(at_ms) FROM easemob_admin.trail_line WHERE trail = $1 \
                          GROUP BY segment ORDER BY segment";
            let rows = query(&connection, wanted, &[&id]).await?;
            let segments = rows.iter().map(|row| {
                let newest: Option<i64> = field(row, 2)?;
                let segment = SegmentOfTrail {
                    first: number(row, 0)?,
                    line: number(row, 1)?,
                    newest: newest.map(EventTime::from_millis),
                };
                Ok((segment.first, segment))
            });
            segments.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_at_the_beginning_is_one_unless_an_entry_says_otherwise() {
        let mut said = SaidToBeArchived::default();
        assert_eq!(said.problem(0), None);
        assert!(said.problem(7).unwrap().contains("entries 0 to 6 are missing"));
        for line in [
            r#"{"v":1,"seq":9,"prev":"x","time":"1970-01-01T00:00:00.000Z","kind":"trail.archived","details":{"entries":7}}"#,
            r#"{"v":1,"seq":9,"prev":"x","time":"1970-01-01T00:00:00.000Z","kind":"intent","reason":"trail.archived","details":{"entries":90}}"#,
            "trail.archived",
        ] {
            said.note(line.as_bytes());
        }
        assert_eq!((said.problem(7), said.problem(5)), (None, None));
        assert!(said.problem(8).unwrap().contains("entries 7 to 7"));
    }
}
