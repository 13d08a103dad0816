//! How much an act puts at stake, and so how it is confirmed. Pure, except for the person who is asked.

use easemob_admin_remote::api::Problem;
use easemob_admin_words::told_later;

use crate::fields::Fields;
use crate::problem::with_hint;
use crate::visit::Facts;
use crate::widgets::reason;

/// The most users of an act that a dialog is enough for.
pub(crate) const FEW: u64 = 20;

/// How much is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stake {
    /// One device: a question in its row.
    Device,
    /// Up to 20 users: a dialog, and a reason.
    Few,
    /// More, all that match, or a ban: whoever acts has just signed in, and types the name of the app.
    Many,
}

impl Stake {
    /// Returns what is at stake for some users. A ban has no end, so one is as much as many.
    pub(crate) fn of(users: u64, all_that_match: bool, bans: bool) -> Self {
        if bans || all_that_match || users > FEW {
            Self::Many
        } else {
            Self::Few
        }
    }
}

/// What somebody wrote who confirmed an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mandate {
    pub(crate) reason: Option<String>,
    pub(crate) ticket: Option<String>,
}

/// Why an act is not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unconfirmed {
    /// There is no reason.
    NoReason,
    /// The name of the app was not typed.
    NotTyped,
    /// The person has not signed in for a while.
    NotFresh,
}

impl Unconfirmed {
    /// Returns it as a problem for a page that does not show it beside the field.
    pub(crate) fn problem(self) -> Problem {
        let (status, title, hint) = match self {
            Self::NoReason => (
                400,
                told_later!("A reason is required"),
                told_later!("Nothing was done. Go back, and write why."),
            ),
            Self::NotTyped => (
                400,
                told_later!("The name of the app was not typed"),
                told_later!("Nothing was done. Go back, and type the name exactly as it is shown."),
            ),
            Self::NotFresh => (
                403,
                told_later!("You signed in more than 15 minutes ago"),
                told_later!("Nothing was done. Sign in again, then repeat it."),
            ),
        };
        with_hint(status, "not-confirmed", title, hint)
    }
}

/// Checks that an act was confirmed as its stake asks for. The script of the page checks the same, and is not trusted.
pub(crate) fn confirmed(visit: &Facts, stake: Stake, sent: &Fields) -> Result<Mandate, Unconfirmed> {
    let app = visit.app.as_ref().map(|app| app.app.as_str());
    let asked = Asked {
        stake,
        app: app.unwrap_or_default(),
        is_fresh: visit.signed_in.is_fresh(),
        needs_reason: reason::needs_one(visit),
    };
    check(&asked, sent)
}

/// Checks the same for an act whose reason is on record.
pub(crate) fn confirmed_again(visit: &Facts, stake: Stake, sent: &Fields) -> Result<(), Unconfirmed> {
    let app = visit.app.as_ref().map(|app| app.app.as_str());
    let asked = Asked {
        stake,
        app: app.unwrap_or_default(),
        is_fresh: visit.signed_in.is_fresh(),
        needs_reason: false,
    };
    check(&asked, sent).map(drop)
}

/// What is asked of whoever acts.
struct Asked<'a> {
    stake: Stake,
    app: &'a str,
    is_fresh: bool,
    needs_reason: bool,
}

fn check(asked: &Asked<'_>, sent: &Fields) -> Result<Mandate, Unconfirmed> {
    let Asked {
        stake,
        app,
        is_fresh,
        needs_reason,
    } = *asked;
    let mandate = Mandate {
        reason: sent.some("reason"),
        ticket: sent.some("ticket"),
    };
    if needs_reason && stake >= Stake::Few && mandate.reason.is_none() {
        return Err(Unconfirmed::NoReason);
    }
    if stake == Stake::Many {
        if !is_fresh {
            return Err(Unconfirmed::NotFresh);
        }
        if app.is_empty() || sent.raw("typed") != Some(app) {
            return Err(Unconfirmed::NotTyped);
        }
    }
    Ok(mandate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[(&str, &str)]) -> Fields {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Fields(fields.iter().map(owned).collect())
    }

    fn asked(stake: Stake, is_fresh: bool) -> Asked<'static> {
        Asked {
            stake,
            app: "acme#chat",
            is_fresh,
            needs_reason: true,
        }
    }

    #[test]
    fn the_stake_follows_from_the_number_and_the_act() {
        assert_eq!(Stake::of(1, false, false), Stake::Few);
        assert_eq!(Stake::of(20, false, false), Stake::Few);
        assert_eq!(Stake::of(21, false, false), Stake::Many);
        assert_eq!(Stake::of(2, true, false), Stake::Many, "all that match");
        assert_eq!(Stake::of(1, false, true), Stake::Many, "a ban");
    }

    #[test]
    fn a_large_act_needs_everything_that_the_dialog_asks_for() {
        let all = [("reason", " leak "), ("ticket", ""), ("typed", "acme#chat")];
        let checked = |fresh, fields: &[_]| check(&asked(Stake::Many, fresh), &sent(fields));
        let mandate = Mandate {
            reason: Some("leak".into()),
            ticket: None,
        };
        assert_eq!(checked(true, &all), Ok(mandate));
        assert_eq!(checked(false, &all), Err(Unconfirmed::NotFresh));
        assert_eq!(checked(true, &all[1..]), Err(Unconfirmed::NoReason));
        for typed in ["", "acme#chat ", "ACME#chat", "acme"] {
            let fields = [("reason", "leak"), ("typed", typed)];
            assert_eq!(checked(true, &fields), Err(Unconfirmed::NotTyped), "{typed}");
        }
        assert_eq!(checked(true, &all[..2]), Err(Unconfirmed::NotTyped));
        let nameless = check(
            &Asked {
                app: "",
                ..asked(Stake::Many, true)
            },
            &sent(&[("reason", "leak"), ("typed", "")]),
        );
        assert_eq!(nameless, Err(Unconfirmed::NotTyped));
    }

    #[test]
    fn a_small_act_needs_a_reason_and_one_device_nothing() {
        let nothing = sent(&[("reason", "  ")]);
        assert_eq!(
            check(&asked(Stake::Few, false), &nothing),
            Err(Unconfirmed::NoReason)
        );
        assert!(check(&asked(Stake::Few, false), &sent(&[("reason", "x")])).is_ok());
        assert!(check(&asked(Stake::Device, false), &nothing).is_ok());
        let on_the_sandbox = Asked {
            needs_reason: false,
            ..asked(Stake::Few, false)
        };
        assert!(check(&on_the_sandbox, &nothing).is_ok());
    }
}
