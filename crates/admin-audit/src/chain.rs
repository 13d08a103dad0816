//! The state after each line, and whether the next line follows from it.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use tlog_tiles::Hash;

use crate::error::AuditError;
use crate::event::Event;
use crate::line::{self, FORMAT, Header, Link};
use crate::tree::{Edge, leaf_hash, line_hash};

/// The state after a line, from which the next line is made.
///
/// A store that keeps the lines itself stores this state beside them, as JSON through `serde`, and appends
/// without reading any line. If others can change the stored state, it proves nothing: sign heads only of the
/// state that [`Verifier::chain`] returns.
///
/// [`Verifier::chain`]: crate::Verifier::chain
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "State", try_from = "State")]
pub struct Chain {
    origin: String,
    edge: Edge,
    /// The hash of the last line.
    tip: Hash,
    /// The hash of the last entry.
    last: Hash,
    /// The hash of the line before the last entry, if that entry was seen.
    before_last: Option<Hash>,
}

/// A chain as JSON: the next header, and the fields that no header has.
#[derive(Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    header: Header,
    last: String,
    before: Option<String>,
}

/// What an entry contributes to the chain. It depends on no other line, so it can be computed in any order.
#[derive(Debug)]
pub(super) struct Digest {
    /// The number of the entry and the hash of the line before, if the line has both.
    link: Option<(u64, Hash)>,
    hash: Hash,
    leaf: Hash,
}

/// Why a line does not follow from the lines before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Break {
    /// It is neither an entry nor a header.
    Unreadable(String),
    /// It has a newer format.
    Newer(u64),
    /// It is an entry with a wrong number, or after a different line.
    Link { seq: u64, prev: String },
    /// It is a different header.
    Header,
}

impl Chain {
    /// Creates the state before the first line of the trail of `origin`.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            edge: Edge::default(),
            tip: Hash::default(),
            last: Hash::default(),
            before_last: None,
        }
    }

    /// Returns the state after a header whose segment is the first one present.
    pub(super) fn from_header(line: &[u8]) -> Result<Self, Break> {
        let unreadable = |what: &str| Break::Unreadable(format!("the header {what}"));
        // The format is checked first: the content of a newer header is unknown.
        let format: serde_json::Value =
            serde_json::from_slice(line).map_err(|_| unreadable("is not JSON"))?;
        check_format(format["format"].as_u64(), || unreadable("has no format"))?;
        let header: Header = serde_json::from_slice(line).map_err(|_| unreadable("is incomplete"))?;
        let mut chain = Self::before(header).map_err(unreadable)?;
        chain.tip = line_hash(line);
        Ok(chain)
    }

    /// Returns the state before a header, as far as the header describes it.
    fn before(header: Header) -> Result<Self, &'static str> {
        let edge = header.edge.iter().map(|text| hash(text));
        let edge = Edge::new(header.first, edge.collect::<Result<_, _>>()?)
            .ok_or("does not match its number of entries")?;
        let tip = hash(&header.prev)?;
        Ok(Self {
            origin: header.origin,
            edge,
            tip,
            last: tip,
            before_last: None,
        })
    }

    /// Returns the name of the trail.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the number of entries, which is also the number of the next entry.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.edge.root()
    }

    pub(super) fn tip(&self) -> Hash {
        self.tip
    }

    pub(super) fn last(&self) -> Hash {
        self.last
    }

    pub(super) fn before_last(&self) -> Option<Hash> {
        self.before_last
    }

    fn next_header(&self) -> Header {
        Header {
            format: FORMAT,
            origin: self.origin.clone(),
            first: self.edge.size(),
            prev: self.tip.to_string(),
            edge: self.edge.hashes().map(|hash| hash.to_string()).collect(),
        }
    }

    /// Returns the header that a segment starting here must have.
    pub(super) fn header(&self) -> String {
        serde_json::to_string(&self.next_header()).expect("a header holds only numbers and texts")
    }

    /// Starts a segment and returns its header, the next line, without its end.
    ///
    /// The first line of a trail is a header. Later segments are optional: earlier ones can then be moved to
    /// an archive, and the rest can still be verified. A segment is named by the number of its first entry,
    /// so each has at least one entry.
    pub fn begin_segment(&mut self) -> String {
        let header = self.header();
        self.tip = line_hash(header.as_bytes());
        header
    }

    /// Continues with the header of the next segment, if it is the right one.
    pub(super) fn follow_header(&mut self, line: &[u8]) -> Result<(), Break> {
        if line == self.header().as_bytes() {
            self.tip = line_hash(line);
            return Ok(());
        }
        Err(match Self::from_header(line) {
            Ok(_) => Break::Header,
            Err(broken) => broken,
        })
    }

    /// Continues with an entry.
    pub(super) fn follow(&mut self, line: &[u8]) -> Result<(), Break> {
        self.follow_digest(line, &Digest::of(line))
    }

    /// Continues with an entry whose digest is known.
    pub(super) fn follow_digest(&mut self, line: &[u8], digest: &Digest) -> Result<(), Break> {
        if digest.link != Some((self.size(), self.tip)) {
            let Link { seq, prev, .. } = read_link(line)?;
            let prev = prev.to_owned();
            return Err(Break::Link { seq, prev });
        }
        self.take(digest);
        Ok(())
    }

    /// Makes an event the next entry and returns its line, without its end.
    ///
    /// # Errors
    /// When the line would be longer than [`LONGEST_LINE`](crate::LONGEST_LINE). The state is unchanged then.
    pub fn extend(&mut self, event: &Event) -> Result<String, AuditError> {
        let line = line::compose(self.size(), self.tip, event)?;
        self.take(&Digest::of(line.as_bytes()));
        Ok(line)
    }

    fn take(&mut self, digest: &Digest) {
        self.before_last = Some(self.tip);
        self.tip = digest.hash;
        self.last = self.tip;
        self.edge.push(digest.leaf);
    }
}

