//! The lines of a segment: one header, then entries.
//!
//! Every line contains the SHA-256 of the line before it; a header contains that of the last line of the
//! previous segment. A header contains nothing that does not follow from earlier lines, so a verifier expects
//! it byte for byte. It contains the right edge of the Merkle tree, so that a trail can be continued, and
//! verified, without earlier segments.

use serde::{Deserialize, Serialize};
use tlog_tiles::Hash;

use crate::error::AuditError;
use crate::event::Event;

/// The format version of the lines; a segment of a higher version is refused.
pub(super) const FORMAT: u64 = 1;

/// The longest line, in bytes: far more than any event, and far less than fits in memory.
pub const LONGEST_LINE: usize = 1 << 20;

/// The first line of a segment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u64,
    pub(super) origin: String,
    /// The number of the first entry of the segment.
    pub(super) first: u64,
    /// The hash of the previous line, in the previous segment; zeroes in the first segment.
    pub(super) prev: String,
    /// The right edge of the tree over all earlier entries.
    pub(super) edge: Vec<String>,
}

/// The link from an entry to the line before it.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Link<'a> {
    pub(super) v: u64,
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) prev: &'a str,
}

/// An entry, which `serde_json::from_slice` reads from its line.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Entry {
    /// The format version of the entry.
    pub v: u64,
    /// The number of the entry, from 0.
    pub seq: u64,
    /// The SHA-256 of the line before, in base64.
    pub prev: String,
    /// The recorded event.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// Returns the id of an entry of the trail of `origin`, which is unique: a user whose act failed and was
    /// retried has several entries.
    #[must_use]
    pub fn id(&self, origin: &str) -> String {
        format!("{origin}/{}", self.seq)
    }
}

/// Returns the format of a header or an entry if it is newer than this version, whatever its content.
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
