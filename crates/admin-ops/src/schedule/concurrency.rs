//! Decides how many jobs run at once: a fixed number, or one that is found automatically.
//!
//! Where the rate is limited, as many jobs are enough as requests are under way at that rate: the rate times the
//! latency, which is known from the first answer. If requests then wait for the rate budget, the level is high
//! enough, and the latency of that moment is the usual one.
//!
//! Otherwise, the method is that of Netflix's concurrency limits. While requests take no longer than usual, the
//! server has spare capacity, and more are sent at once; when they take longer, they are queueing somewhere, and
//! sending more would only lengthen that queue. The usual latency is measured again from time to time, with
//! half as many requests at once, because a server may become slower for other reasons.

use std::time::Duration;

/// The most jobs at once, fixed or automatic.
pub const MOST: usize = 1024;

/// The highest automatic level: with 20 ms per answer, it makes 12,000 requests a second.
const HIGHEST: u16 = 256;
const FIRST: f64 = 8.0;

/// How many times as many jobs are allowed as the rate and the latency make necessary: a client on a busy machine
/// notices answers late.
const HEADROOM: f64 = 2.0;
/// How many more than that, because the latency on a short way is hardly a latency.
const SPARE: f64 = 4.0;
/// The part of their time that requests wait for the rate budget if it is the bottleneck: less may be those that
/// start together because they ended together.
const BOTTLENECK: f64 = 0.25;
/// How much longer than usual requests may take where the rate is limited, before the level is lowered: on a busy
/// machine, they do.
const RATED_TOLERANCE: f64 = 2.0;

/// How much longer than usual requests may take before the level is lowered.
const TOLERANCE: f64 = 1.5;
/// One round lowers the level at most to this fraction.
const STEEPEST: f64 = 0.5;
/// A failed round lowers the level to this fraction.
const BACK_OFF: f64 = 0.7;
/// The usual latency is measured again after this many rounds.
const EPOCH: u32 = 100;

/// How many jobs may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// A fixed number.
    Fixed(usize),
    /// As many as the server can handle.
    Auto,
}

impl Concurrency {
    /// Returns the most jobs that may ever run at once, at least one.
    #[must_use]
    pub fn highest(self) -> usize {
        match self {
            Self::Fixed(jobs) => jobs.max(1),
            Self::Auto => usize::from(HIGHEST),
        }
    }
}

/// An automatic level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// How many jobs may run at once.
    allowed: f64,
    /// The latency of a request while there is spare capacity, if it is known.
    usual: Option<Duration>,
    /// Whether there was spare capacity in every round so far.
    climbing: bool,
    /// How many rounds ago the usual latency was measured.
    rounds: u32,
    /// Whether a latency was measured at all.
    measured: bool,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            allowed: FIRST,
            usual: None,
            climbing: true,
            rounds: 0,
            measured: false,
        }
    }
}

impl Level {
    /// Returns how many jobs may run at once: from 1 to 256.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and HIGHEST"
    )]
    pub fn jobs(self) -> usize {
        self.allowed as usize
    }
}

/// What became of the requests of a client so far, and how many it may send.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// How many requests were answered or have failed.
    pub requests: u64,
    /// How long they had waited for the rate budget, altogether.
    pub waited: Duration,
    /// How many may be sent in a second; `None` if that is not limited.
    pub rate: Option<f64>,
}

/// Measurements since the level was set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// The average latency of a request, without its wait for the rate budget.
    pub latency: Duration,
    /// How many requests may be sent in a second; `None` if that is not limited.
    pub rate: Option<f64>,
    /// Whether requests waited for the rate budget.
    pub waited: bool,
    /// Whether as many jobs were running as allowed.
    pub full: bool,
    /// Whether something failed in a way that a lower level may prevent.
    pub troubled: bool,
}

/// Returns the level for the next round.
#[must_use]
pub fn next_level(level: Level, round: Round) -> Level {
    if round.troubled {
        return Level {
            allowed: (level.allowed * BACK_OFF).max(1.0),
            climbing: false,
            ..level
        };
    }
    if round.waited {
        return Level {
            usual: Some(round.latency),
            rounds: 0,
            measured: true,
            ..level
        };
    }
    if level.rounds >= EPOCH {
        return Level {
            allowed: (level.allowed / 2.0).max(1.0),
            measured: true,
            ..Level::default()
        };
    }
    let usual = level
        .usual
        .map_or(round.latency, |usual| usual.min(round.latency));
    let longer = round.latency.as_secs_f64().max(1e-9);
    let tolerance = round.rate.map_or(TOLERANCE, |_| RATED_TOLERANCE);
    let room = (tolerance * usual.as_secs_f64() / longer).clamp(STEEPEST, 1.0);
    let climbing = level.climbing && room >= 1.0;
    let slowly = level.allowed * room + level.allowed.sqrt();
    let wanted = match round.rate {
        // A later measurement may be of a queue, which shows when the level has risen.
        Some(rate) if !level.measured => rate * usual.as_secs_f64() * HEADROOM + SPARE,
        None if climbing => level.allowed * 2.0,
        _ => slowly,
    };
    // A level that is not reached says nothing about a higher one.
    let highest = f64::from(HIGHEST);
    let most = if round.full { highest } else { level.allowed };
    Level {
        allowed: wanted.min(most).clamp(1.0, highest),
        usual: Some(usual),
        climbing,
        rounds: level.rounds + 1,
        measured: true,
    }
}

