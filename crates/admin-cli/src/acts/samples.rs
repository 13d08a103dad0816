//! Values that the tests of several acts begin with.

use easemob_admin_api::UserId;
use easemob_admin_ops::locks::lock::{Lock, LockState};
use jiff::Timestamp;

/// A lock of `name` by `run`.
pub(super) fn lock(name: &str, run: &str, state: LockState) -> Lock {
    Lock {
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
