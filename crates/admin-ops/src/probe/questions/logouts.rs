//! Logouts that end nothing: their answers, and the methods that log out one device.

use easemob_admin_api::DisconnectVerb;
use serde_json::Value;

use crate::probe::calls::{Answer, Call, ProbeCalls};
use crate::probe::capabilities::{LogoutAnswer, LogoutVerbs, Refusal};
use crate::probe::devices::Devices;
use crate::probe::{Probe, Unanswered};

/// The id of a device that nobody has.
const UNKNOWN_DEVICE: &str = "web_probe0";

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn logout_verbs(&mut self) -> Result<String, Unanswered> {
        let delete = self.log_out_unknown(DisconnectVerb::Delete).await?;
        let get = self.log_out_unknown(DisconnectVerb::Get).await?;
        let found = judge_verbs(&delete, &get);
        let basis = format!(
            "logouts of an unknown device: DELETE was answered with {}, GET with {}",
            delete.words(),
            get.words()
        );
        let Some(verbs) = found else {
            return Err(Unanswered::because(format!(
                "{basis}, which may mean the device or the call; a device that signs in can tell"
            )));
        };
        self.answers.logout_verbs = Some(verbs);
        Ok(basis)
    }

    pub(in crate::probe) async fn logout_unknown_device(&mut self) -> Result<String, Unanswered> {
        let verb = self.answers.logout_verbs.and_then(LogoutVerbs::best);
        let verb = verb.unwrap_or_default();
        let answer = self.log_out_unknown(verb).await?;
        self.answers.logout_unknown_device = Some(judge(&answer)?);
        let word = match verb {
            DisconnectVerb::Get => "GET",
            _ => "DELETE",
        };
        Ok(format!("one logout by {word} of a device that nobody has"))
    }

    pub(in crate::probe) async fn logout_offline(&mut self) -> Result<String, Unanswered> {
        let answer = self.send(&Call::LogoutAll(self.offline())).await?;
        self.answers.logout_offline = Some(judge(&answer)?);
        Ok("one logout of a user without devices".into())
    }

    pub(in crate::probe) async fn logout_unknown_user(&mut self) -> Result<String, Unanswered> {
        let answer = self.send(&Call::LogoutAll(self.nobody.to_owned())).await?;
        self.answers.logout_unknown_user = Some(judge(&answer)?);
        Ok("one logout of a user who does not exist".into())
    }

    async fn log_out_unknown(&mut self, verb: DisconnectVerb) -> Result<Answer, Unanswered> {
        let call = Call::LogoutDevice {
            user: self.offline(),
            device: UNKNOWN_DEVICE.into(),
            verb,
        };
        self.send(&call).await
    }
}

/// Judges the answer to a logout.
fn judge(answer: &Answer) -> Result<LogoutAnswer, Unanswered> {
    if answer.is_success() {
        return match &answer.body["data"]["result"] {
            Value::Bool(result) => Ok(LogoutAnswer::Result(*result)),
            Value::String(text) if text == "true" || text == "ok" => Ok(LogoutAnswer::Result(true)),
            Value::String(text) if text == "false" => Ok(LogoutAnswer::Result(false)),
            _ => Err(Unanswered::because("the answer has no `result`")),
        };
    }
    if answer.by_the_service && (400..500).contains(&answer.status) && answer.status != 429 {
        return Ok(LogoutAnswer::Refused(Refusal {
            status: answer.status,
            error: answer.error.clone(),
        }));
    }
    Err(Unanswered::by("the logout", answer))
}

/// What an answer says about the method of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Known,
    Unknown,
    /// 404 may mean the device, or the whole call.
    Unclear,
}

fn method(answer: &Answer) -> Option<Method> {
    match (answer.status, answer.error.as_str()) {
        (405 | 501, _) | (500, "unsupported_service_operation" | "web_application") => Some(Method::Unknown),
        (404, _) => Some(Method::Unclear),
        (200, _) => Some(Method::Known),
        (400..500, _) if answer.by_the_service && answer.status != 429 => Some(Method::Known),
        _ => None,
    }
}

/// Judges the answers to the logout of an unknown device by DELETE and by GET.
fn judge_verbs(delete: &Answer, get: &Answer) -> Option<LogoutVerbs> {
    use Method::{Known, Unclear, Unknown};
    // A server that knows the call under another method says 405 for this one, so that its 404 is about the device; and one
    // that answers about the device under another method has no reason to say 404 under this one.
    let (delete, get) = match (method(delete)?, method(get)?) {
        (Unclear, Unclear) => return None,
        (Unclear, Unknown) => (true, false),
        (Unknown, Unclear) => (false, true),
        (delete, get) => (delete == Known, get == Known),
    };
    Some(LogoutVerbs { delete, get })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::probe::tests::{no, ok};

    #[test]
    fn logouts_have_a_result_or_a_refusal() {
        let result = |result: Value| ok(json!({"data": {"result": result}}));
        let refused = |status, error: &str| {
            Ok(LogoutAnswer::Refused(Refusal {
                status,
                error: error.into(),
            }))
        };
        for (answer, expected) in [
            (result(json!(true)), Ok(LogoutAnswer::Result(true))),
            (result(json!("ok")), Ok(LogoutAnswer::Result(true))),
            (result(json!(false)), Ok(LogoutAnswer::Result(false))),
            (result(json!("false")), Ok(LogoutAnswer::Result(false))),
            (result(json!(7)), Err(())),
            (ok(json!({})), Err(())),
            (no(404, "entity_not_found"), refused(404, "entity_not_found")),
            (no(404, ""), Err(())),
            (no(429, "reach_limit"), Err(())),
            (no(500, "no_full_text_index"), Err(())),
        ] {
            assert_eq!(judge(&answer).map_err(drop), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_method_is_known_unless_the_server_refuses_it() {
        let done = || ok(json!({"data": {"result": false}}));
        let not_found = || no(404, "service_resource_not_found");
        let not_allowed = || no(405, "Method Not Allowed");
        let verbs = |delete, get| Some(LogoutVerbs { delete, get });
        for (delete, get, expected) in [
            (done(), done(), verbs(true, true)),
            (done(), not_allowed(), verbs(true, false)),
            (not_allowed(), done(), verbs(false, true)),
            (not_found(), done(), verbs(false, true)),
            (done(), not_found(), verbs(true, false)),
            (not_found(), not_allowed(), verbs(true, false)),
            (no(500, "web_application"), not_found(), verbs(false, true)),
            (not_allowed(), not_allowed(), verbs(false, false)),
            (no(400, "illegal_argument"), not_allowed(), verbs(true, false)),
            (not_found(), not_found(), None),
            (no(405, ""), done(), verbs(false, true)),
            (no(403, ""), done(), None),
            (no(429, "reach_limit"), done(), None),
        ] {
            assert_eq!(judge_verbs(&delete, &get), expected, "{delete:?} {get:?}");
        }
    }
}
