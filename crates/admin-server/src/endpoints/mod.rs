//! One file per resource.

mod approvals;
mod audit;
mod audit_filter;
mod events;
mod kept_logins;
mod keys;
mod limits;
mod locks;
mod meta;
mod new_run;
mod operations;
mod proxy;
mod recorded_runs;
mod runs;
mod schedules;
mod users;

use axum::http::{Method, Uri};
use axum::response::{IntoResponse as _, Response};
use easemob_admin_ops::record::happened;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::new_run::{Made, open_if_not_begun};
pub(crate) use self::runs::begin;
use crate::access::Caller;
use crate::apps::App;
use crate::problem::{Kind, Refusal};
use crate::routes::Routes;
use crate::service::Service;

/// Returns all routes.
pub(crate) fn all() -> Routes {
    Routes::new()
        .with(meta::routes())
        .with(users::routes())
        .with(runs::routes())
        .with(recorded_runs::routes())
        .with(kept_logins::routes())
        .with(proxy::routes())
        .with(operations::routes())
        .with(locks::routes())
        .with(limits::routes())
        .with(approvals::routes())
        .with(audit::routes())
        .with(events::routes())
        .with(schedules::routes())
        .with(keys::routes())
}

pub(crate) async fn no_such_path(method: Method, uri: Uri) -> Response {
    if let Some(answer) = proxy::not_passed_on(&method, uri.path()) {
        return answer;
    }
    Refusal::of(Kind::NoSuchPath)
        .detail(format!("there is nothing at {}", uri.path()))
        .hint("the document at /v1/openapi.json lists the addresses")
        .into_response()
}

pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Response {
    if let Some(answer) = proxy::not_passed_on(&method, uri.path()) {
        return answer;
    }
    Refusal::of(Kind::WrongMethod)
        .detail(format!("{} does not take {method}", uri.path()))
        .into_response()
}

/// Enters in the trail of an app what somebody did about it that is no run.
fn recorded<const N: usize>(
    service: &Service,
    app: &App,
    caller: &Caller,
    kind: &str,
    details: [(&str, Value); N],
) -> Result<(), Refusal> {
    let event = happened(
        &app.target,
        &caller.operator(service),
        service.now(),
        kind,
        details,
    );
    Ok(service.stores().runs().enter(&app.target, &[event])?)
}

/// Where a page begins, and how long it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageOf {
    after: Option<String>,
    limit: Option<u32>,
}

impl PageOf {
    /// The rows of a page, unless the request says.
    const USUAL: u32 = 100;
    /// The most rows of a page.
    const MOST: u32 = 1_000;

    /// Returns how many rows are wanted.
    pub(crate) fn most(&self) -> Result<u32, Refusal> {
        let most = self.limit.unwrap_or(Self::USUAL);
        if (1..=Self::MOST).contains(&most) {
            Ok(most)
        } else {
            Err(Refusal::of(Kind::BadRequest).detail(format!("`limit` is 1 to {}", Self::MOST)))
        }
    }
}
