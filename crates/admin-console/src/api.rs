//! Asks the service, in the same process, in the name of whoever asks for a page.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, header};
use axum::response::Response;
use easemob_admin_remote::api::Problem;
use easemob_admin_server::SignedIn;
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_service::Service as _;

use crate::problem::with_detail;

/// The largest answer that a page is made of.
const LARGEST: usize = 16 * 1024 * 1024;

/// The type of bodies with one JSON value in each line.
const LINES: &str = "application/x-ndjson";

/// The service, for one person and about one app.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    routes: Router,
    signed_in: SignedIn,
    app: String,
}

impl Api {
    pub(crate) fn new(routes: Router, signed_in: SignedIn, app: &str) -> Self {
        Self {
            routes,
            signed_in,
            app: app.to_owned(),
        }
    }

    /// Reads what is at an address of the app, such as `["users", name, "devices"]`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Problem> {
        let answer = self.stream(path, query).await?;
        read(answer).await
    }

    /// Sends a body to an address of the app.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| broken(&error.to_string()))?;
        let answer = self
            .ask(method, &self.address(path, &[]), Body::from(body))
            .await?;
        read(answer).await
    }

    /// Sends a body and a list of users, in a line each, so that their number does not matter.
    pub(crate) async fn send_lines<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
        users: &[String],
    ) -> Result<T, Problem> {
        let lines = lines_of(body, users)?;
        let address = self.address(path, &[]);
        read(self.ask_with(method, &address, LINES, Body::from(lines)).await?).await
    }

    /// Begins to read what is at an address of the app.
    pub(crate) async fn stream(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Problem> {
        self.ask(Method::GET, &self.address(path, query), Body::empty())
            .await
    }

    /// Reads an answer of lines of JSON.
    pub(crate) async fn lines<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, Problem> {
        read_lines(self.stream(path, &[]).await?).await
    }

    /// Sends a first line and one for each item, and reads an answer of lines.
    pub(crate) async fn ask_lines<T: DeserializeOwned>(
        &self,
        path: &[&str],
        first: &impl Serialize,
        items: &[impl Serialize],
    ) -> Result<Vec<T>, Problem> {
        let lines = lines_of(first, items)?;
        let address = self.address(path, &[]);
        let answer = self.ask_with(Method::POST, &address, LINES, Body::from(lines));
        read_lines(answer.await?).await
    }

    /// Sends a body, and reads an answer of lines.
    pub(crate) async fn send_for_lines<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Vec<T>, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| broken(&error.to_string()))?;
        let address = self.address(path, &[]);
        read_lines(self.ask(Method::POST, &address, Body::from(body)).await?).await
    }

    /// Reads what is at an address that is about no app, such as `/v1/apps`.
    pub(crate) async fn get_of_service<T: DeserializeOwned>(&self, address: &str) -> Result<T, Problem> {
        read(self.ask(Method::GET, address, Body::empty()).await?).await
    }

    /// Sends a body to an address that is about no app.
    pub(crate) async fn send_to_service<T: DeserializeOwned>(
        &self,
        method: Method,
        address: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| broken(&error.to_string()))?;
        read(self.ask(method, address, Body::from(body)).await?).await
    }

    fn address(&self, path: &[&str], query: &[(&str, &str)]) -> String {
        let mut address = String::from("/v1/apps/");
        address.push_str(&encoded(&self.app));
        for part in path {
            address.push('/');
            address.push_str(&encoded(part));
        }
        for (at, (name, value)) in query.iter().enumerate() {
            address.push(if at == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.push_str(&encoded(value));
        }
        address
    }

    async fn ask(&self, method: Method, address: &str, body: Body) -> Result<Response, Problem> {
        self.ask_with(method, address, "application/json", body).await
    }

    async fn ask_with(
        &self,
        method: Method,
        address: &str,
        form: &'static str,
        body: Body,
    ) -> Result<Response, Problem> {
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header(header::CONTENT_TYPE, form)
            .extension(self.signed_in.clone())
            .body(body)
            .map_err(|error| broken(&error.to_string()))?;
        let answer = match self.routes.clone().call(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let problem = read::<Problem>(answer).await;
        Err(problem.unwrap_or_else(|_| broken(status.as_str())))
    }
}

/// What is encoded: everything but what never means anything in an address.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Encodes a part of a path or a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SPECIAL).to_string()
}

/// Returns a first line, and one for each item.
fn lines_of(first: &impl Serialize, items: &[impl Serialize]) -> Result<Vec<u8>, Problem> {
    let broken = |error: serde_json::Error| broken(&error.to_string());
    let mut lines = serde_json::to_vec(first).map_err(broken)?;
    for item in items {
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, item).map_err(broken)?;
    }
    Ok(lines)
}

async fn read_lines<T: DeserializeOwned>(answer: Response) -> Result<Vec<T>, Problem> {
    let bytes = whole(answer).await?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parsed = lines.map(|line| serde_json::from_slice(line).map_err(|error| broken(&error.to_string())));
    parsed.collect()
}

async fn whole(answer: Response) -> Result<Bytes, Problem> {
    let body = Limited::new(answer.into_body(), LARGEST).collect().await;
    Ok(body.map_err(|error| broken(&error.to_string()))?.to_bytes())
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Problem> {
    serde_json::from_slice(&whole(answer).await?).map_err(|error| broken(&error.to_string()))
}

/// The service and its console do not fit together, which is a defect.
pub(crate) fn broken(why: &str) -> Problem {
    with_detail(
        500,
        "broken",
        "A defect of the service, or a fault of its machine",
        why,
    )
}
