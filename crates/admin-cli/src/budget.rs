//! Decides how many requests a second a command may send, from the command line, the profile and the defaults.

use easemob_admin_api::{RateLimit, Rates};

use crate::cli::Rate;
use crate::config::profile::{Packs, Percent, Profile};

/// The rate of an app without further packs (limitationapi page).
const BASE: u32 = 100;

/// What each pack adds to it.
const PACK: u32 = 50;

/// What a command may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The rate of this command and all others on this machine; or, if a team shares a budget, of this command.
    pub rate: RateLimit,
    /// The percentage of the app's rate that this is.
    pub share: u8,
    /// Whether the command keeps to less than what the team shares.
    capped: bool,
}

/// Returns the rates of an app with this many packs.
#[must_use]
pub fn rates_with(packs: Packs) -> Rates {
    rates_at(RateLimit::per_second(BASE + PACK * u32::from(packs.0)))
}

/// Returns the rates of an app with this rate; statuses of many users have half of it, as in the documented limits.
#[must_use]
pub fn rates_at(rate: RateLimit) -> Rates {
    Rates::default().accounts(rate).batch_status(rate.share(50))
}

impl Budget {
    /// Returns the budget: an option of the command line counts more than the profile, and the profile more than the
    /// defaults. What a team shares counts more than the packs of a profile, and no option exceeds it.
    #[must_use]
    pub fn of(
        rate: Option<Rate>,
        share: Option<Percent>,
        profile: Option<&Profile>,
        team: Option<RateLimit>,
    ) -> Self {
        let Percent(share) = share
            .or_else(|| profile.and_then(|profile| profile.share))
            .unwrap_or_default();
        let own = match rate {
            Some(Rate::Unlimited) => RateLimit::unlimited(),
            Some(Rate::PerSecond(rate)) => RateLimit::per_second(rate.get()),
            None => team.unwrap_or_else(|| {
                let packs = profile.and_then(|profile| profile.packs).unwrap_or_default();
                rates_with(packs).accounts
            }),
        };
        let whole = team.map_or(own, |team| lower(own, team));
        Self {
            rate: whole.share(share),
            share,
            capped: share < 100 || team != Some(whole),
        }
    }

    /// Returns the budget of a command that cannot ask what the team shares: so little that the rest of the rate, which nobody
    /// else can use either, has room for many machines.
    #[must_use]
    pub fn without_the_team() -> Self {
        Self {
            rate: RateLimit::per_second(1),
            share: 100,
            capped: true,
        }
    }

    /// Returns the rates of the client of a command, if a team shares the budget: all that it does not keep to itself follow
    /// the team's.
    #[must_use]
    pub fn own_rates(self) -> Rates {
        if self.capped {
            Rates::unlimited()
                .accounts(self.rate)
                .batch_status(self.rate.share(50))
        } else {
            Rates::unlimited()
        }
    }
}

fn lower(one: RateLimit, other: RateLimit) -> RateLimit {
    match (one.calls_per_second(), other.calls_per_second()) {
        (Some(own), Some(limit)) if own <= limit => one,
        (_, Some(_)) => other,
        (_, None) => one,
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
                None,
            );
            assert_eq!(
                (budget.rate.calls_per_second(), budget.share),
                expected,
                "{rate:?} {share:?} {with}"
            );
        }
    }
    #[test]
    fn what_a_team_shares_is_not_exceeded_and_not_widened() {
        let profile = Profile {
            packs: Some(Packs(9)),
            ..Profile::default()
        };
        for (rate, share, expected, capped) in [
            (None, None, 150, false),
            (Some("unlimited"), None, 150, false),
            (Some("80"), None, 80, true),
            (Some("500"), None, 150, false),
            (None, Some(50), 75, true),
            (Some("80"), Some(50), 40, true),
        ] {
            let rate: Option<Rate> = rate.map(|rate| rate.parse().unwrap());
            let team = Some(RateLimit::per_second(150));
            let budget = Budget::of(rate, share.map(Percent), Some(&profile), team);
            assert_eq!(budget.rate, RateLimit::per_second(expected), "{rate:?} {share:?}");
            let own = if capped {
                budget.rate
            } else {
                RateLimit::unlimited()
            };
            assert_eq!(budget.own_rates().accounts, own, "{rate:?} {share:?}");
        }
    }
}
