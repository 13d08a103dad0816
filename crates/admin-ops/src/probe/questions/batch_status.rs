//! What statuses of many users say about a name that does not exist.

use crate::probe::calls::{Answer, Call, ProbeCalls};
use crate::probe::capabilities::{BatchStatus, Refusal};
use crate::probe::devices::Devices;
use crate::probe::{Probe, Unanswered};

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn batch_status(&mut self) -> Result<String, Unanswered> {
        let (known, nobody) = (self.offline(), self.nobody.to_owned());
        let of_known = self.send(&Call::Statuses(vec![known.clone()])).await?;
        let of_both = if is_missing(&of_known) {
            None
        } else {
            Some(
                self.send(&Call::Statuses(vec![known.clone(), nobody.clone()]))
                    .await?,
            )
        };
        self.answers.batch_status = Some(judge(&of_known, of_both.as_ref(), &known, &nobody)?);
        Ok(match of_both {
            None => format!(
                "the call about a user who exists was refused with {}",
                of_known.words()
            ),
            Some(_) => "one call about a user who exists, one with a name that does not".into(),
        })
    }
}

/// Returns true if the server does not have the call.
fn is_missing(answer: &Answer) -> bool {
    matches!(answer.status, 404 | 405 | 501)
        || (answer.status == 500
            && matches!(
                answer.error.as_str(),
                "unsupported_service_operation" | "web_application"
            ))
}

/// Judges the answer about a user who exists, and the one that also asks for a name that does not.
fn judge(
    of_known: &Answer,
    of_both: Option<&Answer>,
    known: &str,
    nobody: &str,
) -> Result<BatchStatus, Unanswered> {
    let Some(of_both) = of_both else {
        return Ok(BatchStatus::Missing);
    };
    if status_in(of_known, known).is_none() {
        return Err(Unanswered::by("the call about a user who exists", of_known));
    }
    if of_both.is_success() {
        return match status_in(of_both, nobody) {
            None => Ok(BatchStatus::LeftOut),
            Some("offline") => Ok(BatchStatus::Offline),
            Some(other) => Err(Unanswered::because(format!(
                "the status of an unknown name is `{}`",
                other.escape_debug()
            ))),
        };
    }
    if of_both.by_the_service && (400..500).contains(&of_both.status) && of_both.status != 429 {
        return Ok(BatchStatus::Refused(Refusal {
            status: of_both.status,
            error: of_both.error.clone(),
        }));
    }
    Err(Unanswered::by("the call with an unknown name", of_both))
}

/// Returns the status of a user in an answer about many.
pub(super) fn status_in<'a>(answer: &'a Answer, user: &str) -> Option<&'a str> {
    let entries = answer.body["data"].as_array()?;
    entries.iter().find_map(|entry| entry.get(user)?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::probe::tests::{no, ok};

    #[test]
    fn an_unknown_name_is_offline_or_left_out_or_refused() {
        let known = || ok(json!({"data": [{"ann": "offline"}]}));
        let refused = |status, error: &str| {
            Ok(BatchStatus::Refused(Refusal {
                status,
                error: error.into(),
            }))
        };
        for (of_known, of_both, expected) in [
            (
                known(),
                Some(ok(json!({"data": [{"ann": "offline"}, {"nobody": "offline"}]}))),
                Ok(BatchStatus::Offline),
            ),
            (known(), Some(known()), Ok(BatchStatus::LeftOut)),
            (
                known(),
                Some(no(404, "entity_not_found")),
                refused(404, "entity_not_found"),
            ),
            (
                no(404, "service_resource_not_found"),
                None,
                Ok(BatchStatus::Missing),
            ),
            (known(), Some(no(500, "")), Err(())),
            (known(), Some(no(429, "reach_limit")), Err(())),
            (known(), Some(ok(json!({"data": [{"nobody": "away"}]}))), Err(())),
            (ok(json!({"data": []})), Some(known()), Err(())),
            (no(403, "forbidden_op"), Some(no(403, "forbidden_op")), Err(())),
        ] {
            let found = judge(&of_known, of_both.as_ref(), "ann", "nobody").map_err(drop);
            assert_eq!(found, expected, "{of_known:?} {of_both:?}");
        }
    }

    #[test]
    fn a_call_may_be_missing() {
        for (answer, missing) in [
            (no(404, "service_resource_not_found"), true),
            (no(405, ""), true),
            (no(500, "unsupported_service_operation"), true),
            (no(500, "no_full_text_index"), false),
            (no(403, "forbidden_op"), false),
            (ok(json!({})), false),
        ] {
            assert_eq!(is_missing(&answer), missing, "{answer:?}");
        }
    }
}
