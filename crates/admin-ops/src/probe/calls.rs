//! The calls of a probe, whose raw answers are judged.

use std::future::Future;
use std::time::Duration;

use easemob_admin_api::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{
    Client, DecodeError, DisconnectVerb, Error, NewUser, RateLimit, SecretString, UserId,
};
use serde_json::{Value, json};

use crate::causes::with_causes;

/// A call of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// The statuses of these names.
    Statuses(Vec<String>),
    /// The status of one user.
    Status(String),
    /// The devices of a user.
    Devices(String),
    /// A page of users.
    Users {
        /// How many.
        limit: u64,
        /// Where the page begins.
        cursor: Option<String>,
    },
    /// A logout of all devices of a user.
    LogoutAll(String),
    /// A logout of one device.
    LogoutDevice {
        /// The user.
        user: String,
        /// The device.
        device: String,
        /// The method.
        verb: DisconnectVerb,
    },
    /// The deletion of a user.
    Delete(String),
}

/// Which calls a call is paced with: a refusal for too many calls slows down its own kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Calls one after the other.
    Calm,
    /// A burst of reads.
    Burst,
    /// A burst of statuses of many users.
    StatusBurst,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The error type of a refusal in the form of the service; empty otherwise.
    pub error: String,
    /// True if the service wrote the answer, and not something in between.
    pub by_the_service: bool,
    /// The seconds of the `Retry-After` header.
    pub retry_after: Option<u64>,
    /// The body of a success; null otherwise.
    pub body: Value,
}

impl Answer {
    /// Returns true if the call had success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == 200
    }

    /// Returns true if there were too many calls.
    #[must_use]
    pub fn is_rate_limit(&self) -> bool {
        self.status == 429 && self.error != "resource_limited"
    }

    /// Returns the status and the error type, such as `404 entity_not_found`.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.by_the_service, self.error.as_str()) {
            (false, _) => format!("{}, not written by the service", self.status),
            (true, "") => self.status.to_string(),
            (true, error) => format!("{} {error}", self.status),
        }
    }
}

/// Why there is no answer, such as a lost connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// The server as a probe sees it.
pub trait ProbeCalls: Sync {
    /// Sends a call once.
    fn send(&self, call: &Call, pace: Pace) -> impl Future<Output = Result<Answer, NoAnswer>> + Send;

    /// Registers a user.
    fn register(
        &self,
        name: &str,
        password: &SecretString,
    ) -> impl Future<Output = Result<(), NoAnswer>> + Send;
}

/// The calls of a client that repeats nothing.
#[derive(Debug)]
pub struct ClientCalls<'a>(pub &'a Client);

impl ProbeCalls for ClientCalls<'_> {
    async fn send(&self, call: &Call, pace: Pace) -> Result<Answer, NoAnswer> {
        let acts = matches!(
            call,
            Call::LogoutAll(_) | Call::LogoutDevice { .. } | Call::Delete(_)
        );
        let sent = match (acts, pace) {
            (true, _) => self.0.execute(&Raw::<true, CALM>(call)).await,
            (false, Pace::Calm) => self.0.execute(&Raw::<false, CALM>(call)).await,
            (false, Pace::Burst) => self.0.execute(&Raw::<false, BURST>(call)).await,
            (false, Pace::StatusBurst) => self.0.execute(&Raw::<false, STATUS_BURST>(call)).await,
        };
        answer_of(sent)
    }

    async fn register(&self, name: &str, password: &SecretString) -> Result<(), NoAnswer> {
        use easemob_admin_api::ExposeSecret as _;
        let user = UserId::parse(name).map_err(|error| NoAnswer(error.to_string()))?;
        let registered = self
            .0
            .register_user(NewUser::new(user, password.expose_secret()))
            .await;
        registered.map(drop).map_err(|error| no_answer(&error))
    }
}

fn answer_of(sent: Result<Value, Error>) -> Result<Answer, NoAnswer> {
    let error = match sent {
        Ok(body) => {
            return Ok(Answer {
                status: 200,
                error: String::new(),
                by_the_service: true,
                retry_after: None,
                body,
            });
        }
        Err(error) => error,
    };
    // What is said of the credentials, or by a server that is away, answers no question.
    match error.status() {
        Some(status) if error.token_error().is_none() && !matches!(status, 401 | 407 | 502..=504) => {
            Ok(Answer {
                status,
                error: error
                    .api_error()
                    .map_or_else(String::new, |api| api.error.clone()),
                by_the_service: error.api_error().is_some(),
                retry_after: error.retry_after().map(whole_seconds),
                body: Value::Null,
            })
        }
        _ => Err(no_answer(&error)),
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn no_answer(error: &Error) -> NoAnswer {
    NoAnswer(with_causes(error))
}

const CALM: u8 = 0;
const BURST: u8 = 1;
const STATUS_BURST: u8 = 2;

/// A call whose answer is returned as it is.
struct Raw<'a, const ACTS: bool, const PACE: u8>(&'a Call);

impl<const ACTS: bool, const PACE: u8> Endpoint for Raw<'_, ACTS, PACE> {
    const NAME: &'static str = "probe";
    const EFFECT: Effect = if ACTS { Effect::Once } else { Effect::Read };
    // A pause that the server asks for is what a probe wants to know, and holds up no other kind of call.
    const BUCKET: Bucket = Bucket::Own(
        match PACE {
            BURST => "probe_burst",
            STATUS_BURST => "probe_status_burst",
            _ => "probe",
        },
        RateLimit::unlimited(),
    );
    type Output = Value;

    fn method(&self) -> Method {
        match self.0 {
            Call::Statuses(_) => Method::POST,
            Call::Delete(_)
            | Call::LogoutDevice {
                verb: DisconnectVerb::Delete,
                ..
            } => Method::DELETE,
            _ => Method::GET,
        }
    }

    fn path(&self) -> Path {
        match self.0 {
            Call::Statuses(_) => Path::new(["users", "batch", "status"]),
            Call::Status(user) => Path::new(["users", user, "status"]),
            Call::Devices(user) => Path::new(["users", user, "resources"]),
            Call::Users { .. } => Path::new(["users"]),
            Call::LogoutAll(user) => Path::new(["users", user, "disconnect"]),
            Call::LogoutDevice { user, device, .. } => Path::new(["users", user, "disconnect", device]),
            Call::Delete(user) => Path::new(["users", user]),
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        match self.0 {
            Call::Users { limit, cursor } => {
                let cursor = cursor.clone().map(|cursor| ("cursor", cursor));
                std::iter::once(("limit", limit.to_string()))
                    .chain(cursor)
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn body(&self) -> Option<Value> {
        match self.0 {
            Call::Statuses(names) => Some(json!({ "usernames": names })),
            _ => None,
        }
    }

    fn target(&self) -> Option<String> {
        match self.0 {
            Call::Status(user)
            | Call::Devices(user)
            | Call::LogoutAll(user)
            | Call::Delete(user)
            | Call::LogoutDevice { user, .. } => Some(user.clone()),
            Call::Statuses(_) | Call::Users { .. } => None,
        }
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Value, DecodeError> {
        answer.whole()
    }
}
