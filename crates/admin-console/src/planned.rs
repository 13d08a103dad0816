//! Plans that a form makes.

use axum::http::Method;
use easemob_admin_remote::api::{NewPlan, Plan, Problem, RunView};

use crate::visit::Visit;

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
            let is_plan = matches!(before.action, easemob_admin_ops::run::job::Action::Apply { .. });
            if is_plan { Ok(Some(before)) } else { Err(problem) }
        }
        Err(problem) => Err(problem),
    }
}
