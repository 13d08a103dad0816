//! Events in the forms that log systems take. Pure: one event in, one line out.

pub mod cef;
pub mod ecs;
pub mod ocsf;

use super::event::Event;
use super::words::Outcome;

/// The vendor and product that exported events name.
const VENDOR: &str = "easemob-admin";

/// How an outcome is told where there are only success, failure and unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Success {
    Yes,
    No,
    Unknown,
}

fn success(event: &Event) -> Success {
    match &event.outcome {
        Some(Outcome::Ended | Outcome::Nothing) => Success::Yes,
        Some(Outcome::Refused | Outcome::Failed | Outcome::Skipped) => Success::No,
        _ => Success::Unknown,
    }
}

/// Returns true if the act ended sessions, rather than changing an account or a limit.
fn ends_sessions(event: &Event) -> bool {
    event
        .call
        .as_deref()
        .is_some_and(|call| call.starts_with("sessions."))
}

/// Says in a sentence what an event tells.
fn message(event: &Event) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing sent".into());
    let outcome = event.outcome.as_ref().map_or("?", Outcome::as_str);
    format!("{} of {}: {outcome}", text(&event.call), text(&event.user))
}

#[cfg(test)]
pub(super) mod samples {
    use crate::audit::{Event, EventTime, Kind, Operator, Outcome};

    /// A logout with every field.
    pub(in crate::audit) fn logout() -> Event {
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
        });
        event.host = Some("ops1".into());
        event.app_root = Some("https://a1.easemob.com/acme/chat".into());
        event.app = Some("acme#chat".into());
        event.reason = Some("leak = bad | a\\b\nsecond line".into());
        event.ticket = Some("INC-7".into());
        event
    }

    /// A ban that the server refused.
    pub(in crate::audit) fn refused_ban() -> Event {
        let mut event = logout();
        event.call = Some("users.ban".into());
        event.outcome = Some(Outcome::Refused);
        event.status = Some(404);
        event.error = Some("no such user".into());
        event.devices.clear();
        event
    }
}
