use std::collections::{HashMap, VecDeque};

use serde::Serialize;

/// Older calls are forgotten beyond this many; their counts are not.
const KEEP: usize = 10_000;

/// A call the sandbox has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// The endpoint's name, such as `devices.list`; `unknown` if no endpoint matched.
    pub endpoint: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path as it arrived, still encoded, without the query.
    pub path: String,
    /// The HTTP status of the answer; 0 if a fault cut the connection instead.
    pub status: u16,
    /// When the call arrived by the sandbox's clock, in milliseconds since 1970.
    pub at_ms: u64,
}

/// The calls answered so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    recent: VecDeque<Call>,
    counts: HashMap<&'static str, usize>,
}

impl Calls {
    pub(crate) fn record(&mut self, call: Call) {
        *self.counts.entry(call.endpoint).or_default() += 1;
        if self.recent.len() == KEEP {
            self.recent.pop_front();
        }
        self.recent.push_back(call);
    }

    pub(crate) fn count(&self, endpoint: &str) -> usize {
        self.counts.get(endpoint).copied().unwrap_or(0)
    }

    pub(crate) fn total(&self) -> usize {
        self.counts.values().sum()
    }

    pub(crate) fn recent(&self) -> Vec<Call> {
        self.recent.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_outlive_the_ring() {
        let mut calls = Calls::default();
        for at_ms in 0..KEEP as u64 + 5 {
            let (method, path) = (String::new(), String::new());
            calls.record(Call {
                endpoint: "token",
                method,
                path,
                status: 200,
                at_ms,
            });
        }
        assert_eq!(calls.recent().len(), KEEP);
        assert_eq!(calls.recent()[0].at_ms, 5);
        assert_eq!(calls.count("token"), KEEP + 5);
        calls.clear();
        assert_eq!(calls.count("token"), 0);
    }
}
