//! Reads the lines of a trail one after the other, in flat memory.

use easemob_admin_audit::Chain;
use easemob_admin_ops::store_error::StoreError;

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