/// Follows a run and sets its level after every round.
#[derive(Debug)]
pub struct Gauge {
    concurrency: Concurrency,
    level: Level,
    /// The number of jobs of this round that have ended, and their duration.
    ended: u32,
    took: Duration,
    full: bool,
    troubled: bool,
    /// What had been sent when the round started.
    before: Traffic,
}

impl Gauge {
    /// Starts to follow a run; `before` is what was sent before it.
    #[must_use]
    pub fn new(concurrency: Concurrency, before: Traffic) -> Self {
        Self {
            concurrency,
            level: Level::default(),
            ended: 0,
            took: Duration::ZERO,
            full: false,
            troubled: false,
            before,
        }
    }

    /// Returns how many jobs may run at once.
    #[must_use]
    pub fn jobs(&self) -> usize {
        match self.concurrency {
            Concurrency::Fixed(jobs) => jobs,
            Concurrency::Auto => self.level.jobs(),
        }
    }

    /// Records the end of one of `running` jobs; `traffic` is what was sent so far.
    pub fn ended(&mut self, took: Duration, running: usize, troubled: bool, traffic: Traffic) {
        if self.concurrency != Concurrency::Auto {
            return;
        }
        self.ended += 1;
        self.took += took;
        self.troubled |= troubled;
        self.full |= running >= self.level.jobs();
        if self.ended < self.enough(traffic) {
            return;
        }
        let requests = traffic.requests.saturating_sub(self.before.requests);
        let requests = u32::try_from(requests).unwrap_or(u32::MAX).max(1);
        let waited = traffic.waited.saturating_sub(self.before.waited);
        let round = Round {
            latency: self.took.saturating_sub(waited) / requests,
            rate: traffic.rate,
            waited: waited >= self.took.mul_f64(BOTTLENECK),
            full: self.full,
            troubled: self.troubled,
        };
        *self = Self {
            level: next_level(self.level, round),
            ..Self::new(self.concurrency, traffic)
        };
    }

