//! Says which refused posts are reported: the first of a kind at once, then their number once a minute. Pure.

use std::collections::BTreeMap;

/// How often refusals of one kind are reported, in milliseconds.
const EVERY_MS: i64 = 60_000;

/// The refusals that an operator can do something about. Anybody can send other bad posts.
const REPORTED: [(&str, &str); 3] = [
    (
        "bad_signature",
        "not signed with a secret of this collector; if the secret of the rule was changed, add the new one with another \
         --secret-file",
    ),
    (
        "malformed",
        "not a post of the service; if the service is set up to post here, keep one of its posts and report it",
    ),
    (
        "other_app",
        "about another app; check the rule in the console and the app of this collector",
    ),
];

/// The refused posts, by outcome.
#[derive(Debug, Default)]
pub struct Refusals(BTreeMap<&'static str, Refused>);

#[derive(Debug)]
struct Refused {
    reported_ms: i64,
    since_then: u64,
    /// The sender of the last one.
    from: String,
}

impl Refusals {
    /// Counts a post with this outcome from an address, and returns what to report now. `now_ms` is the time in milliseconds
    /// since 1970.
    pub fn refused(&mut self, outcome: &'static str, from: &str, now_ms: i64) -> Option<String> {
        let (_, why) = REPORTED.iter().find(|(reported, _)| *reported == outcome)?;
        let Some(refused) = self.0.get_mut(outcome) else {
            let first = Refused {
                reported_ms: now_ms,
                since_then: 0,
                from: String::new(),
            };
            self.0.insert(outcome, first);
            return Some(format!("refused a post from {from}: {why}"));
        };
        refused.since_then += 1;
        from.clone_into(&mut refused.from);
        refused.report(why, now_ms)
    }

    /// Returns what to report now, if no further posts arrive.
    pub fn due(&mut self, now_ms: i64) -> Vec<String> {
        let report =
            |(outcome, why): &(&'static str, &'static str)| self.0.get_mut(outcome)?.report(why, now_ms);
        REPORTED.iter().filter_map(report).collect()
    }
}

impl Refused {
    fn report(&mut self, why: &str, now_ms: i64) -> Option<String> {
        // After a clock correction, nothing would be reported for as long as it was.
        let waited = (now_ms - self.reported_ms).unsigned_abs() >= EVERY_MS.unsigned_abs();
        if !waited || self.since_then == 0 {
            return None;
        }
        let count = std::mem::take(&mut self.since_then);
        self.reported_ms = now_ms;
        let posts = if count == 1 { "post" } else { "posts" };
        let from = &self.from;
        Some(format!(
            "refused {count} more {posts}, the last from {from}: {why}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_reported_at_once_and_the_others_once_a_minute() {
        let mut refusals = Refusals::default();
        let mut signature = |from: &str, now_ms| refusals.refused("bad_signature", from, now_ms);
        let first = signature("10.0.0.1", 1_000).unwrap();
        assert!(
            first.starts_with("refused a post from 10.0.0.1: not signed"),
            "{first}"
        );
        for now_ms in 1_001..1_100 {
            assert_eq!(signature("10.0.0.1", now_ms), None);
        }
        let later = signature("10.0.0.2", 61_000).unwrap();
        assert!(
            later.starts_with("refused 100 more posts, the last from 10.0.0.2: not signed"),
            "{later}"
        );
        assert_eq!(signature("10.0.0.1", 61_001), None);
        assert!(refusals.due(120_999).is_empty());
        let due = refusals.due(121_000);
        assert!(
            due[0].starts_with("refused 1 more post, the last from 10.0.0.1"),
            "{due:?}"
        );
        assert!(refusals.due(999_999).is_empty(), "there was none since");
    }

    #[test]
    fn each_kind_is_reported_for_itself() {
        let mut refusals = Refusals::default();
        for outcome in ["bad_signature", "malformed", "other_app"] {
            assert!(refusals.refused(outcome, "a", 0).is_some(), "{outcome}");
            assert!(refusals.refused(outcome, "a", 1).is_none(), "{outcome}");
        }
        for outcome in [
            "kept",
            "duplicate",
            "other_event",
            "too_slow",
            "too_large",
            "broken_off",
            "queue_full",
        ] {
            assert!(refusals.refused(outcome, "a", 0).is_none(), "{outcome}");
        }
        assert_eq!(refusals.due(60_000).len(), 3);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let mut refusals = Refusals::default();
        assert!(refusals.refused("malformed", "a", 10_000_000).is_some());
        assert!(refusals.refused("malformed", "a", 9_990_000).is_none());
        assert!(refusals.refused("malformed", "a", 9_940_000).is_some());
    }
}
