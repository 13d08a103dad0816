//! Gives way when the server says that the rate is too high, and comes back when it stops saying so. Pure.
//!
//! The server's own limit may be lower than the documented one, and live traffic of the app takes part of it.
//! Each refusal multiplies the rate by [`BACK_OFF`]; from then on it grows steadily, and is whole again at the
//! latest three seconds later.

use std::time::Duration;

/// By how much a refusal reduces the rate.
pub const BACK_OFF: f64 = 0.7;

/// The rate is never reduced below this part of itself, so that the end of the trouble is noticed.
pub const FLOOR: f64 = 0.1;

/// Which part of the whole rate comes back in a second.
pub const RECOVERY_PER_SECOND: f64 = 0.3;

/// Refusals within this time of each other are about requests that were sent at the same rate, and count once.
pub const ROUND: Duration = Duration::from_millis(250);

/// How far the rate is reduced, as of some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reduction(Option<Reduced>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reduced {
    /// The part of the rate that was left at that moment.
    factor: f64,
    /// The moment, by a clock that never goes back.
    at: Duration,
}

impl Reduction {
    /// Takes up a state that was kept elsewhere; values that make no sense count as no reduction.
    #[must_use]
    pub fn restore(factor: f64, at: Duration) -> Self {
        Self((FLOOR..1.0).contains(&factor).then_some(Reduced { factor, at }))
    }

    /// Returns the factor and its moment, to be kept elsewhere.
    #[must_use]
    pub fn parts(self) -> (f64, Duration) {
        self.0
            .map_or((1.0, Duration::ZERO), |reduced| (reduced.factor, reduced.at))
    }

    /// Returns the part of the rate that may be used at `now`: from [`FLOOR`] to 1.
    #[must_use]
    pub fn factor_at(self, now: Duration) -> f64 {
        self.0.map_or(1.0, |reduced| {
            let recovered = now.saturating_sub(reduced.at).as_secs_f64() * RECOVERY_PER_SECOND;
            (reduced.factor + recovered).clamp(FLOOR, 1.0)
        })
    }

    /// Returns the state after a refusal at `now`.
    #[must_use]
    pub fn on_limit(self, now: Duration) -> Self {
        if self
            .0
            .is_some_and(|reduced| now.saturating_sub(reduced.at) < ROUND)
        {
            return self;
        }
        Self(Some(Reduced {
            factor: (self.factor_at(now) * BACK_OFF).max(FLOOR),
            at: now,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_burst_of_refusals_counts_once() {
        let once = Reduction::default().on_limit(seconds(1.0));
        let many = (0..50).fold(Reduction::default(), |state, ms| {
            state.on_limit(seconds(1.0) + Duration::from_millis(ms))
        });
        assert_eq!(once, many);
        assert!((once.factor_at(seconds(1.0)) - BACK_OFF).abs() < 1e-9);
    }

    #[test]
    fn back_to_97_percent_soon_after_the_last_refusal() {
        let mut state = Reduction::default();
        for round in 0..100 {
            state = state.on_limit(seconds(f64::from(round)));
        }
        for round in 0..40 {
            state = state.on_limit(seconds(99.0 + f64::from(round) * 0.25));
        }
        let last = 99.0 + 39.0 * 0.25;
        assert!(state.factor_at(seconds(last)) < 0.2);
        assert!(state.factor_at(seconds(last + 3.0)) >= 0.97);
    }

    proptest! {
        #[test]
        fn stays_in_its_bounds_and_only_refusals_reduce_it(
            refusals in proptest::collection::vec(0.0_f64..60.0, 0..80),
            kept in -1.0_f64..2.0,
        ) {
            let mut refusals = refusals;
            refusals.sort_by(f64::total_cmp);
            let mut state = Reduction::restore(kept, Duration::ZERO);
            for refusal in refusals {
                let now = seconds(refusal);
                let before = state.factor_at(now);
                state = state.on_limit(now);
                let after = state.factor_at(now);
                prop_assert!((FLOOR..=1.0).contains(&after));
                prop_assert!(after <= before + 1e-9);
                prop_assert!(after >= before * BACK_OFF - 1e-9);
                prop_assert!(state.factor_at(now + seconds(1.0)) >= after);
            }
        }

        #[test]
        fn survives_being_kept(at in 0.0_f64..1e6, rounds in 0_u32..9) {
            let mut state = Reduction::default();
            for round in 0..rounds {
                state = state.on_limit(seconds(at + f64::from(round)));
            }
            let (factor, moment) = state.parts();
            prop_assert_eq!(Reduction::restore(factor, moment), state);
        }
    }
}
