//! One lock, and which of many are due. Pure.

use std::collections::BTreeMap;

use easemob_admin_api::UserId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A ban with an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The user.
    pub user: UserId,
    /// When it was set.
    pub since: Timestamp,
    /// When it is to be lifted.
    pub until: Timestamp,
    /// How far setting it has come.
    pub state: LockState,
    /// The run that set it.
    pub run: String,
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
}

/// All locks of a profile, by the name of the user in lower case, as the server compares names.
pub type Locks = BTreeMap<String, Lock>;

/// Returns the users whose locks can be lifted now.
///
/// A lock that is still pending is left out: whether the user was banned before it is not known until its run
/// has been finished, and a ban of somebody else must not be lifted.
#[must_use]
pub fn due(locks: &Locks, now: Timestamp) -> Vec<UserId> {
    let liftable = |lock: &&Lock| lock.is_due(now) && lock.state == LockState::Locked;
    locks
        .values()
        .filter(liftable)
        .map(|lock| lock.user.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(name: &str, until: i64, state: LockState) -> (String, Lock) {
        let lock = Lock {
            user: UserId::parse(name).unwrap(),
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::from_second(until).unwrap(),
            state,
            run: "r".into(),
            operator: "o".into(),
            reason: None,
            ticket: None,
        };
        (name.into(), lock)
    }

    #[test]
    fn only_finished_locks_whose_time_has_come_are_due() {
        let locks = Locks::from([
            lock("ann", 10, LockState::Locked),
            lock("bob", 11, LockState::Locked),
            lock("eve", 10, LockState::Pending),
        ]);
        let due = due(&locks, Timestamp::from_second(10).unwrap());
        assert_eq!(due, [UserId::parse("ann").unwrap()]);
    }
}
