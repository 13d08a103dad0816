//! Where the vendor's servers post that devices sign in and out. They have no key: what they post is signed.

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use easemob_admin_ops::listening::Peer;
use easemob_admin_remote::api::Problem;
use utoipa_axum::routes;

use crate::problem::{Kind, Refusal};
use crate::routes::{Routes, Rule};
use crate::service::Service;

pub(super) fn routes() -> Routes {
    Routes::new().add(Rule::Anybody, routes!(receive))
}

/// Receives an event of a login from the server of an app, which signs it with the secret of the rule. 200 is answered when the event
/// is on disk; one that comes twice, to this process or another, is kept once.
#[utoipa::path(post, path = "/callbacks/{profile}", tag = "logins", params(("profile" = String, Path, description = "The name of the app")),
    request_body = Object,
    responses((status = 200, body = String, content_type = "text/plain", description = "What became of it"),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn receive(
    State(service): State<Service>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(name): Path<String>,
    body: Body,
) -> Result<&'static str, Refusal> {
    let collector = service.callbacks().and_then(|callbacks| callbacks.of(&name));
    let collector = collector.ok_or_else(|| {
        Refusal::of(Kind::NoSuchPath)
            .detail("posts about this app are not received")
            .hint("start the service with --callbacks APP=FILE")
    })?;
    let (outcome, status) = collector.answer(&peer, body).await;
    service.metrics().called_back(&name, outcome);
    let kind = match status {
        StatusCode::OK => return Ok(outcome),
        StatusCode::FORBIDDEN => Kind::NotFromVendor,
        StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
        status if status.is_server_error() => Kind::StoreAway,
        _ => Kind::BadRequest,
    };
    Err(Refusal::of(kind).detail(outcome))
}
