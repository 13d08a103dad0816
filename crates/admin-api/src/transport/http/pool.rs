//! Connections that wait for their next request.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a connection is kept without use.
const IDLE_FOR: Duration = Duration::from_secs(90);

/// A stack: what was used last is used next, so that those that are not needed grow old and are given up.
pub(super) struct Pool<L> {
    idle: Mutex<Vec<(Instant, L)>>,
}

impl<L> Default for Pool<L> {
    fn default() -> Self {
        Self {
            idle: Mutex::default(),
        }
    }
}

impl<L> Pool<L> {
    /// Takes the connection that was used last.
    pub(super) fn take(&self, now: Instant) -> Option<L> {
        let (since, link) = self.idle().pop()?;
        // The others have waited even longer.
        if now.saturating_duration_since(since) > IDLE_FOR {
            self.idle().clear();
            return None;
        }
        Some(link)
    }

    /// Keeps a connection for the next request, and gives up those that nobody has needed for long.
    pub(super) fn give_back(&self, link: L, now: Instant) {
        let mut idle = self.idle();
        let old = |(since, _): &(Instant, L)| now.saturating_duration_since(*since) > IDLE_FOR;
        if idle.first().is_some_and(old) {
            idle.retain(|link| !old(link));
        }
        idle.push((now, link));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, L)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L> fmt::Debug for Pool<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.idle().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_taken_first_and_old_ones_are_given_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pool = Pool::default();
        pool.give_back("a", at(0));
        pool.give_back("b", at(60));
        assert_eq!(pool.take(at(61)), Some("b"));
        pool.give_back("b", at(91));
        assert_eq!(pool.take(at(91)), Some("b"));
        assert_eq!(pool.take(at(91)), None, "`a` had waited for too long");
        pool.give_back("c", at(100));
        assert_eq!(pool.take(at(191)), None);
    }
}
