//! `POST /token`, as the vendor's programs sign in: client id and secret are those of a key of the service, and what they get
//! is a token of the service, never one of the app.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::envelope::{envelope, vendor_answer};
use super::passed::given;
use crate::access::{self, Caller};
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{json as read_json, whole_up_to};
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// The largest request.
const LARGEST: usize = 4 * 1024;

/// What the vendor's programs send. It has a secret, so it is never shown.
#[derive(Deserialize)]
struct Wanted {
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    /// In seconds; a number, or a number as text, as the vendor's own examples have it.
    #[serde(default)]
    ttl: serde_json::Value,
}

impl Wanted {
    /// Returns how long the token is wanted for, in seconds; nothing for as long as it can be.
    fn seconds(&self) -> Result<Option<u64>, Refusal> {
        let number = match &self.ttl {
            serde_json::Value::Null => return Ok(None),
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        let seconds =
            number.ok_or_else(|| Refusal::of(Kind::BadRequest).detail("`ttl` is a number of seconds"))?;
        Ok(Some(seconds).filter(|seconds| *seconds > 0))
    }
}

/// Answers a token.
pub(crate) async fn issue(
    State(service): State<Service>,
    Path(path): Path<(String, String)>,
    request: Request,
) -> Response {
    if request.method() != Method::POST {
        return vendor_answer(&Refusal::of(Kind::WrongMethod));
    }
    match issued(service, path, request).await {
        Ok(answer) => answer,
        Err(refusal) if refusal.kind() == Kind::NotSignedIn => {
            envelope(400, "invalid_grant", &refusal.problem().to_string())
        }
        Err(refusal) => vendor_answer(&refusal),
    }
}

async fn issued(service: Service, path: (String, String), request: Request) -> Result<Response, Refusal> {
    let bytes = whole_up_to(request.into_body(), LARGEST).await?;
    let wanted: Wanted = read_json(&bytes)?;
    if wanted.grant_type != "client_credentials" {
        let what = "the service gives tokens for its own keys only, with `grant_type` `client_credentials`";
        return Ok(envelope(400, "invalid_grant", what));
    }
    let seconds = wanted.seconds()?;
    let answer = blocking(move || {
        let caller = access::of_secret(&service, &wanted.client_id, &wanted.client_secret)?;
        service.key_rates().count(&caller.key)?;
        let app = app_of(&service, &caller, &path)?;
        let (token, lives) = access::issue(&service, &caller.key, &app.name, seconds)?;
        let body = json!({"access_token": token, "expires_in": lives.as_secs()});
        Ok::<_, Refusal>(given(body.to_string().into_bytes()))
    });
    answer.await
}

/// Returns the app of a path, for which the caller may do something.
pub(crate) fn app_of(
    service: &Service,
    caller: &Caller,
    path: &(String, String),
) -> Result<Arc<App>, Refusal> {
    let (first, second) = path;
    let named = format!("{first}/{second}");
    let mut apps = service
        .apps()
        .iter()
        .filter(|app| caller.is_for(&app.name) && app.has_path([first, second]));
    let app = apps.next().cloned().ok_or_else(|| {
        Refusal::of(Kind::NoSuchApp).detail(format!("the key {} is for no app {named}", caller.key))
    })?;
    if let Some(other) = apps.next() {
        return Err(Refusal::of(Kind::NoSuchApp).detail(format!(
            "the key {} is for several apps {named}: {} and {}",
            caller.key, app.name, other.name
        )));
    }
    Ok(app)
}
