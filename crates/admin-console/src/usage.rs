//! How much of the budget of calls is in use, by what two pages were told one after the other.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use easemob_admin_remote::api::TrafficView;
use jiff::{SignedDuration, Timestamp};

/// The pool of user, device and session calls, which all work on users is paid from.
pub(crate) const ACCOUNTS: &str = "accounts";

/// The shortest time that says something.
const SHORTEST: SignedDuration = SignedDuration::from_secs(2);

/// After this time, a measurement says nothing of now.
const LONGEST: SignedDuration = SignedDuration::from_mins(2);

/// What was seen of each app.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<BTreeMap<String, Seen>>);

/// How many calls a second were made from each pool, in the time before one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InUse {
    pub(crate) per_second: BTreeMap<String, u32>,
    /// How long the time was.
    pub(crate) over: SignedDuration,
}

#[derive(Debug, Clone)]
struct Seen {
    calls: BTreeMap<String, u64>,
    at: Timestamp,
    in_use: Option<InUse>,
}

impl Usage {
    /// Takes what an app has sent so far, and returns what was in use since the time before, if that is known.
    pub(crate) fn take(&self, app: &str, traffic: &TrafficView) -> Option<InUse> {
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = step(apps.remove(app), traffic);
        let in_use = next.in_use.clone();
        apps.insert(app.to_owned(), next);
        in_use
    }
}

fn step(seen: Option<Seen>, traffic: &TrafficView) -> Seen {
    let pools = traffic.pools.iter();
    let fresh = Seen {
        calls: pools.map(|pool| (pool.pool.clone(), pool.calls)).collect(),
        at: traffic.at,
        in_use: None,
    };
    let Some(seen) = seen else { return fresh };
    let over = traffic.at.duration_since(seen.at);
    let fewer = |(pool, calls): (&String, &u64)| seen.calls.get(pool).is_some_and(|before| before > calls);
    // Another process answers, or this one was started again.
    if over > LONGEST || over.is_negative() || fresh.calls.iter().any(fewer) {
        return fresh;
    }
    if over < SHORTEST {
        return seen;
    }
    let millis = over.as_millis().unsigned_abs().max(1);
    let per_second = fresh.calls.iter().map(|(pool, calls)| {
        let before = seen.calls.get(pool).copied().unwrap_or_default();
        let made = u128::from(calls - before) * 1_000;
        let per_second = u32::try_from(made.div_ceil(millis)).unwrap_or(u32::MAX);
        (pool.clone(), per_second)
    });
    Seen {
        in_use: Some(InUse {
            per_second: per_second.collect(),
            over,
        }),
        ..fresh
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_remote::api::PoolView;

    use super::*;

    fn traffic(calls: u64, millis: i64) -> TrafficView {
        TrafficView {
            sent: calls,
            limited: 0,
            rate: Some(100.0),
            pools: vec![PoolView {
                pool: ACCOUNTS.into(),
                calls,
                rate: Some(100.0),
            }],
            at: Timestamp::from_millisecond(1_795_827_696_000 + millis).unwrap(),
        }
    }

    #[test]
    fn two_answers_give_the_calls_between_them() {
        let usage = Usage::default();
        let take = |app: &str, calls, millis| {
            let in_use = usage.take(app, &traffic(calls, millis))?;
            in_use.per_second.get(ACCOUNTS).copied()
        };
        assert_eq!(take("a", 100, 0), None, "one says nothing");
        assert_eq!(take("a", 150, 500), None, "nor does another one at once");
        assert_eq!(take("a", 720, 10_000), Some(62));
        assert_eq!(take("a", 721, 10_500), Some(62), "which holds for a moment");
        assert_eq!(
            take("a", 721, 15_500),
            Some(1),
            "rounded up, so that one call is seen"
        );
        assert_eq!(take("a", 5, 20_000), None, "the process is another one");
        assert_eq!(take("a", 6, 900_000), None, "too long ago");
        assert_eq!(take("b", 6, 900_000), None);
    }
}
