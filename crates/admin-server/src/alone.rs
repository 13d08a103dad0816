//! Work that one process does at most once at a time, such as verifying the trail of an app.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is being done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alone(Arc<Mutex<BTreeSet<String>>>);

/// Leave to do it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Leave {
    all: Alone,
    what: String,
}

impl Alone {
    fn all(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns leave to do something, unless it is being done.
    pub(crate) fn begin(&self, what: String) -> Option<Leave> {
        let is_first = self.all().insert(what.clone());
        is_first.then(|| Leave {
            all: self.clone(),
            what,
        })
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.all.all().remove(&self.what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let alone = Alone::default();
        let leave = alone.begin("a".into()).unwrap();
        assert!(alone.begin("a".into()).is_none() && alone.begin("b".into()).is_some());
        drop(leave);
        assert!(alone.begin("a".into()).is_some());
    }
}
