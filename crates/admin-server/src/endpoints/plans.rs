//! Plans: devices are chosen now, and signed out when somebody has reviewed them.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use easemob_admin_ops::jobs::logout::choose;
use easemob_admin_ops::plan::document::{FORMAT, PlanHeader, PlannedUser};
use easemob_admin_ops::plan::write::PlanWriter;
use easemob_admin_ops::run::input::Writer;
use easemob_admin_ops::run::item::Task;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_remote::api::{NewPlan, NewRun, Plan, PlanLine, Problem, Scope, UnreadUser};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use utoipa_axum::routes;

use super::list::{self, Form, HEARTBEAT, List};
use super::users::AT_ONCE;
use super::{making, new_run};
use crate::access::Caller;
use crate::apps::App;
use crate::pieces::{LINES, json_line};
use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new().add(
        Rule::HasForApp(&[Scope::SessionsPlan, Scope::SessionsApply]),
        routes!(make),
    )
}

/// Makes a plan: reads the devices of users now, chooses those that a selection means, and records a run with just these. Nothing is
/// signed out before the run is started, and never more than the plan names. The items of the run have the devices; the answer
/// takes as long as reading them takes.
///
/// A body of lines has the request without `users` first, then each user as a string. The answer is in lines, too: `unread` for each
/// user who could not be read, `read` with a count now and then, and at the end `planned` or `refused`. Without one of these, it is not
/// whole.
#[utoipa::path(post, path = "/v1/apps/{app}/plans", tag = "runs", params(("app" = String, Path)),
    request_body(content((NewPlan = "application/json"), (NewPlan = "application/x-ndjson"))),
    responses((status = 201, body = Plan),
        (status = 200, description = "There is nothing to sign out, or an answer in lines",
            content((Plan = "application/json"), (PlanLine = "application/x-ndjson"))),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let (new, list, form) = list::read::<NewPlan>(&parts.headers, body).await?.listed()?;
    let planning = Planning::new(service, app, caller, new, &list)?;
    let (tell, mut told) = mpsc::channel(AT_ONCE);
    match form {
        Form::Json => {
            let gathered = async {
                let mut unread = Vec::new();
                while let Some(line) = told.recv().await {
                    if let PlanLine::Unread(user) = line {
                        unread.push(user);
                    }
                }
                unread
            };
            let (planned, unread) = tokio::join!(planning.run(list, tell), gathered);
            let plan = Plan { unread, ..planned? };
            let status = match &plan.run {
                Some(_) => StatusCode::CREATED,
                None => StatusCode::OK,
            };
            Ok((status, Json(plan)).into_response())
        }
        Form::Lines => {
            // It ends with its reader.
            let mut working = JoinSet::new();
            working.spawn(async move {
                let end = match planning.run(list, tell.clone()).await {
                    Ok(plan) => PlanLine::Planned(Box::new(plan)),
                    Err(refusal) => PlanLine::Refused(refusal.problem()),
                };
                let _ = tell.send(end).await;
            });
            let lines = stream::unfold((told, working), |(mut told, working)| async move {
                let line = json_line(&told.recv().await?).map(|mut line| {
                    line.push(b'\n');
                    line
                });
                Some((line, (told, working)))
            });
            Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response())
        }
    }
}

/// A plan that is being made.
struct Planning {
    service: Service,
    app: Arc<App>,
    caller: Caller,
    /// The run that it becomes.
    run: NewRun,
    header: PlanHeader,
}

impl Planning {
    /// Says what is wrong before anything is read.
    fn new(
        service: Service,
        app: Arc<App>,
        caller: Caller,
        new: NewPlan,
        list: &List,
    ) -> Result<Self, Refusal> {
        let run = NewRun {
            id: new.id,
            reason: new.reason.clone(),
            ticket: new.ticket.clone(),
            max_logouts: new.max_logouts,
            hold: true,
            ..NewRun::of(Action::Apply {
                plan_sha256: String::new(),
                on_drift: new.on_drift,
                selection: new.selection.clone(),
            })
        };
        new_run::check(&app, &run, Some(list), service.now())?;
        let header = PlanHeader {
            format: FORMAT,
            created: service.now(),
            tool: env!("CARGO_PKG_VERSION").into(),
            app: app.target.app.clone(),
            app_root: app.target.app_root.clone(),
            sandbox: app.target.sandbox,
            operator: caller.operator(&service),
            reason: new.reason,
            ticket: new.ticket,
            selection: new.selection,
            source: "the service".into(),
        };
        Ok(Self {
            service,
            app,
            caller,
            run,
            header,
        })
    }

    /// Reads the users, tells of those who cannot be read, and records the run.
    async fn run(self, list: List, tell: mpsc::Sender<PlanLine>) -> Result<Plan, Refusal> {
        let Self {
            service,
            app,
            caller,
            mut run,
            header,
        } = self;
        let order = Order {
            selection: header.selection.clone(),
            ..Order::default()
        };
        let (server, order) = (&app.server, &order);
        let read = stream::iter(list.items()?).map(|item| async move {
            let task = Task::fresh(item?);
            let chosen = choose(server, &task, order).await;
            Ok::<_, io::Error>((task.item, chosen))
        });
        let mut read = read.buffered(AT_ONCE);
        // Only its digest matters: the items of the run are kept.
        let mut document = PlanWriter::begin(io::sink(), &header)?;
        let (mut planned, mut count, mut reads) = (Writer::new(tempfile::tempfile()?), 0, 0);
        loop {
            let Ok(next) = timeout(HEARTBEAT, read.next()).await else {
                // Whoever goes away ends the work in another way.
                let _ = tell.send(PlanLine::Read(reads)).await;
                continue;
            };
            let Some((item, chosen)) = next.transpose()? else {
                break;
            };
            reads += 1;
            let user = PlannedUser::of(&item, &chosen, service.now());
            document.push(&user)?;
            if let Some(error) = &user.error {
                let unread = UnreadUser {
                    user: user.user.to_string(),
                    error: error.clone(),
                };
                let _ = tell.send(PlanLine::Unread(unread)).await;
            } else if let Some(item) = user.into_item(count) {
                planned.push(&item)?;
                count += 1;
            }
        }
        drop(read);
        let (_, totals, digest) = document.finish()?;
        if let Some(most) = run.max_logouts.filter(|most| totals.devices_to_end > *most) {
            return Err(Refusal::of(Kind::BadRequest)
                .detail(format!(
                    "{} devices would be signed out, and `max_logouts` is {most}; nothing was recorded",
                    totals.devices_to_end
                ))
                .hint("choose fewer users or devices, or raise `max_logouts`"));
        }
        let mut plan = Plan {
            run: None,
            totals,
            unread: Vec::new(),
        };
        if count > 0 {
            if let Action::Apply { plan_sha256, .. } = &mut run.action {
                *plan_sha256 = digest;
            }
            let list = Some(List::planned(planned)?);
            let (_, view) = making::record(&service, &app, &caller, run, list).await?;
            plan.run = Some(view);
        }
        Ok(plan)
    }
}
