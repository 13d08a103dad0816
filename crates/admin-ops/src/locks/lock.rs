//! One lock, and its state changes. Pure.

use easemob_admin_api::UserId;
use easemob_admin_words::t;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A ban with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The user.
    pub user: UserId,
    /// When the run that set it was created.
    pub since: Timestamp,
    /// When it must be lifted.
    pub until: Timestamp,
    /// How far setting it got.
    pub state: LockState,
    /// The run that set it.
    pub run: String,
    /// Earlier unfinished runs that intended to set it: the ban may be one of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// When it was last entered or extended, which may be long after its run was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// The root URL of the server that knows the user. Locks are stored by profile, and a profile may later
    /// name another server. Missing for the embedded sandbox, and in data of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_root: Option<String>,
    /// Who set it.
    pub operator: String,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// How far setting a lock got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// The run that sets it has not reached the user, or was interrupted there.
    Pending,
    /// The user was not banned before, and is now.
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

    /// Returns the runs that set it or intended to, newest first.
    pub fn runs(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.run)
            .chain(self.earlier.iter().rev())
            .map(String::as_str)
    }

    /// Returns true if the run set it or intended to.
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

/// Returns the lock of a user once a run intends to set `new`, given the existing lock `held`.
///
/// A lock in force stays as it is. A lock that other runs left pending keeps all of these runs, because the
/// ban may be theirs; its end is the latest that any of them intended.
#[must_use]
pub fn enter(held: Option<Lock>, new: Lock) -> Lock {
    match held {
        None => new,
        Some(before) if before.is_pending() => {
            let mut earlier: Vec<String> = before.runs().map(str::to_owned).collect();
            earlier.reverse();
            earlier.retain(|run| *run != new.run);
            Lock {
                earlier,
                until: before.until.max(new.until),
                ..new
            }
        }
        Some(in_force) => in_force,
    }
}

/// Returns the lock once it is known whether a run has banned the user.
///
/// A pending lock is in force once any of its runs has banned the user; it is removed if none of them has.
#[must_use]
pub fn settle(mut lock: Lock, run: &str, banned: bool) -> Option<Lock> {
    if !lock.is_pending() || !lock.is_of(run) {
        return Some(lock);
    }
    if banned {
        lock.state = LockState::Locked;
        run.clone_into(&mut lock.run);
        lock.earlier.clear();
        return Some(lock);
    }
    lock.earlier.retain(|waiting| waiting != run);
    if lock.run == run {
        lock.run = lock.earlier.pop()?;
    }
    Some(lock)
}

/// Returns the users whose expired locks can be removed.
///
/// The ban behind a pending lock may be somebody else's and must not be lifted, so `can_end` decides about
/// pending locks.
#[must_use]
pub fn liftable(due: &[Lock], can_end: impl Fn(&Lock) -> bool) -> Vec<UserId> {
    let liftable = due.iter().filter(|lock| !lock.is_pending() || can_end(lock));
    liftable.map(|lock| lock.user.clone()).collect()
}

/// How recent the last lifting must be to assume that a timer lifts locks.
const TIMER: SignedDuration = SignedDuration::from_hours(1);

/// Returns a warning that nothing seems to lift expired locks, unless they were lifted recently.
#[must_use]
pub fn unattended(lifted_last: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let Some(last) = lifted_last else {
        return Some(t!("`sessions unlock --due` has never run here for this server").into());
    };
    (now.duration_since(last) > TIMER).then(|| t!("`sessions unlock --due` last ran here on {last:.0}"))
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
            // The clock was set back since then.
            (Some(second(100_001)), true),
        ] {
            assert_eq!(unattended(last, now).is_none(), quiet, "{last:?}");
        }
    }

    #[test]
    fn a_pending_lock_is_lifted_only_if_it_can_be_ended() {
        let due = [
            lock("ann", "r", 10, LockState::Locked),
            lock("cat", "r", 10, LockState::Pending),
            lock("eve", "r", 10, LockState::Pending),
        ];
        let users = |names: &[&str]| -> Vec<UserId> {
            names.iter().map(|name| UserId::parse(*name).unwrap()).collect()
        };
        assert_eq!(liftable(&due, |_| false), users(&["ann"]));
        assert_eq!(liftable(&due, |_| true), users(&["ann", "cat", "eve"]));
        assert_eq!(
            liftable(&due, |lock| lock.user.as_str() == "cat"),
            users(&["ann", "cat"])
        );
    }

    #[test]
    fn a_lock_in_force_is_not_entered_again() {
        let held = lock("ann", "a", 5, LockState::Locked);
        assert_eq!(enter(Some(held.clone()), pending("b", 9)), held);
        assert_eq!(settle(held.clone(), "a", false), Some(held));
    }

    #[test]
    fn a_pending_lock_waits_for_every_run_that_meant_it() {
        let first = enter(None, pending("a", 9));
        assert_eq!(first, pending("a", 9));
        let both = enter(Some(first), pending("b", 5));
        let runs = |lock: &Lock| lock.runs().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(runs(&both), ["b", "a"]);
        assert_eq!(both.until, second(9));
        assert_eq!(settle(both.clone(), "stranger", true), Some(both.clone()));

        let left = settle(both.clone(), "b", false).unwrap();
        assert_eq!(runs(&left), ["a"]);
        assert_eq!(settle(left, "a", false), None);

        let locked = settle(both.clone(), "a", true).unwrap();
        assert_eq!((locked.state, locked.run.as_str()), (LockState::Locked, "a"));
        assert_eq!(settle(locked.clone(), "b", false), Some(locked));

        assert_eq!(runs(&enter(Some(both), pending("a", 5))), ["a", "b"]);
    }
}
