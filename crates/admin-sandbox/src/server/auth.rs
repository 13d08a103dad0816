//! Who calls, and whether they may.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::errors::ApiError;
use super::jwt::{JwtKeys, Operator};
use super::route::{Access, Route};
use crate::rules::App;
use crate::rules::tokens::{Subject, TokenError};

/// Whoever makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No token.
    Nobody,
    /// A token that is not good, on a call that may not need one.
    Refused(ApiError),
    /// The app's own token: may do everything.
    App,
    /// A user's token: may do what concerns that user.
    User(String),
    /// A signed token: may do what its scopes say.
    Operator(Operator),
}

/// Finds out who calls.
pub(crate) fn authenticate(headers: &HeaderMap, app: &App, keys: &JwtKeys, now_ms: u64) -> Caller {
    identify(headers, app, keys, now_ms).unwrap_or_else(Caller::Refused)
}

/// Returns the token of a call, if it has one.
///
/// # Errors
/// When the header is there, but does not have the form.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let text = header.to_str().ok().and_then(|text| text.split_once(' '));
    let token = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token
        .map(|(_, token)| Some(token.trim()))
        .ok_or(TokenError::Malformed)
}

fn identify(headers: &HeaderMap, app: &App, keys: &JwtKeys, now_ms: u64) -> Result<Caller, ApiError> {
    let Some(token) = bearer(headers)? else {
        return Ok(Caller::Nobody);
    };
    if token.split('.').count() == 3 {
        return keys.verify(token, now_ms).map(Caller::Operator);
    }
    Ok(match app.tokens.check(token, now_ms)? {
        Subject::App => Caller::App,
        Subject::User(name) => Caller::User(name.clone()),
    })
}

/// Decides whether a caller may use a route on `args`.
pub(crate) fn authorize(caller: &Caller, route: &Route, args: &[String], app: &App) -> Result<(), ApiError> {
    match (caller, route.access) {
        (_, Access::Anyone) | (Caller::App, _) | (Caller::User(_), Access::AnyUser(_)) => Ok(()),
        (Caller::Nobody, _) if route.name == "users.register" => Err(ApiError::unauthorized(
            "Open registration doesn't allow, so register user need token,",
        )),
        (Caller::Nobody, _) => Err(ApiError::no_token()),
        (Caller::Refused(error), _) => Err(error.clone()),
        (
            Caller::Operator(operator),
            Access::Scope(scope) | Access::ScopeOrSelf(scope) | Access::AnyUser(scope),
        ) => {
            if operator.scopes.iter().any(|held| held == scope) {
                Ok(())
            } else {
                Err(ApiError::no_permission(&format!("{}:{scope}", operator.subject)))
            }
        }
        (Caller::User(name), Access::ScopeOrSelf(_)) if concerns(args.first(), name, app) => Ok(()),
        (Caller::User(_), _) => {
            let (uuid, verb) = (app.uuid, route.method.as_str().to_lowercase());
            let target = args.first().map_or(String::new(), |user| format!("/{user}"));
            Err(ApiError::no_permission(&format!(
                "applications:{verb}:{uuid}:/users{target}"
            )))
        }
    }
}

fn concerns(target: Option<&String>, name: &str, app: &App) -> bool {
    target
        .and_then(|target| app.users.find(target))
        .is_some_and(|user| user.name == name)
}
