//! What is known after each line, and whether the next line goes on from there.

use tlog_tiles::Hash;

use crate::error::AuditError;
use crate::event::Event;
use crate::line::{self, FORMAT, Header, Link};
use crate::tree::{Edge, line_hash};

/// The state after a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    origin: String,
    edge: Edge,
    /// The hash of the line before the next one.
    tip: Hash,
    /// The hash of the last entry.
    last: Hash,
    /// The hash of the line before the last entry, where that entry was seen.
    before: Option<Hash>,
}

/// Why a line does not go on from the lines before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Break {
    /// It is no entry or no header at all.
    Unreadable(String),
    /// It is of a newer version.
    Newer(u64),
    /// It is an entry with another number, or after another line.
    Link { seq: u64, prev: String },
    /// It is a header that says something else.
    Header,
}

impl Chain {
    /// The state before the first line of a new trail.
    pub(super) fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            edge: Edge::default(),
            tip: Hash::default(),
            last: Hash::default(),
            before: None,
        }
    }

    /// The state after a header whose file is the first one that is there.
    pub(super) fn from_header(line: &[u8]) -> Result<Self, Break> {
        let unreadable = |what: &str| Break::Unreadable(format!("the header {what}"));
        // The format is read first: what else a newer header holds is not known.
        let format: serde_json::Value = serde_json::from_slice(line).map_err(|_| unreadable("is no JSON"))?;
        match format["format"].as_u64() {
            Some(FORMAT) => {}
            Some(newer) if newer > FORMAT => return Err(Break::Newer(newer)),
            _ => return Err(unreadable("names no format")),
        }
        let header: Header =
            serde_json::from_slice(line).map_err(|_| unreadable("lacks something that belongs to it"))?;
        let hash = |text: &String| Hash::parse_hash(text).map_err(|_| unreadable("holds a broken hash"));
        let edge = header.edge.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
        let edge = Edge::new(header.first, edge).ok_or_else(|| unreadable("does not fit its own number"))?;
        let prev = hash(&header.prev)?;
        Ok(Self {
            origin: header.origin,
            edge,
            tip: line_hash(line),
            last: prev,
            before: None,
        })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns how many entries there are, which is the number of the next one.
    pub(super) fn size(&self) -> u64 {
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

    pub(super) fn before(&self) -> Option<Hash> {
        self.before
    }

    /// Returns the header that a file which begins here must have.
    pub(super) fn header(&self) -> String {
        let header = Header {
            format: FORMAT,
            origin: self.origin.clone(),
            first: self.edge.size(),
            prev: self.tip.to_string(),
            edge: self.edge.hashes().map(|hash| hash.to_string()).collect(),
        };
        serde_json::to_string(&header).expect("a header holds only numbers and texts")
    }

    /// Goes on with the header of the next file.
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

    /// Goes on with an entry.
    pub(super) fn follow(&mut self, line: &[u8]) -> Result<(), Break> {
        let Link { seq, prev, .. } = read_link(line)?;
        if seq != self.size() || Hash::parse_hash(prev).ok() != Some(self.tip) {
            let prev = prev.to_owned();
            return Err(Break::Link { seq, prev });
        }
        self.take(line);
        Ok(())
    }

    /// Makes an event the next entry; its line is written over `line`.
    pub(super) fn extend(&mut self, line: &mut String, event: &Event) -> Result<(), AuditError> {
        line::compose(line, self.size(), self.tip, event)?;
        self.take(line.as_bytes());
        Ok(())
    }

    fn take(&mut self, line: &[u8]) {
        self.before = Some(self.tip);
        self.tip = line_hash(line);
        self.last = self.tip;
        self.edge.push(line);
    }
}

/// Reads what ties an entry to the line before.
pub(super) fn read_link(line: &[u8]) -> Result<Link<'_>, Break> {
    let found: Link<'_> = serde_json::from_slice(line)
        .map_err(|error| Break::Unreadable(format!("it is no entry ({error})")))?;
    match found.v {
        FORMAT => Ok(found),
        newer if newer > FORMAT => Err(Break::Newer(newer)),
        _ => Err(Break::Unreadable("it names no version".into())),
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
        let mut line = String::new();
        for user in ["ann", "bob", "eve"] {
            chain.extend(&mut line, &event(user)).unwrap();
        }
        let header = chain.header();
        let mut resumed = Chain::from_header(header.as_bytes()).unwrap();
        chain.follow_header(header.as_bytes()).unwrap();
        assert_eq!((resumed.size(), resumed.root()), (3, chain.root()));
        chain.extend(&mut line, &event("dan")).unwrap();
        resumed.follow(line.as_bytes()).unwrap();
        assert_eq!(resumed, chain);
    }

    #[test]
    fn only_the_next_line_is_followed() {
        let mut chain = Chain::new("test");
        let mut line = String::new();
        chain.extend(&mut line, &event("ann")).unwrap();
        assert!(matches!(
            chain.clone().follow(line.as_bytes()),
            Err(Break::Link { seq: 0, .. })
        ));
        let newer = line.replacen(r#"{"v":1"#, r#"{"v":2"#, 1);
        assert_eq!(chain.follow(newer.as_bytes()), Err(Break::Newer(2)));
        assert!(matches!(chain.follow(b"{}"), Err(Break::Unreadable(_))));
        assert_eq!(Chain::from_header(br#"{"format":9}"#), Err(Break::Newer(9)));
    }
}
