//! ArcSight Common Event Format, version 0.

use std::fmt::Write as _;

use super::{Success, act, message, success};
use crate::Event;

/// Returns the event as one line; `id` is its id in the trail.
#[must_use]
pub fn line(event: &Event, id: &str) -> String {
    let call = act(event);
    let (severity, outcome) = match success(event) {
        Success::Yes => (3, "success"),
        Success::No => (6, "failure"),
        Success::Unknown => (8, "unknown"),
    };
    let mut line = format!(
        "CEF:0|easemob-admin|easemob-admin|{}|{}|{}|{severity}|",
        env!("CARGO_PKG_VERSION"),
        header(call),
        header(&message(event)),
    );
    let operator = event.operator.clone().unwrap_or_default();
    let devices = event.devices.join(" ");
    let claims = operator.claims.as_ref();
    let claims = claims.and_then(|claims| serde_json::to_string(claims).ok());
    let labelled = [
        ("cs1", "run", event.run.as_deref()),
        ("cs2", "reason", event.reason.as_deref()),
        ("cs3", "ticket", event.ticket.as_deref()),
        (
            "cs4",
            "devices",
            (!devices.is_empty()).then_some(devices.as_str()),
        ),
        ("cs5", "app", event.app.as_deref()),
        ("cs6", "claims", claims.as_deref()),
    ];
    let mut extend = |key: &str, value: &str| {
        let space = if line.ends_with('|') { "" } else { " " };
        let _ = write!(line, "{space}{key}={}", extension(value));
    };
    extend("rt", &event.time.as_millis().to_string());
    extend("act", call);
    extend("outcome", outcome);
    for (key, value) in [
        ("suser", operator.name()),
        ("shost", event.host.clone()),
        ("duser", event.user.clone()),
        ("request", event.app_root.clone()),
        ("msg", event.error.clone()),
        ("externalId", Some(id.to_owned())),
    ] {
        if let Some(value) = value {
            extend(key, &value);
        }
    }
    for (key, label, value) in [
        ("cn1", "line", event.line),
        ("cn2", "httpStatus", event.status.map(u64::from)),
    ] {
        if let Some(value) = value {
            extend(key, &value.to_string());
            extend(&format!("{key}Label"), label);
        }
    }
    for (key, label, value) in labelled {
        if let Some(value) = value {
            extend(key, value);
            extend(&format!("{key}Label"), label);
        }
    }
    line
}

/// In the header, `|` and `\` are escaped, and there are no line ends.
fn header(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace(['\n', '\r'], " ")
}

/// In the extension, `=`, `\` and line ends are escaped.
fn extension(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('=', "\\=")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::samples;

    #[test]
    fn has_the_seven_header_fields_and_escapes_the_rest() {
        let mut event = samples::logout();
        event.user = Some("a|b=c".into());
        let line = line(&event, "prod/7");
        assert_eq!(line.lines().count(), 1);
        let unescaped = line.replace("\\|", "");
        let fields: Vec<&str> = unescaped.splitn(8, '|').collect();
        // Version, Device Vendor, Device Product, Device Version, Device Event Class ID, Name, Severity.
        assert_eq!((fields.len(), fields[0]), (8, "CEF:0"));
        assert!((0..=10).contains(&fields[6].parse().unwrap()));
        assert!(fields[..7].iter().all(|field| !field.is_empty()));
        assert!(line.contains("duser=a|b\\=c "), "{line}");
        assert!(
            line.contains("cs2=leak \\= bad | a\\\\b\\nsecond line cs2Label=reason"),
            "{line}"
        );
        assert!(line.contains("rt=1700000000123 "), "{line}");
        assert!(line.contains("externalId=prod/7 "), "{line}");
        let refused = super::line(&samples::refused_ban(), "prod/8");
        assert!(refused.contains("externalId=prod/8 "), "{refused}");
        assert!(refused.contains("cn2=404 cn2Label=httpStatus"), "{refused}");
    }
}
