//! One file per resource.

mod approvals;
mod audit;
mod audit_filter;
mod callbacks;
mod directory;
mod drafts;
mod events;
mod failures;
mod imports;
mod kept_logins;
mod keys;
mod limits;
mod list;
mod locks;
mod logins;
mod making;
mod meta;
mod new_run;
mod operations;
mod overview;
mod plans;
mod policies;
mod policy_versions;
mod proxy;
mod recorded_runs;
mod runs;
mod scans;
mod schedules;
mod settings;
mod traffic;
mod users;
mod watches;

use axum::http::{Method, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use easemob_admin_ops::record::happened;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::list::List;
pub(crate) use self::new_run::{Made, open_if_not_begun};
pub(crate) use self::policies::policy;
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
        .with(directory::routes())
        .with(overview::routes())
        .with(runs::routes())
        .with(failures::routes())
        .with(recorded_runs::routes())
        .with(kept_logins::routes())
        .with(logins::routes())
        .with(scans::routes())
        .with(imports::routes())
        .with(proxy::routes())
        .with(operations::routes())
        .with(locks::routes())
        .with(traffic::routes())
        .with(limits::routes())
        .with(policies::routes())
        .with(policy_versions::routes())
        .with(drafts::routes())
        .with(watches::routes())
        .with(plans::routes())
        .with(approvals::routes())
        .with(audit::routes())
        .with(events::routes())
        .with(schedules::routes())
        .with(keys::routes())
        .with(settings::routes())
        .with(callbacks::routes())
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

/// The rows of a page, unless the request says.
const USUAL_ROWS: u32 = 100;

/// The most rows of a page.
const MOST_ROWS: u32 = 1_000;

/// Returns how many rows a page has that was asked for with this `limit`.
pub(crate) fn most_of(limit: Option<u32>) -> Result<u32, Refusal> {
    let most = limit.unwrap_or(USUAL_ROWS);
    if (1..=MOST_ROWS).contains(&most) {
        Ok(most)
    } else {
        Err(Refusal::of(Kind::BadRequest).detail(format!("`limit` is 1 to {MOST_ROWS}")))
    }
}

impl PageOf {
    /// Returns how many rows are wanted.
    pub(crate) fn most(&self) -> Result<u32, Refusal> {
        most_of(self.limit)
    }
}

/// Reads the place that a page begins after, as `next` of the page before has it.
fn place_in<T: DeserializeOwned>(after: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(after).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| Refusal::of(Kind::BadRequest).detail("`after` is not the `next` of such a page"))
}

/// Writes a place for `next`.
fn place_out(place: &impl Serialize) -> Option<String> {
    let json = serde_json::to_vec(place).ok()?;
    Some(URL_SAFE_NO_PAD.encode(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_nobody_gave_is_refused() {
        type Place = (String, i64);
        let known: Place = ("ann".into(), -5);
        assert_eq!(place_in::<Place>(&place_out(&known).unwrap()).unwrap(), known);
        for text in ["", "ann", "e30", "WyJhbm4iXQ"] {
            assert_eq!(
                place_in::<Place>(text).unwrap_err().kind(),
                Kind::BadRequest,
                "{text}"
            );
        }
    }
}
