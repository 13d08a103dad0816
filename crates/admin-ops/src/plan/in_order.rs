//! Puts results that arrive in any order back into the order of the input.

use std::collections::BTreeMap;

/// Holds back results that arrive too early; jobs start in order, so these are never more than the jobs
/// running at once.
#[derive(Debug)]
pub struct InOrder<T> {
    next: u64,
    early: BTreeMap<u64, T>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<T> InOrder<T> {
    /// Adds the result with this number, counted from 0, and returns the results that are ready now.
    pub fn push(&mut self, number: u64, value: T) -> Vec<T> {
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
    }
}
