//! Who is let in. Pure.

use serde_json::Value;

use super::frames::{DOMAIN, MSync, Provision, Status};
use crate::rules::App;
use crate::rules::platform::platform_of;
use crate::rules::sign_in::{SignInError, SignInRequest};
use crate::rules::tokens::{Subject, TokenError};

/// The error codes of the protocol that the sandbox uses.
pub(crate) mod code {
    pub(crate) const FAIL: i32 = 1;
    pub(crate) const WRONG_PARAMETER: i32 = 4;
    pub(crate) const PERMISSION_DENIED: i32 = 7;
    pub(crate) const IM_FORBIDDEN: i32 = 12;
    pub(crate) const TOO_MANY_DEVICES: i32 = 13;
    pub(crate) const RESOURCE_CHANGED: i32 = 20;
}

/// The texts that SDKs compare.
pub(crate) const NO_MATCH: &str = "Sorry, token or password does not match login info";
pub(crate) const NOT_FOUND: &str = "Sorry, user not found";
pub(crate) const EXPIRED: &str = "Sorry, token expired";

/// A device that may try to sign in.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The user, as the app writes the name.
    pub(crate) user: String,
    /// What it asks for.
    pub(crate) request: SignInRequest,
    /// When its token ends, in milliseconds since 1970.
    pub(crate) expires_ms: Option<u64>,
}

/// Checks app, token and user of a device that asks to be let in.
///
/// # Errors
/// With the status that refuses it.
pub(crate) fn check(
    app: &App,
    msync: &MSync,
    provision: &Provision,
    now_ms: u64,
) -> Result<Candidate, Status> {
    let guid = msync.guid.clone().unwrap_or_default();
    if guid.app_key != app.key || (!guid.domain.is_empty() && guid.domain != DOMAIN) {
        return Err(Status::error(code::WRONG_PARAMETER, "no such app"));
    }
    let token = token_of(msync, provision);
    let checked = if let Some(dynamic) = app.check_dynamic_token(&token, now_ms) {
        dynamic.map(|(user, end_ms)| (Subject::User(user.to_lowercase()), Some(end_ms)))
    } else {
        let opaque = app.tokens.check_with_end(&token, now_ms);
        opaque.map(|(subject, end_ms)| (subject.clone(), end_ms))
    };
    let (subject, expires_ms) = match checked {
        Ok(found) => found,
        Err(TokenError::Expired) => return Err(Status::error(code::FAIL, EXPIRED)),
        Err(_) if app.users.find(&guid.name).is_none() => return Err(Status::error(code::FAIL, NOT_FOUND)),
        Err(_) => return Err(Status::error(code::FAIL, NO_MATCH)),
    };
    let Some(user) = app.users.find(&guid.name) else {
        return Err(Status::error(code::FAIL, NOT_FOUND));
    };
    match subject {
        Subject::User(name) if name == user.name => {}
        Subject::User(_) | Subject::App => return Err(Status::error(code::FAIL, NO_MATCH)),
    }
    let resource = if provision.resource.is_empty() {
        guid.client_resource
    } else {
        provision.resource.clone()
    };
    if resource.is_empty() || resource.contains('/') {
        return Err(Status::error(code::WRONG_PARAMETER, "no resource"));
    }
    // A random id is new at every sign-in, so one that is online is another device of the same millisecond. The
    // SDK takes over the id of the answer.
    let collides = resource.contains("_random_web_")
        && user
            .devices
            .iter()
            .any(|device| device.live && device.resource == resource);
    let mut request = if collides {
        SignInRequest::on(&platform_of(&resource))
    } else {
        SignInRequest::with_resource(&resource)
    };
    if !provision.device_name.is_empty() {
        request = request.device_name(&provision.device_name);
    }
    if !provision.device_uuid.is_empty() && !collides {
        request = request.device_uuid(&provision.device_uuid);
    }
    if !provision.reason.is_empty() {
        request = request.ext(&provision.reason);
    }
    Ok(Candidate {
        user: user.name.clone(),
        request: request.live(),
        expires_ms,
    })
}

/// Returns the status that refuses a sign-in.
pub(crate) fn refusal(error: &SignInError) -> Status {
    match error {
        SignInError::UnknownUser(_) => Status::error(code::FAIL, NOT_FOUND),
        SignInError::WrongPassword(_) => Status::error(code::FAIL, NO_MATCH),
        SignInError::Banned(_) => Status::error(code::IM_FORBIDDEN, "Sorry, user is forbidden"),
        SignInError::TooManyDevices(_) => Status::error(code::TOO_MANY_DEVICES, "Sorry, too many devices"),
        SignInError::OtherDevice(_) => {
            Status::error(code::RESOURCE_CHANGED, "Sorry, user is online on another device")
        }
    }
}

