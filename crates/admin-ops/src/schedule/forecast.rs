//! How many calls a command will make at least and at most, before it makes the first. Pure.

use std::time::Duration;

use crate::jobs::verify::USERS_PER_REQUEST;
use crate::status_first::{Reading, SMALLEST_SAMPLE};

/// The fewest and the most calls of a command, without those that repeat a failed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// If nobody is online.
    pub fewest: u64,
    /// If everybody is online.
    pub most: u64,
}

impl Forecast {
    /// Calls whose number does not depend on who is online.
    #[must_use]
    pub fn exactly(calls: u64) -> Self {
        Self {
            fewest: calls,
            most: calls,
        }
    }

    /// The calls that read the devices of `users`.
    #[must_use]
    pub fn reading(users: u64, reading: Reading) -> Self {
        Self::looking(users, reading, 1)
    }

    /// The calls that look at `users`, with so many calls for each who is looked at.
    fn looking(users: u64, reading: Reading, each: u64) -> Self {
        if !reading.asks_first(users) {
            return Self::exactly(each * users);
        }
        let statuses = users.div_ceil(USERS_PER_REQUEST as u64);
        Self {
            fewest: statuses + each * SMALLEST_SAMPLE.max(users.div_ceil(200)).min(users),
            most: statuses + each * users,
        }
    }

    /// The calls that look at `users` as a lock would: each user whose devices are read is looked up as well.
    #[must_use]
    pub fn previewing_lock(users: u64, reading: Reading) -> Self {
        Self::looking(users, reading, 2)
    }

    /// The calls that lock `users`: each is looked up and banned, whether online or not, and the devices of those
    /// online are read before and after the ban.
    #[must_use]
    pub fn locking(users: u64, reading: Reading) -> Self {
        let accounts = 2 * users;
        if !reading.asks_first(users) {
            return Self::exactly(accounts + 2 * users);
        }
        let read = Self::reading(users, reading);
        // Those who are offline are asked about once more before they are banned.
        Self {
            fewest: accounts + read.fewest + users.div_ceil(USERS_PER_REQUEST as u64),
            most: accounts + read.most + users,
        }
    }

    /// The calls that read `users` again after they were locked: whether each is banned, and the devices of those online.
    #[must_use]
    pub fn verifying_locks(users: u64, reading: Reading) -> Self {
        if !reading.asks_first(users) {
            return Self::exactly(2 * users);
        }
        let statuses = users.div_ceil(USERS_PER_REQUEST as u64);
        Self {
            fewest: users + statuses,
            most: 2 * users + statuses,
        }
    }

    /// Adds the calls of another forecast.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            fewest: self.fewest + other.fewest,
            most: self.most + other.most,
        }
    }

    /// Adds one call for each of `users` who is online.
    #[must_use]
    pub fn and_one_if_online(self, users: u64) -> Self {
        Self {
            most: self.most + users,
            ..self
        }
    }

    /// Returns how long the calls take at this rate, at least and at most.
    #[must_use]
    pub fn duration(self, calls_per_second: u32) -> (Duration, Duration) {
        let at = |calls: u64| Duration::from_secs(calls.div_ceil(u64::from(calls_per_second.max(1))));
        (at(self.fewest), at(self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_first::When;

    #[test]
    fn a_list_costs_as_much_as_the_share_of_it_that_is_online() {
        let first = Reading::default();
        for (users, reading, acts, fewest, most) in [
            (1, first, 0, 1, 1),
            (500, first, 500, 500, 1_000),
            (501, first, 0, 56, 507),
            (1_000_000, first, 0, 15_000, 1_010_000),
            (1_000_000, first, 1_000_000, 15_000, 2_010_000),
            (1_000_000, Reading::EVERY_USER, 1_000_000, 1_000_000, 2_000_000),
            (
                10,
                Reading {
                    when: When::Always,
                    ..first
                },
                0,
                11,
                11,
            ),
        ] {
            let forecast = Forecast::reading(users, reading).and_one_if_online(acts);
            assert_eq!(forecast, Forecast { fewest, most }, "{users} {reading:?}");
        }
    }

    #[test]
    fn a_lock_costs_two_calls_a_user_and_two_more_for_those_online() {
        let first = Reading::default();
        for (users, reading, fewest, most) in [
            (1, first, 4, 4),
            (500, first, 2_000, 2_000),
            (1_000, first, 2_000 + 10 + 50 + 10, 2_000 + 10 + 2_000),
            (1_000, Reading::EVERY_USER, 4_000, 4_000),
        ] {
            let forecast = Forecast::locking(users, reading);
            assert_eq!(forecast, Forecast { fewest, most }, "{users} {reading:?}");
        }
    }

    #[test]
    fn to_verify_locks_costs_a_call_a_user_and_a_list_for_those_online() {
        let first = Reading::default();
        for (users, reading, fewest, most) in [
            (1, first, 2, 2),
            (500, first, 1_000, 1_000),
            (1_000, first, 1_010, 2_010),
            (1_000, Reading::EVERY_USER, 2_000, 2_000),
        ] {
            let forecast = Forecast::verifying_locks(users, reading);
            assert_eq!(forecast, Forecast { fewest, most }, "{users} {reading:?}");
            let both = Forecast::exactly(1).and(forecast);
            assert_eq!((both.fewest, both.most), (fewest + 1, most + 1));
        }
    }

    #[test]
    fn the_preview_of_a_lock_costs_two_calls_for_each_user_that_is_read() {
        let first = Reading::default();
        for (users, reading, fewest, most) in [
            (500, first, 1_000, 1_000),
            (1_000, first, 10 + 2 * 50, 10 + 2 * 1_000),
            (1_000, Reading::EVERY_USER, 2_000, 2_000),
        ] {
            let forecast = Forecast::previewing_lock(users, reading);
            assert_eq!(forecast, Forecast { fewest, most }, "{users} {reading:?}");
        }
    }

    #[test]
    fn the_duration_follows_the_rate() {
        let forecast = Forecast {
            fewest: 15_000,
            most: 2_010_000,
        };
        let (least, most) = forecast.duration(100);
        assert_eq!((least.as_secs(), most.as_secs()), (150, 20_100));
    }
}
