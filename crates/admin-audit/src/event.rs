//! The recorded events: who did what to whom, why, and with which result.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event_time::EventTime;
use crate::kind::{Kind, Outcome};

/// Who runs the tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operator {
    /// The name of the account on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_user: Option<String>,
    /// The user id of the account on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The subject (`sub`) of the token that was sent, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Claims about the person behind this account; not proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Claims>,
}

/// Claims about the person behind an account. Root can set either, so these alone prove nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// The user that called `sudo`, according to `sudo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The user id of the account that signed in to the machine, according to its kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
}

impl Operator {
    /// Returns the name to show: the subject, or else the account, or else its user id.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.subject
            .clone()
            .or_else(|| self.os_user.clone())
            .or_else(|| self.uid.map(|uid| uid.to_string()))
    }
}

/// One event, which is one line of the trail.
///
/// Every field except `time` and `kind` may be missing. Facts about a whole run are recorded once, in its
/// `run.started` event; readers fill them in, so that the two events of each user stay small. Fields are only
/// ever added: fields of a newer version are preserved in `other`. An event never contains a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, by the clock of this machine.
    pub time: EventTime,
    /// The kind of event.
    pub kind: Kind,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The line of the list that named the user, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The user acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The devices acted upon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// The name of the call, such as `disconnect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// When it happened, by the clock of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<EventTime>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who ran the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// The machine it ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The root URL of all calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_root: Option<String>,
    /// The app key, or the app root if there is no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Whether the server was the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<bool>,
    /// The profile in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The version of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The reason, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket of the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Further details of a run: its command, options, the digest of its list, totals.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// Fields of a newer version.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Event {
    /// Creates an event with only a time and a kind.
    #[must_use]
    pub fn new(time: impl Into<EventTime>, kind: Kind) -> Self {
        Self {
            time: time.into(),
            kind,
            run: None,
            line: None,
            user: None,
            devices: Vec::new(),
            call: None,
            outcome: None,
            status: None,
            server_time: None,
            error: None,
            operator: None,
            host: None,
            app_root: None,
            app: None,
            sandbox: None,
            profile: None,
            tool: None,
            reason: None,
            ticket: None,
            details: Map::new(),
            other: Map::new(),
        }
    }
}

/// The version of this tool, as events record it.
pub const TOOL: &str = concat!("easemob-admin/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_is_not_written() {
        let event = Event::new(EventTime::from_millis(0), Kind::Intent);
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            json!({"time": "1970-01-01T00:00:00.000Z", "kind": "intent"})
        );
    }

    #[test]
    fn fields_of_a_newer_version_are_kept() {
        let text = json!({
            "time": "2026-01-31T09:30:00.123Z", "kind": "intent.approved", "user": "ann",
            "outcome": "postponed", "approved_by": {"name": "bob"}
        });
        let event: Event = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(event.other["approved_by"]["name"], "bob");
        assert_eq!(serde_json::to_value(&event).unwrap(), text);
    }
}
