//! How fast runs go on, as it is seen by whoever looks at their pages. Each process of the service measures for itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// For how long samples are kept.
const KEPT: SignedDuration = SignedDuration::from_secs(60);

/// Samples that are closer together than this say nothing.
const APART: SignedDuration = SignedDuration::from_millis(900);

/// For how many runs samples are kept.
const RUNS: usize = 200;

/// How fast each run goes on.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<String, Pace>>);

impl Paces {
    /// Adds how far a run is, and returns its pace.
    pub(crate) fn note(&self, run: &str, at: Timestamp, finished: u64) -> Pace {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= RUNS && !paces.contains_key(run) {
            paces.retain(|_, pace| pace.is_of(at));
        }
        let pace = paces.entry(run.to_owned()).or_default();
        pace.note(at, finished);
        pace.clone()
    }

    /// Returns the pace that was last seen of a run that goes on no more.
    pub(crate) fn last(&self, run: &str) -> Pace {
        let paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.get(run).cloned().unwrap_or_default()
    }
}

/// How far a run was at some times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(VecDeque<(Timestamp, u64)>);

impl Pace {
    fn note(&mut self, at: Timestamp, finished: u64) {
        // Failures are retried: what was finished may be open again, and the time before says nothing any more.
        if self.0.back().is_some_and(|(_, before)| *before > finished) {
            self.0.clear();
        }
        while self
            .0
            .front()
            .is_some_and(|(first, _)| at.duration_since(*first) > KEPT)
        {
            self.0.pop_front();
        }
        let is_new = |last: &(Timestamp, u64)| at.duration_since(last.0) >= APART;
        if self.0.back().is_none_or(is_new) {
            self.0.push_back((at, finished));
        }
    }

    fn is_of(&self, now: Timestamp) -> bool {
        self.0
            .back()
            .is_some_and(|(last, _)| now.duration_since(*last) <= KEPT)
    }

    /// Returns the users a second over the time that is known, once that is long enough.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let ((first, from), (last, to)) = (self.0.front()?, self.0.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a pace is shown with one digit")]
        let users = to.saturating_sub(*from) as f64;
        (seconds > 0.0).then(|| users / seconds)
    }

    /// Returns how many seconds `left` users take at this pace.
    pub(crate) fn seconds_for(&self, left: u64) -> Option<u64> {
        let pace = self.per_second().filter(|pace| *pace > 0.0)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate in whole seconds"
        )]
        let seconds = (left as f64 / pace).ceil() as u64;
        Some(seconds)
    }

    /// Returns the users a second between each two samples, oldest first.
    pub(crate) fn steps(&self) -> Vec<(Timestamp, f64)> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        let step = |((from, before), (to, after)): (&(Timestamp, u64), &(Timestamp, u64))| {
            #[expect(clippy::cast_precision_loss, reason = "a bar of a chart")]
            let users = after.saturating_sub(*before) as f64;
            (*to, users / to.duration_since(*from).as_secs_f64().max(0.001))
        };
        pairs.map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_pace_is_that_of_the_last_minute() {
        let paces = Paces::default();
        assert_eq!(paces.note("a", at(0), 0).per_second(), None);
        assert_eq!(paces.note("a", at(500), 50).per_second(), None, "too close");
        let pace = paces.note("a", at(2_000), 160);
        assert_eq!(pace.per_second(), Some(80.0));
        assert_eq!(pace.seconds_for(1_036), Some(13));
        assert_eq!(pace.steps(), [(at(2_000), 80.0)]);
        let later = paces.note("a", at(65_000), 160);
        assert_eq!(later.per_second(), None, "what was before is too old");
        assert_eq!(later.seconds_for(1), None);
        assert_eq!(paces.note("b", at(0), 7).per_second(), None);
    }

    #[test]
    fn a_retry_begins_anew() {
        let paces = Paces::default();
        let _ = paces.note("a", at(0), 90);
        let _ = paces.note("a", at(1_000), 100);
        assert_eq!(paces.note("a", at(2_000), 88).per_second(), None);
        assert_eq!(paces.note("a", at(3_000), 90).per_second(), Some(2.0));
    }
}
