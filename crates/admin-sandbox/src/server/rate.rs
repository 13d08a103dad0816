use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// How a second is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateWindow {
    /// The second that ends now; the default, and the stricter one.
    #[default]
    Rolling,
    /// Whole seconds one after the other, counted from the first call.
    Fixed,
}

/// Calls allowed per second and app, in real time; `None` is no limit.
///
/// ```
/// use easemob_admin_sandbox::Rates;
///
/// let slow = Rates { users: Some(5), ..Rates::documented() };
/// assert_eq!(slow.token, Some(300));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// All calls on users, devices, sessions and limits together, batch deletion included.
    pub users: Option<u32>,
    /// `POST /token`.
    pub token: Option<u32>,
    /// `DELETE /users` without a name.
    pub batch_delete: Option<u32>,
    /// All calls on mutes together.
    pub mutes: Option<u32>,
    /// All calls on presence together.
    pub presence: Option<u32>,
    /// Statuses of many users, which count among the users as well.
    pub batch_status: Option<u32>,
    /// Messages to users, and broadcasts.
    pub messages: Option<u32>,
    /// Messages to groups.
    pub group_messages: Option<u32>,
    /// All calls on groups, contacts, past messages and stored callbacks together.
    pub others: Option<u32>,
    /// Whether statuses of many users count among themselves only; false by default, the stricter reading.
    pub batch_status_apart: bool,
    /// How a second is counted.
    pub window: RateWindow,
}

impl Rates {
    /// Returns the limits of the page "limits of the REST API"; the default.
    #[must_use]
    pub fn documented() -> Self {
        Self {
            users: Some(100),
            token: Some(300),
            batch_delete: Some(30),
            mutes: Some(100),
            presence: Some(50),
            batch_status: Some(50),
            messages: Some(100),
            group_messages: Some(20),
            others: Some(100),
            batch_status_apart: false,
            window: RateWindow::Rolling,
        }
    }

    /// Returns no limits at all.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            users: None,
            token: None,
            batch_delete: None,
            mutes: None,
            presence: None,
            batch_status: None,
            messages: None,
            group_messages: None,
            others: None,
            batch_status_apart: false,
            window: RateWindow::Rolling,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::documented()
    }
}

/// The calls that share one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    Users,
    Token,
    BatchDelete,
    Mutes,
    Presence,
    BatchStatus,
    Messages,
    GroupMessages,
    Others,
}

impl Pool {
    /// Returns every limit a call of this pool counts against.
    fn counted_in(self, rates: &Rates) -> &'static [Pool] {
        match self {
            Pool::Users => &[Pool::Users],
            Pool::Token => &[Pool::Token],
            // The page lists its 30 a second as part of the shared 100.
            Pool::BatchDelete => &[Pool::BatchDelete, Pool::Users],
            Pool::Mutes => &[Pool::Mutes],
            Pool::Presence => &[Pool::Presence],
            Pool::BatchStatus if rates.batch_status_apart => &[Pool::BatchStatus],
            // Pages disagree; the stricter reading is that it counts in both.
            Pool::BatchStatus => &[Pool::BatchStatus, Pool::Users],
            Pool::Messages => &[Pool::Messages],
            Pool::GroupMessages => &[Pool::GroupMessages],
            Pool::Others => &[Pool::Others],
        }
    }
}

/// Counts the calls of the last second.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    rates: Rates,
    taken: [VecDeque<Instant>; 9],
}

impl RateLimiter {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            taken: Default::default(),
        }
    }

    /// Counts a call at `now`; false if it is one too many, in which case it is not counted.
    pub(crate) fn admit(&mut self, pool: Pool, now: Instant) -> bool {
        let pools = pool.counted_in(&self.rates);
        if !pools.iter().all(|pool| self.has_room(*pool, now)) {
            return false;
        }
        for pool in pools {
            self.taken[*pool as usize].push_back(now);
        }
        true
    }

    fn has_room(&mut self, pool: Pool, now: Instant) -> bool {
        let limit = match pool {
            Pool::Users => self.rates.users,
            Pool::Token => self.rates.token,
            Pool::BatchDelete => self.rates.batch_delete,
            Pool::Mutes => self.rates.mutes,
            Pool::Presence => self.rates.presence,
            Pool::BatchStatus => self.rates.batch_status,
            Pool::Messages => self.rates.messages,
            Pool::GroupMessages => self.rates.group_messages,
            Pool::Others => self.rates.others,
        };
        let taken = &mut self.taken[pool as usize];
        let over = |first: Instant| now.saturating_duration_since(first) >= SECOND;
        match self.rates.window {
            RateWindow::Rolling => {
                while taken.front().is_some_and(|first| over(*first)) {
                    taken.pop_front();
                }
            }
            RateWindow::Fixed if taken.front().is_some_and(|first| over(*first)) => taken.clear(),
            RateWindow::Fixed => {}
        }
        limit.is_none_or(|limit| taken.len() < limit as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(window: RateWindow) -> (RateLimiter, Instant) {
        let rates = Rates {
            users: Some(2),
            batch_delete: Some(1),
            window,
            ..Rates::documented()
        };
        (RateLimiter::new(rates), Instant::now())
    }

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_rolling_second_frees_one_call_at_a_time() {
        let (mut limiter, start) = limiter(RateWindow::Rolling);
        assert!(limiter.admit(Pool::Users, start));
        assert!(limiter.admit(Pool::Users, after(start, 600)));
        assert!(!limiter.admit(Pool::Users, after(start, 999)));
        assert!(limiter.admit(Pool::Users, after(start, 1_000)));
        assert!(!limiter.admit(Pool::Users, after(start, 1_001)));
    }

    #[test]
    fn a_fixed_second_frees_all_at_once() {
        let (mut limiter, start) = limiter(RateWindow::Fixed);
        assert!(limiter.admit(Pool::Users, start));
        assert!(limiter.admit(Pool::Users, after(start, 900)));
        assert!(!limiter.admit(Pool::Users, after(start, 950)));
        assert!(limiter.admit(Pool::Users, after(start, 1_000)));
        assert!(limiter.admit(Pool::Users, after(start, 1_001)));
    }

    #[test]
    fn pools_are_apart_except_batch_deletion() {
        let (mut limiter, start) = limiter(RateWindow::Rolling);
        assert!(limiter.admit(Pool::BatchDelete, start));
        assert!(!limiter.admit(Pool::BatchDelete, start));
        assert!(limiter.admit(Pool::Users, start));
        assert!(!limiter.admit(Pool::Users, start));
        assert!(limiter.admit(Pool::Token, start));
        assert!(limiter.admit(Pool::Mutes, start));
    }

    #[test]
    fn statuses_of_many_users_count_twice_unless_they_are_apart() {
        for apart in [false, true] {
            let rates = Rates {
                users: Some(2),
                batch_status: Some(1),
                batch_status_apart: apart,
                ..Rates::documented()
            };
            let (mut limiter, now) = (RateLimiter::new(rates), Instant::now());
            assert!(limiter.admit(Pool::BatchStatus, now));
            assert!(!limiter.admit(Pool::BatchStatus, now), "a pool of its own");
            assert!(limiter.admit(Pool::Users, now));
            assert_eq!(limiter.admit(Pool::Users, now), apart);
        }
    }

    #[test]
    fn nothing_is_counted_without_a_limit() {
        let mut limiter = RateLimiter::new(Rates::unlimited());
        let now = Instant::now();
        assert!((0..1_000).all(|_| limiter.admit(Pool::Users, now)));
    }
}
