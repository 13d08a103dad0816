//! Decides how many jobs run at once: a fixed number, or one that is found automatically.
//!
//! The method is that of Netflix's concurrency limits. While requests take no longer than usual, the server
//! has spare capacity, and more are sent at once; when they take longer, they are queueing somewhere, and
//! sending more would only lengthen that queue. The usual latency is measured again from time to time, with
//! half as many requests at once, because a server may become slower for other reasons. The client keeps to
//! the rate budget whatever the level; waiting for it counts as latency, so that the level is no higher than
//! the budget needs.

use std::time::Duration;

/// The most jobs at once, fixed or automatic.
pub const MOST: usize = 1024;

/// The highest automatic level: with 20 ms per answer, it makes 12,000 requests a second.
const HIGHEST: u16 = 256;
const FIRST: f64 = 8.0;

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
}

impl Default for Level {
    fn default() -> Self {
        Self {
            allowed: FIRST,
            usual: None,
            climbing: true,
            rounds: 0,
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

/// Measurements since the level was set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// The average latency of a request.
    pub latency: Duration,
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
    if level.rounds >= EPOCH {
        return Level {
            allowed: (level.allowed / 2.0).max(1.0),
            ..Level::default()
        };
    }
    let usual = level
        .usual
        .map_or(round.latency, |usual| usual.min(round.latency));
    let longer = round.latency.as_secs_f64().max(1e-9);
    let room = (TOLERANCE * usual.as_secs_f64() / longer).clamp(STEEPEST, 1.0);
    let climbing = level.climbing && room >= 1.0;
    let wanted = if climbing {
        level.allowed * 2.0
    } else {
        level.allowed * room + level.allowed.sqrt()
    };
    // A level that is not reached says nothing about a higher one.
    let highest = f64::from(HIGHEST);
    let most = if round.full { highest } else { level.allowed };
    Level {
        allowed: wanted.min(most).clamp(1.0, highest),
        usual: Some(usual),
        climbing,
        rounds: level.rounds + 1,
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
    /// How many requests had been sent when the round started.
    requests: u64,
}

impl Gauge {
    /// Starts to follow a run; `requests` is the number sent before it.
    #[must_use]
    pub fn new(concurrency: Concurrency, requests: u64) -> Self {
        Self {
            concurrency,
            level: Level::default(),
            ended: 0,
            took: Duration::ZERO,
            full: false,
            troubled: false,
            requests,
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

    /// Records the end of one of `running` jobs; `requests` is the number sent in total.
    pub fn ended(&mut self, took: Duration, running: usize, troubled: bool, requests: u64) {
        if self.concurrency != Concurrency::Auto {
            return;
        }
        self.ended += 1;
        self.took += took;
        self.troubled |= troubled;
        self.full |= running >= self.level.jobs();
        // Wait for twice as many jobs as run at once, so that most of them started at this level; react to
        // trouble at once.
        let enough = u32::try_from(self.level.jobs() * 2).unwrap_or(u32::MAX);
        if self.ended < enough && !(self.troubled && self.ended * 2 >= enough) {
            return;
        }
        let sent = u32::try_from(requests.saturating_sub(self.requests)).unwrap_or(u32::MAX);
        let round = Round {
            latency: self.took / sent.max(1),
            full: self.full,
            troubled: self.troubled,
        };
        *self = Self {
            level: next_level(self.level, round),
            ..Self::new(self.concurrency, requests)
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(millis: f64) -> Round {
        Round {
            latency: Duration::from_secs_f64(millis / 1000.0),
            full: true,
            troubled: false,
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
        let mut gauge = Gauge::new(Concurrency::Auto, 0);
        let mut requests = 0;
        for job in 0..10_000_u64 {
            // Every job takes as long as its one to four requests of 10 ms.
            let calls = 1 + job / 500 % 4;
            requests += calls;
            gauge.ended(
                Duration::from_millis(10) * u32::try_from(calls).unwrap(),
                gauge.jobs(),
                false,
                requests,
            );
        }
        assert_eq!(gauge.jobs(), 256);
    }

    #[test]
    fn a_given_level_stays() {
        let mut gauge = Gauge::new(Concurrency::Fixed(16), 0);
        for job in 0..1000 {
            gauge.ended(Duration::from_secs(job), 16, true, job);
        }
        assert_eq!(gauge.jobs(), 16);
    }

    proptest! {
        #[test]
        fn stays_in_its_bounds_and_gives_way_to_trouble(
            rounds in proptest::collection::vec((0.0_f64..1e5, any::<bool>(), any::<bool>()), 1..300),
        ) {
            let mut level = Level::default();
            for (millis, full, troubled) in rounds {
                let next = next_level(level, Round { full, troubled, ..round(millis) });
                prop_assert!((1.0..=f64::from(HIGHEST)).contains(&next.allowed));
                prop_assert!(next.allowed <= level.allowed * 2.0);
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
