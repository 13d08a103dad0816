//! The audit trail: to search, to verify, to export, and as it is stored for those who verify it themselves.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Json};
use easemob_admin_audit::{Against, Checkpoint, Entry, Filter, PublicKey};
use easemob_admin_ops::trails::export::Format;
use easemob_admin_ops::trails::verified::{Verified, VerifyProblem, VerifySummary};
use easemob_admin_ops::trails::{Trail, TrailError};
use easemob_admin_remote::api::{AuditHead, AuditHeads, AuditKey, AuditPage, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::audit_filter::query_of_entries;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::Asked;
use crate::pieces::{LINES, streamed};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

const READ: Rule = Rule::HasForApp(&[Scope::AuditRead]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(log))
        .add(READ, routes!(entry))
        .add(READ, routes!(verify))
        .add(READ, routes!(export))
        .add(READ, routes!(head))
        .add(READ, routes!(heads))
        .add(READ, routes!(key))
        .add(READ, routes!(lines))
}

/// Opens the trail of an app, in which something was recorded.
fn trail(service: &Service, app: &App) -> Result<Box<dyn Trail>, TrailError> {
    let trail = service.trails().of(&app.target.name())?;
    if trail.is_there() {
        Ok(trail)
    } else {
        Err(TrailError::Missing(trail.place()))
    }
}

/// From which end entries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// The oldest entry first.
    #[default]
    Oldest,
    /// The newest entry first.
    Newest,
}

query_of_entries! {
    /// Which entries.
    Log {
        /// Also what is neither the outcome of an act nor a decision about one: intents, the start and end of runs, keys, rules.
        #[serde(default)]
        all: bool,
        /// Without `all`: also requests for approval, and decisions about them; true if it is missing.
        decisions: Option<bool>,
        /// Which entry comes first.
        #[serde(default)]
        #[param(inline)]
        order: Order,
        /// The number of the entry after which the page begins.
        after: Option<u64>,
        /// The most entries of the page: 100 if it is missing.
        #[param(minimum = 1, maximum = 1000)]
        limit: Option<u32>,
    }
}

impl Log {
    /// The entries of a page, unless the request says.
    const USUAL: u32 = 100;
    /// The most entries of a page.
    const MOST: u32 = 1_000;

    fn most(&self) -> Result<u32, Refusal> {
        let most = self.limit.unwrap_or(Self::USUAL);
        if (1..=Self::MOST).contains(&most) {
            Ok(most)
        } else {
            Err(Refusal::of(Kind::BadRequest).detail(format!("`limit` is 1 to {}", Self::MOST)))
        }
    }

    /// Reads a page, and whether there are more entries.
    fn page(&self, trail: &dyn Trail, filter: Filter, most: u32) -> Result<(Vec<Entry>, bool), TrailError> {
        let (most, one_more) = (most as usize, u64::from(most) + 1);
        let mut items = Vec::new();
        match self.order {
            Order::Oldest => {
                let from = self.after.map_or(0, |after| after.saturating_add(1));
                let found = trail.search_between(filter, from..u64::MAX, None)?;
                for entry in found.take(most + 1) {
                    items.push(entry?);
                }
            }
            Order::Newest => {
                let before = self.after.unwrap_or(u64::MAX);
                for entry in trail.search_between(filter, 0..before, Some(one_more))? {
                    items.push(entry?);
                }
                items.reverse();
                // Another process may have added some.
                let added = items.len().saturating_sub(most + 1);
                items.drain(..added);
            }
        }
        let more = items.len() > most;
        items.truncate(most);
        Ok((items, more))
    }
}

