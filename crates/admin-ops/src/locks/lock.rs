//! One lock, and what may become of it. Pure.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use easemob_admin_api::UserId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A ban with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The user.
    pub user: UserId,
    /// When the run that set it was created.
    pub since: Timestamp,
    /// When it is to be lifted.
    pub until: Timestamp,
    /// How far setting it has come.
    pub state: LockState,
    /// The run that set it.
    pub run: String,
    /// Runs before it that meant to set it and were not finished: the ban may be one of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// When it was entered or extended last, which may be long after its run was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// The root of all calls of the server that knows the user. A book is named after a profile, which may come
    /// to name another server. Missing for the embedded sandbox, and in what older versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_root: Option<String>,
    /// Who set it.
    pub operator: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// How far setting a lock has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// The run that sets it has not reached the user, or was cut off there.
    Pending,
    /// The user was not banned before and is now.
    Locked,
}

impl Lock {
    /// Returns true if the lock should have been lifted by now.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.until <= now
    }

    /// Returns true if the lock is pending.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state == LockState::Pending
    }

    /// Returns the runs that set it or meant to, the newest first.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.run)
            .chain(self.earlier.iter().rev())
            .map(String::as_str)
    }

    /// Returns true if the run set it or meant to.
    #[must_use]
    pub fn is_of(&self, run: &str) -> bool {
        self.runs().any(|of| of == run)
    }

    /// Returns true if it was entered or extended after `moment`.
    #[must_use]
    pub fn is_newer_than(&self, moment: Timestamp) -> bool {
        self.changed.unwrap_or(self.since) > moment
    }
}

/// All locks of a profile, by the name of the user in lower case, as the server compares names.
pub type Locks = BTreeMap<String, Lock>;

/// Enters a lock that a run means to set, and returns what was there before.
///
/// One that is in force is left as it is. One that other runs left pending is waited for by all of them, because
/// the ban may be theirs; its end is the latest that any of them meant.
pub fn enter(locks: &mut Locks, new: Lock) -> Option<Lock> {
    match locks.entry(new.user.folded()) {
        Entry::Vacant(place) => {
            place.insert(new);
            None
        }
        Entry::Occupied(mut place) => {
            let before = place.get().clone();
            if before.is_pending() {
                let mut earlier: Vec<String> = before.runs().map(str::to_owned).collect();
                earlier.reverse();
                earlier.retain(|run| *run != new.run);
                place.insert(Lock {
                    earlier,
                    until: before.until.max(new.until),
                    ..new
                });
            }
            Some(before)
        }
    }
}

/// Notes whether a run has banned the user of a pending lock.
///
/// The lock is in force once any of the runs has; it is taken out when none of them has.
pub fn settle(locks: &mut Locks, user: &str, run: &str, banned: bool) {
    let Some(lock) = locks.get_mut(user).filter(|lock| lock.is_pending()) else {
        return;
    };
    if !lock.is_of(run) {
        return;
    }
    if banned {
        lock.state = LockState::Locked;
        run.clone_into(&mut lock.run);
        lock.earlier.clear();
        return;
    }
    lock.earlier.retain(|waiting| waiting != run);
    if lock.run == run {
        match lock.earlier.pop() {
            Some(earlier) => lock.run = earlier,
            None => drop(locks.remove(user)),
        }
    }
}

/// Returns the users whose locks can be ended now.
///
/// A ban of somebody else may be behind a lock that is still pending and must not be lifted, so `can_end` is asked
/// about those.
#[must_use]
pub fn due(locks: &Locks, now: Timestamp, can_end: impl Fn(&Lock) -> bool) -> Vec<UserId> {
    let liftable = |lock: &&Lock| lock.is_due(now) && (!lock.is_pending() || can_end(lock));
    locks
        .values()
        .filter(liftable)
        .map(|lock| lock.user.clone())
        .collect()
}

/// How long ago locks that were due may have been lifted last, for a timer to be believed in.
const TIMER: SignedDuration = SignedDuration::from_hours(1);

