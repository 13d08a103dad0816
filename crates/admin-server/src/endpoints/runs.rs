//! Runs: every change to users is one, with its users and what became of each.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use easemob_admin_ops::operations::Options;
use easemob_admin_ops::record::sink::directed;
use easemob_admin_ops::run::direction::RunState as Directed;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::run::resume;
use easemob_admin_ops::run::store::{Direction, ListedRun, OpenRun, RunError};
use easemob_admin_ops::schedule::concurrency::Concurrency;
use easemob_admin_ops::schedule::pipeline::Cause;
use easemob_admin_remote::api::{
    ATTEMPT, Approval, ApprovalState, NewRun, Page, Problem, RunState, RunView, Scope, Start, Stop,
};
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa_axum::routes;

use super::PageOf;
use super::new_run::scopes_of;
use super::recorded_runs::newest;
use super::{list, making};
use crate::access::Caller;
use crate::approvals::gate::{Beginning, Gate, approvals};
use crate::approvals::standing;
use crate::apps::App;
use crate::blocking::blocking;
use crate::extract::{Asked, Sent};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::runs::{Reports, Work, is_shared};
use crate::service::Service;

/// Reading runs. They say to whom something was done.
pub(super) const READ: Rule = Rule::HasForApp(&[
    Scope::SessionsPlan,
    Scope::SessionsApply,
    Scope::LimitsWrite,
    Scope::UsersWrite,
    Scope::AuditRead,
]);

/// The most users that one run works on at once.
const MOST_AT_ONCE: usize = 10_000;

/// Acting. What is done decides which of these scopes is needed.
const ACT: Rule = Rule::HasForApp(&[
    Scope::SessionsPlan,
    Scope::SessionsApply,
    Scope::LimitsWrite,
    Scope::UsersWrite,
]);

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(READ, routes!(list))
        .add(ACT, routes!(make))
        .add(READ, routes!(show))
        .add(READ, routes!(reports))
        .add(ACT, routes!(start))
        .add(ACT, routes!(pause))
        .add(ACT, routes!(stop))
}

pub(super) fn id_of(text: &str) -> Result<RunId, Refusal> {
    RunId::parse(text).ok_or_else(|| RunError::NoSuchRun(text.to_owned()).into())
}

/// Reads a run of this app; those of other apps do not exist for whoever asks.
pub(super) fn glance(service: &Service, app: &App, id: &RunId) -> Result<ListedRun, Refusal> {
    let listed = service.stores().runs().glance(id)?;
    if is_of(app, &listed) {
        Ok(listed)
    } else {
        Err(RunError::NoSuchRun(id.to_string()).into())
    }
}

/// The embedded sandbox has another root each time.
pub(super) fn is_of(app: &App, listed: &ListedRun) -> bool {
    let header = &listed.header;
    header.sandbox == app.target.sandbox && (header.sandbox || header.app_root == app.target.app_root)
}

pub(super) fn view(service: &Service, listed: ListedRun) -> RunView {
    let state = state_of(service, &listed);
    let ListedRun {
        header,
        counts,
        workers,
        ended,
        ..
    } = listed;
    RunView {
        command: header.action.command().to_owned(),
        operator: header.operator.person().to_owned(),
        id: header.run,
        app: header.app,
        action: header.action,
        state,
        created: header.created,
        ended: ended.and_then(|at| Timestamp::from_millisecond(at).ok()),
        reason: header.reason,
        ticket: header.ticket,
        users: header.items,
        done: counts.done,
        nothing_to_do: counts.nothing + counts.skipped,
        failed_retry: counts.failed_retry,
        failed_final: counts.failed_final,
        unfinished: counts.unfinished(),
        devices: counts.devices_ended,
        max_logouts: header.allowance,
        priority: header.priority,
        workers,
    }
}

