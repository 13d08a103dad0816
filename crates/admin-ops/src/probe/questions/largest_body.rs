//! The largest body: statuses of many users with long names, in a search by halves.

use crate::probe::calls::{Answer, Call, ProbeCalls};
use crate::probe::capabilities::{BatchStatus, LargestBody};
use crate::probe::devices::Devices;
use crate::probe::{Probe, Unanswered};

/// The smallest body that is tried, in bytes.
const SMALLEST: usize = 1_024;

/// The largest one.
const LARGEST: usize = 64 * 1_024;

/// How many names a call takes.
const MOST_NAMES: usize = 100;

/// How long names are, unless the body needs longer ones.
const LONGEST_NAME: usize = 64;

/// What is around the names, and around each: `{"usernames":[` `]}`, `""` and a comma.
const FRAME: usize = 16;
const AROUND_NAME: usize = 3;

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn largest_body(&mut self) -> Result<String, Unanswered> {
        if self.answers.batch_status == Some(BatchStatus::Missing) {
            return Err(Unanswered::because(
                "it is asked with statuses of many users, which are missing",
            ));
        }
        let mut sought = Sought::default();
        let mut calls = 0;
        while let Some(size) = sought.next() {
            let answer = self.send(&Call::Statuses(names(size))).await?;
            calls += 1;
            sought.found(size, is_accepted(&answer)?);
        }
        self.answers.largest_body = Some(sought.result());
        Ok(format!(
            "{calls} calls with bodies of {SMALLEST} to {LARGEST} bytes"
        ))
    }
}

/// Returns false if the body is too large; a refusal for another reason shows that the body was read.
fn is_accepted(answer: &Answer) -> Result<bool, Unanswered> {
    match answer.status {
        413 => Ok(false),
        200 => Ok(true),
        400 | 404 if answer.by_the_service => Ok(true),
        _ => Err(Unanswered::by("a large call", answer)),
    }
}

/// A search by halves.
#[derive(Debug, Default)]
struct Sought {
    accepted: Option<usize>,
    refused: Option<usize>,
}

impl Sought {
    /// Returns the next size to try; none when the limit is known to the byte, or outside of the range.
    fn next(&self) -> Option<usize> {
        match (self.accepted, self.refused) {
            (None, None) => Some(SMALLEST),
            (None, Some(_)) => None,
            (Some(_), None) => (self.accepted < Some(LARGEST)).then_some(LARGEST),
            (Some(accepted), Some(refused)) => (refused - accepted > 1).then(|| accepted.midpoint(refused)),
        }
    }

    fn found(&mut self, size: usize, accepted: bool) {
        if accepted {
            self.accepted = Some(size);
        } else {
            self.refused = Some(size);
        }
    }

    fn result(&self) -> LargestBody {
        LargestBody {
            accepted: self.accepted.unwrap_or(0),
            refused: self.refused,
        }
    }
}

/// Returns names that make a body of exactly so many bytes.
fn names(size: usize) -> Vec<String> {
    // The last name has no comma.
    let room = size + 1 - FRAME;
    let count = room.div_ceil(LONGEST_NAME + AROUND_NAME).clamp(1, MOST_NAMES);
    let characters = room - count * AROUND_NAME;
    let length = |index: usize| characters / count + usize::from(index < characters % count);
    (0..count)
        .map(|index| format!("{index:x<width$}", width = length(index)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::probe::tests::{no, ok};

    #[test]
    fn a_body_has_the_size_that_is_tried() {
        for size in (SMALLEST..8_000).chain([65_535, LARGEST]) {
            let names = names(size);
            let body = json!({ "usernames": names }).to_string();
            assert_eq!(body.len(), size);
            assert!(names.len() <= MOST_NAMES);
            let longest = names.iter().map(String::len).max().unwrap();
            assert!(
                longest <= LONGEST_NAME || names.len() == MOST_NAMES,
                "{size}: {longest}"
            );
        }
    }

    #[test]
    fn the_limit_is_found_to_the_byte_in_few_calls() {
        for (limit, accepted, refused) in [
            (5_000, 5_000, Some(5_001)),
            (5_120, 5_120, Some(5_121)),
            (1_024, 1_024, Some(1_025)),
            (65_535, 65_535, Some(65_536)),
            (65_536, 65_536, None),
            (1_000_000, 65_536, None),
            (900, 0, Some(1_024)),
        ] {
            let mut sought = Sought::default();
            let mut calls = 0;
            while let Some(size) = sought.next() {
                sought.found(size, size <= limit);
                calls += 1;
            }
            assert_eq!(sought.result(), LargestBody { accepted, refused });
            assert!(calls <= 18, "{calls}");
        }
    }

    #[test]
    fn only_413_is_too_large() {
        for (answer, expected) in [
            (ok(json!({})), Ok(true)),
            (no(413, ""), Ok(false)),
            (no(413, "Request Entity Too Large"), Ok(false)),
            (no(400, "illegal_argument"), Ok(true)),
            (no(404, "entity_not_found"), Ok(true)),
            (no(400, ""), Err(())),
            (no(429, "reach_limit"), Err(())),
            (no(500, ""), Err(())),
        ] {
            assert_eq!(is_accepted(&answer).map_err(drop), expected, "{answer:?}");
        }
    }
}