/// Says that nobody seems to lift locks that are due, unless somebody did so lately.
#[must_use]
pub fn unattended(lifted_last: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let Some(last) = lifted_last else {
        return Some("`sessions unlock --due` has never run here for this server".into());
    };
    (now.duration_since(last) > TIMER).then(|| format!("`sessions unlock --due` last ran here on {last:.0}"))
}

#[cfg(test)]
impl Lock {
    pub(crate) fn for_test(name: &str, run: &str, state: LockState) -> Self {
        Self {
            user: UserId::parse(name).unwrap(),
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            state,
            run: run.into(),
            earlier: Vec::new(),
            changed: None,
            app_root: None,
            operator: "o".into(),
            reason: Some("test".into()),
            ticket: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lock(name: &str, run: &str, until: i64, state: LockState) -> Lock {
        Lock {
            until: second(until),
            ..Lock::for_test(name, run, state)
        }
    }

    fn pending(run: &str, until: i64) -> Lock {
        lock("ann", run, until, LockState::Pending)
    }

    #[test]
    fn a_timer_is_believed_in_for_an_hour() {
        let now = second(100_000);
        for (last, quiet) in [
            (None, false),
            (Some(second(100_000)), true),
            (Some(second(100_000 - 3_600)), true),
            (Some(second(100_000 - 3_601)), false),
            // The clock was set back since.
            (Some(second(100_001)), true),
        ] {
            assert_eq!(unattended(last, now).is_none(), quiet, "{last:?}");
        }
    }

    #[test]
    fn only_locks_whose_time_has_come_and_that_can_be_ended_are_due() {
        let mut locks = Locks::new();
        for (name, until, state) in [
            ("ann", 10, LockState::Locked),
            ("bob", 11, LockState::Locked),
            ("cat", 10, LockState::Pending),
            ("dan", 11, LockState::Pending),
            ("eve", 10, LockState::Pending),
        ] {
            locks.insert(name.into(), lock(name, "r", until, state));
        }
        let users = |names: &[&str]| -> Vec<UserId> {
            names.iter().map(|name| UserId::parse(*name).unwrap()).collect()
        };
        assert_eq!(due(&locks, second(10), |_| false), users(&["ann"]));
        assert_eq!(due(&locks, second(10), |_| true), users(&["ann", "cat", "eve"]));
        let cat = |lock: &Lock| lock.user.as_str() == "cat";
        assert_eq!(due(&locks, second(10), cat), users(&["ann", "cat"]));
    }

    #[test]
    fn a_lock_in_force_is_not_entered_again() {
        let mut locks = Locks::new();
        let held = lock("ann", "a", 5, LockState::Locked);
        locks.insert("ann".into(), held.clone());
        assert_eq!(enter(&mut locks, pending("b", 9)), Some(held.clone()));
        assert_eq!(locks["ann"], held);
    }

    #[test]
    fn a_pending_lock_waits_for_every_run_that_meant_it() {
        let entered = || {
            let mut locks = Locks::new();
            assert_eq!(enter(&mut locks, pending("a", 9)), None);
            assert!(enter(&mut locks, pending("b", 5)).is_some());
            locks
        };
        let mut locks = entered();
        assert_eq!(locks["ann"].runs().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(locks["ann"].until, second(9));
        settle(&mut locks, "ann", "stranger", true);
        settle(&mut locks, "ann", "b", false);
        assert_eq!(locks["ann"].runs().collect::<Vec<_>>(), ["a"]);
        settle(&mut locks, "ann", "a", false);
        assert!(locks.is_empty());

        let mut locks = entered();
        settle(&mut locks, "ann", "a", true);
        settle(&mut locks, "ann", "b", false);
        assert_eq!(
            (locks["ann"].state, locks["ann"].run.as_str()),
            (LockState::Locked, "a")
        );

        let mut locks = entered();
        assert!(enter(&mut locks, pending("a", 5)).is_some());
        assert_eq!(locks["ann"].runs().collect::<Vec<_>>(), ["a", "b"]);
    }
}
