//! How many users one person acted on within a day without approval: many small acts are one large one. The sum is pure; the
//! document is changed only if nobody else was faster, so that two requests at once cannot both be small.

use std::collections::BTreeMap;

use easemob_admin_ops::documents::{DocumentStore, Kept, Put};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::Verb;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far back it counts.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What one person did to the users of one app with one verb, by minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    minutes: BTreeMap<i64, u64>,
}

impl Usage {
    /// Returns the sum of the last day.
    pub(crate) fn sum(&self, now: Timestamp) -> u64 {
        let since = minute(now - DAY);
        self.minutes
            .range(since + 1..)
            .fold(0, |sum, (_, users)| sum.saturating_add(*users))
    }

    /// Adds users, and forgets what is older than a day.
    pub(crate) fn add(&mut self, now: Timestamp, users: u64) {
        let since = minute(now - DAY);
        self.minutes = self.minutes.split_off(&(since + 1));
        let of_minute = self.minutes.entry(minute(now)).or_default();
        *of_minute = of_minute.saturating_add(users);
    }
}

/// Returns true if what was counted at a time still counts.
pub(crate) fn is_of_today(counted: Timestamp, now: Timestamp) -> bool {
    minute(counted) > minute(now - DAY)
}

fn minute(time: Timestamp) -> i64 {
    time.as_second().div_euclid(60)
}

/// The document of one person, under any spelling, as decisions compare people.
fn id((app, verb, owner): (&str, Verb, &str)) -> String {
    format!("{app}/{}/{}", verb.as_str(), owner.trim().to_lowercase())
}

/// Returns how many users somebody acted on within the last day.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn sum(
    documents: &dyn DocumentStore,
    who: (&str, Verb, &str),
    now: Timestamp,
) -> Result<u64, StoreError> {
    let kept = Kept::of(documents, "usage").get::<Usage>(&id(who))?;
    Ok(kept.map_or(0, |(usage, _)| usage.sum(now)))
}

/// Takes back what was counted for an act that was never sent.
///
/// # Errors
/// When the count cannot be read or written.
pub(crate) fn take_back(
    documents: &dyn DocumentStore,
    who: (&str, Verb, &str),
    (counted, users): (Timestamp, u64),
) -> Result<(), StoreError> {
    let kept = Kept::of(documents, "usage");
    let changed = kept.change(&id(who), |mut usage: Usage| {
        if let Some(of_minute) = usage.minutes.get_mut(&minute(counted)) {
            *of_minute = of_minute.saturating_sub(users);
        }
        usage
    });
    changed.map(drop)
}

/// Counts an act of `users` if `alone` says that it may be done alone, given the sum that it makes; returns whether it was
/// counted.
///
/// # Errors
/// When the count cannot be read or written. The act must not be done then.
pub(crate) fn count(
    documents: &dyn DocumentStore,
    who: (&str, Verb, &str),
    (now, users): (Timestamp, u64),
    alone: impl Fn(u64) -> bool,
) -> Result<bool, StoreError> {
    let kept = Kept::of(documents, "usage");
    let id = id(who);
    loop {
        let (mut usage, revision) = match kept.get::<Usage>(&id)? {
            Some((usage, revision)) => (usage, Some(revision)),
            None => (Usage::default(), None),
        };
        if !alone(usage.sum(now).saturating_add(users)) {
            return Ok(false);
        }
        usage.add(now, users);
        if kept.put(&id, &usage, revision)? != Put::Changed {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::documents::memory::MemoryDocuments;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn a_day_slides() {
        let mut usage = Usage::default();
        usage.add(at(10_000), 5);
        usage.add(at(10_001), 7);
        assert_eq!(usage.sum(at(10_001)), 12);
        assert_eq!(usage.sum(at(10_000 + 24 * 60 - 1)), 12);
        assert_eq!(usage.sum(at(10_000 + 24 * 60)), 7);
        usage.add(at(10_001 + 24 * 60), 1);
        assert_eq!(usage.minutes.len(), 1, "what is older is forgotten");
    }

    #[test]
    fn many_small_acts_are_one_large_one() {
        let documents = MemoryDocuments::default();
        let act = |owner: &str, verb| {
            let alone = |users| users <= 20;
            count(&documents, ("prod", verb, owner), (at(0), 9), alone).unwrap()
        };
        assert!(act("ann", Verb::Logout) && act("Ann ", Verb::Logout));
        assert!(!act("ANN", Verb::Logout), "the third makes 27");
        assert!(act("ann", Verb::Ban) && act("bob", Verb::Logout));
    }

    #[test]
    fn what_was_not_sent_does_not_count() {
        let documents = MemoryDocuments::default();
        let who = ("prod", Verb::Logout, "ann");
        let act = || count(&documents, who, (at(0), 3), |users| users <= 5).unwrap();
        assert!(act() && !act());
        take_back(&documents, who, (at(0), 3)).unwrap();
        assert_eq!(sum(&documents, who, at(0)).unwrap(), 0);
        assert!(act() && !act());
    }

    #[test]
    fn of_many_at_once_only_so_many_are_small() {
        let documents = MemoryDocuments::default();
        let counted = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let alone = |users| users <= 5;
                    if count(&documents, ("prod", Verb::Logout, "ann"), (at(0), 1), alone).unwrap() {
                        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(counted.into_inner(), 5);
    }
}
