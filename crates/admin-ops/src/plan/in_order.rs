//! Puts results that arrive in any order back into the order of the input.

use std::collections::BTreeMap;

/// Holds back results that arrive too early; jobs start in order, so these are never more than the jobs
/// running at once.
#[derive(Debug)]
pub struct InOrder<T> {
    next: u64,
    early: BTreeMap<u64, T>,
    /// Whether results are returned as they arrive.
    as_they_come: bool,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            early: BTreeMap::new(),
            as_they_come: false,
        }
    }
}

impl<T> InOrder<T> {
    /// Returns results as they arrive, because some of them arrive only at the end of the run and all others
    /// would have to wait for them.
    #[must_use]
    pub fn as_they_come() -> Self {
        Self {
            as_they_come: true,
            ..Self::default()
        }
    }

    /// Adds the result with this number, counted from 0, and returns the results that are ready now.
    pub fn push(&mut self, number: u64, value: T) -> Vec<T> {
        if self.as_they_come {
            return vec![value];
        }
        self.early.insert(number, value);
        let mut ready = Vec::new();
        while let Some(value) = self.early.remove(&self.next) {
            self.next += 1;
            ready.push(value);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_out_once_and_in_order() {
        let mut order = InOrder::default();
        let out: Vec<_> = [2, 0, 1, 4, 3]
            .into_iter()
            .flat_map(|number| order.push(number, number))
            .collect();
        assert_eq!(out, [0, 1, 2, 3, 4]);
        let mut as_they_come = InOrder::as_they_come();
        assert_eq!(as_they_come.push(2, "c"), ["c"]);
        assert_eq!(as_they_come.push(0, "a"), ["a"]);
    }
}
