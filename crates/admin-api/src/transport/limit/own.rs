//! Paces the tasks of one client: the home of the limiter crate.
//!
//! Sleeping until the limiter says yes, one permit after the other, loses a timer tick each time (a tenth of the
//! rate at 1000/s); an ordinary burst allowance makes up for that and breaks the promise instead. So permits
//! follow an absolute schedule: a late one does not move the next. A request costs `CELLS` cells of the
//! bucket, which lets the bucket remember lateness of up to `SLACK` and forget any more; the schedule
//! runs slower than N by `HEADROOM`, so that a slack's worth of catching up still fits into a second. While the
//! rate is reduced, a request costs more cells.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::RateLimit;
use super::adaptive::Reduction;
use super::lanes::{Gate, Lane};
use super::{HEADROOM, SLACK};
use crate::transport::clock::Clock;

/// What one request costs; fine enough that the slack is a whole number of cells at every rate.
const CELLS: u32 = 100;

type Governor = RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>;

/// Hands out permits in the order of the lanes, on an absolute schedule.
pub(super) struct OwnPacer {
    rate: RateLimit,
    governor: Option<Governor>,
    clock: Arc<dyn Clock>,
    start: Instant,
    gate: Gate<()>,
    state: Mutex<State>,
    /// The server has refused something, so that even without a limit there may be a pause.
    refused: AtomicBool,
}

/// What the server's refusals have changed.
#[derive(Default)]
struct State {
    paused_until: Option<Instant>,
    reduction: Reduction,
}

impl OwnPacer {
    pub(super) fn new(rate: RateLimit, clock: Arc<dyn Clock>) -> Self {
        let start = clock.now();
        let governor = rate.0.filter(|calls| *calls > 0).and_then(|calls| {
            let quota = schedule(calls)?;
            let since_start = SinceStart {
                clock: Arc::clone(&clock),
                start,
            };
            Some(RateLimiter::direct_with_clock(quota, since_start))
        });
        Self {
            rate,
            governor,
            clock,
            start,
            gate: Gate::default(),
            state: Mutex::default(),
            refused: AtomicBool::new(false),
        }
    }

    pub(super) async fn permit(&self, lane: Lane) {
        if self.governor.is_none() && !self.refused.load(Ordering::Acquire) {
            return;
        }
        self.gate.pass(lane, || self.next_turn()).await;
    }

    async fn next_turn(&self) {
        let mut owed = cost(self.factor());
        while owed > 0 {
            let cells = owed.min(CELLS);
            while let Some(deadline) = self.earliest(cells) {
                self.clock.sleep_until(deadline).await;
            }
            owed -= cells;
        }
    }

    /// Takes cells, or says when to ask again.
    fn earliest(&self, cells: u32) -> Option<Instant> {
        let paused_until = self.state().paused_until;
        if paused_until.is_some_and(|until| until > self.clock.now()) {
            return paused_until;
        }
        let (governor, cells) = (self.governor.as_ref()?, NonZeroU32::new(cells)?);
        match governor.check_n(cells) {
            Ok(Err(not_until)) => Some(self.start + not_until.earliest_possible()),
            // The outer error is for more cells than the bucket holds, which the schedule rules out.
            Ok(Ok(())) | Err(_) => None,
        }
    }

    pub(super) fn limited(&self, delay: Duration) {
        let (now, since_start) = (self.clock.now(), self.since_start());
        let mut state = self.state();
        let until = now + delay;
        state.paused_until = Some(state.paused_until.map_or(until, |already| already.max(until)));
        state.reduction = state.reduction.on_limit(since_start);
        self.refused.store(true, Ordering::Release);
    }

    /// Returns how much is left of a pause.
    pub(super) fn pause(&self) -> Duration {
        let until = self.state().paused_until;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(self.clock.now())
        })
    }

    pub(super) fn effective_rate(&self) -> Option<f64> {
        self.rate.0.map(|calls| f64::from(calls) * self.factor())
    }

    fn factor(&self) -> f64 {
        self.state().reduction.factor_at(self.since_start())
    }

    fn since_start(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.start)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request costs while the rate is reduced to a part.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between one and ten times CELLS, by the bounds of the factor"
)]
fn cost(factor: f64) -> u32 {
    (f64::from(CELLS) / factor).round() as u32
}

impl fmt::Debug for OwnPacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnPacer")
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
        let pacer = Arc::new(OwnPacer::new(RateLimit::per_second(rate), Arc::clone(&clock)));
        let times = Arc::new(StdMutex::new(Vec::new()));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (pacer, times, clock) = (Arc::clone(&pacer), Arc::clone(&times), Arc::clone(&clock));
                tokio::spawn(async move {
                    loop {
                        pacer.permit(Lane::Bulk).await;
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
        let pacer = OwnPacer::new(RateLimit::per_second(10), Arc::new(SystemClock));
        pacer.permit(Lane::Bulk).await;
        let start = Instant::now();
        pacer.limited(Duration::from_secs(3));
        pacer.permit(Lane::Bulk).await;
        assert!(start.elapsed() >= Duration::from_secs(3));
        pacer.permit(Lane::Bulk).await;
        // The rate is reduced for a while, so the second one takes a little longer.
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unlimited_bucket_never_waits() {
        let pacer = OwnPacer::new(RateLimit::unlimited(), Arc::new(SystemClock));
        let start = Instant::now();
        for _ in 0..1000 {
            pacer.permit(Lane::Bulk).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
