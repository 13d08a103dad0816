//! Plans: devices are chosen now, and signed out when somebody has reviewed them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use easemob_admin_ops::jobs::logout::choose;
use easemob_admin_ops::plan::document::{FORMAT, PlanHeader, PlannedUser};
use easemob_admin_ops::plan::write::PlanWriter;
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Durability;
use easemob_admin_ops::select::decide::Order;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_remote::api::{NewPlan, NewRun, Plan, Problem, Scope, UnreadUser};
use futures_util::{StreamExt as _, stream};
use utoipa_axum::routes;

use super::making;
use super::new_run::{self, List};
use super::users::{AT_ONCE, users};
use crate::access::Caller;
use crate::apps::App;
use crate::extract::Sent;
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
#[utoipa::path(post, path = "/v1/apps/{app}/plans", tag = "runs", params(("app" = String, Path)), request_body = NewPlan,
    responses((status = 201, body = Plan), (status = 200, body = Plan, description = "There is nothing to sign out"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn make(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    Sent(new): Sent<NewPlan>,
) -> Result<(StatusCode, Json<Plan>), Refusal> {
    let named = users(&new.users)?;
    let mut run = NewRun {
        id: new.id,
        action: Action::Apply {
            plan_sha256: String::new(),
            on_drift: new.on_drift,
            selection: new.selection.clone(),
        },
        reason: new.reason.clone(),
        ticket: new.ticket.clone(),
        users: None,
        max_logouts: new.max_logouts,
        reading: Reading::default(),
        durability: Durability::default(),
        priority: easemob_admin_ops::run::direction::Priority::default(),
        source: None,
        dry_run: false,
        hold: true,
        break_glass: false,
    };
    // What is wrong is said before anything is read.
    new_run::check(&app, &run, Some(&List::of(&new.users)?), service.now())?;
    let order = Order {
        selection: new.selection.clone(),
        ..Order::default()
    };
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
    let items = (0..)
        .zip(named)
        .map(|(number, user)| Item::new(number, number + 1, user));
    let (server, order) = (&app.server, &order);
    let read = stream::iter(items).map(|item| async move {
        let task = Task::fresh(item);
        let chosen = choose(server, &task, order).await;
        (task.item, chosen)
    });
    let mut read = read.buffered(AT_ONCE);
    let mut document = PlanWriter::begin(Vec::new(), &header)?;
    let (mut planned, mut unread) = (Vec::new(), Vec::new());
    while let Some((item, chosen)) = read.next().await {
        let user = PlannedUser::of(&item, &chosen, service.now());
        document.push(&user)?;
        match &user.error {
            Some(error) => unread.push(UnreadUser {
                user: user.user.to_string(),
                error: error.clone(),
            }),
            None => planned.extend(user.into_item(planned.len() as u64)),
        }
    }
    let (document, totals) = document.finish()?;
    if let Some(most) = new.max_logouts.filter(|most| totals.devices_to_end > *most) {
        return Err(Refusal::of(Kind::BadRequest)
            .detail(format!(
                "{} devices would be signed out, and `max_logouts` is {most}; nothing was recorded",
                totals.devices_to_end
            ))
            .hint("choose fewer users or devices, or raise `max_logouts`"));
    }
    if planned.is_empty() {
        let plan = Plan {
            run: None,
            totals,
            unread,
        };
        return Ok((StatusCode::OK, Json(plan)));
    }
    if let Action::Apply { plan_sha256, .. } = &mut run.action {
        *plan_sha256 = digest(&document)?;
    }
    let (_, view) = making::record(&service, &app, &caller, run, Some(List::planned(planned)?)).await?;
    let plan = Plan {
        run: Some(view),
        totals,
        unread,
    };
    Ok((StatusCode::CREATED, Json(plan)))
}

/// Returns the digest that the last line of a plan has.
fn digest(document: &[u8]) -> Result<String, Refusal> {
    let plan: serde_json::Value = serde_json::from_slice(document).map_err(std::io::Error::from)?;
    Ok(plan["sha256"].as_str().unwrap_or_default().to_owned())
}
