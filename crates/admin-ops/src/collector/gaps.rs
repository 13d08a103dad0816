//! Periods in which posts may be missing. Pure.

use std::collections::VecDeque;

use crate::logins::store::Gap;

/// How often a collector records that it is running, in milliseconds.
pub const HEARTBEAT_MS: i64 = 10_000;

/// The service blocks a receiver after this many failures …
const FAILURES: usize = 90;
/// … within this many milliseconds …
const WITHIN_MS: i64 = 30_000;
/// … for at least this long, in milliseconds; further blocks on the same day are longer (page
/// `callback_overview`).
const BLOCKED_MS: i64 = 5 * 60_000;

/// Returns the gap since a collector last ran, if it is longer than the time between two heartbeats.
#[must_use]
pub fn downtime(last_alive_ms: Option<i64>, now_ms: i64) -> Option<Gap> {
    let since_ms = last_alive_ms?;
    (now_ms - since_ms > 2 * HEARTBEAT_MS).then(|| Gap {
        since_ms,
        until_ms: now_ms,
        why: "no collector was running".to_owned(),
    })
}

/// Detects when the service must have blocked this receiver.
#[derive(Debug, Default)]
pub struct Failures {
    at_ms: VecDeque<i64>,
    /// The end of the last gap: failures before it add nothing to the recorded gap.
    noted_until_ms: i64,
}

impl Failures {
    /// Counts an answer that was not 200, and returns the gap that follows if the service blocks the
    /// receiver.
    pub fn failed(&mut self, now_ms: i64) -> Option<Gap> {
        if now_ms < self.noted_until_ms {
            return None;
        }
        self.at_ms.push_back(now_ms);
        while self.at_ms.front().is_some_and(|at| now_ms - at >= WITHIN_MS) {
            self.at_ms.pop_front();
        }
        if self.at_ms.len() < FAILURES {
            return None;
        }
        self.at_ms.clear();
        self.noted_until_ms = now_ms + BLOCKED_MS;
        Some(Gap {
            since_ms: now_ms,
            until_ms: self.noted_until_ms,
            why: format!("the service may have blocked this receiver after {FAILURES} failures"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_restart_is_no_gap() {
        assert_eq!(downtime(None, 1_000_000), None);
        assert_eq!(downtime(Some(990_000), 1_000_000), None);
        let gap = downtime(Some(900_000), 1_000_000).unwrap();
        assert_eq!((gap.since_ms, gap.until_ms), (900_000, 1_000_000));
    }

    #[test]
    fn ninety_failures_within_half_a_minute_are_a_block() {
        let mut failures = Failures::default();
        assert!((0..89).all(|at| failures.failed(at).is_none()));
        let gap = failures.failed(29_999).unwrap();
        assert_eq!((gap.since_ms, gap.until_ms), (29_999, 329_999));
        let within = (30_000..329_999).all(|at| failures.failed(at).is_none());
        assert!(within, "it is on record already");
        assert!(
            (329_999..330_088).all(|at| failures.failed(at).is_none()),
            "counting begins anew"
        );
        assert!(failures.failed(330_088).is_some());
        let mut slow = Failures::default();
        assert!((0..1_000).all(|at| slow.failed(at * 400).is_none()));
    }
}
