//! A call of the vendor as it is passed on.

use std::marker::PhantomData;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use easemob_admin_api::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{AnswerStream, Client, DecodeError, Error, Lane, RetryPolicy};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::calls::Call;
use super::envelope::{TOO_MANY, UPSTREAM, after, envelope, failed, not_kept};
use crate::apps::App;
use crate::service::Service;

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

/// The most bytes of an answer to a read that are kept before they are passed on.
const BEGINNING: usize = 256 * 1024;

/// The most bytes of an answer to an act, which must be understood: it names each user of a deletion.
const LONGEST_OF_ACT: usize = 1024 * 1024;

/// What the vendor answered.
pub(crate) struct Answered {
    pub(crate) said: Said,
    /// Whether it was done, as far as the answer says; nothing if it does not say.
    pub(crate) was_done: Option<bool>,
    /// When, by the clock of the server, in milliseconds since 1970.
    pub(crate) at: Option<u64>,
}

/// The text of an answer.
pub(crate) enum Said {
    Whole(Vec<u8>),
    /// It is passed on as it comes; only reads have such answers.
    Long(Box<AnswerStream>),
}

impl Said {
    /// Returns the text of a whole answer.
    pub(crate) fn whole(self) -> Vec<u8> {
        match self {
            Self::Whole(body) => body,
            Self::Long(_) => Vec::new(),
        }
    }
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
    const LONGEST_WHOLE: usize = if C::ACT.is_some() {
        LONGEST_OF_ACT
    } else {
        BEGINNING
    };
    const STREAMS: bool = C::ACT.is_none();
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

    fn pass_on(&self, answer: AnswerStream) -> Result<Answered, DecodeError> {
        Ok(Answered {
            said: Said::Long(Box::new(answer)),
            was_done: None,
            at: None,
        })
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Answered, DecodeError> {
        let was_done = if C::NAME.starts_with("sessions.") {
            answer
                .optional_data::<Value>()?
                .and_then(|data| is_yes(&data["result"]))
        } else {
            Some(answer.acknowledged().is_ok())
        };
        Ok(Answered {
            said: Said::Whole(answer.body().to_vec()),
            was_done,
            at: answer.timestamp().map(|at| at.0),
        })
    }
}

fn is_yes(result: &Value) -> Option<bool> {
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
pub(crate) async fn read<C: Call>(service: &Service, app: &App, call: Passed<C>) -> Response {
    let client = client(app).with_retries(RetryPolicy::default().attempts(2).unsent_only());
    match client.execute(&call).await.map(|answered| answered.said) {
        Ok(Said::Whole(body)) => given(body),
        Ok(Said::Long(answer)) => match service.long_answers().try_acquire_owned() {
            Ok(turn) => passed_on(*answer, C::NAME, turn),
            Err(_) => after(
                envelope(429, TOO_MANY, "too many long answers are being passed on"),
                Duration::ZERO,
            ),
        },
        Err(error) => not_given(&client, &error),
    }
}

/// Answers what the vendor answered.
pub(super) fn given(body: impl Into<Body>) -> Response {
    let form = HeaderValue::from_static("application/json");
    not_kept(([(header::CONTENT_TYPE, form)], body.into()).into_response())
}

/// Passes on a long answer, as fast as it is read. If it breaks off, the connection does, too: nobody must take a part for the
/// whole.
fn passed_on(answer: AnswerStream, call: &'static str, turn: OwnedSemaphorePermit) -> Response {
    let pieces = stream::try_unfold((answer, turn), move |(mut answer, turn)| async move {
        match answer.next().await {
            Ok(piece) => Ok(piece.map(|piece| (piece, (answer, turn)))),
            Err(broken) => {
                tracing::warn!(call, why = %broken, "a long answer of the server was cut off");
                Err(broken)
            }
        }
    });
    given(Body::from_stream(pieces))
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
