//! Drafts: forms that somebody has not finished, for a day, so that a page can be loaded again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use easemob_admin_ops::documents::{DocumentStore, Kept, Put};
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Draft, NewDraft, Problem, Scope};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{json, media_type, whole_up_to, wrong_type};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::schedules::shared_now;
use crate::service::Service;

/// How long a draft is kept.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// The largest draft, in bytes: a list of some hundred thousand users.
const LARGEST: usize = 16 * 1024 * 1024;

/// Whoever may act on many users has such forms.
const RULE: Rule = Rule::HasForApp(&[
    Scope::SessionsPlan,
    Scope::SessionsApply,
    Scope::UsersWrite,
    Scope::LimitsWrite,
]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(RULE, routes!(make))
        .add(RULE, routes!(show))
        .add(RULE, routes!(change))
}

/// A draft as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptDraft {
    owner: String,
    at: Timestamp,
    until: Timestamp,
    content: Value,
}

/// The id of a new draft.
#[derive(Debug, Serialize, ToSchema)]
struct DraftId {
    /// The id.
    id: String,
}

fn kept(service: &Service) -> Kept<'_> {
    of(service.documents())
}

fn of(documents: &dyn DocumentStore) -> Kept<'_> {
    Kept::of(documents, "draft")
}

/// Returns the id of the document. Those that end first come first.
fn key(app: &str, id: &str) -> String {
    format!("{id}/{app}")
}

async fn content(headers: &HeaderMap, body: Body) -> Result<Value, Refusal> {
    if media_type(headers) != Some("application/json") {
        return Err(wrong_type("application/json"));
    }
    let new: NewDraft = json(&whole_up_to(body, LARGEST).await?)?;
    Ok(new.content)
}

impl KeptDraft {
    /// Returns true if somebody may read it.
    fn is_for(&self, owner: &str, now: Timestamp) -> bool {
        self.owner == owner && self.until > now
    }
}

/// Removes drafts that have ended.
fn forget(kept: &Kept<'_>, now: Timestamp) -> Result<(), StoreError> {
    while let Some((id, _)) = kept.page::<KeptDraft>(None, 1)?.pop() {
        let Some((draft, revision)) = kept.get::<KeptDraft>(&id)? else {
            continue;
        };
        // If it was changed meanwhile, somebody else sees to it.
        if draft.until > now || kept.remove(&id, revision)? == Put::Changed {
            return Ok(());
        }
    }
    Ok(())
}

/// Keeps a form that somebody has not finished, for a day. Only who keeps it can read it.
#[utoipa::path(post, path = "/v1/apps/{app}/drafts", tag = "runs", params(("app" = String, Path)), request_body = NewDraft,
    responses((status = 201, body = DraftId), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<DraftId>), Refusal> {
    let content = content(&headers, body).await?;
    let made = blocking(move || {
        let now = shared_now(&service)?;
        forget(&kept(&service), now)?;
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let id = RunId::new(now, u32::from_ne_bytes(random)).to_string();
        let draft = KeptDraft {
            owner: caller.owner,
            at: now,
            until: now + LIFE,
            content,
        };
        match kept(&service).put(&key(&app.name, &id), &draft, None)? {
            Put::Done(_) => Ok(id),
            Put::Changed => {
                Err(Refusal::of(Kind::Busy).detail("somebody else took the id at the same moment"))
            }
        }
    });
    Ok((StatusCode::CREATED, Json(DraftId { id: made.await? })))
}

/// Reads a draft of the caller that has not ended. To others, it does not exist.
fn find(service: &Service, app: &App, caller: &Caller, id: &str) -> Result<(KeptDraft, u64), Refusal> {
    let now = shared_now(service)?;
    kept(service)
        .get::<KeptDraft>(&key(&app.name, id))?
        .filter(|(draft, _)| draft.is_for(&caller.owner, now))
        .ok_or_else(|| Refusal::of(Kind::NoSuchDraft).hint("fill the form in again"))
}

/// A draft of the caller.
#[utoipa::path(get, path = "/v1/apps/{app}/drafts/{draft}", tag = "runs",
    params(("app" = String, Path), ("draft" = String, Path)),
    responses((status = 200, body = Draft), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Draft>, Refusal> {
    let (draft, _) = blocking(move || find(&service, &app, &caller, &id)).await?;
    Ok(Json(Draft {
        at: draft.at,
        until: draft.until,
        content: draft.content,
    }))
}

/// Changes a draft of the caller. It ends when it would have ended before.
#[utoipa::path(put, path = "/v1/apps/{app}/drafts/{draft}", tag = "runs",
    params(("app" = String, Path), ("draft" = String, Path)), request_body = NewDraft,
    responses((status = 200, body = Draft), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn change(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Draft>, Refusal> {
    let content = content(&headers, body).await?;
    let changed = blocking(move || {
        let (before, revision) = find(&service, &app, &caller, &id)?;
        let draft = KeptDraft {
            at: shared_now(&service)?,
            content,
            ..before
        };
        match kept(&service).put(&key(&app.name, &id), &draft, Some(revision))? {
            Put::Done(_) => Ok(draft),
            Put::Changed => Err(Refusal::of(Kind::Busy).detail("it was changed at the same moment")),
        }
    });
    let draft = changed.await?;
    Ok(Json(Draft {
        at: draft.at,
        until: draft.until,
        content: draft.content,
    }))
}

#[cfg(test)]
mod tests {
    use easemob_admin_ops::documents::memory::MemoryDocuments;

    use super::*;

    #[test]
    fn a_draft_ends_a_day_after_it_was_begun() {
        let documents = MemoryDocuments::default();
        let begun = Timestamp::from_second(1_795_827_696).unwrap();
        for (at, owner) in [(begun, "ann"), (begun + SignedDuration::from_hours(2), "bob")] {
            let draft = KeptDraft {
                owner: owner.into(),
                at,
                until: at + LIFE,
                content: Value::Null,
            };
            let id = key("chat", RunId::new(at, 0).as_str());
            assert_eq!(of(&documents).put(&id, &draft, None).unwrap(), Put::Done(1));
        }
        let left = |now: Timestamp| {
            forget(&of(&documents), now).unwrap();
            let all = of(&documents).all::<KeptDraft>().unwrap().into_iter();
            all.map(|(_, draft)| draft.owner).collect::<String>()
        };
        let later = |hours| begun + SignedDuration::from_hours(hours);
        let (_, draft) = of(&documents).page::<KeptDraft>(None, 1).unwrap().remove(0);
        assert!(draft.is_for("ann", later(23)) && !draft.is_for("bob", later(23)));
        assert!(
            !draft.is_for("ann", later(24)),
            "it has ended, whether it was removed or not"
        );
        assert_eq!(left(later(23)), "annbob");
        assert_eq!(left(later(24)), "bob");
        assert_eq!(left(later(26)), "");
    }
}