/// The token is in the envelope or, as JSON, in the message; both times behind `$t$`.
fn token_of(msync: &MSync, provision: &Provision) -> String {
    let in_message = || {
        let json: Value = serde_json::from_str(&provision.auth_token).ok()?;
        json["token"].as_str().map(str::to_owned)
    };
    let text = if msync.auth.is_empty() {
        in_message().unwrap_or_else(|| provision.auth_token.clone())
    } else {
        msync.auth.clone()
    };
    text.strip_prefix("$t$").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::frames::Jid;

    fn app() -> App {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        app.register_for_test("bob");
        app
    }

    fn asking(app_key: &str, user: &str, token: &str) -> (MSync, Provision) {
        let msync = MSync {
            guid: Some(Jid {
                app_key: app_key.into(),
                name: user.into(),
                domain: DOMAIN.into(),
                client_resource: "webim_web_1".into(),
            }),
            auth: format!("$t${token}"),
            ..MSync::default()
        };
        let provision = Provision {
            resource: "webim_web_1".into(),
            device_name: "webim".into(),
            reason: "from the new phone".into(),
            ..Provision::default()
        };
        (msync, provision)
    }

    fn refused(app: &App, asking: &(MSync, Provision), now_ms: u64) -> (i32, String) {
        let status = check(app, &asking.0, &asking.1, now_ms).unwrap_err();
        (status.error_code, status.reason)
    }

    #[test]
    fn the_owner_of_a_good_token_is_let_in() {
        let mut app = app();
        let token = app.tokens.issue(Subject::User("ann".into()), None, 1);
        for (envelope, message) in [
            (format!("$t${token}"), String::new()),
            (String::new(), format!("{{\"token\":\"$t${token}\"}}")),
        ] {
            let (mut msync, mut provision) = asking("o#a", "ANN", "");
            (msync.auth, provision.auth_token) = (envelope, message);
            let candidate = check(&app, &msync, &provision, 2).unwrap();
            assert_eq!(candidate.user, "ann");
            let signed_in = app.sign_in("ann", candidate.request, 2).unwrap();
            assert_eq!(signed_in.resource, "webim_web_1");
        }
    }

    #[test]
    fn a_token_that_the_backend_made_lets_its_user_in_until_its_end() {
        let mut app = app();
        (app.client_id, app.client_secret) = ("YXA6id".into(), "YXA6secret".into());
        // For the user `ann` of the app `o#a`, until 1686208157 s.
        let token = "ZHQteyJzaWduYXR1cmUiOiIxNTgwMDAwMWVkMTUwNDMyZmVlMmZiYzFmNThjOWFhNzllMDVkYWQ2ODQzZWNhYzYzOGEwMjlmMTBhODM3YzU4IiwiYXBwa2V5IjoibyNhIiwidXNlcklkIjoiYW5uIiwiY3VyVGltZSI6MTY4NjIwNzU1NywidHRsIjo2MDB9";
        let (msync, provision) = asking("o#a", "ANN", token);
        let candidate = check(&app, &msync, &provision, 1_686_208_156_999).unwrap();
        assert_eq!(
            (candidate.user.as_str(), candidate.expires_ms),
            ("ann", Some(1_686_208_157_000))
        );
        let late = asking("o#a", "ann", token);
        assert_eq!(refused(&app, &late, 1_686_208_157_000), (1, EXPIRED.into()));
        let other_user = asking("o#a", "bob", token);
        assert_eq!(refused(&app, &other_user, 0), (1, NO_MATCH.into()));
        app.client_secret = "another".into();
        assert_eq!(
            refused(&app, &asking("o#a", "ann", token), 0),
            (1, NO_MATCH.into())
        );
    }

    #[test]
    fn two_fresh_devices_of_one_millisecond_do_not_become_one() {
        let mut app = app();
        let token = app.tokens.issue(Subject::User("ann".into()), None, 1);
        let (msync, mut provision) = asking("o#a", "ann", &token);
        provision.resource = "webim_random_web_7".into();
        let mut sign_in = || {
            let candidate = check(&app, &msync, &provision, 7).unwrap();
            app.sign_in("ann", candidate.request, 7).unwrap().resource
        };
        let (first, second) = (sign_in(), sign_in());
        assert_eq!(
            (first.as_str(), second.as_str()),
            ("webim_random_web_7", "webim_random_web_8")
        );
        assert_eq!(app.users.find("ann").unwrap().devices.len(), 2);
    }

    #[test]
    fn every_other_token_is_refused_with_the_text_that_sdks_know() {
        let mut app = app();
        let ann = app.tokens.issue(Subject::User("ann".into()), Some(1), 1);
        let bob = app.tokens.issue(Subject::User("bob".into()), None, 1);
        let apps = app.tokens.issue(Subject::App, None, 1);
        assert_eq!(
            refused(&app, &asking("o#a", "ann", &bob), 2),
            (1, NO_MATCH.into())
        );
        assert_eq!(
            refused(&app, &asking("o#a", "ann", &apps), 2),
            (1, NO_MATCH.into())
        );
        assert_eq!(
            refused(&app, &asking("o#a", "ann", "rubbish"), 2),
            (1, NO_MATCH.into())
        );
        assert_eq!(
            refused(&app, &asking("o#a", "nobody", "rubbish"), 2),
            (1, NOT_FOUND.into())
        );
        assert_eq!(
            refused(&app, &asking("o#a", "ann", &ann), 5_000),
            (1, EXPIRED.into())
        );
        assert_eq!(
            refused(&app, &asking("x#y", "ann", &ann), 2).0,
            code::WRONG_PARAMETER
        );
    }
}
