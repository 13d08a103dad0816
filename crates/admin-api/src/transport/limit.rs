//! Pacing: the home of the limiter crate.
//!
//! The promise is "never above N in any rolling second, and at least 99 % of N used". Sleeping until the
//! limiter says yes, one permit after the other, loses a timer tick each time (a tenth of the rate at
//! 1000/s); an ordinary burst allowance makes up for that and breaks the promise instead. So permits
//! follow an absolute schedule: a late one does not move the next. A request costs `CELLS` cells of the
//! bucket, which lets the bucket remember lateness of up to `SLACK` and forget any more; the schedule
//! runs slower than N by `HEADROOM`, so that a slack's worth of catching up still fits into a second.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::clock::Clock;
use crate::endpoint::Bucket;

/// What one request costs; fine enough that the slack is a whole number of cells at every rate.
const CELLS: u32 = 100;

/// How much lateness is made up for: five ticks of the timer.
const SLACK: Duration = Duration::from_millis(5);

/// How much slower than N the schedule runs: the slack as a part of a second, and a millisecond for the way
/// to the server.
const HEADROOM: f64 = 1.006;

/// How many calls a second a budget allows.
///
/// ```
/// use easemob_admin_api::RateLimit;
///
/// assert_eq!(RateLimit::per_second(20).to_string(), "20/s");
/// assert_eq!(RateLimit::unlimited().to_string(), "unlimited");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit(Option<u32>);

impl RateLimit {
    /// Allows `calls` in any rolling second, 1 to 1,000,000; [`crate::ClientBuilder::build`] refuses others.
    #[must_use]
    pub fn per_second(calls: u32) -> Self {
        Self(Some(calls))
    }

    /// Does not pace at all. The server's own limit still answers with 429, which slows the client down.
    #[must_use]
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// Returns the number of calls a second, or `None` for unlimited.
    #[must_use]
    pub fn calls_per_second(self) -> Option<u32> {
        self.0
    }

    pub(crate) fn is_valid(self) -> bool {
        self.0.is_none_or(|calls| (1..=1_000_000).contains(&calls))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(calls) => write!(f, "{calls}/s"),
            None => f.write_str("unlimited"),
        }
    }
}

/// The budgets of all buckets.
///
/// ```
/// use easemob_admin_api::{RateLimit, Rates};
///
/// let rates = Rates { accounts: RateLimit::per_second(50), ..Rates::default() };
/// assert_eq!(rates.presence, RateLimit::per_second(50));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// User, device and session calls. Default 100/s, the shared pool of an app key (limitationapi page).
    pub accounts: RateLimit,
    /// `POST /token`. Default 300/s.
    pub token: RateLimit,
    /// Batch deletion. Default 30/s.
    pub batch_delete: RateLimit,
    /// Global mutes. Default 100/s.
    pub mutes: RateLimit,
    /// Presence. Default 50/s, the lower of the two documented figures.
    pub presence: RateLimit,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            accounts: RateLimit::per_second(100),
            token: RateLimit::per_second(300),
            batch_delete: RateLimit::per_second(30),
            mutes: RateLimit::per_second(100),
            presence: RateLimit::per_second(50),
        }
    }
}

impl Rates {
    pub(crate) fn all(&self) -> [(&'static str, RateLimit); 5] {
        [
            ("accounts", self.accounts),
            ("token", self.token),
            ("batch_delete", self.batch_delete),
            ("mutes", self.mutes),
            ("presence", self.presence),
        ]
    }
}

/// The pacers of one client, shared by its clones.
#[derive(Debug)]
pub(crate) struct Limiter {
    accounts: Pacer,
    token: Pacer,
    batch_delete: Pacer,
    mutes: Pacer,
    presence: Pacer,
}

impl Limiter {
    pub(crate) fn new(rates: &Rates, clock: &Arc<dyn Clock>) -> Self {
        let pacer = |rate| Pacer::new(rate, Arc::clone(clock));
        Self {
            accounts: pacer(rates.accounts),
            token: pacer(rates.token),
            batch_delete: pacer(rates.batch_delete),
            mutes: pacer(rates.mutes),
            presence: pacer(rates.presence),
        }
    }

    /// Waits for a permit; every attempt needs one.
    pub(crate) async fn permit(&self, bucket: Bucket) {
        match bucket {
            Bucket::Accounts => self.accounts.permit().await,
            Bucket::Token => self.token.permit().await,
            Bucket::Mutes => self.mutes.permit().await,
            Bucket::Presence => self.presence.permit().await,
            Bucket::BatchDelete => {
                self.batch_delete.permit().await;
                self.accounts.permit().await;
            }
        }
    }

    /// Holds back a whole bucket after the server said that the rate is too high.
    pub(crate) fn pause(&self, bucket: Bucket, delay: Duration) {
        let pacer = match bucket {
            Bucket::Accounts => &self.accounts,
            Bucket::Token => &self.token,
            Bucket::BatchDelete => &self.batch_delete,
            Bucket::Mutes => &self.mutes,
            Bucket::Presence => &self.presence,
        };
        pacer.pause(delay);
    }
}

type Governor = RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>;

/// Hands out permits in the order they were asked for, on an absolute schedule.
struct Pacer {
    governor: Option<Governor>,
    clock: Arc<dyn Clock>,
    start: Instant,
    /// Held while waiting, which makes the order fair: the next in line sleeps only once it is first.
    turn: tokio::sync::Mutex<()>,
    paused_until: Mutex<Option<Instant>>,
}

impl Pacer {
    fn new(rate: RateLimit, clock: Arc<dyn Clock>) -> Self {
        let start = clock.now();
        let governor = rate.0.filter(|calls| *calls > 0).and_then(|calls| {
            let quota = schedule(calls)?;
            let since_start = SinceStart {
                clock: Arc::clone(&clock),
                start,
            };
            Some(RateLimiter::direct_with_clock(quota, since_start))
        });
        let turn = tokio::sync::Mutex::new(());
        Self {
            governor,
            clock,
            start,
            turn,
            paused_until: Mutex::new(None),
        }
    }

