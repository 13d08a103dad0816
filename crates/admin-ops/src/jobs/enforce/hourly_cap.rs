//! Limits the number of logouts within any hour. Pure.

use std::collections::VecDeque;

const HOUR_MS: i64 = 3_600_000;

/// A number of logouts that no period of one hour may exceed.
#[derive(Debug)]
pub struct HourlyCap {
    most: u64,
    spent: VecDeque<(i64, u64)>,
}

impl HourlyCap {
    /// Allows at most `most` logouts within any hour.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self {
            most,
            spent: VecDeque::new(),
        }
    }

    /// Counts logouts that an earlier process has made, as [`spent`](Self::spent) returned them.
    #[must_use]
    pub fn after(mut self, spent: impl IntoIterator<Item = (i64, u64)>, now_ms: i64) -> Self {
        // A clock that was ahead must not hold logouts back for longer than an hour.
        let spent = spent
            .into_iter()
            .map(|(at_ms, logouts)| (at_ms.min(now_ms), logouts));
        self.spent.extend(spent);
        self
    }

    /// Returns the logouts of the last hour, each with its time in milliseconds since 1970.
    pub fn spent(&self) -> impl Iterator<Item = (i64, u64)> {
        self.spent.iter().copied()
    }

    /// Returns the number allowed per hour.
    #[must_use]
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Counts logouts that are about to be made; times are in milliseconds since 1970.
    pub fn spend(&mut self, logouts: u64, now_ms: i64) {
        if logouts > 0 {
            self.spent.push_back((now_ms, logouts));
        }
    }

    /// Returns how many logouts may be made now.
    pub fn left(&mut self, now_ms: i64) -> u64 {
        while self.spent.front().is_some_and(|(at, _)| now_ms - at >= HOUR_MS) {
            self.spent.pop_front();
        }
        let spent: u64 = self.spent.iter().map(|(_, logouts)| logouts).sum();
        self.most.saturating_sub(spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_cap_is_spent_within_any_hour() {
        let mut cap = HourlyCap::new(10);
        assert_eq!(cap.left(0), 10);
        cap.spend(4, 0);
        cap.spend(6, 1_000);
        assert_eq!(cap.left(2_000), 0);
        assert_eq!(cap.left(HOUR_MS - 1), 0);
        assert_eq!(cap.left(HOUR_MS), 4);
        assert_eq!(cap.left(HOUR_MS + 1_000), 10);
        cap.spend(99, HOUR_MS + 2_000);
        assert_eq!(cap.left(HOUR_MS + 2_000), 0);
        // What costs nothing is not kept.
        cap.spend(0, HOUR_MS + 3_000);
        assert_eq!(cap.spent().collect::<Vec<_>>(), [(HOUR_MS + 2_000, 99)]);
        assert_eq!(cap.most(), 10);
    }
}
