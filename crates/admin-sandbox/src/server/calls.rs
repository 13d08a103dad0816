use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::call_names::UNKNOWN;

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

/// How often something was asked of the sandbox, with the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CountedCall {
    /// The endpoint's name; for a call that the sandbox does not know, the method and the path below the app root; for a frame
    /// that was refused, `frame: ` and why.
    pub call: String,
    /// The HTTP status of the answers; 0 for frames, and where a fault cut the connection.
    pub status: u16,
    /// How often.
    pub count: u64,
}

/// So many different calls are counted apart; more are counted together, so that memory stays bounded.
const MOST_APART: usize = 2_000;

/// What is counted together beyond that.
const OTHERS: &str = "others";

/// The calls answered so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    recent: VecDeque<Call>,
    counts: HashMap<&'static str, usize>,
    tally: BTreeMap<(String, u16), u64>,
}

impl Calls {
    pub(crate) fn record(&mut self, call: Call) {
        *self.counts.entry(call.endpoint).or_default() += 1;
        let what = if call.endpoint == UNKNOWN {
            let below = call
                .path
                .splitn(4, '/')
                .nth(3)
                .map_or(call.path.as_str(), |below| below);
            format!("{} {below}", call.method)
        } else {
            call.endpoint.to_owned()
        };
        self.tally(what, call.status);
        if self.recent.len() == KEEP {
            self.recent.pop_front();
        }
        self.recent.push_back(call);
    }

    /// Counts a frame that was refused.
    pub(crate) fn record_frame(&mut self, reason: &str) {
        self.tally(format!("frame: {reason}"), 0);
    }

    fn tally(&mut self, what: String, status: u16) {
        let known = self.tally.contains_key(&(what.clone(), status));
        let what = if known || self.tally.len() < MOST_APART {
            what
        } else {
            OTHERS.to_owned()
        };
        *self.tally.entry((what, status)).or_default() += 1;
    }

    /// Returns how often each call got each answer, refusals first, then by how often.
    pub(crate) fn counted(&self) -> Vec<CountedCall> {
        let rows = self.tally.iter().map(|((call, status), count)| CountedCall {
            call: call.clone(),
            status: *status,
            count: *count,
        });
        let mut rows: Vec<CountedCall> = rows.collect();
        rows.sort_by_key(|row| ((200..400).contains(&row.status), std::cmp::Reverse(row.count)));
        rows
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
    fn refusals_come_first_and_unknown_calls_are_named_by_their_path() {
        let mut calls = Calls::default();
        let mut record = |endpoint, path: &str, status| {
            calls.record(Call {
                endpoint,
                method: "GET".into(),
                path: path.into(),
                status,
                at_ms: 1,
            });
        };
        record("token", "/o/a/token", 200);
        record("token", "/o/a/token", 200);
        record(UNKNOWN, "/o/a/users/ann/nothing", 404);
        calls.record_frame("unknown command 9");
        let rows: Vec<(String, u16, u64)> = calls
            .counted()
            .into_iter()
            .map(|row| (row.call, row.status, row.count))
            .collect();
        let row = |call: &str, status, count| (call.to_owned(), status, count);
        assert_eq!(
            rows,
            [
                row("GET users/ann/nothing", 404, 1),
                row("frame: unknown command 9", 0, 1),
                row("token", 200, 2)
            ]
        );
        for number in 0..MOST_APART * 2 {
            calls.record_frame(&number.to_string());
        }
        assert!(calls.counted().len() <= MOST_APART + 1);
    }

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
