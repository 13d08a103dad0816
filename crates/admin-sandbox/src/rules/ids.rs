//! The ids of messages: one source for all, so that they are in the order in which messages came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Beyond this time, in milliseconds since 1970, ids no longer follow the clock, because they would not fit.
const LATEST_MS: u64 = 1 << 42;

/// Gives out ids; clones share the source. What is saved is the last id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub(crate) struct Ids(Arc<AtomicU64>);

impl Ids {
    /// Returns an id that no message had before.
    pub(crate) fn next(&self, now_ms: u64) -> u64 {
        // Ids of a restarted sandbox are higher than those before, since the clock went on.
        let floor = now_ms.min(LATEST_MS) << 20;
        let next = |last: u64| floor.max(last.saturating_add(1));
        let last = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(next(last)));
        next(last.unwrap_or_else(|last| last))
    }
}

impl From<u64> for Ids {
    fn from(last: u64) -> Self {
        Self(Arc::new(last.into()))
    }
}

impl From<Ids> for u64 {
    fn from(ids: Ids) -> Self {
        ids.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_only_grow_whatever_the_clock_says() {
        let ids = Ids::default();
        let given = [5, 5, 4, 6, u64::MAX, u64::MAX, 6].map(|now| ids.next(now));
        assert!(given.windows(2).all(|pair| pair[0] < pair[1]), "{given:?}");
    }

    #[test]
    fn a_clone_and_a_copy_on_paper_go_on_where_the_original_was() {
        let ids = Ids::default();
        let first = ids.clone().next(5);
        let text = serde_json::to_string(&ids).unwrap();
        let restored: Ids = serde_json::from_str(&text).unwrap();
        assert!(ids.next(1) > first && restored.next(1) > first);
    }
}
