//! Decides how many requests a second a command may send, from the command line, the profile and the defaults.

use easemob_admin_api::RateLimit;

use crate::cli::Rate;
use crate::config::profile::{Packs, Percent, Profile};

/// The rate of an app without further packs (limitationapi page).
const BASE: u32 = 100;

/// What each pack adds to it.
const PACK: u32 = 50;

/// What a command may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The rate of this command and all others on this machine.
    pub rate: RateLimit,
    /// The percentage of the app's rate that this is.
    pub share: u8,
}

impl Budget {
    /// Returns the budget: an option of the command line counts more than the profile, and the profile more than the
    /// defaults.
    #[must_use]
    pub fn of(rate: Option<Rate>, share: Option<Percent>, profile: Option<&Profile>) -> Self {
        let Percent(share) = share
            .or_else(|| profile.and_then(|profile| profile.share))
            .unwrap_or_default();
        let Packs(packs) = profile.and_then(|profile| profile.packs).unwrap_or_default();
        let whole = match rate {
            Some(Rate::Unlimited) => RateLimit::unlimited(),
            Some(Rate::PerSecond(rate)) => RateLimit::per_second(rate.get()),
            None => RateLimit::per_second(BASE + PACK * u32::from(packs)),
        };
        Self {
            rate: whole.share(share),
            share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_counts_more_than_the_profile() {
        let profile = Profile {
            packs: Some(Packs(2)),
            share: Some(Percent(50)),
            ..Profile::default()
        };
        for (rate, share, with, expected) in [
            (None, None, false, (Some(100), 100)),
            (None, None, true, (Some(100), 50)),
            (None, Some(100), true, (Some(200), 100)),
            (Some("80"), None, true, (Some(40), 50)),
            (Some("80"), Some(25), true, (Some(20), 25)),
            (Some("80"), Some(25), false, (Some(20), 25)),
            (Some("unlimited"), None, true, (None, 50)),
        ] {
            let budget = Budget::of(
                rate.map(|rate| rate.parse().unwrap()),
                share.map(Percent),
                with.then_some(&profile),
            );
            assert_eq!(
                (budget.rate.calls_per_second(), budget.share),
                expected,
                "{rate:?} {share:?} {with}"
            );
        }
    }
}
