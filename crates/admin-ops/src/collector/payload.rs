//! What a collector takes from one post of the service.

use easemob_admin_api::webhooks::{Event, InvalidPost, Post, SessionChange, SessionEvent};

use crate::logins::store::{LoginEvent, LoginKind};

/// 2010, before which no device signed in.
const EARLIEST_MS: i64 = 1_262_304_000_000;

/// How far the clock of the service may be ahead of this machine's.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A post about the app.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The post, whose signature is not checked yet.
    pub post: Post,
    /// The event; `None` if the post is not about sign-ins.
    pub event: Option<LoginEvent>,
}

/// Why a post cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is not a post of the service.
    #[error(transparent)]
    Malformed(#[from] InvalidPost),
    /// It has no field that every post has.
    #[error("cannot read the post: the field `{0}` is missing")]
    Missing(&'static str),
    /// It is about another app.
    #[error("it is about the app {0}")]
    OtherApp(String),
    /// Its event cannot have happened then.
    #[error("its time is before 2010 or in the future: {0} ms since 1970")]
    Time(u64),
}

/// Reads a post about `app_key`, at the time `now_ms` in milliseconds since 1970.
///
/// # Errors
/// When it is not a post of the service, is about another app, or says that a device signed in or out before 2010 or
/// more than a day from now: ages decide which devices are signed out.
pub fn read(body: &[u8], app_key: &str, now_ms: i64) -> Result<Received, PayloadError> {
    let post = Post::parse(body)?;
    if let Some(other) = post
        .app_key
        .as_deref()
        .filter(|key| !key.eq_ignore_ascii_case(app_key))
    {
        return Err(PayloadError::OtherApp(other.to_owned()));
    }
    let call_id = post.call_id.clone().ok_or(PayloadError::Missing("callId"))?;
    let at = post.at.ok_or(PayloadError::Missing("timestamp"))?;
    let event = match &post.event {
        Event::Session(session) => match kind(&session.change) {
            Some(kind) => {
                let at_ms = plausible(at.0, now_ms).ok_or(PayloadError::Time(at.0))?;
                Some(login(session, kind, call_id, at_ms))
            }
            None => None,
        },
        _ => None,
    };
    Ok(Received { post, event })
}

fn kind(change: &SessionChange) -> Option<LoginKind> {
    match change {
        SessionChange::Login => Some(LoginKind::Login),
        SessionChange::Logout => Some(LoginKind::Logout),
        SessionChange::Replaced => Some(LoginKind::Replaced),
        _ => None,
    }
}

fn plausible(at_ms: u64, now_ms: i64) -> Option<i64> {
    let at_ms = i64::try_from(at_ms).ok()?;
    (EARLIEST_MS..=now_ms.saturating_add(DAY_MS))
        .contains(&at_ms)
        .then_some(at_ms)
}

fn login(session: &SessionEvent, kind: LoginKind, call_id: String, at_ms: i64) -> LoginEvent {
    LoginEvent {
        call_id,
        platform: session.device.platform().to_string(),
        // Names ignore case, and the REST API writes them in lower case.
        user: session.user.folded(),
        resource: session.device.as_str().to_owned(),
        kind,
        at_ms,
        reason: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const NOW_MS: i64 = 1_712_000_000_100;

    fn post(user: &str, timestamp: impl Into<Value>) -> Vec<u8> {
        let body = json!({
            "callId": "o#a_3f0c", "reason": "login", "security": "0", "os": "ios", "ip": "203.0.113.7:40112",
            "host": "msync@node", "appkey": "o#a", "user": user, "version": "4.1.0",
            "timestamp": timestamp.into(), "status": "online", "added": {"later": true},
        });
        body.to_string().into_bytes()
    }

    #[test]
    fn a_post_of_the_documentation_is_read() {
        for timestamp in [json!(1_712_000_000_003_i64), json!("1712000000003")] {
            let body = post("o#a_Ann@easemob.com/ios_77e1", timestamp);
            let event = read(&body, "o#a", NOW_MS).unwrap().event.unwrap();
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
    }

    #[test]
    fn what_is_about_something_else_is_told_apart() {
        let other = json!({"callId": "1", "timestamp": 1, "appkey": "o#a", "eventType": "chat"});
        let other = read(other.to_string().as_bytes(), "o#a", NOW_MS).unwrap();
        assert_eq!(other.event, None);
        let session = "o#a_ann@easemob.com/ios_1";
        let app = read(&post(session, NOW_MS), "x#y", NOW_MS);
        assert_eq!(app, Err(PayloadError::OtherApp("o#a".into())));
        assert!(read(&post(session, NOW_MS), "O#A", NOW_MS).is_ok());
        let user = read(&post("ann@easemob.com/ios_1", NOW_MS), "o#a", NOW_MS);
        let expected = InvalidPost::Session("ann@easemob.com/ios_1".into());
        assert_eq!(user, Err(PayloadError::Malformed(expected)));
        let list = read(b"[]", "o#a", NOW_MS);
        assert!(matches!(list, Err(PayloadError::Malformed(_))));
        let empty = read(b"{}", "o#a", NOW_MS);
        assert_eq!(empty, Err(PayloadError::Missing("callId")));
    }

    #[test]
    fn devices_sign_in_neither_before_the_service_existed_nor_later_than_now() {
        let user = "o#a_ann@easemob.com/ios_1";
        for (timestamp, plausible) in [
            (EARLIEST_MS.cast_unsigned(), true),
            (EARLIEST_MS.cast_unsigned() - 1, false),
            ((NOW_MS + DAY_MS).cast_unsigned(), true),
            ((NOW_MS + DAY_MS).cast_unsigned() + 1, false),
            (0, false),
            // Seconds instead of milliseconds.
            (1_712_000_000, false),
            (1 << 63, false),
            (u64::MAX, false),
        ] {
            let result = read(&post(user, timestamp), "o#a", NOW_MS);
            if plausible {
                assert!(result.unwrap().event.is_some(), "{timestamp}");
            } else {
                assert_eq!(result, Err(PayloadError::Time(timestamp)));
            }
        }
        assert_eq!(
            read(&post(user, -1), "o#a", NOW_MS),
            Err(PayloadError::Missing("timestamp"))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, "o#a", NOW_MS);
        }
    }
}
