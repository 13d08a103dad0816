//! One post of the service (page `user_status_callback`).

use easemob_admin_api::DeviceId;
use serde::Deserialize;

use crate::logins::store::{LoginEvent, LoginKind};

/// The separator before the resource in the name of a session.
const DOMAIN: &str = "@easemob.com/";

/// A post, with the fields that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The service's id of the call.
    pub call_id: String,
    /// The service's signature; empty if there is none.
    pub security: String,
    /// The time of the service, in milliseconds since 1970.
    pub timestamp: i64,
    /// The event; `None` if the post is not about sign-ins.
    pub event: Option<LoginEvent>,
}

/// Why a post cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is not a JSON object with the documented fields.
    #[error("it is not a post of the service: {0}")]
    Malformed(String),
    /// It is about another app.
    #[error("it is about the app {0}")]
    OtherApp(String),
    /// The name of its session is malformed.
    #[error("`{0}` does not name a session of this app")]
    User(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    call_id: String,
    #[serde(default)]
    security: String,
    timestamp: i64,
    #[serde(default)]
    appkey: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    reason: serde_json::Value,
    #[serde(default)]
    status: Option<String>,
}

/// Reads a post about `app_key`.
///
/// # Errors
/// When it is not a post of the service, is about another app, or names no valid session.
pub fn read(body: &[u8], app_key: &str) -> Result<Post, PayloadError> {
    let body: Body =
        serde_json::from_slice(body).map_err(|error| PayloadError::Malformed(error.to_string()))?;
    if let Some(other) = body.appkey.as_deref().filter(|app| *app != app_key) {
        return Err(PayloadError::OtherApp(other.to_owned()));
    }
    let kind = body.reason.as_str().and_then(LoginKind::of);
    let event = match (kind, &body.user, &body.status) {
        (Some(kind), Some(session), Some(_)) => {
            let (user, resource) =
                user_and_resource(session, app_key).ok_or_else(|| PayloadError::User(session.clone()))?;
            Some(LoginEvent {
                call_id: body.call_id.clone(),
                platform: platform(resource),
                // Names ignore case, and the REST API writes them in lower case.
                user: user.to_lowercase(),
                resource: resource.to_owned(),
                kind,
                at_ms: body.timestamp,
                reason: String::new(),
            })
        }
        _ => None,
    };
    Ok(Post {
        call_id: body.call_id,
        security: body.security,
        timestamp: body.timestamp,
        event,
    })
}

/// Splits `{appkey}_{user}@easemob.com/{resource}`. Names of apps and users may contain `_`, `-`, `.` and
/// even the domain, so only the known app key and the last domain are reliable.
fn user_and_resource<'a>(session: &'a str, app_key: &str) -> Option<(&'a str, &'a str)> {
    let rest = session.strip_prefix(app_key)?.strip_prefix('_')?;
    let (user, resource) = rest.rsplit_once(DOMAIN)?;
    (!user.is_empty() && !resource.is_empty()).then_some((user, resource))
}

/// Returns the platform of a resource, by the same rule as everywhere.
fn platform(resource: &str) -> String {
    DeviceId::parse(resource).map_or_else(|_| String::new(), |id| id.platform().to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn body(user: &str) -> Vec<u8> {
        let body = json!({
            "callId": "o#a_3f0c", "reason": "login", "security": "0", "os": "ios", "ip": "203.0.113.7:40112",
            "host": "msync@node", "appkey": "o#a", "user": user, "version": "4.1.0",
            "timestamp": 1_712_000_000_003_i64, "status": "online", "added": {"later": true},
        });
        body.to_string().into_bytes()
    }

    #[test]
    fn a_post_of_the_documentation_is_read() {
        let post = read(&body("o#a_ann@easemob.com/ios_77e1"), "o#a").unwrap();
        let event = post.event.unwrap();
        assert_eq!(
            (
                event.user.as_str(),
                event.resource.as_str(),
                event.platform.as_str()
            ),
            ("ann", "ios_77e1", "ios")
        );
        assert_eq!((event.kind, event.at_ms), (LoginKind::Login, 1_712_000_000_003));
    }

    #[test]
    fn what_is_about_something_else_is_told_apart() {
        let other = json!({"callId": "1", "timestamp": 1, "appkey": "o#a", "eventType": "chat"});
        assert_eq!(read(other.to_string().as_bytes(), "o#a").unwrap().event, None);
        let app = read(&body("x#y_ann@easemob.com/ios_1"), "x#y");
        assert_eq!(app, Err(PayloadError::OtherApp("o#a".into())));
        let user = read(&body("ann@easemob.com/ios_1"), "o#a");
        assert!(matches!(user, Err(PayloadError::User(_))));
        assert!(matches!(read(b"[]", "o#a"), Err(PayloadError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_names_come_out_as_they_went_in(
            app in "[a-z_.#-]{1,8}",
            user in "[a-z_.@/-]{1,12}",
            resource in "(ios|webim|custom7)_[a-z0-9_-]{1,8}",
        ) {
            let session = format!("{app}_{user}@easemob.com/{resource}");
            prop_assert_eq!(user_and_resource(&session, &app), Some((user.as_str(), resource.as_str())));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, "o#a");
        }
    }
}