/// Entries of the audit trail.
#[utoipa::path(get, path = "/v1/apps/{app}/audit", tag = "audit", params(("app" = String, Path), Log),
    responses((status = 200, body = AuditPage), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn log(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(log): Asked<Log>,
) -> Result<Json<AuditPage>, Refusal> {
    let most = log.most()?;
    let filter = Filter {
        decisions: log.decisions.unwrap_or(true),
        ..log.conditions().filter(!log.all)?
    };
    let page = blocking(move || {
        let trail = trail(&service, &app)?;
        let (items, more) = log.page(&*trail, filter, most)?;
        let last = items.last().filter(|_| more);
        Ok::<_, TrailError>(AuditPage {
            next: last.map(|last| last.seq.to_string()),
            first_entry: trail.first_entry()?,
            items,
        })
    });
    Ok(Json(page.await?))
}

/// One entry of the audit trail.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/entries/{entry}", tag = "audit",
    params(("app" = String, Path), ("entry" = u64, Path)),
    responses((status = 200, body = Object), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn entry(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, number)): Path<(String, String)>,
) -> Result<Json<Entry>, Refusal> {
    let missing = Refusal::of(Kind::NoSuchEntry).detail(format!("there is no entry `{number}`"));
    let Ok(number) = number.parse::<u64>() else {
        return Err(missing);
    };
    let found = blocking(move || {
        let trail = trail(&service, &app)?;
        is_there(&*trail, number)?;
        let numbers = number..number.saturating_add(1);
        let mut found = trail.search_between(Filter::default(), numbers, None)?;
        Ok::<_, Refusal>(found.next().transpose()?)
    });
    found.await?.map(Json).ok_or(missing)
}

/// Refuses to begin with an entry that was archived: what is missing must not look like nothing.
pub(super) fn is_there(trail: &dyn Trail, number: u64) -> Result<(), Refusal> {
    let first = trail.first_entry()?;
    if number >= first {
        return Ok(());
    }
    Err(Refusal::of(Kind::Archived)
        .detail(format!(
            "the trail begins with entry {first}; entry {number} is in an archive"
        ))
        .hint("read a copy of the archive with: easemob-admin audit log --dir DIR"))
}

/// What verifying the audit trail found.
#[derive(Debug, Serialize, ToSchema)]
struct Findings {
    /// The problems, the first bad entry first.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<VerifyProblem>,
    /// The figures.
    #[schema(value_type = Object)]
    summary: VerifySummary,
}

