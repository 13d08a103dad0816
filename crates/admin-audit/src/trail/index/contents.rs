//! What an index says about its segment.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tlog_tiles::Hash;

use super::identity::Identity;
use super::marks::Marks;
use super::table::Table;
use crate::event_time::EventTime;
use crate::filter::Filter;
use crate::trail::line_reader::{Line, LineReader};
use crate::tree::line_hash;

/// The format of an index; any other is replaced.
const FORMAT: u64 = 1;

/// The description of an index: what it covers, and its tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) format: u64,
    /// The version of Unicode by which the names of users were folded.
    pub(super) unicode: (u8, u8, u8),
    /// The number of the first entry of the segment.
    pub(super) first: u64,
    /// The size of the segment; the index covers all of it.
    pub(super) bytes: u64,
    /// The SHA-256 of the segment.
    pub(super) sha256: String,
    /// The file whose hash this is, if it had not changed just before.
    pub(super) file: Option<Identity>,
    /// The earliest and latest time of its entries.
    pub(super) oldest: EventTime,
    pub(super) newest: EventTime,
    /// The entries of each user.
    pub(super) users: Table,
    /// The starts of each run.
    pub(super) starts: Table,
}

impl Contents {
    /// Reads a segment to its end and describes it; the tables follow as bytes.
    ///
    /// Returns `None` for a segment with a line that cannot be read: only reading all of it reports that line.
    pub(super) fn of<R: BufRead>(
        first: u64,
        mut lines: LineReader<R>,
    ) -> io::Result<Option<(Self, Vec<u8>)>> {
        let mut hash = Sha256::new();
        let mut marks = Marks::default();
        loop {
            let place = lines.place();
            let line = match lines.next()? {
                Some(Line::Whole(line)) => line,
                Some(Line::Torn(_)) => return Ok(None),
                None => break,
            };
            hash.update(line);
            hash.update(b"\n");
            if !marks.add(line, place, first) {
                return Ok(None);
            }
        }
        let Marks { times, users, starts } = marks;
        let Some((oldest, newest)) = times else {
            return Ok(None);
        };
        let (Some((users, mut tables)), Some((starts, more))) = (Table::of(users), Table::of(starts)) else {
            return Ok(None);
        };
        tables.extend(more);
        let contents = Self {
            format: FORMAT,
            unicode: char::UNICODE_VERSION,
            first,
            bytes: lines.offset(),
            sha256: Hash(hash.finalize().into()).to_string(),
            file: None,
            oldest,
            newest,
            users,
            starts,
        };
        Ok(Some((contents, tables)))
    }

    /// Returns the two lines with which the file of an index starts: the hash of the second one, and the
    /// description.
    pub(super) fn lines(&self) -> String {
        let json = serde_json::to_string(self).expect("an index holds only numbers and texts");
        format!("{}\n{json}\n", line_hash(json.as_bytes()))
    }

    /// Reads these two lines; `None` if they are damaged, or were written by another version.
    pub(super) fn read<R: BufRead>(lines: &mut LineReader<R>) -> Option<Self> {
        let Some(Line::Whole(hash)) = lines.next().ok()? else {
            return None;
        };
        let hash = hash.to_vec();
        let Some(Line::Whole(json)) = lines.next().ok()? else {
            return None;
        };
        if line_hash(json).to_string().as_bytes() != hash {
            return None;
        }
        let contents: Self = serde_json::from_slice(json).ok()?;
        (contents.format == FORMAT && contents.unicode == char::UNICODE_VERSION).then_some(contents)
    }

    /// Returns false if the times of the segment exclude that any of its entries matches.
    pub(super) fn may_match(&self, filter: &Filter) -> bool {
        filter.since.is_none_or(|since| self.newest >= since)
            && filter.until.is_none_or(|until| self.oldest < until)
    }
}
