//! A service that shows its users where they are signed in, and signs them out: one client for all requests, a deadline and
//! the trace of each request on its calls, and answers that say what a failure means.
//!
//! `cargo run -p easemob-admin-api --example axum_service` tries it on a local sandbox.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use easemob_admin_api::{AppRoot, Client, Credentials, Error, InvalidHeader, InvalidId, Lane, UserId};
use easemob_admin_sandbox::Sandbox;
use tokio::net::TcpListener;

/// How long a person waits for a page.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a request of a caller was not fulfilled.
enum Failed {
    Call(Error),
    /// The caller has sent what cannot be right.
    Invalid(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<InvalidId> for Failed {
    fn from(error: InvalidId) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<InvalidHeader> for Failed {
    fn from(error: InvalidHeader) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Invalid(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
            Self::Call(error) => error,
        };
        let said = if error.is_outcome_unknown() {
            "this may have happened; look before you repeat it"
        } else {
            "nothing has happened"
        };
        let mut response = (error.suggested_status(), said).into_response();
        if let Some(wait) = error.retry_after() {
            // A wait of less than a second must not become none.
            response
                .headers_mut()
                .insert("retry-after", (wait.as_secs() + 1).into());
        }
        response
    }
}

/// Returns the client for one request: somebody waits for it, for so long, and its calls belong to the trace of the request.
fn for_request(client: &Client, headers: &HeaderMap) -> Result<Client, InvalidHeader> {
    let client = client.with_lane(Lane::Interactive).with_deadline(PATIENCE);
    match headers.get("traceparent").and_then(|value| value.to_str().ok()) {
        Some(trace) => client.with_header("traceparent", trace),
        None => Ok(client),
    }
}

async fn devices(
    State(client): State<Client>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<String>>, Failed> {
    let client = for_request(&client, &headers)?;
    let devices = client.list_devices(&UserId::parse(user)?).await?;
    let ids = devices.iter().map(|device| device.id.to_string());
    Ok(Json(ids.collect()))
}

async fn sign_out(
    State(client): State<Client>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failed> {
    let client = for_request(&client, &headers)?;
    let outcome = client.logout_all(&UserId::parse(user)?).await?;
    Ok(if outcome.is_logged_out() {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::CONFLICT
    })
}

fn service(client: Client) -> Router {
    let of_a_user = get(devices).delete(sign_out);
    Router::new()
        .route("/users/{user}/devices", of_a_user)
        .with_state(client)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios")?;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/users", listener.local_addr()?);
    let serving = tokio::spawn(async { axum::serve(listener, service(client)).await });

    let caller = reqwest::Client::new();
    let of = |user: &str| format!("{url}/{user}/devices");
    println!("ann: {}", caller.get(of("ann")).send().await?.text().await?);
    let ended = caller.delete(of("ann")).send().await?.status();
    println!("sign out ann: {ended}");
    println!("ann: {}", caller.get(of("ann")).send().await?.text().await?);
    for nobody in ["stranger", "no%20name"] {
        let answer = caller.get(of(nobody)).send().await?;
        println!("{nobody}: {}, {}", answer.status(), answer.text().await?);
    }
    serving.abort();
    Ok(())
}
