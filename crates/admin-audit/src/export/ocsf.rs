//! OCSF 1.1: Authentication (3002) logoff events for ended sessions, API Activity (6003) for everything else.
//!
//! Fields as in `events/iam/authentication.json` and `events/application/api_activity.json` of the OCSF schema.

use serde_json::{Value, json};

use super::{Success, VENDOR, ends_sessions, message, success};
use crate::event::TOOL;
use crate::{Event, EventTime};

/// The version of the schema.
const SCHEMA: &str = "1.1.0";
const AUTHENTICATION: u32 = 3002;
const LOGOFF: u32 = 2;
const API_ACTIVITY: u32 = 6003;
const UPDATE: u32 = 3;

/// Returns the event as one JSON object; `id` is its id in the trail.
#[must_use]
pub fn line(event: &Event, id: &str) -> Value {
    let (class, activity, activity_name) = if ends_sessions(event) {
        (AUTHENTICATION, LOGOFF, "Logoff")
    } else {
        (API_ACTIVITY, UPDATE, "Update")
    };
    let (status, status_id) = match success(event) {
        Success::Yes => ("Success", 1),
        Success::No => ("Failure", 2),
        Success::Unknown => ("Unknown", 0),
    };
    let operator = event.operator.clone().unwrap_or_default();
    let user = json!({"name": event.user, "type_id": 1, "type": "User"});
    without_nulls(json!({
        "category_uid": class / 1000,
        "class_uid": class,
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": class * 100 + activity,
        "time": event.time.as_millis(),
        "severity_id": if status_id == 1 { 1 } else { 3 },
        "status": status,
        "status_id": status_id,
        "status_code": event.status.map(|status| status.to_string()),
        "status_detail": event.error,
        "message": message(event),
        "metadata": {
            "version": SCHEMA,
            "product": {"name": TOOL, "vendor_name": VENDOR},
            "uid": id,
            "correlation_uid": event.run,
        },
        "actor": {"user": {"name": operator.name(), "uid": operator.uid.map(|uid| uid.to_string())}},
        "user": user,
        "is_remote": true,
        "service": {"name": event.app},
        "dst_endpoint": {"hostname": host_of(event.app_root.as_deref())},
        "src_endpoint": {"hostname": event.host},
        "api": {"operation": event.call},
        "unmapped": {
            "devices": event.devices,
            "reason": event.reason,
            "ticket": event.ticket,
            "server_time": event.server_time.map(EventTime::as_millis),
            "claims": operator.claims,
        },
    }))
}

/// Returns the host of an app root.
pub(super) fn host_of(root: Option<&str>) -> Option<&str> {
    let (_, rest) = root?.split_once("://")?;
    rest.split('/').next()
}

/// Removes unknown fields, and objects without fields.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, without_nulls(value)))
                .filter(|(_, value)| !value.is_null() && *value != json!({}) && *value != json!([]))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::samples;

    /// `required` in `base_event.json`, traits/classification.json and traits/occurrence.json of the schema.
    const BASE: [&str; 7] = [
        "activity_id",
        "category_uid",
        "class_uid",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
    ];

    fn has(event: &Value, names: &[&str]) {
        for name in names {
            assert!(!event[name].is_null(), "{name} is missing in {event}");
        }
        assert!(
            event["metadata"]["version"].is_string()
                && event["metadata"]["product"]["vendor_name"].is_string()
        );
        let (class, activity) = (event["class_uid"].as_u64(), event["activity_id"].as_u64());
        assert_eq!(
            event["type_uid"].as_u64(),
            Some(class.unwrap() * 100 + activity.unwrap())
        );
        assert_eq!(event["category_uid"].as_u64(), Some(class.unwrap() / 1000));
    }

    #[test]
    fn a_logout_is_a_logoff_with_all_required_fields() {
        let event = line(&samples::logout(), "prod/7");
        has(&event, &BASE);
        // authentication.json: `user` is required, and at least one of `service` and `dst_endpoint`.
        has(&event, &["user", "service", "dst_endpoint"]);
        assert_eq!(
            (&event["class_uid"], &event["activity_id"]),
            (&json!(3002), &json!(2))
        );
        assert_eq!(event["type_uid"], 300_202);
        assert_eq!(event["status_id"], 1);
        assert_eq!(event["metadata"]["uid"], "prod/7");
        assert_eq!(event["dst_endpoint"]["hostname"], "a1.easemob.com");
    }

    #[test]
    fn other_acts_are_api_activity_with_all_required_fields() {
        let event = line(&samples::refused_ban(), "prod/7");
        has(&event, &BASE);
        // api_activity.json: `actor`, `api` and `src_endpoint` are required.
        has(&event, &["actor", "api", "src_endpoint"]);
        assert_eq!(event["type_uid"], 600_303);
        assert_eq!(
            (&event["status_id"], &event["status_code"]),
            (&json!(2), &json!("404"))
        );
    }
}
