//! Which answers of a probe change what the engine does.

use std::time::Duration;

use easemob_admin_api::{DisconnectVerb, LARGEST_BODY};
use jiff::{SignedDuration, Timestamp};

use super::capabilities::{BatchStatus, Capabilities};

/// How old answers may be: servers change.
const OLDEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A status that takes longer than this misses too many users who have just signed in.
const LONGEST_LAG: Duration = Duration::from_secs(60);

/// What the engine does differently because of what a server was found to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Obeyed {
    /// The method that logs out one device, if DELETE does not.
    pub verb: Option<DisconnectVerb>,
    /// Why every user is read, if so.
    pub every_user: Option<EveryUser>,
    /// The largest body of calls about many users, if it is smaller than usual.
    pub largest_body: Option<usize>,
}

/// Why every user is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EveryUser {
    /// There is no call for the statuses of many users.
    NoBatchStatus,
    /// The status takes more than a minute to show a sign-in.
    StatusLags,
}

impl EveryUser {
    /// Returns the reason, such as `the server has no call for statuses of many users`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoBatchStatus => "the server has no call for statuses of many users",
            Self::StatusLags => "the status takes more than 60 s to show a sign-in",
        }
    }
}

impl Obeyed {
    /// Returns what of the answers of a probe counts at `now`: nothing once they are older than a year.
    #[must_use]
    pub fn of(known: &Capabilities, now: Timestamp) -> Option<Self> {
        if now.duration_since(known.probed_at) > OLDEST {
            return None;
        }
        let answers = &known.answers;
        let verb = answers
            .logout_verbs
            .and_then(super::capabilities::LogoutVerbs::best);
        let lags = answers
            .sign_in_lag
            .is_some_and(|lag| lag.is_longer_than(LONGEST_LAG));
        let every_user = if answers.batch_status == Some(BatchStatus::Missing) {
            Some(EveryUser::NoBatchStatus)
        } else {
            lags.then_some(EveryUser::StatusLags)
        };
        let largest_body = answers.largest_body.filter(|body| body.refused.is_some());
        Some(Self {
            verb: verb.filter(|verb| *verb != DisconnectVerb::default()),
            every_user,
            largest_body: largest_body
                .map(|body| body.accepted)
                .filter(|bytes| *bytes < LARGEST_BODY),
        })
    }

    /// Returns what is done differently, as parts of a sentence.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        let verb = self.verb.map(|_| "GET logs out one device".to_owned());
        let every_user = self
            .every_user
            .map(|why| format!("every user is read because {}", why.reason()));
        let body = self
            .largest_body
            .map(|bytes| format!("calls about many users have at most {bytes} bytes"));
        [verb, every_user, body].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::capabilities::{Answers, Lag, LargestBody, LogoutVerbs};

    fn obeyed(answers: Answers, days: i64) -> Option<Obeyed> {
        let probed_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let known = Capabilities {
            format: 1,
            tool: "1".into(),
            probed_at,
            app_root: "https://im.example.com/a/b".into(),
            answers,
        };
        Obeyed::of(&known, probed_at + SignedDuration::from_hours(24 * days))
    }

    #[test]
    fn only_what_differs_from_the_pages_is_obeyed() {
        let verbs = |delete, get| Answers {
            logout_verbs: Some(LogoutVerbs { delete, get }),
            ..Answers::default()
        };
        let body = |accepted, refused| Answers {
            largest_body: Some(LargestBody { accepted, refused }),
            ..Answers::default()
        };
        let lag = |lag| Answers {
            sign_in_lag: Some(lag),
            ..Answers::default()
        };
        let missing = Answers {
            batch_status: Some(BatchStatus::Missing),
            sign_in_lag: Some(Lag::WithinMs(0)),
            ..Answers::default()
        };
        let nothing = Obeyed::default();
        let get = Obeyed {
            verb: Some(DisconnectVerb::Get),
            ..nothing
        };
        let reads = |why| Obeyed {
            every_user: Some(why),
            ..nothing
        };
        let small = Obeyed {
            largest_body: Some(2_000),
            ..nothing
        };
        for (answers, expected) in [
            (Answers::default(), nothing),
            (verbs(true, true), nothing),
            (verbs(true, false), nothing),
            (verbs(false, true), get),
            (verbs(false, false), nothing),
            (body(2_000, Some(2_001)), small),
            (body(2_000, None), nothing),
            (body(5_000, Some(5_001)), nothing),
            (lag(Lag::WithinMs(60_000)), nothing),
            (lag(Lag::WithinMs(61_000)), reads(EveryUser::StatusLags)),
            (lag(Lag::LongerThanMs(100_000)), reads(EveryUser::StatusLags)),
            (missing, reads(EveryUser::NoBatchStatus)),
        ] {
            assert_eq!(obeyed(answers.clone(), 0), Some(expected), "{answers:?}");
            assert_eq!(expected.words().len(), usize::from(expected != nothing));
        }
    }

    #[test]
    fn answers_count_for_a_year() {
        assert!(obeyed(Answers::default(), 366).is_some());
        assert!(obeyed(Answers::default(), 367).is_none());
        // A clock that was wrong is no reason to forget them.
        assert!(obeyed(Answers::default(), -9).is_some());
    }
}
