//! The policy of an app with its earlier versions. Nothing is enforced by keeping one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_remote::api::{NewPolicyVersion, Page, PolicyText, PolicyVersion, Problem, Scope};
use serde_json::json;
use utoipa_axum::routes;

use super::PageOf;
use super::policies::policy;
use crate::access::Caller;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{Asked, Sent};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::schedules::shared_now;
use crate::service::Service;

const READ: Rule = Rule::HasForApp(&[Scope::DevicesRead, Scope::LimitsWrite]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(READ, routes!(show))
        .add(Rule::HasForApp(&[Scope::LimitsWrite]), routes!(keep))
}

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "policy")
}

/// Returns the id of the document: those of an app are next to each other, and the newest is the first. Names of apps have no such
/// sign.
fn key(app: &str, version: u64) -> String {
    format!("{app}/{:020}", u64::MAX - version)
}

/// Reads the versions of an app before one, newest first.
fn before(service: &Service, app: &str, version: u64, most: u32) -> Result<Vec<PolicyText>, Refusal> {
    let found = kept(service).page::<PolicyText>(Some(&key(app, version)), most)?;
    let of_app = format!("{app}/");
    let here = found.into_iter().take_while(|(id, _)| id.starts_with(&of_app));
    Ok(here.map(|(_, version)| version).collect())
}

/// Every version has a smaller number.
const ANY: u64 = u64::MAX;

/// The versions of the policy of the app, newest first, without their texts.
#[utoipa::path(get, path = "/v1/apps/{app}/limits/policies", tag = "limits",
    params(("app" = String, Path), ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Page<PolicyVersion>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<PolicyVersion>>, Refusal> {
    let most = page.most()?;
    let from = match &page.after {
        None => ANY,
        Some(after) => after
            .parse()
            .map_err(|_| Refusal::of(Kind::BadRequest).detail("`after` is not the `next` of such a page"))?,
    };
    let found = blocking(move || before(&service, &app.name, from, most + 1)).await?;
    let has_more = found.len() > most as usize;
    let items: Vec<_> = found
        .into_iter()
        .take(most as usize)
        .map(|text| text.version)
        .collect();
    let next = items.last().filter(|_| has_more);
    Ok(Json(Page {
        next: next.map(|last| last.version.to_string()),
        items,
    }))
}

/// A version of the policy of the app; `latest` is the newest one.
#[utoipa::path(get, path = "/v1/apps/{app}/limits/policies/{version}", tag = "limits",
    params(("app" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = PolicyText), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, wanted)): Path<(String, String)>,
) -> Result<Json<PolicyText>, Refusal> {
    let no_such = Refusal::of(Kind::NoSuchPolicy).detail(format!(
        "the app has no version `{}` of its policy",
        wanted.escape_debug()
    ));
    let found = blocking(move || {
        if wanted == "latest" {
            return Ok(before(&service, &app.name, ANY, 1)?.pop());
        }
        let Ok(version) = wanted.parse() else {
            return Ok(None);
        };
        let found = kept(&service).get::<PolicyText>(&key(&app.name, version))?;
        Ok::<_, Refusal>(found.map(|(version, _)| version))
    });
    Ok(Json(found.await?.ok_or(no_such)?))
}

/// Keeps a new version of the policy of the app, if nobody has kept another one since the writer read the newest. The text of the
/// newest version sent again is that version.
#[utoipa::path(post, path = "/v1/apps/{app}/limits/policies", tag = "limits", params(("app" = String, Path)),
    request_body = NewPolicyVersion,
    responses((status = 201, body = PolicyVersion), (status = 200, body = PolicyVersion, description = "It is the newest version already"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn keep(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    Sent(new): Sent<NewPolicyVersion>,
) -> Result<(StatusCode, Json<PolicyVersion>), Refusal> {
    let is_reasoned = new
        .reason
        .as_ref()
        .is_some_and(|reason| !reason.trim().is_empty());
    if !is_reasoned && !app.target.sandbox {
        return Err(Refusal::of(Kind::NoReason)
            .detail("a reason is required to keep a policy")
            .hint("add `reason`, and `ticket` if there is one"));
    }
    let sha256 = policy(&new.policy, "policy")?.sha256;
    let made = blocking(move || {
        let newest = before(&service, &app.name, ANY, 1)?
            .pop()
            .map(|newest| newest.version);
        if let Some(newest) = &newest
            && newest.policy_sha256 == sha256
        {
            return Ok((StatusCode::OK, newest.clone()));
        }
        let last = newest.as_ref().map(|newest| newest.version);
        let newer = || {
            Refusal::of(Kind::NewerVersion)
                .detail("nothing was kept")
                .hint("read the newest version, and change that one")
        };
        if new.after != last {
            return Err(newer());
        }
        let version = PolicyVersion {
            version: last.unwrap_or_default() + 1,
            policy_sha256: sha256,
            by: caller.owner.clone(),
            at: shared_now(&service)?,
            reason: new.reason,
            ticket: new.ticket,
        };
        let text = PolicyText {
            version: version.clone(),
            policy: new.policy,
        };
        if kept(&service).put(&key(&app.name, version.version), &text, None)? == Put::Changed {
            return Err(newer());
        }
        let details = [
            ("version", json!(version.version)),
            ("policy_sha256", json!(version.policy_sha256)),
            ("reason", json!(version.reason)),
            ("ticket", json!(version.ticket)),
        ];
        super::recorded(&service, &app, &caller, "policy.kept", details)?;
        Ok((StatusCode::CREATED, version))
    });
    let (status, version) = made.await?;
    Ok((status, Json(version)))
}
