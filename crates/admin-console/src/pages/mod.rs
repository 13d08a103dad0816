//! One file per page. Those inside are for people who are signed in.

mod approval;
mod approvals;
mod apps;
pub(crate) mod audit;
mod bans;
mod bulk;
mod limits;
mod live;
mod locks;
mod logins;
mod look;
mod more;
mod overview;
pub(crate) mod run;
pub(crate) mod runs;
mod settings;
mod sign_in;
mod sign_in_elsewhere;
pub(crate) mod user;
mod users;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use self::sign_in_elsewhere::path_back_from;
use crate::Console;

/// The pages of whoever is signed in.
pub(crate) fn inside() -> Router<Console> {
    Router::new()
        .route("/console", get(apps::first))
        .route("/console/apps", get(apps::list))
        .route("/console/look", post(look::change))
        .route("/console/sign-out", post(sign_in::end))
        .route("/console/live", get(live::follow))
        .route("/console/{app}/overview", get(overview::show))
        .merge(user::routes())
        .merge(users::routes())
        .merge(locks::routes())
        .route("/console/{app}/bans", get(bans::show))
        .route("/console/{app}/more", get(more::show))
        .merge(logins())
        .merge(runs())
        .merge(settings())
}

fn logins() -> Router<Console> {
    use logins::{difference, scans};
    Router::new()
        .route("/console/{app}/logins", get(logins::show))
        .route("/console/{app}/logins/difference", get(difference::show))
        .route("/console/{app}/logins/scans", post(scans::begin))
        .route("/console/{app}/logins/scans/{scan}/stop", post(scans::stop))
}

fn runs() -> Router<Console> {
    Router::new()
        .route("/console/{app}/approvals", get(approvals::list))
        .route(
            "/console/{app}/approvals/{run}",
            get(approval::show).post(approval::decide),
        )
        .route("/console/{app}/bulk", get(bulk::show).post(bulk::act))
        .route("/console/{app}/plans/{run}", get(bulk::plan::show))
        .route(
            "/console/{app}/plans/{run}/devices.csv",
            get(bulk::plan::download),
        )
        .route("/console/{app}/limits", get(limits::show).post(limits::act))
        .route("/console/{app}/limits/watches/{watch}/end", post(limits::end))
        .route("/console/{app}/audit", get(audit::show))
        .route("/console/{app}/audit/verify", post(audit::verification::verify))
        .route("/console/{app}/audit/export", get(audit::export::download))
        .route("/console/{app}/runs", get(runs::list))
        .route("/console/{app}/runs/{run}", get(run::show))
        .route(
            "/console/{app}/runs/{run}/failures.csv",
            get(run::failures::download),
        )
        .route(
            "/console/{app}/runs/{run}/{act}",
            get(run::acts::ask).post(run::acts::act),
        )
}

fn settings() -> Router<Console> {
    use settings::{keys, rules, schedules, service, you};
    Router::new()
        .route("/console/{app}/settings", get(you::show))
        .route("/console/{app}/settings/keys", get(keys::list).post(keys::make))
        .route("/console/{app}/settings/keys/{key}/revoke", post(keys::revoke))
        .route("/console/{app}/settings/service", get(service::show))
        .route(
            "/console/{app}/settings/service/test-notice",
            post(service::try_webhook),
        )
        .route("/console/{app}/settings/rules", get(rules::list).post(rules::add))
        .route("/console/{app}/settings/rules/remove", post(rules::remove))
        .route(
            "/console/{app}/settings/schedules",
            get(schedules::list).post(schedules::make),
        )
        .route(
            "/console/{app}/settings/schedules/{schedule}/remove",
            post(schedules::remove),
        )
}

/// The pages on which people sign in.
pub(crate) fn outside() -> Router<Console> {
    Router::new()
        .route("/console/sign-in", get(sign_in::ask).post(sign_in::with_key))
        .route("/console/sign-in/at/{issuer}", get(sign_in_elsewhere::back))
        .route(
            "/console/sign-in/at/{issuer}/begin",
            get(sign_in_elsewhere::begin),
        )
        .route("/console/enter", get(sign_in::offer).post(sign_in::with_code))
}
