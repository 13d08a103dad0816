//! Requests of the program that runs the service, in the name of the account that started it. It could read and change the
//! records anyway; this way, its acts are on record as those of anybody else.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use easemob_admin_remote::api::Problem;
use serde_json::Value;
use tower_service::Service as _;

use crate::access::session::SignedIn;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// The longest answer.
const LONGEST: usize = 16 * 1024 * 1024;

impl Service {
    /// Posts a body to an address of this service, such as `/v1/apps/prod/runs`, as an administrator with this name.
    ///
    /// # Errors
    /// What the service answers, if it refuses.
    pub async fn post_to_itself(&self, owner: &str, address: &str, body: &Value) -> Result<Value, Problem> {
        let broken = |why: String| Refusal::of(Kind::Broken).detail(why).problem();
        let request = Request::post(address)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(SignedIn::of_account(owner, self.now()))
            .body(Body::from(body.to_string()))
            .map_err(|error| broken(error.to_string()))?;
        let answer = match self.routes().call(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), LONGEST).await;
        let bytes = bytes.map_err(|error| broken(error.to_string()))?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()));
        }
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| broken(status.to_string())))
    }
}
