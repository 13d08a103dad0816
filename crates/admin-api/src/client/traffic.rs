//! Counts what a client has sent, and how long it waited for the rate budget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What became of the requests of a client and its clones so far, repeats and requests for tokens included; see
/// [`Client::traffic`](crate::Client::traffic).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// The requests that were sent.
    pub sent: u64,
    /// Those of them that were answered or have failed.
    pub ended: u64,
    /// Those of them that the server refused because there were too many.
    pub limited: u64,
    /// How long those that ended had waited, altogether, for the rate budget, for a pause that the server asked for, and
    /// for a connection.
    pub waited_for_budget: Duration,
}

/// The counters behind [`Traffic`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    sent: AtomicU64,
    ended: AtomicU64,
    limited: AtomicU64,
    waited_micros: AtomicU64,
}

impl Counters {
    pub(super) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn limited(&self) {
        self.limited.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.fetch_add(micros, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            ended: self.ended.load(Ordering::Relaxed),
            limited: self.limited.load(Ordering::Relaxed),
            waited_for_budget: Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)),
        }
    }
}
