//! How much of the budget of calls is in use, by what two pages were told one after the other.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use easemob_admin_remote::api::TrafficView;
use jiff::{SignedDuration, Timestamp};

/// The shortest time that says something.
const SHORTEST: SignedDuration = SignedDuration::from_secs(2);

/// After this time, a measurement says nothing of now.
const LONGEST: SignedDuration = SignedDuration::from_mins(2);

/// What was seen of each app.
#[derive(Debug, Default)]
pub(crate) struct Usage(Mutex<BTreeMap<String, Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    sent: u64,
    at: Timestamp,
    /// Calls a second, in the time before.
    per_second: Option<u32>,
}

impl Usage {
    /// Takes what an app has sent so far, and returns the calls a second since the time before, if that is known.
    pub(crate) fn take(&self, app: &str, traffic: &TrafficView) -> Option<u32> {
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = apps.get(app).copied();
        let next = step(seen, traffic);
        apps.insert(app.to_owned(), next);
        next.per_second
    }
}

fn step(seen: Option<Seen>, traffic: &TrafficView) -> Seen {
    let fresh = Seen {
        sent: traffic.sent,
        at: traffic.at,
        per_second: None,
    };
    let Some(seen) = seen else { return fresh };
    let passed = traffic.at.duration_since(seen.at);
    if passed > LONGEST || passed.is_negative() || traffic.sent < seen.sent {
        return fresh;
    }
    if passed < SHORTEST {
        return seen;
    }
    let calls = u128::from(traffic.sent - seen.sent) * 1_000;
    let per_second = calls.div_ceil(passed.as_millis().unsigned_abs().max(1));
    Seen {
        per_second: u32::try_from(per_second).ok(),
        ..fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(sent: u64, millis: i64) -> TrafficView {
        TrafficView {
            sent,
            limited: 0,
            rate: Some(100.0),
            at: Timestamp::from_millisecond(1_795_827_696_000 + millis).unwrap(),
        }
    }

    #[test]
    fn two_answers_give_the_calls_between_them() {
        let usage = Usage::default();
        assert_eq!(usage.take("a", &traffic(100, 0)), None, "one says nothing");
        assert_eq!(
            usage.take("a", &traffic(150, 500)),
            None,
            "nor does another one at once"
        );
        assert_eq!(usage.take("a", &traffic(720, 10_000)), Some(62));
        assert_eq!(
            usage.take("a", &traffic(721, 10_500)),
            Some(62),
            "which holds for a moment"
        );
        assert_eq!(
            usage.take("a", &traffic(721, 15_500)),
            Some(1),
            "rounded up, so that one call is seen"
        );
        assert_eq!(
            usage.take("a", &traffic(5, 20_000)),
            None,
            "the process is another one"
        );
        assert_eq!(usage.take("a", &traffic(6, 900_000)), None, "too long ago");
        assert_eq!(usage.take("b", &traffic(6, 900_000)), None);
    }
}
