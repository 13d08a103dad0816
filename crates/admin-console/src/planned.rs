//! Runs and plans that a form makes.

use axum::http::Method;
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::{NewPlan, NewRun, Plan, Problem, RunView};

use crate::fields::Fields;
use crate::stake::Mandate;
use crate::visit::Visit;
use crate::widgets::run_id;

/// Begins a run on some users, or finds the one that the same form has begun before.
pub(crate) async fn begun(
    visit: &Visit,
    action: Action,
    users: &[String],
    max_logouts: Option<u64>,
    mandate: Mandate,
    sent: &Fields,
) -> Result<RunView, Problem> {
    let run = NewRun {
        id: Some(run_id::sent_or_new(visit, sent)),
        reason: mandate.reason,
        ticket: mandate.ticket,
        max_logouts,
        source: Some("the console".into()),
        ..NewRun::of(action)
    };
    visit.api.send_lines(Method::POST, &["runs"], &run, users).await
}

/// Makes a plan, or finds the one that the same form has made before: devices are read anew each time, so that no two plans are the
/// same. Returns nothing if there is nothing to plan.
pub(crate) async fn planned(visit: &Visit, id: String, plan: NewPlan) -> Result<Option<RunView>, Problem> {
    let plan = NewPlan {
        id: Some(id.clone()),
        ..plan
    };
    match visit.api.send::<Plan>(Method::POST, &["plans"], &plan).await {
        Ok(made) => Ok(made.run),
        Err(problem) if problem.kind.ends_with("/other-content") => {
            let before: RunView = visit.api.get(&["runs", &id], &[]).await?;
            // Somebody has used the id for something else.
            let is_plan = matches!(before.action, Action::Apply { .. });
            if is_plan { Ok(Some(before)) } else { Err(problem) }
        }
        Err(problem) => Err(problem),
    }
}