    async fn permit(&self) {
        let _turn = self.turn.lock().await;
        while let Some(deadline) = self.earliest_permit() {
            self.clock.sleep_until(deadline).await;
        }
    }

    /// Takes a permit, or says when to ask again.
    fn earliest_permit(&self) -> Option<Instant> {
        let paused_until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        if paused_until.is_some_and(|until| until > self.clock.now()) {
            return paused_until;
        }
        let (governor, cells) = (self.governor.as_ref()?, NonZeroU32::new(CELLS)?);
        match governor.check_n(cells) {
            Ok(Err(not_until)) => Some(self.start + not_until.earliest_possible()),
            // The outer error is for more cells than the bucket holds, which the schedule rules out.
            Ok(Ok(())) | Err(_) => None,
        }
    }

    fn pause(&self, delay: Duration) {
        let until = self.clock.now() + delay;
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = Some(paused_until.map_or(until, |already| already.max(until)));
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer")
            .field("limited", &self.governor.is_some())
            .finish_non_exhaustive()
    }
}

/// The quota whose cells make up the schedule for `calls` a second.
fn schedule(calls: u32) -> Option<Quota> {
    let cell = Duration::from_secs_f64(HEADROOM / f64::from(calls) / f64::from(CELLS));
    let slack = u32::try_from(SLACK.as_nanos() / cell.as_nanos().max(1)).ok()?;
    Some(Quota::with_period(cell)?.allow_burst(NonZeroU32::new(CELLS + slack)?))
}

/// The injected clock in the form the limiter crate asks for.
#[derive(Clone, Debug)]
struct SinceStart {
    clock: Arc<dyn Clock>,
    start: Instant,
}

impl GovernorClock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use super::*;
    use crate::transport::clock::{Sleep, SystemClock};

    /// Collects the times at which `count` permits of 8 tasks were given.
    async fn permit_times(rate: u32, count: usize, clock: Arc<dyn Clock>) -> Vec<Duration> {
        let start = clock.now();
        let pacer = Arc::new(Pacer::new(RateLimit::per_second(rate), Arc::clone(&clock)));
        let times = Arc::new(StdMutex::new(Vec::new()));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (pacer, times, clock) = (Arc::clone(&pacer), Arc::clone(&times), Arc::clone(&clock));
                tokio::spawn(async move {
                    loop {
                        pacer.permit().await;
                        let mut times = times.lock().unwrap();
                        if times.len() >= count {
                            return;
                        }
                        times.push(clock.now() - start);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        Arc::into_inner(times).unwrap().into_inner().unwrap()
    }

    fn most_in_a_second(times: &[Duration]) -> usize {
        (0..times.len())
            .map(|first| {
                times[first..]
                    .iter()
                    .take_while(|t| **t < times[first] + Duration::from_secs(1))
                    .count()
            })
            .max()
            .unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_used_and_never_exceeded() {
        for rate in [1, 2, 7, 30, 100, 200, 1000] {
            let count = rate as usize * 10;
            let times = permit_times(rate, count, Arc::new(SystemClock)).await;
            let most = most_in_a_second(&times);
            assert!(most <= rate as usize, "{most} in a second at {rate}/s");
            // The first permit comes at once, so that n permits span n - 1 intervals.
            let ideal = f64::from(rate * 10 - 1) / f64::from(rate);
            let used = ideal / times.last().unwrap().as_secs_f64();
            assert!(used >= 0.99, "{used} of {rate}/s used");
        }
    }

    /// Oversleeps by a pattern: mostly a little, sometimes half a second.
    #[derive(Debug)]
    struct Sluggish(StdMutex<u64>);

    impl Clock for Sluggish {
        fn now(&self) -> Instant {
            SystemClock.now()
        }

        fn system_time(&self) -> std::time::SystemTime {
            SystemClock.system_time()
        }

        fn sleep_until(&self, deadline: Instant) -> Sleep {
            let mut turn = self.0.lock().unwrap();
            *turn += 1;
            let late = if turn.is_multiple_of(97) { 500 } else { *turn % 4 };
            SystemClock.sleep_until(deadline + Duration::from_millis(late))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_process_does_not_catch_up_beyond_the_promise() {
        for rate in [10, 100, 1000] {
            let clock = Arc::new(Sluggish(StdMutex::new(0)));
            let times = permit_times(rate, rate as usize * 5, clock).await;
            let most = most_in_a_second(&times);
            assert!(most <= rate as usize, "{most} in a second at {rate}/s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_bucket_waits_and_goes_on() {
        let pacer = Pacer::new(RateLimit::per_second(10), Arc::new(SystemClock));
        pacer.permit().await;
        let start = Instant::now();
        pacer.pause(Duration::from_secs(3));
        pacer.permit().await;
        assert!(start.elapsed() >= Duration::from_secs(3));
        pacer.permit().await;
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unlimited_bucket_never_waits() {
        let pacer = Pacer::new(RateLimit::unlimited(), Arc::new(SystemClock));
        let start = Instant::now();
        for _ in 0..1000 {
            pacer.permit().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