pub(super) fn state_of(service: &Service, listed: &ListedRun) -> RunState {
    if listed.running || service.runner().is_working_on(&listed.header.run) {
        return RunState::Running;
    }
    if listed.counts.unfinished() == 0 {
        return RunState::Done;
    }
    if waits_for_approval(service, listed) {
        return RunState::WaitingForApproval;
    }
    match listed.state {
        Directed::Alone => RunState::Unfinished,
        Directed::Open => RunState::Waiting,
        Directed::Paused => RunState::Paused,
        Directed::Stopped => RunState::Stopped,
    }
}

/// Returns true if others have not agreed yet. What cannot be read is told when the run is to begin.
fn waits_for_approval(service: &Service, listed: &ListedRun) -> bool {
    let found = approvals(service).get::<Approval>(&listed.header.run);
    let pending = |approval: &Approval| standing::state(approval, service.now()) == ApprovalState::Pending;
    found.is_ok_and(|found| found.is_some_and(|(approval, _)| pending(&approval)))
}

/// The runs of the app, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/runs", tag = "runs",
    params(("app" = String, Path), ("after" = Option<String>, Query), ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000)),
    responses((status = 200, body = Page<RunView>), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn list(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    Asked(page): Asked<PageOf>,
) -> Result<Json<Page<RunView>>, Refusal> {
    let page = blocking(move || newest(&service, &app, &page, view, |_| None));
    Ok(Json(page.await?))
}

/// Makes a run, and begins to work on it; or previews one. A preview answers one line of JSON for each report.
#[utoipa::path(post, path = "/v1/apps/{app}/runs", tag = "runs", params(("app" = String, Path)), request_body = NewRun,
    responses((status = 201, body = RunView), (status = 200, body = RunView, description = "The same run was made before, or a preview"),
        (status = 202, body = RunView, description = "The run waits for approval"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let asked = list::read(&parts.headers, body).await?;
    making::answer(&service, &app, &caller, asked.new, asked.list).await
}

/// Begins to work on a run: leaves it to all replicas, or works on it in this process, and returns its reports then.
pub(crate) async fn begin(
    service: &Service,
    app: &App,
    operator: Operator,
    open: OpenRun,
    options: Options,
) -> Result<Option<Arc<Reports>>, Refusal> {
    if options.which != resume::Which::Unfinished || !is_shared(service, &open.header) {
        let operations = app.operations(service.stores(), operator);
        let reports = service.runner().begin(
            service,
            Work {
                operations,
                open,
                options,
            },
        )?;
        return Ok(Some(reports));
    }
    let id = id_of(&open.header.run)?;
    // Whoever asked may follow it here at once, whichever replica works on it.
    service.runner().follow(id.as_str())?;
    let this = service.clone();
    blocking(move || {
        // Given back first, so that others find it.
        drop(open);
        let direction = Direction {
            state: Directed::Open,
            operator,
            at: this.now().as_millisecond(),
            reason: None,
        };
        this.stores().runs().direct(&id, direction)
    })
    .await?;
    service.runner().wake();
    Ok(None)
}

pub(super) fn streamed(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

/// One run.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}", tag = "runs", params(("app" = String, Path), ("run" = String, Path)),
    responses((status = 200, body = RunView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn show(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
) -> Result<Json<RunView>, Refusal> {
    let id = id_of(&run)?;
    let listed = blocking(move || glance(&service, &app, &id).map(|listed| view(&service, listed)));
    Ok(Json(listed.await?))
}

/// From which report on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    #[serde(default)]
    from: u64,
    /// Only the reports of this attempt.
    attempt: Option<String>,
}

/// What the run reports while this process works on it: one line of JSON each, until the attempt ends. Of a run that several
/// processes share, these are the users that this process works on, and at the end the counts of all of them. If the process
/// ends, so does the answer, without such an end: another process has the rest. The header `easemob-admin-attempt` names the attempt.
/// Whoever comes back sends it with the number of reports that he has, since the reports of another attempt are other ones.
#[utoipa::path(get, path = "/v1/apps/{app}/runs/{run}/reports", tag = "runs",
    params(("app" = String, Path), ("run" = String, Path), ("from" = Option<u64>, Query), ("attempt" = Option<String>, Query)),
    responses((status = 200, body = Object, content_type = "application/x-ndjson", headers(("easemob-admin-attempt" = String))),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn reports(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path((_, run)): Path<(String, String)>,
    Asked(From { from, attempt }): Asked<From>,
) -> Result<Response, Refusal> {
    let id = id_of(&run)?;
    let this = service.clone();
    let listed = blocking(move || glance(&this, &app, &id)).await?;
    let reports = if listed.state == Directed::Open && is_shared(&service, &listed.header) {
        Some(service.runner().follow(&run)?)
    } else {
        service.runner().reports(&run)
    };
    let reports = reports.filter(|reports| attempt.is_none_or(|attempt| attempt == reports.attempt()));
    let reports = reports.ok_or_else(|| {
        Refusal::of(Kind::NotHere)
            .detail(format!("this process has no such reports of run {run}"))
            .hint("read the run itself, and its items")
    })?;
    follow(&reports, from)
}

fn follow(reports: &Reports, from: u64) -> Result<Response, Refusal> {
    let mut response = streamed(Body::from_stream(reports.lines(from)?.into_stream()));
    name_attempt(&mut response, reports);
    if reports.are_incomplete() {
        let missing = HeaderName::from_static("easemob-admin-reports");
        response
            .headers_mut()
            .insert(missing, HeaderValue::from_static("incomplete"));
    }
    Ok(response)
}

/// Says which attempt an answer is about.
fn name_attempt(response: &mut Response, reports: &Reports) {
    if let Ok(attempt) = HeaderValue::from_str(reports.attempt()) {
        response.headers_mut().insert(ATTEMPT, attempt);
    }
}

/// Begins to work on a run: on what is left of it, or on its failures again. The header `easemob-admin-attempt` names the attempt, unless
/// other processes take part in it.
#[utoipa::path(post, path = "/v1/apps/{app}/runs/{run}/start", tag = "runs",
    params(("app" = String, Path), ("run" = String, Path)), request_body = Start,
    responses((status = 202, body = RunView, headers(("easemob-admin-attempt" = String))), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn start(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, run)): Path<(String, String)>,
    Sent(how): Sent<Start>,
) -> Result<Response, Refusal> {
    let id = id_of(&run)?;
    let concurrency = match how
        .concurrency
        .map(|jobs| usize::try_from(jobs).unwrap_or(MOST_AT_ONCE))
    {
        None => Concurrency::Auto,
        Some(jobs @ 1..=MOST_AT_ONCE) => Concurrency::Fixed(jobs),
        Some(_) => {
            return Err(Refusal::of(Kind::BadRequest).detail(format!("`concurrency` is 1 to {MOST_AT_ONCE}")));
        }
    };
    let options = Options {
        which: how.which.into(),
        concurrency,
        allowance: how.max_logouts,
    };
    let (this, at, of, by) = (service.clone(), Arc::clone(&app), id.clone(), caller.clone());
    let open = blocking(move || {
        let listed = glance(&this, &at, &of)?;
        by.require_any(scopes_of(&listed.header.action))?;
        let beginning = Beginning {
            service: &this,
            app: &at,
            caller: &by,
            break_glass: how.break_glass,
            starts_itself: false,
        };
        if let Gate::Waits(approval) = beginning.pass(&listed.header)? {
            return Err(Refusal::of(Kind::NeedsApproval)
                .detail(format!(
                    "run {} waits for approval until {}",
                    approval.run, approval.decide_by
                ))
                .hint(format!(
                    "others approve it, with: easemob-admin approvals approve {} --reason TEXT; then begin it again",
                    approval.run
                )));
        }
        let shared = options.which == resume::Which::Unfinished && is_shared(&this, &listed.header);
        if shared && listed.state == Directed::Open {
            // Everybody works on it already.
            return Ok(None);
        }
        Ok::<_, Refusal>(Some(this.stores().runs().open(&of)?))
    });
    let reports = if let Some(open) = open.await? {
        begin(&service, &app, caller.operator(&service), open, options).await?
    } else {
        service.runner().wake();
        None
    };
    let listed = blocking(move || glance(&service, &app, &id).map(|listed| view(&service, listed))).await?;
    let mut response = (StatusCode::ACCEPTED, Json(listed)).into_response();
    if let Some(reports) = reports {
        name_attempt(&mut response, &reports);
    }
    Ok(response)
}

/// Stops the work on a run; it can be resumed.
#[utoipa::path(post, path = "/v1/apps/{app}/runs/{run}/pause", tag = "runs",
    params(("app" = String, Path), ("run" = String, Path)), request_body = Stop,
    responses((status = 202, body = RunView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn pause(
    state: State<Service>,
    app: Extension<Arc<App>>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    Sent(stop): Sent<Stop>,
) -> Result<(StatusCode, Json<RunView>), Refusal> {
    direct(state, app, caller, path, stop, Directed::Paused).await
}

/// Gives a run up.
#[utoipa::path(post, path = "/v1/apps/{app}/runs/{run}/stop", tag = "runs",
    params(("app" = String, Path), ("run" = String, Path)), request_body = Stop,
    responses((status = 202, body = RunView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn stop(
    state: State<Service>,
    app: Extension<Arc<App>>,
    caller: Extension<Caller>,
    path: Path<(String, String)>,
    Sent(stop): Sent<Stop>,
) -> Result<(StatusCode, Json<RunView>), Refusal> {
    direct(state, app, caller, path, stop, Directed::Stopped).await
}

/// Records who stops a run and why, and stops it. Whoever may begin any act may stop every one: that is the safe act.
async fn direct(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((_, run)): Path<(String, String)>,
    stop: Stop,
    state: Directed,
) -> Result<(StatusCode, Json<RunView>), Refusal> {
    let reason = with_reason(&stop)?.to_owned();
    let id = id_of(&run)?;
    let direction = Direction {
        state,
        operator: caller.operator(&service),
        at: service.now().as_millisecond(),
        reason: Some(reason),
    };
    let listed = blocking(move || {
        let listed = glance(&service, &app, &id)?;
        record_direction(&service, &app, &id, &listed, direction)?;
        glance(&service, &app, &id).map(|listed| view(&service, listed))
    });
    Ok((StatusCode::ACCEPTED, Json(listed.await?)))
}

/// Returns why something is stopped, which must be said.
pub(super) fn with_reason(stop: &Stop) -> Result<&str, Refusal> {
    if stop.reason.trim().is_empty() {
        return Err(Refusal::of(Kind::NoReason).detail("whoever stops something says why"));
    }
    Ok(&stop.reason)
}

/// Stops a run if something of it is left. Blocks.
pub(super) fn stop_unfinished(
    service: &Service,
    app: &App,
    id: &RunId,
    direction: Direction,
) -> Result<(), Refusal> {
    let listed = glance(service, app, id)?;
    if listed.counts.unfinished() == 0 {
        return Ok(());
    }
    record_direction(service, app, id, &listed, direction)
}

/// Stops what this process does of a run, and then everybody else, on record. Blocks.
fn record_direction(
    service: &Service,
    app: &App,
    id: &RunId,
    listed: &ListedRun,
    direction: Direction,
) -> Result<(), Refusal> {
    // First the act: who stops a run must not wait for a disk that is full.
    let cause = if direction.state == Directed::Paused {
        Cause::Paused
    } else {
        Cause::Stopped
    };
    service.runner().stop(id.as_str(), cause);
    match service.stores().runs().direct(id, direction.clone()) {
        Err(RunError::OneMachine(_)) => {
            let event = directed(&listed.header, direction);
            Ok(service.stores().runs().enter(&app.target, &[event])?)
        }
        done => Ok(done?),
    }
}
