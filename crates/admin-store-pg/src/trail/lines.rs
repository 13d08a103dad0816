//! Reads the lines of a trail one after the other, in flat memory.

use std::collections::VecDeque;

use easemob_admin_audit::Chain;
use easemob_admin_ops::store_error::StoreError;

use crate::database::Database;
use crate::statement::{column, damaged, field, number, query, query_opt};
use crate::trail::PgTrail;

/// How many lines are read at once.
const PAGE: i64 = 2048;

/// A line.
pub(super) struct Line {
    /// The number of the first entry of its segment.
    pub(super) segment: u64,
    pub(super) text: Vec<u8>,
}

/// The lines of a trail in a range.
pub(super) struct Lines {
    database: Database,
    trail: i32,
    next: u64,
    end: u64,
    page: VecDeque<(u64, Line)>,
}

/// The end of a trail, as the database says: whoever can change the lines can change this, too.
pub(super) struct End {
    pub(super) chain: Chain,
    /// The number of lines.
    pub(super) lines: u64,
}

impl PgTrail {
    /// Reads the lines from one number to another, which is not read.
    pub(super) fn lines(&self, from: u64, to: u64) -> Lines {
        Lines {
            database: self.database.clone(),
            trail: self.id,
            next: from,
            end: to,
            page: VecDeque::new(),
        }
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

impl Lines {
    fn read(&mut self) -> Result<(), StoreError> {
        let (trail, next, end) = (self.trail, column(self.next), column(self.end));
        self.page = self.database.read(move |connection| async move {
            let wanted = "SELECT number, segment, line FROM easemob_admin.trail_line WHERE trail = $1 AND number >= $2 \
                          AND number < $3 ORDER BY number LIMIT $4";
            let rows = query(&connection, wanted, &[&trail, &next, &end, &PAGE]).await?;
            let line = |row| {
                let line = Line {
                    segment: number(row, 1)?,
                    text: field(row, 2)?,
                };
                Ok((number(row, 0)?, line))
            };
            rows.iter().map(line).collect::<Result<_, StoreError>>()
        })?;
        // After the last line there is nothing to read.
        self.next = self.page.back().map_or(self.end, |(number, _)| number + 1);
        Ok(())
    }
}

impl Iterator for Lines {
    type Item = Result<Line, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && self.next < self.end
            && let Err(error) = self.read()
        {
            self.next = self.end;
            return Some(Err(error));
        }
        self.page.pop_front().map(|(_, line)| Ok(line))
    }
}
