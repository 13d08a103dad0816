//! Requests for approval, the decisions about them, and the rules that ask for them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::operations::Options;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_remote::api::{
    Approval, ApprovalRules, ApprovalState, ApprovalView, Decision, Page, Problem, Reasoned, Scope,
};
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::routes;

use super::new_run::scopes_of;
use super::runs;
use crate::access::{Caller, holder, is_id};
use crate::approvals::gate::{approvals, enter, rules};
use crate::approvals::rules::check;
use crate::approvals::standing::{self, WhyNot, state};
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{Asked, Sent};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// The most requests of a page.
const MOST: usize = 1_000;

const READ: Rule = Rule::HasForApp(&[
    Scope::SessionsPlan,
    Scope::SessionsApply,
    Scope::SessionsApprove,
    Scope::LimitsWrite,
    Scope::UsersWrite,
    Scope::AuditRead,
    Scope::Admin,
]);
const DECIDE: Rule = Rule::HasForApp(&[Scope::SessionsApprove]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(READ, routes!(show))
        .add(DECIDE, routes!(approve))
        .add(DECIDE, routes!(refuse))
        .add(READ, routes!(read_rules))
        .add(Rule::HasForApp(&[Scope::Admin]), routes!(write_rules))
}

fn view(service: &Service, approval: Approval) -> ApprovalView {
    ApprovalView {
        state: state(&approval, service.now()),
        approval,
    }
}

fn no_such(run: &str) -> Refusal {
    Refusal::of(Kind::NoSuchApproval)
        .detail(format!("nobody asked for the approval of run {run}"))
        .hint("list the requests: GET /v1/apps/APP/approvals")
}

/// Which requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    state: Option<ApprovalState>,
    after: Option<String>,
    limit: Option<usize>,
}

