//! A trail in memory.

use std::time::SystemTime;

use crate::chain::Chain;
use crate::checkpoint::Checkpoint;
use crate::error::AuditError;
use crate::event::Event;
use crate::event_time::EventTime;
use crate::key::{PublicKey, SigningKey};
use crate::limits::Limits;
use crate::naming::PRIVATE_KEY;

/// A trail in memory, with the same lines and heads as a trail in files: for tests, and as the model of a
/// store that keeps lines itself.
#[derive(Debug)]
pub struct MemoryTrail {
    chain: Chain,
    key: SigningKey,
    limits: Limits,
    /// Each line with the number of the first entry of its segment.
    lines: Vec<(u64, String)>,
    /// The number of the first entry of the last segment, and its size in bytes including line ends.
    segment: (u64, u64),
    heads: String,
    /// The size of the last head.
    signed: u64,
}

impl MemoryTrail {
    /// Creates the trail of `origin`, whose heads `key` signs.
    #[must_use]
    pub fn new(origin: &str, key: SigningKey) -> Self {
        Self::with_limits(origin, key, Limits::default())
    }

    /// Creates a trail with other limits; it never waits for a lock.
    #[must_use]
    pub fn with_limits(origin: &str, key: SigningKey, limits: Limits) -> Self {
        let mut trail = Self {
            chain: Chain::new(origin),
            key,
            limits,
            lines: Vec::new(),
            segment: (0, 0),
            heads: String::new(),
            signed: 0,
        };
        trail.begin_segment();
        trail
    }

    /// Appends events as one block.
    ///
    /// # Errors
    /// When one of them is too long, so that none is appended, or when a head is due and the key cannot sign.
    pub fn append(&mut self, events: &[Event]) -> Result<(), AuditError> {
        let Some(newest) = events.last().map(|event| event.time) else {
            return Ok(());
        };
        let (first, bytes) = self.segment;
        if self.limits.is_full(self.size() - first, bytes) {
            self.begin_segment();
        }
        let mut chain = self.chain.clone();
        let lines = events.iter().map(|event| chain.extend(event));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        self.chain = chain;
        for line in lines {
            self.push(line);
        }
        if self.limits.is_head_due(self.signed, self.size()) {
            self.sign(newest)?;
        }
        Ok(())
    }

    /// Signs size and root of the tree, unless exactly this head is already signed.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn checkpoint(&mut self, now: SystemTime) -> Result<(), AuditError> {
        self.sign(now.into())
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.chain.size()
    }

    /// Returns the state after the last line.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns all lines without their ends, each with the number of the first entry of its segment.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.lines
            .iter()
            .map(|(segment, line)| (*segment, line.as_bytes()))
    }

    /// Returns the signed heads, one compact JWS per line.
    #[must_use]
    pub fn heads(&self) -> &str {
        &self.heads
    }

    /// Returns the key that checks the heads.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        self.key.public()
    }

    fn begin_segment(&mut self) {
        self.segment = (self.size(), 0);
        let header = self.chain.begin_segment();
        self.push(header);
    }

    fn push(&mut self, line: String) {
        let (segment, bytes) = &mut self.segment;
        *bytes += line.len() as u64 + 1;
        self.lines.push((*segment, line));
    }

    fn sign(&mut self, time: EventTime) -> Result<(), AuditError> {
        if self.size() > self.signed {
            let signed = Checkpoint::of(&self.chain, time).sign(&self.key);
            let path = || format!("{}/{PRIVATE_KEY}", self.chain.origin()).into();
            self.heads += &signed.map_err(|problem| AuditError::Key {
                path: path(),
                problem,
            })?;
            self.heads.push('\n');
            self.signed = self.size();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::kind::{Kind, Outcome};
    use crate::line::LONGEST_LINE;
    use crate::tree::line_hash;
    use crate::verify::Verifier;

    /// The first key of RFC 8032, section 7.1.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";

    fn event(number: u64) -> Event {
        let kinds = [Kind::Intent, Kind::Outcome];
        let mut event = Event::new(
            UNIX_EPOCH + Duration::from_millis(number * 1_234),
            kinds[usize::from(number % 2 == 1)].clone(),
        );
        event.run = Some("run-1".into());
        event.user = Some(format!("user{number}\n批"));
        event.devices = (0..number % 4).map(|_| format!("web_{number}")).collect();
        event.outcome = (number % 2 == 1).then_some(Outcome::Ended);
        event.details.insert("x".into(), number.into());
        event
    }

    #[test]
    fn lines_and_heads_are_those_that_earlier_releases_wrote() {
        let limits = Limits {
            file_bytes: 1_500,
            checkpoint_every: 9,
            ..Limits::default()
        };
        let mut trail = MemoryTrail::with_limits("test", SigningKey::from_pem(KEY).unwrap(), limits);
        for _ in 0..4 {
            for block in [1, 3, 2, 7, 1, 1, 1] {
                let events: Vec<Event> = (trail.size()..trail.size() + block).map(event).collect();
                trail.append(&events).unwrap();
            }
            trail
                .checkpoint(UNIX_EPOCH + Duration::from_secs(trail.size()))
                .unwrap();
        }
        let text: Vec<u8> = trail
            .lines()
            .flat_map(|(_, line)| [line, b"\n"].concat())
            .collect();
        assert_eq!(
            line_hash(&text).to_string(),
            "9EMMuLRkG5WVlCK7KM5RdbHBrEwc5RbWnjgNJGQCuzE="
        );
        assert_eq!(
            line_hash(trail.heads().as_bytes()).to_string(),
            "RypOEAIhnNfXeva82okFT8/VE8eO4CMy9Bt/jUlqTzk="
        );
    }

    #[test]
    fn a_block_is_there_whole_or_not_at_all() {
        let mut trail = MemoryTrail::new("test", SigningKey::from_pem(KEY).unwrap());
        let mut long = event(1);
        long.reason = Some("x".repeat(LONGEST_LINE));
        let error = trail.append(&[event(0), long]).unwrap_err();
        assert!(matches!(error, AuditError::TooLong { .. }), "{error}");
        assert_eq!((trail.size(), trail.lines().count()), (0, 1));
        trail.append(&[event(0), event(1)]).unwrap();
        trail.append(&[]).unwrap();
        let mut verifier = Verifier::new("test", trail.key(), trail.heads());
        for (segment, line) in trail.lines() {
            assert!(verifier.line(segment, line).is_continue());
        }
        assert_eq!(verifier.chain(), Some(trail.chain()));
        assert_eq!(verifier.finish().checkpoints, 1);
    }
}
