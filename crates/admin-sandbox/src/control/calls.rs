use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Refusal;
use crate::error::SandboxError;
use crate::rules::clock::LATEST_MS;
use crate::rules::sign_in::{SignInError, SignInPolicy, SignInRequest};
use crate::seed::Seed;
use crate::server::faults::Fault;
use crate::server::jwt::JwtKey;
use crate::service::{Service, lock};

fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad(&error))
}

pub(super) fn health(service: &Service) -> Value {
    let users = service.read(|app| app.users.len());
    let mut health = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "users": users});
    if let Some(reason) = service.unsaved() {
        health["status"] = json!("state not saved");
        health["reason"] = json!(reason);
    }
    health
}

pub(super) fn clock(service: &Service) -> Value {
    json!({"now_ms": service.clock.now_ms(), "manual": service.clock.is_manual()})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(default)]
    seconds: u64,
    #[serde(default)]
    millis: u64,
}

pub(super) fn advance(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let by: Advance = form(body)?;
    let millis = by.seconds.saturating_mul(1_000).saturating_add(by.millis);
    if millis > LATEST_MS {
        return Err(Refusal::bad("the clock cannot be moved so far"));
    }
    service.advance(Duration::from_millis(millis));
    Ok(clock(service))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    user: String,
    platform: Option<String>,
    password: Option<String>,
    device_name: Option<String>,
    device_uuid: Option<String>,
    resource: Option<String>,
    ext: Option<String>,
}

pub(super) fn sign_in(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let form: SignInForm = form(body)?;
    let request = match (form.resource, &form.platform) {
        (Some(resource), _) => SignInRequest::with_resource(&resource),
        (None, Some(platform)) => SignInRequest::on(platform),
        (None, None) => return Err(Refusal::bad("platform or resource is required")),
    };
    let request = SignInRequest {
        password: form.password,
        device_name: form.device_name,
        device_uuid: form.device_uuid,
        ext: form.ext,
        ..request
    };
    let result = service.change(|app, now_ms| app.sign_in(&form.user, request, now_ms));
    let signed_in = result.map_err(|error| Refusal::new(status_of(&error), &error))?;
    Ok(json!({"login_id": signed_in.login_id, "res": signed_in.resource, "evicted": signed_in.evicted}))
}

fn status_of(error: &SignInError) -> StatusCode {
    match error {
        SignInError::UnknownUser(_) => StatusCode::NOT_FOUND,
        SignInError::Banned(_) | SignInError::WrongPassword(_) => StatusCode::FORBIDDEN,
        SignInError::TooManyDevices(_) | SignInError::OtherDevice(_) => StatusCode::CONFLICT,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOutForm {
    user: String,
    resource: String,
}

pub(super) fn sign_out(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let form: SignOutForm = form(body)?;
    let signed_out = service.change(|app, _| app.sign_out_by_user(&form.user, &form.resource).is_some());
    Ok(json!({"signed_out": signed_out}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyForm {
    policy: SignInPolicy,
}

pub(super) fn set_policy(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let form: PolicyForm = form(body)?;
    service.change(|app, _| app.policy = form.policy);
    Ok(json!({"policy": form.policy}))
}

pub(super) fn faults(service: &Service) -> Value {
    json!({"faults": lock(&service.faults).all()})
}

pub(super) fn add_fault(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let fault: Fault = form(body)?;
    lock(&service.faults).add(fault);
    Ok(faults(service))
}

pub(super) fn clear_faults(service: &Service) -> Value {
    lock(&service.faults).clear();
    faults(service)
}

pub(super) fn recorded(service: &Service) -> Value {
    json!({"calls": lock(&service.calls).recent()})
}

pub(super) fn counted(service: &Service) -> Value {
    json!({"calls": lock(&service.calls).counted()})
}

pub(super) fn clear_recorded(service: &Service) -> Value {
    lock(&service.calls).clear();
    recorded(service)
}

pub(super) fn trust_jwt_key(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let key: JwtKey = form(body)?;
    lock(&service.jwt_keys).trust(&key).map_err(|error| match error {
        SandboxError::JwtKey(why) => {
            Refusal::bad(&format!("the key cannot be used with its algorithm: {why}"))
        }
        other => Refusal::bad(&other),
    })?;
    Ok(json!({"trusted": true}))
}

pub(super) fn seed(service: &Service, body: &[u8]) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| Refusal::bad(&error))?;
    // A word for the demo data, so that nobody has to send it.
    let seed = if text.trim() == "\"demo\"" {
        Seed::demo()
    } else {
        // The error's source says where the text is wrong, which is what the sender wants to know.
        serde_json::from_str::<Seed>(text).map_err(|error| Refusal::bad(&error))?
    };
    seed.check().map_err(|error| Refusal::bad(&error))?;
    service
        .change(|app, now_ms| app.import(seed, now_ms))
        .map_err(|error| Refusal::bad(&error))?;
    Ok(health(service))
}

pub(super) fn reset(service: &Service) -> Value {
    service.reset();
    health(service)
}
