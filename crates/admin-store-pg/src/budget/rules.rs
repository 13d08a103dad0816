//! The rules by which slots are reserved. Pure.
//!
//! The database computes them in [one statement](super::statements), so that whoever reserves holds the row for one round
//! trip. Here they are once more, for the simulation; a test with a real database compares both.

use std::collections::BTreeMap;
use std::iter::once;

use easemob_admin_api::transport::limit::adaptive::{FLOOR, Reduction};
use easemob_admin_api::transport::limit::schedule::HORIZON;
use easemob_admin_api::transport::limit::{HEADROOM, LONGEST_PAUSE, SLACK};

use super::{INTERACTIVE_HORIZON_US, micros, time};

/// The row of a pool, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) rate: i32,
    pub(crate) tat: i64,
    pub(crate) slow_until: i64,
    pub(crate) factor: f64,
    pub(crate) factor_at: i64,
    pub(crate) server: i64,
}

/// What a worker asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) slots: i64,
    pub(crate) bulk: bool,
    /// How long the answer is on its way: earlier slots cannot be used.
    pub(crate) way: i64,
    /// Which part of the bulk slots belongs to the worker.
    pub(crate) part: f64,
    /// When the server was started.
    pub(crate) server: i64,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Given {
    Slots { first: i64, every: f64, count: i64 },
    Later(i64),
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "numbers of slots, and microseconds"
)]
fn floor(number: f64) -> i64 {
    number.floor() as i64
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn float(number: i64) -> f64 {
    number as f64
}

impl Row {
    /// The part of the rate that is left. What another clock said of later counts as nothing.
    pub(crate) fn factor_at(&self, now: i64) -> f64 {
        if self.factor_at > now {
            return 1.0;
        }
        self.reduction().factor_at(time(now))
    }

    fn reduction(&self) -> Reduction {
        Reduction::restore(self.factor, time(self.factor_at))
    }

    /// The time from one slot to the next while a part of the rate is left.
    fn every(&self, factor: f64) -> f64 {
        HEADROOM * 1e6 / (f64::from(self.rate) * factor)
    }

    /// Where the schedule continues. After a failover, slots of the server before may be used for as long as calls reserve ahead;
    /// a schedule that is further ahead than any could be was made by another clock.
    fn continues(&self, now: i64, server: i64) -> i64 {
        let furthest = now + INTERACTIVE_HORIZON_US + floor(2.0 * self.every(FLOOR));
        let over = now + INTERACTIVE_HORIZON_US;
        if self.server != server {
            self.tat.max(over).min(furthest)
        } else if self.tat > furthest {
            over
        } else {
            self.tat
        }
    }

    /// Reserves slots. `credit` is what a worker was owed before, below one slot: few slots cannot be shared by weights
    /// otherwise.
    pub(crate) fn reserve(&mut self, ask: Ask, credit: &mut f64, now: i64) -> Given {
        self.tat = self.continues(now, ask.server);
        self.server = ask.server;
        if self.slow_until > now && self.slow_until <= now + micros(LONGEST_PAUSE) {
            return Given::Later(self.slow_until);
        }
        let factor = self.factor_at(now);
        let every = self.every(factor);
        // A part of the slack makes up for lateness, and a part is for answers that take longer than usual.
        let first = self.tat.max(now + ask.way - micros(SLACK) / 2);
        let horizon = if ask.bulk {
            micros(HORIZON)
        } else {
            INTERACTIVE_HORIZON_US
        };
        if first > now + horizon.max(ask.way) {
            return Given::Later(first - horizon);
        }
        let room = floor(float(now + horizon.max(ask.way) - first) / every) + 1;
        let wanted = ask.slots.min(room);
        let count = if ask.bulk {
            let fair = float(horizon) / every * ask.part + *credit;
            // Where nobody else is about to send, there is no need to wait for a whole slot; and while a worker waits for a slot
            // that lasts for longer than the horizon, none would be given out.
            if fair < 1.0 && first > now + horizon / 2 && every * 2.0 <= float(horizon) {
                *credit = fair;
                return Given::Later(now + horizon);
            }
            let whole = floor(fair).max(1);
            *credit = if wanted < whole {
                0.0
            } else {
                (fair - float(whole)).max(0.0)
            };
            wanted.min(whole)
        } else {
            wanted
        };
        self.tat = first - floor(-(float(count) * every));
        Given::Slots { first, every, count }
    }

    /// Takes back what is not used, unless somebody reserved after it.
    pub(crate) fn give_back(&mut self, first: i64, end: i64) -> bool {
        let is_last = self.tat == end;
        if is_last {
            self.tat = first;
        }
        is_last
    }

    /// Takes note that the server found the rate too high.
    pub(crate) fn limited(&mut self, pause: i64, now: i64) {
        if self.slow_until > now + micros(LONGEST_PAUSE) {
            self.slow_until = 0;
        }
        self.slow_until = self.slow_until.max(now + pause);
        let before = if self.factor_at > now {
            Reduction::default()
        } else {
            self.reduction()
        };
        let (factor, at) = before.on_limit(time(now)).parts();
        (self.factor, self.factor_at) = (factor, micros(at));
    }
}

/// Which part of the bulk slots belongs to a worker: runs share by their weights, and the workers of a run equally.
pub(crate) fn part(own: (&str, i32), others: &[(&str, i32)]) -> f64 {
    let all = || others.iter().chain(once(&own));
    let of_own_run = all().filter(|(run, _)| *run == own.0).count();
    let mut runs = BTreeMap::new();
    for (run, weight) in all() {
        let most = runs.entry(*run).or_insert(0);
        *most = (*most).max(*weight);
    }
    let total: i32 = runs.values().sum();
    f64::from(own.1) / float(i64::try_from(of_own_run).unwrap_or(1)) / f64::from(total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    fn row(rate: i32) -> Row {
        Row {
            rate,
            tat: 0,
            slow_until: 0,
            factor: 1.0,
            factor_at: 0,
            server: 1,
        }
    }

    proptest! {
        /// Whoever asks for how much, at whatever times, on which server: no more slots than the rate allows can be used in any
        /// second, and none is further ahead than the horizon of its lane.
        #[test]
        fn slots_never_crowd(
            rate in 1_i32..2_000,
            asks in proptest::collection::vec((0_i64..60_000, 1_i64..500, any::<bool>(), 0.01_f64..1.0, 0_u8..30), 1..150),
        ) {
            let (mut row, mut now, mut server, mut credit) = (row(rate), START, 1, 0.0);
            let mut slots: Vec<f64> = Vec::new();
            for (wait, wanted, bulk, part, happens) in asks {
                now += wait;
                let ask = Ask { slots: wanted, bulk, part, way: 0, server };
                match row.reserve(ask, &mut credit, now) {
                    Given::Later(at) => prop_assert!(at > now, "{} {}", at, now),
                    Given::Slots { first, every, count } => {
                        prop_assert!((1..=wanted).contains(&count));
                        let at = |number: i64| float(first) + float(number) * every;
                        let horizon = if bulk { micros(HORIZON) } else { INTERACTIVE_HORIZON_US };
                        prop_assert!(at(count - 1) <= float(now + horizon) + 1.0);
                        slots.extend((0..count).map(at));
                        // Some are not used, and given back.
                        if happens < 5 && count > 1 {
                            let unused = floor(at(count - 1));
                            prop_assert!(row.give_back(unused, row.tat));
                            slots.pop();
                        }
                    }
                }
                prop_assert!((0.0..1.0).contains(&credit), "{}", credit);
                match happens {
                    10 => row.limited(wait * 10, now),
                    11 => server += 1,
                    _ => {}
                }
            }
            // Each may be used as late as it is not void.
            let second = 1e6 + float(micros(SLACK));
            let mut first = 0;
            for last in 0..slots.len() {
                while slots[first] + second <= slots[last] {
                    first += 1;
                }
                prop_assert!(last - first < usize::try_from(rate).unwrap(), "{} in a second at {rate}/s", last - first + 1);
            }
        }

        /// What is given back is given out again, unless somebody reserved in between.
        #[test]
        fn only_the_end_of_the_schedule_is_given_back(rate in 1_i32..2_000, between in any::<bool>()) {
            let mut row = row(rate);
            let ask = Ask { slots: 3, bulk: false, part: 1.0, way: 0, server: 1 };
            let _ = row.reserve(ask, &mut 0.0, START);
            let (end, unused) = (row.tat, row.tat - 100);
            if between {
                let _ = row.reserve(ask, &mut 0.0, START + 1);
            }
            let moved = row.tat != end;
            prop_assert_eq!(row.give_back(unused, end), !moved);
            prop_assert_eq!(row.tat == unused, !moved);
        }

        /// A schedule that another clock has made stops nobody for longer than calls reserve ahead.
        #[test]
        fn an_implausible_schedule_is_left(rate in 20_i32..2_000, tat in -2_000_000_000_i64..2_000_000_000, other in any::<bool>()) {
            let mut row = Row { tat: START + tat * 1_000, ..row(rate) };
            let server = if other { 2 } else { 1 };
            let ask = Ask { slots: 1, bulk: false, part: 1.0, way: 0, server };
            let mut now = START;
            while let Given::Later(at) = row.reserve(ask, &mut 0.0, now) {
                now = at;
            }
            prop_assert!(now - START <= 2_100_000, "{}", now - START);
        }
    }

    #[test]
    fn after_a_failover_nobody_is_given_slots_while_those_of_before_may_be_used() {
        let mut row = Row {
            tat: START - 5,
            ..row(100)
        };
        let ask = Ask {
            slots: 1,
            bulk: true,
            part: 1.0,
            way: 0,
            server: 2,
        };
        let given = row.reserve(ask, &mut 0.0, START);
        let at = START + INTERACTIVE_HORIZON_US - micros(HORIZON);
        assert_eq!(given, Given::Later(at));
        let again = row.reserve(ask, &mut 0.0, at);
        let first = START + INTERACTIVE_HORIZON_US;
        assert!(
            matches!(again, Given::Slots { first: given, .. } if given == first),
            "{again:?}"
        );
    }

    #[test]
    fn runs_share_by_weight_and_the_workers_of_a_run_equally() {
        for (own, others, expected) in [
            (("a", 4), vec![], 1.0),
            (("a", 4), vec![("b", 4)], 0.5),
            (("a", 4), vec![("a", 4), ("a", 4), ("b", 4)], 0.5 / 3.0),
            (("b", 4), vec![("a", 4), ("a", 4), ("a", 4)], 0.5),
            (("a", 16), vec![("b", 4), ("c", 1)], 16.0 / 21.0),
        ] {
            assert!((part(own, &others) - expected).abs() < 1e-9, "{own:?} {others:?}");
        }
    }
}