impl Digest {
    pub(super) fn of(line: &[u8]) -> Self {
        let read = read_link(line).ok();
        Self {
            link: read.and_then(|read| Some((read.seq, Hash::parse_hash(read.prev).ok()?))),
            hash: line_hash(line),
            leaf: leaf_hash(line),
        }
    }
}

impl From<Chain> for State {
    fn from(chain: Chain) -> Self {
        Self {
            header: chain.next_header(),
            last: chain.last.to_string(),
            before: chain.before_last.map(|hash| hash.to_string()),
        }
    }
}

impl TryFrom<State> for Chain {
    type Error = String;

    fn try_from(state: State) -> Result<Self, String> {
        if state.header.format != FORMAT {
            return Err(format!(
                "the state has format {}, not {FORMAT}",
                state.header.format
            ));
        }
        let unusable = |what| format!("the state {what}");
        let mut chain = Self::before(state.header).map_err(unusable)?;
        chain.last = hash(&state.last).map_err(unusable)?;
        chain.before_last = state.before.as_deref().map(hash).transpose().map_err(unusable)?;
        Ok(chain)
    }
}

fn hash(text: &str) -> Result<Hash, &'static str> {
    Hash::parse_hash(text).map_err(|_| "contains an invalid hash")
}

/// Reads the fields that link an entry to the line before.
pub(super) fn read_link(line: &[u8]) -> Result<Link<'_>, Break> {
    let found: Link<'_> = serde_json::from_slice(line)
        .map_err(|error| Break::Unreadable(format!("it is not an entry ({error})")))?;
    check_format(Some(found.v), || Break::Unreadable("it has no version".into()))?;
    Ok(found)
}

/// Tells a format that this version reads from a newer one, and from none.
fn check_format(format: Option<u64>, none: impl Fn() -> Break) -> Result<(), Break> {
    let format = format.ok_or_else(&none)?;
    match format.cmp(&FORMAT) {
        Ordering::Less => Err(none()),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Break::Newer(format)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_time::EventTime;
    use crate::kind::Kind;

    fn event(user: &str) -> Event {
        let mut event = Event::new(EventTime::from_millis(1), Kind::Intent);
        event.user = Some(user.into());
        event
    }

    #[test]
    fn a_header_carries_all_that_is_needed_to_go_on() {
        let mut chain = Chain::new("test");
        for user in ["ann", "bob", "eve"] {
            chain.extend(&event(user)).unwrap();
        }
        let header = chain.header();
        let mut resumed = Chain::from_header(header.as_bytes()).unwrap();
        chain.follow_header(header.as_bytes()).unwrap();
        assert_eq!((resumed.size(), resumed.root()), (3, chain.root()));
        let line = chain.extend(&event("dan")).unwrap();
        resumed.follow(line.as_bytes()).unwrap();
        assert_eq!(resumed, chain);
    }

    #[test]
    fn the_state_goes_on_where_it_was_kept() {
        let mut chain = Chain::new("test");
        for step in 0..5 {
            let json = serde_json::to_string(&chain).unwrap();
            assert_eq!(serde_json::from_str::<Chain>(&json).unwrap(), chain, "{json}");
            if step % 2 == 0 {
                chain.begin_segment();
            }
            chain.extend(&event("ann")).unwrap();
        }
        let json = serde_json::to_string(&chain).unwrap();
        for (from, to, why) in [
            (r#""format":1"#, r#""format":2"#, "the state has format 2, not 1"),
            (
                r#""first":5"#,
                r#""first":7"#,
                "the state does not match its number of entries",
            ),
            (
                r#""last":""#,
                r#""last":"!"#,
                "the state contains an invalid hash",
            ),
        ] {
            let error = serde_json::from_str::<Chain>(&json.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn only_the_next_line_is_followed() {
        let mut chain = Chain::new("test");
        let line = chain.extend(&event("ann")).unwrap();
        assert!(matches!(
            chain.clone().follow(line.as_bytes()),
            Err(Break::Link { seq: 0, .. })
        ));
        let newer = line.replacen(r#"{"v":1"#, r#"{"v":2"#, 1);
        assert_eq!(chain.follow(newer.as_bytes()), Err(Break::Newer(2)));
        assert!(matches!(chain.follow(b"{}"), Err(Break::Unreadable(_))));
        assert_eq!(Chain::from_header(br#"{"format":9}"#), Err(Break::Newer(9)));
        for none in [r#"{"format":0}"#, r#"{"format":-1}"#, "{}"] {
            assert!(
                matches!(Chain::from_header(none.as_bytes()), Err(Break::Unreadable(_))),
                "{none}"
            );
        }
        let none = line.replacen(r#"{"v":1"#, r#"{"v":0"#, 1);
        assert!(matches!(chain.follow(none.as_bytes()), Err(Break::Unreadable(_))));
    }

    #[test]
    fn the_tip_is_the_last_line_and_the_last_is_the_last_entry() {
        let mut chain = Chain::new("test");
        let line = chain.extend(&event("ann")).unwrap();
        let of_the_entry = line_hash(line.as_bytes());
        assert_eq!((chain.tip(), chain.last()), (of_the_entry, of_the_entry));
        let header = chain.begin_segment();
        assert_eq!(chain.tip(), line_hash(header.as_bytes()));
        assert_eq!(chain.last(), of_the_entry);
    }
}
