//! Which snapshot a question is about.

use std::fmt;
use std::str::FromStr;

use easemob_admin_words::t;

use crate::logins::store::{Snapshot, SnapshotId};

/// A snapshot, as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotName {
    /// The newest complete one.
    Latest,
    /// The complete snapshot of the same users before the newest one.
    Previous,
    /// The snapshot with this number.
    Number(SnapshotId),
}

impl FromStr for SnapshotName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            "previous" => Ok(Self::Previous),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| t!("give the number of a snapshot, `latest` or `previous`").to_owned()),
        }
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Previous => f.write_str("previous"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Returns the snapshot with this name, of all in the order in which they were begun.
#[must_use]
pub fn pick(all: Vec<Snapshot>, name: SnapshotName) -> Option<Snapshot> {
    let complete = |snapshot: &Snapshot| snapshot.finished_ms.is_some();
    match name {
        SnapshotName::Latest => all.into_iter().rfind(complete),
        SnapshotName::Previous => {
            let mut newest_first = all.into_iter().rev().filter(complete);
            let latest = newest_first.next()?;
            newest_first.find(|snapshot| snapshot.source == latest.source)
        }
        SnapshotName::Number(id) => all.into_iter().find(|snapshot| snapshot.id == id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logins::store::Counts;

    #[test]
    fn only_complete_snapshots_are_latest_and_previous_and_both_of_the_same_users() {
        let snapshot = |id, source: &str, finished_ms| Snapshot {
            id,
            started_ms: 0,
            finished_ms,
            source: source.into(),
            counts: Counts::default(),
            limits: None,
            program: None,
        };
        let all = || {
            vec![
                snapshot(1, "all", Some(1)),
                snapshot(2, "all", None),
                snapshot(3, "list:1", Some(3)),
                snapshot(4, "all", Some(4)),
                snapshot(5, "all", None),
            ]
        };
        let id = |name| pick(all(), name).map(|snapshot| snapshot.id);
        assert_eq!(id(SnapshotName::Latest), Some(4));
        assert_eq!(id(SnapshotName::Previous), Some(1));
        assert_eq!(id(SnapshotName::Number(2)), Some(2));
        assert_eq!(id(SnapshotName::Number(9)), None);
    }
}
