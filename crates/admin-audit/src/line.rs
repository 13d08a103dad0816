//! The lines of a segment: one header, then entries.
//!
//! Every line names the SHA-256 of the line before it, the header that of the last line of the segment before.
//! A header says nothing that does not follow from what precedes it, so that a verifier expects it byte for
//! byte; it carries the right edge of the Merkle tree, so that a trail goes on, and is verified, without the
//! segments before it.

use serde::{Deserialize, Serialize};
use tlog_tiles::Hash;

use crate::error::AuditError;
use crate::event::Event;

/// The version of the lines' form; a segment of a higher one is refused.
pub(super) const FORMAT: u64 = 1;

/// The longest line, in bytes: far more than any event, far less than what memory holds.
pub const LONGEST_LINE: usize = 1 << 20;

/// The first line of a segment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u64,
    pub(super) origin: String,
    /// The number of the first entry of the segment.
    pub(super) first: u64,
    /// The hash of the line before, in the segment before; zeroes in the first segment.
    pub(super) prev: String,
    /// The right edge of the tree over all entries before.
    pub(super) edge: Vec<String>,
}

/// What ties an entry to the one before.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Link<'a> {
    pub(super) v: u64,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) prev: &'a str,
}

/// An entry as it is read, which `serde_json::from_slice` does from its line.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Entry {
    /// The version of the entry's form.
    pub v: u64,
    /// The number of the entry, from 0.
    pub seq: u64,
    /// The SHA-256 of the line before, in base64.
    pub prev: String,
    /// What is recorded.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// Returns the id of an entry of the trail of `origin`, which no other entry has: a user whose act failed and was
    /// tried again has several.
    #[must_use]
    pub fn id(&self, origin: &str) -> String {
        format!("{origin}/{}", self.seq)
    }
}

/// Returns the format of a header or an entry that is of a newer one, whatever else it holds.
pub(super) fn newer_format(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Format {
        v: Option<u64>,
        format: Option<u64>,
    }
    let found: Format = serde_json::from_slice(line).ok()?;
    found.v.or(found.format).filter(|format| *format > FORMAT)
}

/// Returns the line of an entry, without its end.
pub(super) fn compose(seq: u64, prev: Hash, event: &Event) -> Result<String, AuditError> {
    let json = serde_json::to_string(event).map_err(AuditError::Json)?;
    // An event is never an empty object, so its fields can follow the link's.
    let line = format!(r#"{{"v":{FORMAT},"seq":{seq},"prev":"{prev}",{}"#, &json[1..]);
    if line.len() > LONGEST_LINE {
        let (length, limit) = (line.len(), LONGEST_LINE);
        return Err(AuditError::TooLong { length, limit });
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_time::EventTime;
    use crate::kind::Kind;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let mut event = Event::new(EventTime::from_millis(5), Kind::Intent);
        event.user = Some("ann\n\"\u{202e}批量".into());
        event.other.insert("later".into(), 7.into());
        let line = compose(7, Hash([1; 32]), &event).unwrap();
        assert!(!line.contains('\n'));
        let Link { v, seq, prev } = serde_json::from_str(&line).unwrap();
        assert_eq!((v, seq, prev), (1, 7, Hash([1; 32]).to_string().as_str()));
        let entry: Entry = serde_json::from_str(&line).unwrap();
        assert_eq!(entry.event, event);
        assert_eq!(entry.id("prod"), "prod/7");
    }

    #[test]
    fn an_absurdly_long_event_is_refused() {
        let mut event = Event::new(EventTime::from_millis(5), Kind::Intent);
        event.reason = Some("x".repeat(LONGEST_LINE));
        let error = compose(0, Hash::default(), &event).unwrap_err();
        assert!(matches!(error, AuditError::TooLong { .. }));
    }
}
