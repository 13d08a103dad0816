//! One lock, and what may become of it. Pure.

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
    /// The root of all calls of the server that knows the user. Locks are kept by profile, which may come to name
    /// another server. Missing for the embedded sandbox, and in what older versions wrote.
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

/// Returns the lock of a user once a run means to set `new`, where `held` is there.
///
/// One that is in force is left as it is. One that other runs left pending is waited for by all of them, because
/// the ban may be theirs; its end is the latest that any of them meant.
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

/// Returns what becomes of a lock once it is known whether a run has banned the user.
///
/// A pending lock is in force once any of its runs has; it ends when none of them has.
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

/// Returns the users whose locks can be ended, of those that are due.
///
/// A ban of somebody else may be behind a lock that is still pending and must not be lifted, so `can_end` is asked
/// about those.
#[must_use]
pub fn liftable(due: &[Lock], can_end: impl Fn(&Lock) -> bool) -> Vec<UserId> {
    let liftable = due.iter().filter(|lock| !lock.is_pending() || can_end(lock));
    liftable.map(|lock| lock.user.clone()).collect()
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