/// Verifies all entries on the machine of the service. Who does not trust it reads the lines, the heads and the key.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/verify", tag = "audit", params(("app" = String, Path)),
    responses((status = 200, body = Findings), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn verify(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<Findings>, Refusal> {
    let leave = service.alone().begin(format!("verify {}", app.name));
    let leave = leave.ok_or_else(|| {
        Refusal::of(Kind::Busy).detail("the trail is being verified for somebody else at this moment")
    })?;
    let found = blocking(move || {
        // It is given back when the work is done, even if nobody waits for it any more.
        let _leave = leave;
        let trail = trail(&service, &app)?;
        Verified::find(&*trail, &Against::default())
    });
    let found = found.await?;
    Ok(Json(Findings {
        problems: found.problems(|problem| format!("the archive was changed, or cannot be read: {problem}")),
        summary: found.summary(),
    }))
}

query_of_entries! {
    /// Which entries, and in which format.
    Export {
        /// `jsonl` (the entries themselves), `ocsf`, `ecs` or `cef`.
        #[param(value_type = String)]
        format: Format,
    }
}

/// Entries in the format of a log system, one line each, oldest first. `ocsf`, `ecs` and `cef` have one line per act.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/export", tag = "audit", params(("app" = String, Path), Export),
    responses((status = 200, body = Object, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn export(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(export): Asked<Export>,
) -> Result<Response, Refusal> {
    let format = export.format;
    let filter = export.conditions().filter(format.is_of_acts_only())?;
    let mut found = blocking(move || trail(&service, &app)?.search(filter, None)).await?;
    let lines = std::iter::from_fn(move || {
        let entry = found.next()?;
        Some(entry.and_then(|entry| {
            let mut line = Vec::new();
            let written = format.write(&mut line, &entry, &found.id_of(&entry));
            // Writing to memory does not fail, and the end of the line is added to all lines.
            line.pop();
            written.map(|()| line).map_err(|error| {
                TrailError::Audit(easemob_admin_audit::AuditError::Json(serde_json::Error::io(
                    error,
                )))
            })
        }))
    });
    let form = if format == Format::Cef {
        "text/plain; charset=utf-8"
    } else {
        LINES
    };
    Ok(streamed(form, lines))
}

/// Which key.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichKey {
    /// The id of a key; the one of the process that answers, or the one that signed last, if it is missing.
    key: Option<String>,
}

impl WhichKey {
    /// Returns the key, and all keys.
    fn of(&self, trail: &dyn Trail) -> Result<(PublicKey, Vec<PublicKey>), Refusal> {
        let keys = trail.keys()?;
        let wanted = |key: &&PublicKey| self.key.as_ref().is_none_or(|id| *id == key.id());
        let key = keys.iter().find(wanted).cloned();
        let key = key.ok_or_else(|| Refusal::of(Kind::NoSuchKey).detail("no such key signs this trail"))?;
        Ok((key, keys))
    }
}

fn shown(key: &PublicKey) -> AuditKey {
    AuditKey {
        id: key.id(),
        pem: key.pem(),
    }
}

/// The public key that checks signed heads.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/key", tag = "audit", params(("app" = String, Path), WhichKey),
    responses((status = 200, body = AuditKey), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn key(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(which): Asked<WhichKey>,
) -> Result<Json<AuditKey>, Refusal> {
    let key = blocking(move || Ok::<_, Refusal>(which.of(&*trail(&service, &app)?)?.0));
    Ok(Json(shown(&key.await?)))
}

/// The heads that one key signed, to verify lines with.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/heads", tag = "audit", params(("app" = String, Path), WhichKey),
    responses((status = 200, body = AuditHeads), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn heads(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(which): Asked<WhichKey>,
) -> Result<Json<AuditHeads>, Refusal> {
    let heads = blocking(move || {
        let trail = trail(&service, &app)?;
        let (key, keys) = which.of(&*trail)?;
        let heads = trail.heads(&key)?;
        Ok::<_, Refusal>(AuditHeads {
            key: shown(&key),
            heads: String::from_utf8_lossy(&heads)
                .lines()
                .map(str::to_owned)
                .collect(),
            keys: keys.iter().map(PublicKey::id).collect(),
        })
    });
    Ok(Json(heads.await?))
}

/// The last signed head: what to store where nobody who can change the trail can change it.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/head", tag = "audit", params(("app" = String, Path), WhichKey),
    responses((status = 200, body = AuditHead), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn head(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(which): Asked<WhichKey>,
) -> Result<Json<AuditHead>, Refusal> {
    let head = blocking(move || {
        let trail = trail(&service, &app)?;
        let (key, _) = which.of(&*trail)?;
        let heads = trail.heads(&key)?;
        let heads = String::from_utf8_lossy(&heads);
        let last = heads.lines().next_back();
        let last = last.ok_or_else(|| {
            Refusal::of(Kind::NothingKept)
                .detail("no head is signed yet")
                .hint("a head is signed when a run ends")
        })?;
        let checkpoint = Checkpoint::verified(last, &key).map_err(|why| {
            Refusal::of(Kind::Broken)
                .detail(format!("the last head is not valid: {why}"))
                .hint("find out what happened with: easemob-admin audit verify")
        })?;
        Ok::<_, Refusal>(AuditHead {
            head_note: checkpoint.note(),
            origin: checkpoint.origin,
            size: checkpoint.size,
            root: checkpoint.root,
            time: checkpoint.time.to_string(),
            key: key.id(),
            head: last.to_owned(),
        })
    });
    Ok(Json(head.await?))
}

/// From which entry on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FromEntry {
    /// The number of the first entry: the first one that is there, if it is missing.
    from: Option<u64>,
}

/// The lines of the trail exactly as they are stored, for whoever verifies them: headers of segments and entries. They begin with
/// the entry, or with the header of its segment if it is the first one there.
#[utoipa::path(get, path = "/v1/apps/{app}/audit/lines", tag = "audit", params(("app" = String, Path), FromEntry),
    responses((status = 200, body = Object, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn lines(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(FromEntry { from }): Asked<FromEntry>,
) -> Result<Response, Refusal> {
    let lines = blocking(move || {
        let trail = trail(&service, &app)?;
        let from = match from {
            Some(from) => {
                is_there(&*trail, from)?;
                from
            }
            None => trail.first_entry()?,
        };
        Ok::<_, Refusal>(trail.lines(from)?)
    });
    Ok(streamed(LINES, lines.await?))
}
