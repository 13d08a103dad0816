//! Policies: compared with what is online or was online, and enforced as runs.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use easemob_admin_ops::logins::questions::which::SnapshotName;
use easemob_admin_ops::policy::PolicyOnDisk;
use easemob_admin_ops::policy::compared::{ComparedRow, compare, each_stored};
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::calls::devices_of;
use easemob_admin_remote::api::{NewCheck, NewEnforcement, NewRun, Problem, RunView, Scope};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa_axum::routes;

use super::list::{self, Asked, Form, HEARTBEAT, List, nobody};
use super::logins::{find, kept};
use super::making;
use super::users::AT_ONCE;
use crate::access::Caller;
use crate::apps::App;
use crate::pieces::{LINES, json_line};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new()
        .add(Rule::HasForApp(&[Scope::DevicesRead]), routes!(check))
        .add(
            Rule::HasForApp(&[Scope::SessionsPlan, Scope::LimitsWrite]),
            routes!(enforce),
        )
}

/// Reads a policy as its file has it.
pub(crate) fn policy(text: &str, name: &str) -> Result<PolicyOnDisk, Refusal> {
    PolicyOnDisk::read(text.as_bytes(), FilePath::new(name))
        .map_err(|error| Refusal::of(Kind::BadRequest).detail(format!("`policy`: {error}")))
}

/// The last line.
fn ended(totals: &Totals, not_known: u64) -> serde_json::Value {
    json!({"ended": {
        "users": totals.users,
        "users_over": totals.users_over,
        "devices_online": totals.online,
        "devices_over": totals.over,
        "would_end": totals.victims,
        "of_unknown_age": totals.victims_of_unknown_age,
        "undecided": totals.undecided,
        "not_known": not_known,
    }})
}

/// Compares users with a policy, and changes nothing: one line of JSON for each limit that a user exceeds and for each user who could
/// not be read, and at the end a line `ended` with the totals. Without it, the answer is not whole. A body of lines has the request
/// without `users` first, then each user as a string; the answer then has a line `read` with a count now and then, so that no
/// connection looks idle.
#[utoipa::path(post, path = "/v1/apps/{app}/limits/check", tag = "limits", params(("app" = String, Path)),
    request_body(content((NewCheck = "application/json"), (NewCheck = "application/x-ndjson"))),
    responses((status = 200, body = Object, content_type = "application/x-ndjson"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn check(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Path(_): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Asked { new, list, form } = list::read::<NewCheck>(&parts.headers, body).await?;
    let selection = policy(&new.policy, "policy")?.policy.selection();
    let lines = match (list, new.snapshot) {
        (Some(list), None) if list.users == 0 => return Err(nobody()),
        (Some(list), None) => of_users(app, &list, form, selection)?,
        (None, Some(name)) => {
            let name = name
                .parse()
                .map_err(|why: String| Refusal::of(Kind::BadRequest).detail(why))?;
            of_snapshot(service, app, name, selection).await?
        }
        _ => {
            return Err(Refusal::of(Kind::NoUsers)
                .detail("name either `users` or a `snapshot`")
                .hint("\"snapshot\": \"latest\" is everybody who was read last"));
        }
    };
    let pieces = stream::unfold(
        lines,
        |mut lines| async move { Some((lines.recv().await?, lines)) },
    );
    Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(pieces)).into_response())
}

type Lines = mpsc::Receiver<std::io::Result<Bytes>>;

fn line(value: &impl serde::Serialize) -> std::io::Result<Bytes> {
    let mut line = json_line(value)?;
    line.push(b'\n');
    Ok(line.into())
}

fn lines(rows: &[ComparedRow]) -> std::io::Result<Bytes> {
    let mut lines = Vec::new();
    for row in rows {
        lines.extend_from_slice(&line(row)?);
    }
    Ok(lines.into())
}

