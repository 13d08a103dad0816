//! Events in the formats of log systems. Pure: one event in, one line out.

pub mod cef;
pub mod ecs;
pub mod ocsf;

use super::event::Event;
use super::kind::Outcome;

/// The vendor and product in exported events.
const VENDOR: &str = "easemob-admin";

/// An outcome, for formats that only know success, failure and unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Success {
    Yes,
    No,
    Unknown,
}

fn success(event: &Event) -> Success {
    match &event.outcome {
        Some(Outcome::Ended | Outcome::Done | Outcome::Nothing) => Success::Yes,
        Some(Outcome::Refused | Outcome::Failed | Outcome::Skipped) => Success::No,
        _ => Success::Unknown,
    }
}

/// Returns true if the act ended sessions, rather than changing an account or a limit.
fn ends_sessions(event: &Event) -> bool {
    match event.call.as_deref() {
        Some(call) => call.starts_with("sessions."),
        None => was_settled_by_reading(event),
    }
}

/// Returns true if a resumed run found by reading that an earlier call had succeeded; older versions did not
/// record which call.
fn was_settled_by_reading(event: &Event) -> bool {
    event.call.is_none() && event.outcome == Some(Outcome::Ended)
}

/// The placeholder for a call that an older version did not record.
pub const SETTLED_BY_READING: &str = "settled by reading";

/// Returns the call of an act, or its placeholder.
fn act(event: &Event) -> &str {
    match event.call.as_deref() {
        Some(call) => call,
        None if was_settled_by_reading(event) => SETTLED_BY_READING,
        None => "none",
    }
}

/// Describes an event in a sentence.
fn message(event: &Event) -> String {
    let what = match act(event) {
        "none" => "nothing sent",
        act => act,
    };
    let outcome = event.outcome.as_ref().map_or("?", Outcome::as_str);
    let whom = event.user.as_deref().unwrap_or("the app");
    format!("{what} of {whom}: {outcome}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_ended_was_not_left_alone() {
        let mut event = samples::logout();
        event.call = None;
        let exported = [
            ocsf::line(&event, "a/1").to_string(),
            ecs::line(&event, "a/1").to_string(),
            cef::line(&event, "a/1"),
        ];
        for line in &exported {
            assert!(
                line.contains("settled by reading") && !line.contains("nothing sent"),
                "{line}"
            );
        }
        assert!(exported[0].contains("\"class_uid\":3002"), "{}", exported[0]);
        assert!(exported[1].contains("authentication"), "{}", exported[1]);
        for line in &exported {
            assert!(line.contains("mallory") && line.contains("claims"), "{line}");
        }
        event.outcome = Some(Outcome::Skipped);
        assert!(ocsf::line(&event, "a/1").to_string().contains("nothing sent"));
        assert!(cef::line(&event, "a/1").contains("act=none "));
    }
}

#[cfg(test)]
pub(super) mod samples {
    use crate::{Claims, Event, EventTime, Kind, Operator, Outcome};

    /// A logout with every field.
    pub(crate) fn logout() -> Event {
        let mut event = Event::new(EventTime::from_millis(1_700_000_000_123), Kind::Outcome);
        event.run = Some("20231114-221320-0000ff".into());
        event.line = Some(7);
        event.user = Some("ann".into());
        event.devices = vec!["ios_1".into(), "web_1".into()];
        event.call = Some("sessions.logout_all".into());
        event.outcome = Some(Outcome::Ended);
        event.server_time = Some(EventTime::from_millis(1_700_000_000_100));
        event.operator = Some(Operator {
            os_user: Some("eve".into()),
            uid: Some(1000),
            subject: Some("eve@acme".into()),
            claims: Some(Claims {
                sudo_user: Some("mallory".into()),
                login_uid: Some(1001),
            }),
        });
        event.host = Some("ops1".into());
        event.app_root = Some("https://a1.easemob.com/acme/chat".into());
        event.app = Some("acme#chat".into());
        event.reason = Some("leak = bad | a\\b\nsecond line".into());
        event.ticket = Some("INC-7".into());
        event
    }

    /// A ban that the server refused.
    pub(crate) fn refused_ban() -> Event {
        let mut event = logout();
        event.call = Some("users.ban".into());
        event.outcome = Some(Outcome::Refused);
        event.status = Some(404);
        event.error = Some("no such user".into());
        event.devices.clear();
        event
    }
}