/// The requests for approval, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/approvals", tag = "approvals",
    params(("app" = String, Path), ("state" = Option<ApprovalState>, Query), ("after" = Option<String>, Query),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Page<ApprovalView>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Page<ApprovalView>>, Refusal> {
    let most = wanted.limit.unwrap_or(100);
    if !(1..=MOST).contains(&most) {
        return Err(Refusal::of(Kind::BadRequest).detail(format!("`limit` is 1 to {MOST}")));
    }
    let page = blocking(move || {
        let all = approvals(&service).all::<Approval>()?;
        let fits = |view: &ApprovalView| {
            view.approval.app == app.name
                && wanted.state.is_none_or(|state| view.state == state)
                && wanted
                    .after
                    .as_ref()
                    .is_none_or(|after| view.approval.run < *after)
        };
        let views = all
            .into_iter()
            .rev()
            .map(|(_, approval)| view(&service, approval));
        let mut rest = views.filter(fits).peekable();
        let items: Vec<ApprovalView> = rest.by_ref().take(most).collect();
        let last = items.last().map(|view| view.approval.run.clone());
        Ok::<_, Refusal>(Page {
            next: last.filter(|_| rest.peek().is_some()),
            items,
        })
    });
    Ok(Json(page.await?))
}

fn read(service: &Service, app: &App, run: &str) -> Result<(Approval, u64), Refusal> {
    let found = approvals(service).get::<Approval>(run)?;
    found
        .filter(|(approval, _)| approval.app == app.name)
        .ok_or_else(|| no_such(run))
}

/// One request, with the order as it was seen and every decision.
#[utoipa::path(get, path = "/v1/apps/{app}/approvals/{run}", tag = "approvals",
    params(("app" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = ApprovalView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
) -> Result<Json<ApprovalView>, Refusal> {
    let found = blocking(move || read(&service, &app, &run).map(|(approval, _)| view(&service, approval)));
    Ok(Json(found.await?))
}

/// Agrees to a request. Whoever asked cannot, and each person decides once.
#[utoipa::path(post, path = "/v1/apps/{app}/approvals/{run}/approve", tag = "approvals",
    params(("app" = String, Path), ("run" = String, Path)), request_body = Reasoned,
    responses((status = 200, body = ApprovalView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn approve(
    state: State<Service>,
    app: Extension<Arc<App>>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    Sent(reasoned): Sent<Reasoned>,
) -> Result<Json<ApprovalView>, Refusal> {
    decide(state, app, caller, path, reasoned, true).await
}

/// Refuses a request, for good.
#[utoipa::path(post, path = "/v1/apps/{app}/approvals/{run}/refuse", tag = "approvals",
    params(("app" = String, Path), ("run" = String, Path)), request_body = Reasoned,
    responses((status = 200, body = ApprovalView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn refuse(
    state: State<Service>,
    app: Extension<Arc<App>>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    Sent(reasoned): Sent<Reasoned>,
) -> Result<Json<ApprovalView>, Refusal> {
    decide(state, app, caller, path, reasoned, false).await
}

async fn decide(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, run)): Path<(String, String)>,
    Reasoned { reason }: Reasoned,
    approves: bool,
) -> Result<Json<ApprovalView>, Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::of(Kind::NoReason).detail("whoever decides says why"));
    }
    let (this, at) = (service.clone(), Arc::clone(&app));
    let (decided, starts_itself) = blocking(move || {
        let decided = record(&this, &at, &caller, &run, (approves, reason))?;
        let starts_itself = decided.approval.starts_itself && may_still(&this, &at, &decided.approval)?;
        Ok::<_, Refusal>((decided, starts_itself))
    })
    .await?;
    if decided.state == ApprovalState::Approved && starts_itself {
        let by = Operator {
            subject: Some(decided.approval.asked_by.clone()),
            ..service.account().clone()
        };
        // It is approved whatever becomes of the start; whoever asked can start it as well.
        if let Err(refusal) = start(&service, &app, &decided.approval.run, by).await {
            tracing::warn!(
                run = decided.approval.run,
                why = refusal.problem().to_string(),
                "an approved run did not begin"
            );
        }
    }
    Ok(Json(decided))
}

/// Returns true unless whoever asked has lost the key since, or its rights. Others can begin the run then.
fn may_still(service: &Service, app: &App, approval: &Approval) -> Result<bool, Refusal> {
    let Some(key) = &approval.asked_with else {
        return Ok(true);
    };
    // What somebody without a key may do is known only when they come.
    if !is_id(key) {
        return Ok(true);
    }
    let holder = holder(service, key)?;
    let scopes = scopes_of(&approval.order.action).iter();
    Ok(holder.is_some_and(|holder| scopes.clone().any(|scope| holder.may(*scope, &app.name))))
}

async fn start(service: &Service, app: &App, run: &str, by: Operator) -> Result<(), Refusal> {
    let id = RunId::parse(run).ok_or_else(|| no_such(run))?;
    let this = service.clone();
    let open = blocking(move || this.stores().runs().open(&id)).await?;
    runs::begin(service, app, by, open, Options::default())
        .await
        .map(drop)
}

/// Records a decision: first in the trail, then where it counts. A process that dies in between leaves an entry without an
/// effect, and the same person can decide again; no approval ever counts without an entry.
fn record(
    service: &Service,
    app: &App,
    caller: &Caller,
    run: &str,
    (approves, reason): (bool, String),
) -> Result<ApprovalView, Refusal> {
    let id = RunId::parse(run).ok_or_else(|| no_such(run))?;
    let header = service.stores().runs().see(&id)?.header;
    let kind = if approves {
        "approval.approved"
    } else {
        "approval.refused"
    };
    let mut is_on_record = false;
    loop {
        let (approval, revision) = read(service, app, run)?;
        let decision = Decision {
            by: caller.owner.clone(),
            groups: caller.groups.clone(),
            at: service.now(),
            approves,
            reason: reason.clone(),
        };
        let decided = standing::decide(approval, decision).map_err(|why| cannot(run, why))?;
        if !is_on_record {
            let details = [
                ("why", json!(reason)),
                ("asked_by", json!(decided.asked_by)),
                ("groups", json!(caller.groups)),
            ];
            enter(service, app, &caller.operator(service), &header, kind, details)?;
            is_on_record = true;
        }
        // If somebody else decided meanwhile, it is decided anew whether this one still can.
        if approvals(service).put(run, &decided, Some(revision))? != Put::Changed {
            return Ok(view(service, decided));
        }
    }
}

fn cannot(run: &str, why: WhyNot) -> Refusal {
    let refused = |detail: String| Refusal::of(Kind::CannotDecide).detail(detail);
    match why {
        WhyNot::AskedHimself => {
            refused(format!("you asked for run {run} yourself")).hint("somebody else has to decide")
        }
        WhyNot::DecidedBefore => refused(format!("you have decided about run {run} already")),
        WhyNot::Closed(state) => {
            let word = serde_json::to_value(state).unwrap_or_default();
            refused(format!(
                "the request of run {run} is closed: {}",
                word.as_str().unwrap_or_default()
            ))
        }
    }
}

/// The rules of approval of the app.
#[utoipa::path(get, path = "/v1/apps/{app}/approval-rules", tag = "approvals", params(("app" = String, Path)),
    responses((status = 200, body = ApprovalRules), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn read_rules(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
) -> Result<Json<ApprovalRules>, Refusal> {
    Ok(Json(blocking(move || rules(&service, &app)).await?))
}

/// Replaces the rules. The trail has the old and the new ones.
#[utoipa::path(put, path = "/v1/apps/{app}/approval-rules", tag = "approvals", params(("app" = String, Path)),
    request_body = ApprovalRules,
    responses((status = 200, body = ApprovalRules), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn write_rules(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    Sent(new): Sent<ApprovalRules>,
) -> Result<Json<ApprovalRules>, Refusal> {
    check(&new).map_err(|why| Refusal::of(Kind::BadRequest).detail(why))?;
    let written = blocking(move || {
        let kept = Kept::of(service.documents(), "approval-rules");
        loop {
            let (before, revision) = kept.get::<ApprovalRules>(&app.name)?.unzip();
            let details = [("before", json!(before)), ("after", json!(new))];
            // On record before it is in force: rules must not become weaker unseen.
            super::recorded(&service, &app, &caller, "rules.changed", details)?;
            if kept.put(&app.name, &new, revision)? != Put::Changed {
                return Ok::<_, Refusal>(new);
            }
        }
    });
    Ok(Json(written.await?))
}
