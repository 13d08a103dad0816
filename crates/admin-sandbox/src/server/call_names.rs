//! What calls are called: in faults, in counts and in recorded calls. Pure.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;

use super::chatfiles;
use super::discovery;
use super::route;

/// The name of a call that no endpoint answers.
pub(crate) const UNKNOWN: &str = "unknown";

/// Calls that share their route with another one, and differ in what they ask for.
const BY_BODY: &[&str] = &[
    "token.agora",
    "token.inherit",
    "token.password",
    "users.register_batch",
    "users.register_openly",
];

/// Returns the names that calls have in [`Fault`](crate::Fault), [`Sandbox::call_count`](crate::Sandbox::call_count)
/// and [`Call::endpoint`](crate::Call::endpoint), each once.
///
/// `unknown` is any call that the sandbox does not answer.
///
/// ```
/// assert!(easemob_admin_sandbox::call_names().any(|name| name == "devices.list"));
/// ```
pub fn call_names() -> impl Iterator<Item = &'static str> {
    // Routes of one name stand together.
    let mut last = "";
    route::names()
        .filter(move |name| std::mem::replace(&mut last, name) != *name)
        .chain(BY_BODY.iter().copied())
        .chain([chatfiles::DOWNLOAD, discovery::NAME, UNKNOWN])
}

/// A name that no call has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox has no call `{name}`; did you mean `{nearest}`?")]
pub struct UnknownCall {
    name: String,
    nearest: &'static str,
}

impl UnknownCall {
    /// Returns the name that is most like it.
    #[must_use]
    pub fn nearest(&self) -> &'static str {
        self.nearest
    }
}

/// Checks that a call has this name.
pub(crate) fn check(name: &str) -> Result<(), UnknownCall> {
    if call_names().any(|known| known == name) {
        return Ok(());
    }
    let likeness = |known: &&str| strsim::jaro_winkler(name, known);
    let nearest = call_names().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    Err(UnknownCall {
        name: name.to_owned(),
        nearest: nearest.unwrap_or(UNKNOWN),
    })
}

/// Returns the name of a call to the route `name`.
pub(crate) fn of_call(name: &'static str, headers: &HeaderMap, body: Option<&[u8]>) -> &'static str {
    #[derive(Deserialize)]
    struct Form<'a> {
        #[serde(borrow)]
        grant_type: &'a str,
    }

    let body = body.unwrap_or_default();
    match name {
        "token" => match serde_json::from_slice(body) {
            Ok(Form { grant_type: "agora" }) => "token.agora",
            Ok(Form {
                grant_type: "inherit",
            }) => "token.inherit",
            Ok(Form {
                grant_type: "password",
            }) => "token.password",
            _ => name,
        },
        "users.register" if body.trim_ascii_start().starts_with(b"[") => "users.register_batch",
        "users.register" if !headers.contains_key(AUTHORIZATION) => "users.register_openly",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let names: Vec<&str> = call_names().collect();
        let unique: BTreeSet<&&str> = names.iter().collect();
        assert_eq!(names.len(), unique.len(), "{names:?}");
    }

    #[test]
    fn a_wrong_name_is_refused_with_the_nearest_one() {
        for (wrong, nearest) in [
            ("device.list", "devices.list"),
            ("limits.get_user", "limits.get"),
            ("sessions.logout", "sessions.logout_all"),
            ("users.bann", "users.ban"),
        ] {
            let error = check(wrong).unwrap_err();
            assert_eq!(error.nearest(), nearest, "{wrong}");
        }
        let said = check("device.list").unwrap_err().to_string();
        assert_eq!(
            said,
            "the sandbox has no call `device.list`; did you mean `devices.list`?"
        );
        assert_eq!(check("devices.list"), Ok(()));
    }

    #[test]
    fn calls_that_share_a_route_are_told_apart() {
        let nobody = HeaderMap::new();
        let mut somebody = HeaderMap::new();
        somebody.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        for (route, headers, body, name) in [
            (
                "token",
                &nobody,
                r#"{"grant_type":"client_credentials"}"#,
                "token",
            ),
            ("token", &nobody, r#"{"grant_type":"password"}"#, "token.password"),
            ("token", &somebody, r#"{"grant_type":"inherit"}"#, "token.inherit"),
            ("token", &somebody, r#"{"grant_type":"agora"}"#, "token.agora"),
            ("token", &nobody, "junk", "token"),
            ("users.register", &somebody, "{}", "users.register"),
            ("users.register", &somebody, " [{}]", "users.register_batch"),
            ("users.register", &nobody, "{}", "users.register_openly"),
            ("users.get", &nobody, "[", "users.get"),
        ] {
            assert_eq!(of_call(route, headers, Some(body.as_bytes())), name, "{body}");
        }
    }
}
