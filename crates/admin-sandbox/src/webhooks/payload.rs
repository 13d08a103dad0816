//! What is posted. Pure.

use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::hex::hex;
use crate::rules::live_event::LiveEvent;

/// Returns the reason and the status of an event; nothing if webhooks do not tell of it.
///
/// `replaced` covers displaced devices and those that an operator ended. What a new password, a ban and a
/// deletion report is not documented; they are a plain logout here.
pub(crate) fn reason(event: &LiveEvent) -> Option<(&'static str, &'static str, &str, &str)> {
    match event {
        LiveEvent::SignIn { user, resource, .. } => Some(("login", "online", user, resource)),
        LiveEvent::SignOut { user, resource } => Some(("logout", "offline", user, resource)),
        LiveEvent::Ended {
            user,
            resource,
            cause,
        } => match *cause {
            "displaced" | "operator" => Some(("replaced", "offline", user, resource)),
            _ => Some(("logout", "offline", user, resource)),
        },
        LiveEvent::Message { .. }
        | LiveEvent::Told { .. }
        | LiveEvent::Refused { .. }
        | LiveEvent::RefusedFrame { .. }
        | LiveEvent::NotSaved { .. } => None,
    }
}

/// Returns the body for an event; nothing if webhooks do not tell of it.
pub(crate) fn body(app_key: &str, secret: &str, event: &LiveEvent, call: &str, at_ms: u64) -> Option<Value> {
    let (reason, status, user, resource) = reason(event)?;
    let call_id = format!("{app_key}_{call}");
    Some(json!({
        "security": signature(&call_id, secret, at_ms),
        "callId": call_id,
        "reason": reason,
        "status": status,
        "os": resource.split('_').next().unwrap_or(resource),
        "ip": "127.0.0.1:0",
        "host": "msync@sandbox",
        "appkey": app_key,
        "user": format!("{app_key}_{user}@easemob.com/{resource}"),
        "version": "0.0.0",
        "timestamp": at_ms,
    }))
}

/// Returns the MD5 of call id, secret and timestamp, in lower-case hexadecimal.
fn signature(call_id: &str, secret: &str, at_ms: u64) -> String {
    let digest = Md5::digest(format!("{call_id}{secret}{at_ms}"));
    hex(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_the_documented_fields_and_a_signature_that_can_be_checked() {
        let event = LiveEvent::SignIn {
            user: "ann.b_c".into(),
            resource: "webim_web_1".into(),
            live: true,
        };
        let body = body("o#a", "s3cret", &event, "7", 1_712_000_000_003).unwrap();
        assert_eq!(body["user"], "o#a_ann.b_c@easemob.com/webim_web_1");
        assert_eq!(
            (&body["reason"], &body["status"], &body["os"]),
            (&json!("login"), &json!("online"), &json!("webim"))
        );
        // echo -n 'o#a_7s3cret1712000000003' | md5sum
        assert_eq!(body["security"], "ebc2401bdede04a8dea750c4a49923dd");
        assert_eq!(body["timestamp"], 1_712_000_000_003_u64);
    }

    #[test]
    fn each_end_has_its_reason_and_messages_have_none() {
        let ended = |cause| LiveEvent::Ended {
            user: "ann".into(),
            resource: "ios_1".into(),
            cause,
        };
        for (cause, expected) in [
            ("displaced", "replaced"),
            ("operator", "replaced"),
            ("banned", "logout"),
        ] {
            assert_eq!(reason(&ended(cause)).unwrap().0, expected, "{cause}");
        }
        let told = LiveEvent::Told {
            user: "ann".into(),
            what: "contact",
            devices: 1,
        };
        assert!(reason(&told).is_none());
    }
}
