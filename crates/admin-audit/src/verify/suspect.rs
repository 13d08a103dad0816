//! A line that does not follow from the one before, until the next one shows which of the two was changed.

use serde::Deserialize;
use tlog_tiles::Hash;

use super::diagnosis::{Scene, judge};
use super::verification::Problem;
use super::{Place, Verifier};
use crate::chain::{Chain, read_link};
use crate::tree::line_hash;

/// A line that does not follow from the one before.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) place: Place,
    /// The state before it.
    pub(super) chain: Chain,
    /// The hash of the line itself.
    pub(super) own: Hash,
    pub(super) says: Says,
    /// Whether its segment has ended, so that the next line is the header of the next segment, if there is
    /// one.
    pub(super) segment_ended: bool,
}

/// What a line that does not follow says about itself.
#[derive(Debug)]
pub(super) enum Says {
    Header { first: u64 },
    Entry { seq: u64, prev: String },
}

impl Suspect {
    pub(super) fn new(place: Place, chain: &Chain, line: &[u8], says: Says) -> Self {
        Self {
            place,
            chain: chain.clone(),
            own: line_hash(line),
            says,
            segment_ended: false,
        }
    }
}

impl Verifier {
    /// Identifies the bad line if a line does not follow from the one before.
    pub(super) fn convict(&self, suspect: &Suspect, next: Option<&[u8]>) -> Problem {
        let (vouched, next) = self.vouched(&suspect.own.to_string(), next);
        match &suspect.says {
            Says::Header { first } => self.header_or_last(suspect, *first, vouched),
            Says::Entry { seq, prev } => self.entry_or_last(suspect, *seq, prev, vouched, next),
        }
    }

    fn header_or_last(&self, suspect: &Suspect, first: u64, vouched: bool) -> Problem {
        let expected = suspect.chain.size();
        let last = expected.saturating_sub(1);
        if vouched && first == expected {
            let what = "was changed: the header of the next file does not match it";
            self.problem(self.previous, Some(last), what)
        } else if vouched && first == last {
            let what = "was inserted: the header of the next file skips it";
            self.problem(self.previous, Some(last), what)
        } else {
            let what = "the header does not follow from the file before";
            self.problem(suspect.place, None, what)
        }
    }

    fn entry_or_last(
        &self,
        suspect: &Suspect,
        seq: u64,
        prev: &str,
        vouched: bool,
        next: Option<u64>,
    ) -> Problem {
        let at_start = self.previous.line == 1;
        let chain = &suspect.chain;
        let verdict = judge(&Scene {
            expected: chain.size(),
            tip: chain.tip(),
            last: chain.last(),
            before: chain.before_last(),
            seq,
            prev: Hash::parse_hash(prev).ok(),
            own: suspect.own,
            vouched,
            next,
            previous: if at_start {
                "the first entry does not match it"
            } else {
                "the next entry does not match it"
            },
        });
        if !verdict.previous {
            self.problem(suspect.place, Some(verdict.seq), verdict.what)
        } else if at_start {
            self.problem(self.previous, None, format!("the header {}", verdict.what))
        } else {
            self.problem(self.previous, Some(verdict.seq), verdict.what)
        }
    }

    /// Returns true if a checkpoint or the next line confirms the line with the hash `own`; and the number of
    /// the next line, if it is an entry.
    fn vouched(&self, own: &str, next: Option<&[u8]>) -> (bool, Option<u64>) {
        #[derive(Deserialize)]
        struct Any<'a> {
            seq: Option<u64>,
            #[serde(borrow)]
            prev: &'a str,
        }
        if self.heads.claims.iter().any(|claim| claim.checkpoint.last == own) {
            return (true, None);
        }
        let Some(line) = next else {
            return (false, None);
        };
        let Ok(Any { seq, prev }) = serde_json::from_slice(line) else {
            return (false, None);
        };
        (prev == own, seq.filter(|_| read_link(line).is_ok()))
    }
}
