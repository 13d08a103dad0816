//! What an index needs of the lines of a segment.

use serde::Deserialize;

use super::table::{Row, key};
use crate::chain::Chain;
use crate::event_time::EventTime;
use crate::kind::Kind;
use crate::line::FORMAT;
use crate::trail::line_reader::Place;

/// What the lines of a segment are about, in their order.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The earliest and latest time of the entries.
    pub(super) times: Option<(EventTime, EventTime)>,
    /// The entries of each user.
    pub(super) users: Vec<Row>,
    /// The starts of each run.
    pub(super) starts: Vec<Row>,
}

/// The fields of an entry that an index needs.
#[derive(Debug, Deserialize)]
struct Mark {
    v: u64,
    #[serde(rename = "seq")]
    _seq: u64,
    #[serde(rename = "prev")]
    _prev: String,
    time: EventTime,
    kind: Kind,
    run: Option<String>,
    user: Option<String>,
}

impl Marks {
    /// Adds the line at a place; returns false if it is no entry that can be read or, at the start, not the header of the
    /// segment whose first entry is `first`.
    pub(super) fn add(&mut self, line: &[u8], place: Place, first: u64) -> bool {
        if place == Place::default() {
            return Chain::from_header(line).is_ok_and(|chain| chain.size() == first);
        }
        let offset = place.offset;
        let mark = match serde_json::from_slice::<Mark>(line) {
            Ok(mark) if mark.v <= FORMAT => mark,
            Ok(_) | Err(_) => return false,
        };
        let (oldest, newest) = self.times.unwrap_or((mark.time, mark.time));
        self.times = Some((oldest.min(mark.time), newest.max(mark.time)));
        self.users.extend(mark.user.map(|user| Row {
            key: user_key(&user),
            offset,
        }));
        if mark.kind == Kind::RunStarted {
            self.starts.extend(mark.run.map(|run| Row {
                key: key(&run),
                offset,
            }));
        }
        true
    }
}

/// Returns the key of a user, ignoring case as [`Filter`](crate::Filter) does.
pub(super) fn user_key(user: &str) -> u64 {
    key(&user.to_lowercase())
}
