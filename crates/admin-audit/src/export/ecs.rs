//! Elastic Common Schema 8: one JSON object per act.

use serde_json::{Value, json};

use super::ocsf::{host_of, without_nulls};
use super::{Success, VENDOR, act, ends_sessions, message, success};
use crate::Event;

/// The version of the schema.
const SCHEMA: &str = "8.11.0";

/// Returns the event as one JSON object; `id` is its id in the trail.
#[must_use]
pub fn line(event: &Event, id: &str) -> Value {
    let (category, kind) = if ends_sessions(event) {
        ("authentication", "end")
    } else {
        ("iam", "user")
    };
    let outcome = match success(event) {
        Success::Yes => "success",
        Success::No => "failure",
        Success::Unknown => "unknown",
    };
    let operator = event.operator.clone().unwrap_or_default();
    without_nulls(json!({
        "@timestamp": event.time,
        "ecs": {"version": SCHEMA},
        "message": message(event),
        "event": {
            "kind": "event",
            "category": [category],
            "type": [kind],
            "action": act(event),
            "outcome": outcome,
            "dataset": "easemob_admin.audit",
            "module": "easemob_admin",
            "provider": VENDOR,
            "id": id,
            "created": event.time,
            "reason": event.reason,
            "code": event.status.map(|status| status.to_string()),
        },
        "user": {
            "name": operator.name(),
            "id": operator.uid.map(|uid| uid.to_string()),
            "target": {"name": event.user},
        },
        "host": {"name": event.host},
        "destination": {"domain": host_of(event.app_root.as_deref())},
        "service": {"name": event.app, "type": "easemob"},
        "error": {"message": event.error},
        "easemob_admin": {
            "run": event.run,
            "line": event.line,
            "devices": event.devices,
            "ticket": event.ticket,
            "server_time": event.server_time,
            "claims": operator.claims,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::samples;

    #[test]
    fn has_the_core_fields_with_allowed_values() {
        for event in [samples::logout(), samples::refused_ban()] {
            let line = line(&event, "prod/7");
            // Base and categorization fields of the ECS reference; `@timestamp` and `ecs.version` are required.
            assert_eq!(line["@timestamp"], "2023-11-14T22:13:20.123Z");
            assert!(line["ecs"]["version"].is_string());
            assert_eq!(line["event"]["id"], "prod/7");
            let fields = &line["event"];
            assert_eq!(fields["kind"], "event");
            // ECS categorization pages: authentication has start, end, info; iam has user among others.
            let pair = (
                fields["category"][0].as_str().unwrap(),
                fields["type"][0].as_str().unwrap(),
            );
            assert!(
                [("authentication", "end"), ("iam", "user")].contains(&pair),
                "{pair:?}"
            );
            assert!(["success", "failure", "unknown"].contains(&fields["outcome"].as_str().unwrap()));
            assert_eq!(line["user"]["target"]["name"], "ann");
        }
    }
}
