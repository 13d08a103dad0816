//! `POST /token` (pages "app token" and "user token"), and the end of a token.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rules::tokens::{Subject, TokenError};
use crate::rules::users::{NewUser, check_new_user};
use crate::server::auth::{Caller, bearer};
use crate::server::envelope::entity;
use crate::server::errors::ApiError;
use crate::server::request::Request;

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(default, rename = "autoCreateUser")]
    auto_create: bool,
    ttl: Option<Ttl>,
}

/// The pages' examples write it both ways.
#[derive(Deserialize)]
#[serde(untagged)]
enum Ttl {
    Number(u64),
    Text(String),
}

pub(in crate::server) fn issue(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let form: Form = request.form()?;
    let lifetime = lifetime(request, form.ttl.as_ref())?;
    match form.grant_type.as_str() {
        "client_credentials" => for_app(request, &form, lifetime),
        "password" => for_password(request, &form, lifetime),
        "inherit" => for_user(request, form, lifetime),
        "agora" => for_agora_token(request),
        other => Err(ApiError::illegal_argument(format!(
            "grant_type [{other}] is not supported"
        ))),
    }
}

fn for_app(request: &mut Request<'_>, form: &Form, lifetime: Lifetime) -> Result<Value, ApiError> {
    let mismatch =
        |what: &str| ApiError::invalid_grant(StatusCode::BAD_REQUEST, &format!("{what} does not match"));
    if form.client_id.as_ref() != Some(&request.app.client_id) {
        return Err(mismatch("client_id"));
    }
    if form.client_secret.as_ref() != Some(&request.app.client_secret) {
        return Err(mismatch("client_secret"));
    }
    let token = request
        .app
        .tokens
        .issue(Subject::App, lifetime.ttl_ms, request.now_ms);
    Ok(json!({"access_token": token, "expires_in": lifetime.shown, "application": request.app.uuid}))
}

/// Exchanges a token of Agora's kind for one of the service, which ends with it; the answer has the end and no life.
fn for_agora_token(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let token = bearer(request.headers)?.ok_or_else(ApiError::no_token)?;
    let exchanged = request.app.check_agora_token(token, request.now_ms)?;
    let subject = match exchanged.subject {
        Subject::App => Subject::App,
        Subject::User(name) => {
            let user = request.app.users.find(&name).ok_or_else(ApiError::no_entity)?;
            if !user.activated {
                return Err(ApiError::invalid_grant(
                    StatusCode::BAD_REQUEST,
                    "user not activated",
                ));
            }
            Subject::User(user.name.clone())
        }
    };
    let ttl_ms = exchanged.end_ms - request.now_ms;
    let token = request.app.tokens.issue(subject, Some(ttl_ms), request.now_ms);
    Ok(json!({"access_token": token, "expire_timestamp": exchanged.end_ms}))
}

fn for_password(request: &mut Request<'_>, form: &Form, lifetime: Lifetime) -> Result<Value, ApiError> {
    let name = form.username.as_deref().unwrap_or_default();
    let user = request.app.users.find(name);
    let user = user.ok_or_else(|| ApiError::invalid_grant(StatusCode::NOT_FOUND, "user not found"))?;
    if user.password.is_none() || user.password != form.password {
        return Err(ApiError::invalid_grant(
            StatusCode::BAD_REQUEST,
            "invalid password",
        ));
    }
    grant(request, name, lifetime)
}

fn for_user(request: &mut Request<'_>, form: Form, lifetime: Lifetime) -> Result<Value, ApiError> {
    match &request.caller {
        Caller::App => {}
        Caller::Operator(operator) if operator.scopes.iter().any(|scope| scope == "users:write") => {}
        Caller::Operator(operator) => {
            return Err(ApiError::no_permission(&format!(
                "{}:users:write",
                operator.subject
            )));
        }
        Caller::User(_) => return Err(TokenError::Malformed.into()),
        Caller::Refused(error) => return Err(error.clone()),
        Caller::Nobody => return Err(ApiError::no_token()),
    }
    let name = form.username.unwrap_or_default();
    if request.app.users.find(&name).is_none() {
        if !form.auto_create {
            return Err(ApiError::no_entity());
        }
        let user = NewUser {
            name: name.clone(),
            ..NewUser::default()
        };
        check_new_user(&user)?;
        request
            .app
            .register(user, request.settings.max_users, request.now_ms)?;
    }
    grant(request, &name, lifetime)
}

fn grant(request: &mut Request<'_>, name: &str, lifetime: Lifetime) -> Result<Value, ApiError> {
    let user = request.app.users.find(name).ok_or_else(ApiError::no_entity)?;
    if !user.activated {
        return Err(ApiError::invalid_grant(
            StatusCode::BAD_REQUEST,
            "user not activated",
        ));
    }
    let (name, entity) = (user.name.clone(), entity(user));
    let token = request
        .app
        .tokens
        .issue(Subject::User(name), lifetime.ttl_ms, request.now_ms);
    Ok(json!({"access_token": token, "expires_in": lifetime.shown, "user": entity}))
}

/// The end of a token that has none: the last number that is exact in JavaScript.
const NEVER_MS: u64 = (1 << 53) - 1;

/// Tells a user's SDK when the token ends that it calls with: how it takes a new one (`renewToken`).
pub(in crate::server) fn expires(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let token = bearer(request.headers)?.unwrap_or_default();
    let (subject, end_ms) = request.app.tokens.check_with_end(token, request.now_ms)?;
    // Others may know the user, but have a token of somebody else.
    if *subject != Subject::User(request.user()?.name.clone()) {
        return Err(TokenError::Malformed.into());
    }
    Ok(json!({"expire_timestamp": end_ms.unwrap_or(NEVER_MS)}))
}

#[derive(Clone, Copy)]
struct Lifetime {
    /// `None` never ends.
    ttl_ms: Option<u64>,
    /// `expires_in` in the cluster's unit.
    shown: u64,
}

fn lifetime(request: &Request<'_>, ttl: Option<&Ttl>) -> Result<Lifetime, ApiError> {
    let unit = if request.settings.expires_in_millis {
        1
    } else {
        1_000
    };
    let default_ms = u64::try_from(request.settings.token_ttl.as_millis()).unwrap_or(u64::MAX);
    let shown = match ttl {
        None => default_ms / unit,
        Some(Ttl::Number(ttl)) => *ttl,
        Some(Ttl::Text(text)) => text
            .parse()
            .map_err(|_| ApiError::illegal_argument(format!("ttl [{text}] is not legal")))?,
    };
    // What `expires_in` says of a token without end is not documented; 0 echoes the request.
    Ok(Lifetime {
        ttl_ms: (shown > 0).then(|| shown.saturating_mul(unit)),
        shown,
    })
}
