//! The clock of the database, as this machine knows it.
//!
//! Each answer says what the clock of the database showed at some moment between question and answer, by a clock of this
//! machine that never jumps. The faster the answer, the closer the difference is known.

use std::time::Duration;

/// How far two clocks may move apart: twice what NTP corrects at most.
const DRIFT: f64 = 0.001;

/// Returns the time since this machine was started, with the time for which it was suspended.
#[cfg(unix)]
pub(super) fn machine_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // On other systems, the monotonic clock counts the time of a suspension.
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// Returns the time since the program first asked for it.
#[cfg(not(unix))]
pub(super) fn machine_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The difference between both clocks, as the fastest answer of late shows it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Difference {
    best: Option<Sample>,
    /// How long answers take, smoothed.
    round_trip: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    /// The clock of the database minus that of this machine, in seconds.
    seconds: f64,
    /// By how much it may be wrong.
    error: f64,
    at: Duration,
}

impl Sample {
    fn error_at(&self, now: Duration) -> f64 {
        self.error + now.saturating_sub(self.at).as_secs_f64() * DRIFT
    }
}

/// What an answer said of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It goes on as before.
    Same,
    /// It was set, or this machine's was.
    WasSet,
}

impl Difference {
    /// Takes note of an answer: the clock of the database showed `shown` between both times of this machine.
    pub(super) fn note(&mut self, sent: Duration, shown: Duration, received: Duration) -> Noted {
        let took = received.saturating_sub(sent);
        self.round_trip = if self.best.is_none() {
            took
        } else {
            (self.round_trip * 7 + took) / 8
        };
        let sample = Sample {
            seconds: shown.as_secs_f64() - (sent + took / 2).as_secs_f64(),
            // A microsecond for the rounding of the database.
            error: took.as_secs_f64() / 2.0 + 1e-6,
            at: received,
        };
        let Some(best) = self.best else {
            self.best = Some(sample);
            return Noted::Same;
        };
        let error = best.error_at(received);
        if (best.seconds - sample.seconds).abs() > error + sample.error {
            self.best = Some(sample);
            return Noted::WasSet;
        }
        if sample.error <= error {
            self.best = Some(sample);
        }
        Noted::Same
    }

    /// Returns the time of the database at a time of this machine; the latter itself before any answer.
    pub(super) fn database_time(&self, machine: Duration) -> Duration {
        let seconds = self.best.map_or(0.0, |best| best.seconds);
        Duration::try_from_secs_f64(machine.as_secs_f64() + seconds).unwrap_or_default()
    }

    /// Returns how long answers take.
    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRUE: f64 = 1_700_000_000.25;

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    /// What the database shows at a time of the machine.
    fn shown(machine: Duration, drift: f64) -> Duration {
        Duration::from_secs_f64(TRUE + machine.as_secs_f64() * (1.0 + drift))
    }

    proptest! {
        /// Whatever the ways there and back take, the difference is wrong by no more than half of the fastest answer of late,
        /// and no delay looks like a clock that was set.
        #[test]
        fn the_fastest_answer_bounds_the_error(
            ways in proptest::collection::vec((0_u64..200_000, 0_u64..200_000, 1_000_u64..300_000), 1..200),
            drift in -0.0005_f64..0.0005,
        ) {
            let (mut difference, mut machine) = (Difference::default(), us(5_000_000));
            let mut bound = f64::MAX;
            for (there, back, pause) in ways {
                let sent = machine;
                let received = sent + us(there + back);
                let noted = difference.note(sent, shown(sent + us(there), drift), received);
                prop_assert_eq!(noted, Noted::Same);
                machine = received + us(pause);
                let half = us(there + back).as_secs_f64() / 2.0;
                bound = half.min(bound) + us(there + back + pause).as_secs_f64() * DRIFT;
                let known = difference.database_time(machine).as_secs_f64();
                let error = (known - shown(machine, drift).as_secs_f64()).abs();
                prop_assert!(error <= bound + 5e-6, "{error} > {bound}");
            }
        }

        /// A step of more than the answers take is noticed by the first answer after it, in both directions.
        #[test]
        fn a_step_is_noticed(
            ways in proptest::collection::vec((0_u64..3_000, 0_u64..3_000), 2..50),
            step in 0.008_f64..10_000.0,
            back in proptest::bool::ANY,
        ) {
            let (mut difference, mut machine) = (Difference::default(), us(20_000_000_000));
            let last = ways.len() - 1;
            for (number, (there, way_back)) in ways.into_iter().enumerate() {
                let (sent, received) = (machine, machine + us(there + way_back));
                let mut time = shown(sent + us(there), 0.0);
                if number == last {
                    let step = Duration::from_secs_f64(step);
                    time = if back { time.saturating_sub(step) } else { time + step };
                }
                let expected = if number == last { Noted::WasSet } else { Noted::Same };
                prop_assert_eq!(difference.note(sent, time, received), expected);
                let known = difference.database_time(received).as_secs_f64();
                let error = (known - (time + us(way_back)).as_secs_f64()).abs();
                prop_assert!(error <= 0.0035, "{}", error);
                machine = received + us(10_000);
            }
        }
    }
}
