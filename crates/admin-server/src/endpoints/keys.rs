//! Keys: only administrators make and revoke them, and the audit trail of each app that a key is for says so.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use easemob_admin_remote::api::{Key, NewKey, NewKeySecret, Page, Problem, Scope};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::PageOf;
use crate::access::{self, Caller};
use crate::blocking::blocking;
use crate::extract::{Asked, Sent};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

const ADMIN: Rule = Rule::Has(&[Scope::Admin]);

/// The longest that an old key can be used beside the one that replaces it.
const LONGEST_OVERLAP: i64 = 30 * 24 * 60 * 60;

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(ADMIN, routes!(list, make))
        .add(ADMIN, routes!(revoke))
        .add(ADMIN, routes!(rotate))
        .add(Rule::Anybody, routes!(first))
}

/// The keys, without their secrets.
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    params(("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Page<Key>), (status = "4XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<Key>>, Refusal> {
    let most = page.most()?;
    let items = blocking(move || access::page(&service, page.after.as_deref(), most)).await?;
    let next = (items.len() == most as usize).then(|| items.last().map(|key| key.id.clone()));
    Ok(Json(Page {
        items,
        next: next.flatten(),
    }))
}

/// Makes a key. Its secret is in the answer, and cannot be read again.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = NewKey,
    responses((status = 201, body = NewKeySecret), (status = "4XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Sent(new): Sent<NewKey>,
) -> Result<(StatusCode, Json<NewKeySecret>), Refusal> {
    may_grant(&caller, &new)?;
    let made = blocking(move || {
        let made = access::make(&service, new, &caller.owner)?;
        recorded(&service, &caller, "key.made", &made.key)?;
        Ok::<_, Refusal>(made)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// Revokes a key at once.
#[utoipa::path(delete, path = "/v1/keys/{key}", tag = "keys", params(("key" = String, Path)),
    responses((status = 200, body = Key), (status = "4XX", body = Problem)))]
async fn revoke(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Key>, Refusal> {
    let revoked = blocking(move || {
        let key = access::revoke(&service, &id)?;
        recorded(&service, &caller, "key.revoked", &key)?;
        Ok::<_, Refusal>(key)
    });
    Ok(Json(revoked.await?))
}

/// How a key is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// How long the old key can still be used, in seconds: 0 to 2,592,000 (30 days).
    #[serde(default)]
    overlap_seconds: i64,
}

/// Makes a key like this one, which ends then.
#[utoipa::path(post, path = "/v1/keys/{key}/rotate", tag = "keys", params(("key" = String, Path)), request_body = Rotation,
    responses((status = 201, body = NewKeySecret), (status = "4XX", body = Problem)))]
async fn rotate(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Sent(rotation): Sent<Rotation>,
) -> Result<(StatusCode, Json<NewKeySecret>), Refusal> {
    if !(0..=LONGEST_OVERLAP).contains(&rotation.overlap_seconds) {
        let most = format!("`overlap_seconds` is 0 to {LONGEST_OVERLAP}");
        return Err(Refusal::of(Kind::BadRequest).detail(most));
    }
    let made = blocking(move || {
        let old_ends = service.now() + SignedDuration::from_secs(rotation.overlap_seconds);
        let made = access::rotate(&service, &id, old_ends, &caller.owner)?;
        recorded(&service, &caller, "key.rotated", &made.key)?;
        Ok::<_, Refusal>(made)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// The code of the first start, and whose key it makes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FirstKey {
    /// The code that `easemob-admin serve` shows while there is no key.
    code: String,
    /// The name of the administrator.
    owner: String,
}

/// Makes the key of the first administrator.
#[utoipa::path(post, path = "/v1/keys/first", tag = "keys", request_body = FirstKey,
    responses((status = 201, body = NewKeySecret), (status = "4XX", body = Problem)))]
async fn first(
    State(service): State<Service>,
    Sent(FirstKey { code, owner }): Sent<FirstKey>,
) -> Result<(StatusCode, Json<NewKeySecret>), Refusal> {
    let made = blocking(move || {
        let made = access::claim(&service, &code, &owner)?;
        let caller = Caller::from(made.key.clone());
        recorded(&service, &caller, "key.made", &made.key)?;
        Ok::<_, Refusal>(made)
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// An administrator can make keys for the apps of his own key only.
fn may_grant(caller: &Caller, new: &NewKey) -> Result<(), Refusal> {
    match new.apps.iter().find(|app| !caller.may(Scope::Admin, app)) {
        None => Ok(()),
        Some(app) => {
            Err(Refusal::of(Kind::OtherApp).detail(format!("you do not administer the app `{app}`")))
        }
    }
}

/// Enters what was done with a key in the trails of its apps.
fn recorded(service: &Service, caller: &Caller, kind: &str, key: &Key) -> Result<(), Refusal> {
    let owner = Caller::from(key.clone());
    for app in service.apps().iter().filter(|app| owner.is_for(&app.name)) {
        let details = [
            ("key", json!(key.id)),
            ("owner", json!(key.owner)),
            ("scopes", json!(key.scopes)),
            ("apps", json!(key.apps)),
            ("groups", json!(key.groups)),
            ("expires", json!(key.expires)),
        ];
        super::recorded(service, app, caller, kind, details)?;
    }
    Ok(())
}
