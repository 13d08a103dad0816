//! Connections that wait for their next request.
//!
//! A connection lives in the runtime that opened it: elsewhere, neither its answer nor its timer would wake anybody.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

/// How long a connection is kept without use.
const IDLE_FOR: Duration = Duration::from_secs(90);

/// How long a connection may have been idle for its end to be known without looking.
const SURELY_HEARD: Duration = Duration::from_millis(500);

/// A connection that waits.
struct Idle<L> {
    since: Instant,
    /// Where it was opened.
    runtime: Id,
    link: L,
}

/// A stack: what was used last is used next, so that those that are not needed grow old and are given up.
pub(super) struct Pool<L> {
    idle: Mutex<Vec<Idle<L>>>,
    /// How many wait at most. Runtimes that have ended leave theirs behind, and nobody takes those again.
    most: usize,
}

impl<L> Pool<L> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            idle: Mutex::default(),
            most,
        }
    }

    /// Takes the connection of this runtime that was used last.
    ///
    /// After a pause the runtime is given the time to hear of connections that the server has closed: a runtime that
    /// is driven for one call at a time has heard of nothing in between.
    pub(super) async fn take(&self, now: Instant) -> Option<L> {
        let runtime = Handle::current().id();
        let rested = |idle: &Idle<L>| now.saturating_duration_since(idle.since) > SURELY_HEARD;
        if self
            .idle()
            .iter()
            .rfind(|idle| idle.runtime == runtime)
            .is_some_and(rested)
        {
            tokio::task::yield_now().await;
        }
        let mut idle = self.idle();
        let found = idle.iter().rposition(|idle| idle.runtime == runtime);
        let fresh = found.filter(|found| !is_old(&idle[*found], now));
        if fresh.is_none() {
            idle.retain(|idle| !is_old(idle, now));
        }
        fresh.map(|found| idle.remove(found).link)
    }

    /// Keeps a connection for the next request, and gives up those that nobody has needed for long.
    pub(super) fn give_back(&self, link: L, now: Instant) {
        let mut idle = self.idle();
        if idle.first().is_some_and(|first| is_old(first, now)) {
            idle.retain(|idle| !is_old(idle, now));
        }
        if idle.len() >= self.most {
            idle.remove(0);
        }
        idle.push(Idle {
            since: now,
            runtime: Handle::current().id(),
            link,
        });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<L>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_old<L>(idle: &Idle<L>, now: Instant) -> bool {
    now.saturating_duration_since(idle.since) > IDLE_FOR
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

    const MOST: usize = 20;

    #[tokio::test]
    async fn the_last_one_is_taken_first_and_old_ones_are_given_up() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let pool = Pool::new(MOST);
        pool.give_back("a", at(0));
        pool.give_back("b", at(60));
        assert_eq!(pool.take(at(61)).await, Some("b"));
        pool.give_back("b", at(91));
        assert_eq!(pool.take(at(91)).await, Some("b"));
        assert_eq!(pool.take(at(91)).await, None, "`a` had waited for too long");
        pool.give_back("c", at(100));
        assert_eq!(pool.take(at(191)).await, None);
    }

    #[test]
    fn what_ended_runtimes_leave_behind_is_given_up() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (pool, start) = (Pool::new(MOST), Instant::now());
        for number in 0..MOST + 10 {
            runtime().block_on(async { pool.give_back(number, start) });
        }
        assert_eq!(pool.idle().len(), MOST);
        assert_eq!(pool.idle()[0].link, 10, "the oldest are given up first");
        let later = start + IDLE_FOR + Duration::from_secs(1);
        assert_eq!(runtime().block_on(pool.take(later)), None);
        assert!(pool.idle().is_empty());
    }

    #[test]
    fn each_runtime_has_connections_of_its_own() {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (one, other) = (runtime(), runtime());
        let (pool, now) = (Pool::new(MOST), Instant::now());
        one.block_on(async { pool.give_back("a", now) });
        other.block_on(async {
            assert_eq!(pool.take(now).await, None);
            pool.give_back("b", now);
        });
        assert_eq!(one.block_on(pool.take(now)), Some("a"));
        assert_eq!(other.block_on(pool.take(now)), Some("b"));
    }
}
