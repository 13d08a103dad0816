//! What happens above the rate limit: short bursts of reads.

use std::time::Duration;

use futures_util::future::join_all;

use crate::probe::calls::{Answer, Call, NoAnswer, Pace, ProbeCalls};
use crate::probe::capabilities::{BatchPool, BatchStatus, RateLimit, RateRefusal};
use crate::probe::devices::Devices;
use crate::probe::{Probe, Unanswered};

/// How many calls are sent at once.
const AT_ONCE: usize = 25;

/// The most calls of a burst, and of one of statuses, whose documented limit is half as high.
const MOST: u64 = 400;
const MOST_STATUSES: u64 = 200;

/// The longest time of a burst.
const LONGEST: Duration = Duration::from_secs(3);

/// How long to be silent before a burst, so that no earlier call counts.
const SILENCE: Duration = Duration::from_millis(1_500);

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn rate_limit(&mut self) -> Result<String, Unanswered> {
        let user = self.offline();
        self.sleep(SILENCE).await;
        let reads = self.burst(&Call::Devices(user.clone()), Pace::Burst).await?;
        let statuses = Call::Statuses(vec![user]);
        let has_statuses =
            self.answers.batch_status.is_some() && self.answers.batch_status != Some(BatchStatus::Missing);
        let mut batch_status = None;
        if let Some(refusal) = reads.refusal.as_ref().filter(|_| has_statuses) {
            let meanwhile = self.calls.send(&statuses, Pace::StatusBurst).await;
            self.pause_after(refusal).await;
            self.sleep(SILENCE).await;
            let own = self.burst(&statuses, Pace::StatusBurst).await?;
            batch_status = judge_pool(meanwhile.as_ref(), &own);
            if let Some(refusal) = &own.refusal {
                self.pause_after(refusal).await;
            }
        } else if let Some(refusal) = &reads.refusal {
            self.pause_after(refusal).await;
        }
        let basis = format!("a burst of {} device lists", reads.made());
        self.answers.rate_limit = Some(RateLimit {
            batch_status,
            ..judge(&reads)
        });
        Ok(basis)
    }

    /// Sends calls until one is refused, and no longer than is decent.
    async fn burst(&self, call: &Call, pace: Pace) -> Result<Burst, Unanswered> {
        let end = self.clock.now() + LONGEST;
        let most = if pace == Pace::StatusBurst {
            MOST_STATUSES
        } else {
            MOST
        };
        let mut burst = Burst::default();
        while burst.refusal.is_none() && burst.made() < most && self.clock.now() < end {
            let sent = join_all((0..AT_ONCE).map(|_| self.calls.send(call, pace))).await;
            burst.take(sent)?;
        }
        Ok(burst)
    }
}

/// What came of a burst.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Burst {
    passed: u64,
    refused: u64,
    refusal: Option<Answer>,
}

impl Burst {
    fn made(&self) -> u64 {
        self.passed + self.refused
    }

    /// Counts the answers of calls that were sent at once.
    fn take(&mut self, sent: Vec<Result<Answer, NoAnswer>>) -> Result<(), Unanswered> {
        for answer in sent {
            let answer = answer?;
            if answer.is_rate_limit() {
                self.refused += 1;
                self.refusal.get_or_insert(answer);
            } else if answer.is_success() {
                self.passed += 1;
            } else {
                return Err(Unanswered::by("a call of the burst", &answer));
            }
        }
        Ok(())
    }
}

fn judge(reads: &Burst) -> RateLimit {
    RateLimit {
        passed: reads.passed,
        refusal: reads.refusal.as_ref().map(|answer| RateRefusal {
            status: answer.status,
            error: answer.error.clone(),
            retry_after: answer.retry_after,
        }),
        batch_status: None,
    }
}

/// Judges the pool of statuses by the answer that came while other calls were refused, and by a burst of their own.
fn judge_pool(meanwhile: Result<&Answer, &NoAnswer>, own: &Burst) -> Option<BatchPool> {
    let meanwhile = meanwhile.ok()?;
    let passes = meanwhile.is_success();
    (passes || meanwhile.is_rate_limit()).then_some(BatchPool {
        own: passes,
        passed: own.passed,
        limited: own.refusal.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::probe::tests::{no, ok};

    fn taken(passed: usize, refused: usize) -> Burst {
        let mut burst = Burst::default();
        let answers = std::iter::repeat_n(ok(json!({})), passed);
        let refusals = std::iter::repeat_n(no(429, "reach_limit"), refused);
        burst.take(answers.chain(refusals).map(Ok).collect()).unwrap();
        burst
    }

    #[test]
    fn a_burst_counts_until_it_is_refused() {
        let some = taken(3, 2);
        assert_eq!((some.passed, some.made()), (3, 5));
        let found = judge(&some);
        assert_eq!(found.passed, 3);
        let refusal = found.refusal.unwrap();
        assert_eq!((refusal.status, refusal.error.as_str()), (429, "reach_limit"));
        assert_eq!(judge(&taken(400, 0)).refusal, None);

        let mut burst = Burst::default();
        let foreign = Answer {
            retry_after: Some(7),
            ..no(429, "")
        };
        burst.take(vec![Ok(foreign)]).unwrap();
        assert_eq!(judge(&burst).refusal.unwrap().retry_after, Some(7));
        for other in [
            Ok(no(429, "resource_limited")),
            Ok(no(500, "")),
            Err(NoAnswer("cut".into())),
        ] {
            assert!(Burst::default().take(vec![other]).is_err());
        }
    }

    #[test]
    fn a_pool_is_its_own_if_it_has_room_while_others_have_none() {
        let (yes, too_many, broken) = (ok(json!({})), no(429, "reach_limit"), no(500, ""));
        let pool = |own, passed, limited| Some(BatchPool { own, passed, limited });
        let lost = NoAnswer("cut".into());
        for (meanwhile, own, expected) in [
            (Ok(&yes), taken(50, 1), pool(true, 50, true)),
            (Ok(&too_many), taken(50, 1), pool(false, 50, true)),
            (Ok(&too_many), taken(400, 0), pool(false, 400, false)),
            (Ok(&broken), taken(1, 0), None),
            (Err(&lost), taken(1, 0), None),
        ] {
            assert_eq!(judge_pool(meanwhile, &own), expected);
        }
    }
}
