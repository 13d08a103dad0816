//! Reads the lines of a trail one after the other, in flat memory.

use easemob_admin_audit::Chain;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_ops::trails::{Lines, TrailError};
use serde_json::Value;

use crate::pages::{Pages, Source};
use crate::statement::{column, damaged, field, number, query_opt};
use crate::trail::PgTrail;

/// A line.
pub(super) struct Line {
    /// The number of the first entry of its segment.
    pub(super) segment: u64,
    pub(super) text: Vec<u8>,
}

/// The end of a trail, as the database says: whoever can change the lines can change this, too.
pub(super) struct End {
    pub(super) chain: Chain,
    /// The number of lines.
    pub(super) lines: u64,
}

impl PgTrail {
    /// Reads the lines from one number to another, which is not read.
    pub(super) fn lines(&self, from: u64, to: u64) -> impl Iterator<Item = Result<Line, StoreError>> + use<> {
        let source = Source {
            sql: "SELECT number, segment, line FROM easemob_admin.trail_line WHERE trail = $1::bigint AND number >= $2 \
                  AND number < $3 ORDER BY number LIMIT $4",
            read: |row| {
                let line = Line {
                    segment: number(row, 1)?,
                    text: field(row, 2)?,
                };
                Ok((field(row, 0)?, line))
            },
        };
        let range = (column(from), column(to));
        Pages::of(&self.database, source, self.id.into(), range).map(|row| row.map(|(_, line)| line))
    }

    /// Returns the number that the next entry will have. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn size(&self) -> Result<u64, TrailError> {
        let end = self.end().map_err(|error| self.failed(error))?;
        Ok(end.chain.size())
    }

    /// Reads the lines from an entry on, or from the header of its segment if it is the first one there.
    pub(super) fn lines_from_entry(&self, from: u64) -> Result<Lines, TrailError> {
        let failed = |error| self.failed(error);
        let end = self.end().map_err(failed)?;
        let mut first = self.line_of(from, &end).map_err(failed)?;
        if let Some(before) = first.checked_sub(1).filter(|_| first < end.lines)
            && let Some(line) = self.lines(before, first).next().transpose().map_err(failed)?
            && entry_of(&line.text).is_none()
        {
            first = before;
        }
        let trail = self.clone();
        let lines = self.lines(first, end.lines);
        Ok(Box::new(lines.map(move |line| {
            line.map(|line| line.text).map_err(|error| trail.failed(error))
        })))
    }

    /// Returns the number of the line of an entry, the first one that is left if the entry is not, or the number of the line
    /// that will be next.
    pub(super) fn line_of(&self, entry: u64, end: &End) -> Result<u64, StoreError> {
        if entry >= end.chain.size() {
            return Ok(end.lines);
        }
        // Each segment has one line more than entries, so no entry is before the line with its number.
        let mut number = self.first_line()?.number.max(entry);
        while number < end.lines {
            let line = self.lines(number, number + 1).next().transpose()?;
            match line.and_then(|line| entry_of(&line.text)) {
                Some(found) if found < entry => number += entry - found,
                Some(_) => break,
                None => number += 1,
            }
        }
        Ok(number)
    }

    /// Reads where the trail ends now.
    pub(super) fn end(&self) -> Result<End, StoreError> {
        let id = self.id;
        self.database.read(move |connection| async move {
            let wanted = "SELECT chain, lines FROM easemob_admin.trail WHERE id = $1";
            let row = query_opt(&connection, wanted, &[&id]).await?;
            let row = row.ok_or_else(|| damaged("there is no such trail"))?;
            Ok(End {
                chain: serde_json::from_str(field(&row, 0)?).map_err(damaged)?,
                lines: number(&row, 1)?,
            })
        })
    }
}

/// Returns the number of an entry; nothing for a header.
fn entry_of(line: &[u8]) -> Option<u64> {
    let line: Value = serde_json::from_slice(line).ok()?;
    line.get("seq")?.as_u64()
}