/// Reads devices now.
fn of_users(app: Arc<App>, list: &List, form: Form, selection: Selection) -> Result<Lines, Refusal> {
    let items = list.items()?;
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    tokio::spawn(async move {
        let (mut totals, mut not_known, mut count) = (Totals::default(), 0, 0_u64);
        let server = &app.server;
        let mut read = stream::iter(items)
            .map(|item| async move {
                let task = Task::fresh(item?);
                let read = devices_of(server, &task).await;
                Ok((task.item, read))
            })
            .buffered(AT_ONCE);
        loop {
            let next = match timeout(HEARTBEAT, read.next()).await {
                Ok(next) => next.transpose(),
                Err(_) if form == Form::Json && !sender.is_closed() => continue,
                Err(_) => match sender.send(line(&json!({ "read": count }))).await {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            };
            let rows = match next {
                Ok(None) => break,
                Ok(Some((item, Ok(devices)))) => compare(&item, &devices, &selection, &mut totals).0,
                Ok(Some((item, Err(error)))) => {
                    not_known += 1;
                    vec![ComparedRow::failed(&item, &error)]
                }
                // A failure breaks the answer off, so the reader does not take a part for the whole.
                Err(error) => return drop(sender.send(Err(error)).await),
            };
            count += 1;
            // Whoever goes away has seen enough.
            if sender.is_closed() || (!rows.is_empty() && sender.send(lines(&rows)).await.is_err()) {
                return;
            }
        }
        let _ = sender.send(line(&ended(&totals, not_known))).await;
    });
    Ok(receiver)
}

/// Reads devices from a snapshot.
async fn of_snapshot(
    service: Service,
    app: Arc<App>,
    name: SnapshotName,
    selection: Selection,
) -> Result<Lines, Refusal> {
    let opened = crate::blocking::blocking(move || {
        let kept = kept(&service, &app)?;
        let snapshot = find(&*kept, name)?;
        Ok::<_, Refusal>((kept, snapshot))
    });
    let (kept, snapshot) = opened.await?;
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    tokio::task::spawn_blocking(move || {
        let mut totals = Totals::default();
        let read = each_stored(&*kept, snapshot.id, &mut |item, stored| {
            let rows = match stored {
                Ok(devices) => compare(item, &devices, &selection, &mut totals).0,
                Err(not_known) => vec![ComparedRow::not_known(item, &not_known.why)],
            };
            if !rows.is_empty() && !sender.is_closed() {
                let _ = sender.blocking_send(lines(&rows));
            }
        });
        // A failure breaks the answer off, so the reader does not take a part for the whole.
        let _ = sender.blocking_send(match read {
            Ok(()) => line(&ended(&totals, snapshot.counts.not_known())),
            Err(error) => Err(std::io::Error::other(error)),
        });
    });
    Ok(receiver)
}

/// Signs out what exceeds the limits of a policy, as a run; or previews that, with one line of JSON for each report. Each user is read
/// again before a device is signed out. A body of lines has the request without `users` first, then each user as a string.
#[utoipa::path(post, path = "/v1/apps/{app}/limits/enforce", tag = "limits", params(("app" = String, Path)),
    request_body(content((NewEnforcement = "application/json"), (NewEnforcement = "application/x-ndjson"))),
    responses((status = 201, body = RunView), (status = 200, description = "The same run was made before, or a preview",
            content((RunView = "application/json"), (Object = "application/x-ndjson"))),
        (status = 202, body = RunView, description = "The run waits for approval"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn enforce(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Asked { new, list, .. } = list::read::<NewEnforcement>(&parts.headers, body).await?;
    let on_disk = policy(&new.policy, &new.name)?;
    let run = NewRun {
        id: new.id,
        reason: new.reason,
        ticket: new.ticket,
        max_logouts: new.max_logouts,
        priority: new.priority,
        dry_run: new.dry_run,
        hold: new.hold,
        break_glass: new.break_glass,
        ..NewRun::of(Action::Enforce {
            policy: new.name,
            policy_sha256: on_disk.sha256,
            selection: on_disk.policy.selection(),
            series: None,
        })
    };
    making::answer(&service, &app, &caller, run, list).await
}
