//! Deletes throw-away users.

use std::time::Duration;

use easemob_admin_api::transport::clock::Clock;

use super::calls::{Answer, Call, NoAnswer, Pace, ProbeCalls};
use super::throw_away::is_throw_away;

/// How often the deletion of a user is tried.
const ATTEMPTS: u32 = 4;

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(1_500);

/// A user who could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDeleted {
    /// The name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// Deletes users, and returns those who are left. A name that no probe has invented is never sent.
pub async fn delete<C: ProbeCalls>(calls: &C, clock: &dyn Clock, names: &[String]) -> Vec<NotDeleted> {
    let mut left = Vec::new();
    for name in names {
        if let Err(why) = delete_one(calls, clock, name).await {
            left.push(NotDeleted {
                name: name.clone(),
                why,
            });
        }
    }
    left
}

async fn delete_one<C: ProbeCalls>(calls: &C, clock: &dyn Clock, name: &str) -> Result<(), String> {
    if !is_throw_away(name) {
        return Err("this is not the name of a throw-away user".into());
    }
    let mut tries = 1;
    loop {
        let sent = calls.send(&Call::Delete(name.to_owned()), Pace::Calm).await;
        let why = match sent {
            Ok(answer) if is_gone(&answer) => return Ok(()),
            Ok(answer) => answer.words(),
            Err(NoAnswer(why)) => why,
        };
        if tries == ATTEMPTS {
            return Err(why);
        }
        tries += 1;
        clock.sleep_until(clock.now() + PAUSE).await;
    }
}

/// Returns true if the user does not exist any more: pages disagree about the answer for a missing user.
fn is_gone(answer: &Answer) -> bool {
    answer.is_success()
        || (answer.by_the_service
            && match answer.status {
                404 => answer.error != "organization_application_not_found",
                400 => answer.error == "management",
                _ => false,
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_gone_if_the_service_says_so() {
        for (status, error, by_the_service, gone) in [
            (200, "", true, true),
            (404, "service_resource_not_found", true, true),
            (400, "management", true, true),
            (400, "illegal_argument", true, false),
            (404, "organization_application_not_found", true, false),
            (404, "", false, false),
            (403, "forbidden_op", true, false),
            (429, "reach_limit", true, false),
            (500, "", true, false),
        ] {
            let answer = Answer {
                status,
                error: error.into(),
                by_the_service,
                retry_after: None,
                body: serde_json::Value::Null,
            };
            assert_eq!(is_gone(&answer), gone, "{answer:?}");
        }
    }
}
