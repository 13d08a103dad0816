//! A line about a run now and then, where no bar shows how far it is.

use std::time::{Duration, Instant};

use easemob_admin_words::t;

use crate::amounts::{about, grouped};
use crate::context::Context;

/// How far a run is.
pub(super) struct Stats {
    /// How many users there are.
    pub(super) users: u64,
    /// How many of the rows are failures.
    pub(super) failed: u64,
    done: u64,
    every: Option<Duration>,
    began: Instant,
    said: Instant,
}

impl Stats {
    /// Begins to count; without a bar, and unless `--stats 0` forbids it, it has something to say.
    pub(super) fn begin(context: &Context, users: u64) -> Self {
        let every = context.globals.stats;
        let now = Instant::now();
        Self {
            users,
            failed: 0,
            done: 0,
            every: (!every.is_zero() && !context.shows_progress()).then_some(every),
            began: now,
            said: now,
        }
    }

    /// Counts users, and returns the line if it is time for one.
    pub(super) fn advance(&mut self, users: u64, now: Instant) -> Option<String> {
        self.done += users;
        if now.duration_since(self.said) < self.every? || self.done >= self.users {
            return None;
        }
        self.said = now;
        Some(self.line(now.duration_since(self.began)))
    }

    fn line(&self, elapsed: Duration) -> String {
        let failed = match self.failed {
            0 => String::new(),
            failed => t!(", {} failed", grouped(failed)),
        };
        #[expect(clippy::cast_precision_loss, reason = "it says `about`")]
        let left = elapsed.mul_f64((self.users - self.done) as f64 / self.done as f64);
        t!(
            "{} of {} users{failed}, about {} left",
            grouped(self.done),
            grouped(self.users),
            about(left)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_when_it_is_time_and_never_at_the_end() {
        let began = Instant::now();
        let mut stats = Stats {
            users: 10_000,
            failed: 3,
            done: 0,
            every: Some(Duration::from_secs(60)),
            began,
            said: began,
        };
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(stats.advance(2_000, at(59)), None);
        let line = stats.advance(500, at(60));
        assert_eq!(
            line.as_deref(),
            Some("2,500 of 10,000 users, 3 failed, about 3 min left")
        );
        assert_eq!(stats.advance(1, at(119)), None);
        assert!(stats.advance(1, at(121)).is_some());
        assert_eq!(stats.advance(7_498, at(1_000)), None);
    }
}
