//! How many devices came and went between two snapshots.

use serde::{Deserialize, Serialize};

use crate::logins::store::{ChangeKind, Snapshot, SnapshotId};

/// What changed between two snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The earlier one.
    pub from: SnapshotId,
    /// The later one.
    pub to: SnapshotId,
    /// Devices in the earlier one.
    pub devices_before: u64,
    /// Devices in the later one.
    pub devices_after: u64,
    /// Devices that came.
    pub signed_in: u64,
    /// Devices that went.
    pub signed_out: u64,
    /// Devices of users who were read in one of them only.
    pub not_known: u64,
    #[serde(skip)]
    not_known_later: u64,
}

impl Changed {
    /// Begins to count what changed.
    #[must_use]
    pub fn between(from: &Snapshot, to: &Snapshot) -> Self {
        Self {
            from: from.id,
            to: to.id,
            devices_before: from.counts.devices,
            devices_after: to.counts.devices,
            ..Self::default()
        }
    }

    /// Counts a change.
    pub fn count(&mut self, kind: ChangeKind) {
        match kind {
            ChangeKind::SignedIn => self.signed_in += 1,
            ChangeKind::SignedOut => self.signed_out += 1,
            ChangeKind::NotKnownEarlier => self.not_known += 1,
            ChangeKind::NotKnownLater => {
                self.not_known += 1;
                self.not_known_later += 1;
            }
        }
    }

    /// Returns the number of devices before and after, of users who were read both times.
    #[must_use]
    pub fn of_both(&self) -> (u64, u64) {
        let not_known_earlier = self.not_known - self.not_known_later;
        (
            self.devices_before - self.not_known_later,
            self.devices_after - not_known_earlier,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_who_were_not_read_are_no_growth() {
        let mut changed = Changed {
            devices_before: 100,
            devices_after: 130,
            ..Changed::default()
        };
        let not_known = [ChangeKind::NotKnownEarlier; 35];
        for kind in not_known.into_iter().chain([ChangeKind::NotKnownLater; 10]) {
            changed.count(kind);
        }
        assert_eq!((changed.of_both(), changed.not_known), ((90, 95), 45));
    }
}
