//! A call of the vendor as it is passed on.

use std::marker::PhantomData;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use easemob_admin_api::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{Client, DecodeError, Error, Lane, RetryPolicy};
use serde_json::Value;

use super::calls::Call;
use super::envelope::{TOO_MANY, UPSTREAM, after, envelope, failed, not_kept};
use crate::apps::App;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// A call as somebody sent it.
pub(crate) struct Passed<C> {
    /// The method, which may be another one than the caller's where servers disagree.
    pub(crate) method: Method,
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) about: Option<String>,
    pub(crate) call: PhantomData<C>,
}

/// What the vendor answered.
pub(crate) struct Answered {
    pub(crate) body: Vec<u8>,
    /// Whether it was done, as far as the answer says; nothing if it does not say.
    pub(crate) was_done: Option<bool>,
    /// When, by the clock of the server, in milliseconds since 1970.
    pub(crate) at: Option<u64>,
}

impl<C: Call> Endpoint for Passed<C> {
    const NAME: &'static str = C::NAME;
    const EFFECT: Effect = if C::ACT.is_some() {
        Effect::Once
    } else {
        Effect::Read
    };
    const BUCKET: Bucket = C::BUCKET;
    const OPTIONAL: bool = C::OPTIONAL;
    const SECRET: bool = C::SECRET;
    type Output = Answered;

    fn method(&self) -> Method {
        self.method.clone()
    }

    fn path(&self) -> Path {
        Path::new(&self.segments)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        self.query.clone()
    }

    fn body(&self) -> Option<Value> {
        self.body.clone()
    }

    fn target(&self) -> Option<String> {
        self.about.clone()
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Answered, DecodeError> {
        let was_done = if C::NAME.starts_with("sessions.") {
            answer
                .optional_data::<Value>()?
                .and_then(|data| said(&data["result"]))
        } else {
            Some(answer.acknowledged().is_ok())
        };
        Ok(Answered {
            body: answer.body().to_vec(),
            was_done,
            at: answer.timestamp().map(|at| at.0),
        })
    }
}

fn said(result: &Value) -> Option<bool> {
    match result {
        Value::Bool(done) => Some(*done),
        Value::String(text) if text == "true" || text == "ok" => Some(true),
        Value::String(text) if text == "false" => Some(false),
        _ => None,
    }
}

/// The client for calls of somebody who waits, and who repeats them himself.
pub(super) fn client(app: &App) -> Client {
    app.server
        .client()
        .with_lane(Lane::Interactive)
        .with_patience(PATIENCE)
}

/// Reads: repeated only if the request never left.
pub(crate) async fn read<C: Call>(app: &App, call: Passed<C>) -> Response {
    let client = client(app).with_retries(RetryPolicy::default().attempts(2).unsent_only());
    match client.execute(&call).await {
        Ok(answered) => given(answered.body),
        Err(error) => not_given(&client, &error),
    }
}

/// Answers what the vendor answered.
pub(super) fn given(body: Vec<u8>) -> Response {
    let form = HeaderValue::from_static("application/json");
    not_kept(([(header::CONTENT_TYPE, form)], Body::from(body)).into_response())
}

/// Answers why there is no answer of the vendor.
pub(super) fn not_given(client: &Client, error: &Error) -> Response {
    if error.is_without_turn() {
        if client.outage().is_some() {
            let answer = envelope(503, UPSTREAM, &error.to_string());
            return after(answer, Duration::ZERO);
        }
        let pause = client.paused_until();
        let wait = pause.and_then(|until| until.duration_since(std::time::SystemTime::now()).ok());
        let answer = envelope(429, TOO_MANY, &error.to_string());
        return after(answer, wait.unwrap_or_default());
    }
    failed(error)
}