    /// Returns how many jobs make up a round.
    fn enough(&self, traffic: Traffic) -> u32 {
        // The first answer tells the latency, and so how many jobs the rate needs.
        if !self.level.measured && traffic.rate.is_some() {
            return 1;
        }
        // Twice as many as run at once, so that most of them started at this level; trouble counts at once.
        let twice = u32::try_from(self.level.jobs() * 2).unwrap_or(u32::MAX);
        if self.troubled { twice / 2 } else { twice }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(millis: f64) -> Round {
        Round {
            latency: Duration::from_secs_f64(millis / 1000.0),
            rate: None,
            waited: false,
            full: true,
            troubled: false,
        }
    }

    /// What was sent after `requests` requests without a rate limit.
    fn sent(requests: u64) -> Traffic {
        Traffic {
            requests,
            ..Traffic::default()
        }
    }

    /// Simulates a server that takes `millis` for up to `room` requests at once, and longer for more.
    fn settled(millis: f64, room: f64, rounds: u32) -> Level {
        (0..rounds).fold(Level::default(), |level, _| {
            next_level(level, round(millis * (level.allowed / room).max(1.0)))
        })
    }

    #[test]
    fn a_server_with_room_is_used_to_the_full_soon() {
        assert_eq!(settled(20.0, 10_000.0, 5).jobs(), 256);
    }

    #[test]
    fn a_server_without_room_is_not_asked_for_more_than_it_can_do_at_a_time() {
        for room in [16.0, 40.0, 100.0] {
            let level = settled(20.0, room, 60).allowed;
            assert!(
                (room..room * 2.2).contains(&level),
                "{level} where there is room for {room}"
            );
        }
    }

    #[test]
    fn a_server_that_has_become_slower_is_believed_after_a_while() {
        let level = settled(20.0, 10_000.0, 20);
        let slower = |rounds| (0..rounds).fold(level, |level, _| next_level(level, round(100.0)));
        assert!(slower(10).jobs() < 10);
        assert!(slower(EPOCH + 10).jobs() > 100);
    }

    #[test]
    fn a_level_that_is_not_used_is_not_raised() {
        let idle = Round {
            full: false,
            ..round(20.0)
        };
        let level = (0..20).fold(Level::default(), |level, _| next_level(level, idle));
        assert_eq!(level.jobs(), Level::default().jobs());
    }

    #[test]
    fn requests_are_measured_and_not_jobs() {
        let mut gauge = Gauge::new(Concurrency::Auto, Traffic::default());
        let mut requests = 0;
        for job in 0..10_000_u64 {
            // Every job takes as long as its one to four requests of 10 ms.
            let calls = 1 + job / 500 % 4;
            requests += calls;
            gauge.ended(
                Duration::from_millis(10) * u32::try_from(calls).unwrap(),
                gauge.jobs(),
                false,
                sent(requests),
            );
        }
        assert_eq!(gauge.jobs(), 256);
    }

    #[test]
    fn a_given_level_stays() {
        let mut gauge = Gauge::new(Concurrency::Fixed(16), Traffic::default());
        for job in 0..1000 {
            gauge.ended(Duration::from_secs(job), 16, true, sent(job));
        }
        assert_eq!(gauge.jobs(), 16);
    }

    /// Runs jobs of one request each at `rate` a second against a server that takes `millis` for up to `room`
    /// requests at once; returns how many jobs ended in each second, and how many requests were under way on average.
    fn at_rate(rate: f64, millis: u64, room: usize, seconds: usize) -> (Vec<u32>, usize) {
        let step = Duration::from_millis(1);
        let mut gauge = Gauge::new(
            Concurrency::Auto,
            Traffic {
                rate: Some(rate),
                ..Traffic::default()
            },
        );
        let (mut queue, mut flying) = (std::collections::VecDeque::new(), Vec::new());
        let mut traffic = Traffic {
            rate: Some(rate),
            ..Traffic::default()
        };
        let (mut permits, mut per_second, mut flown) = (1.0_f64, vec![0; seconds], 0);
        for tick in 0..u32::try_from(seconds * 1000).unwrap() {
            let now = step * tick;
            while queue.len() + flying.len() < gauge.jobs() {
                queue.push_back(now);
            }
            permits = (permits + rate / 1000.0).min(5.0);
            while permits >= 1.0 && !queue.is_empty() {
                permits -= 1.0;
                let started = queue.pop_front().unwrap();
                let waited = now.saturating_sub(started);
                let load = u32::try_from((flying.len() + 1).div_ceil(room)).unwrap();
                flying.push((started, waited, now + Duration::from_millis(millis) * load));
            }
            flown += flying.len();
            let running = queue.len() + flying.len();
            flying.retain(|(started, waited, end)| {
                let over = *end <= now;
                if over {
                    traffic.requests += 1;
                    traffic.waited += *waited;
                    gauge.ended(now.saturating_sub(*started), running, false, traffic);
                    per_second[tick as usize / 1000] += 1;
                }
                !over
            });
        }
        (per_second, flown / (seconds * 1000))
    }

    #[test]
    fn the_rate_is_used_from_the_third_second_on_at_any_distance() {
        for (rate, millis) in [(100.0, 20), (100.0, 300), (100.0, 1_000), (1_000.0, 20)] {
            let (per_second, _) = at_rate(rate, millis, usize::MAX, 12);
            for used in &per_second[2..] {
                assert!(
                    f64::from(*used) >= rate * 0.97,
                    "{millis} ms, {rate}/s: {per_second:?}"
                );
            }
        }
    }

    #[test]
    fn a_server_that_cannot_keep_up_is_not_flooded() {
        for room in [4, 10] {
            let (_, on_average) = at_rate(1_000.0, 20, room, 60);
            assert!(
                on_average <= 5 * room,
                "{on_average} at once where there is room for {room}"
            );
        }
    }

    proptest! {
        #[test]
        fn stays_in_its_bounds_and_gives_way_to_trouble(
            rounds in proptest::collection::vec((0.0_f64..1e5, any::<bool>(), any::<bool>(), any::<bool>()), 1..300),
            rate in proptest::option::of(1.0_f64..1e6),
        ) {
            let mut level = Level::default();
            for (millis, full, troubled, waited) in rounds {
                let next = next_level(level, Round { rate, waited, full, troubled, ..round(millis) });
                prop_assert!((1.0..=f64::from(HIGHEST)).contains(&next.allowed));
                if rate.is_none() {
                    prop_assert!(next.allowed <= level.allowed * 2.0);
                }
                prop_assert!(next.allowed >= (level.allowed * STEEPEST).max(1.0) - 1e-9);
                if troubled {
                    prop_assert!(next.allowed < level.allowed || next.allowed <= 1.0);
                }
                if !full && !troubled {
                    prop_assert!(next.allowed <= level.allowed);
                }
                level = next;
            }
        }
    }
}
