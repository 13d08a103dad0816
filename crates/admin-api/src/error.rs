//! The one error type of the client: what happened, to which call, and whether repeating helps.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::{Effect, Endpoint};

/// A failed call.
///
/// `Display` says which call failed, for whom and why; [`StdError::source`] continues the chain without
/// repeating it. No token, secret or body of a request is ever part of either.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// use easemob_admin_api::UserId;
///
/// let error = client.get_user(&UserId::parse("nobody")?).await.unwrap_err();
/// assert!(error.is_not_found() && !error.is_retryable());
/// assert_eq!((error.call(), error.status(), error.attempts()), ("users.get", Some(404), 1));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

struct Inner {
    kind: Kind,
    call: &'static str,
    target: Option<String>,
    effect: Effect,
    optional: bool,
    attempts: u32,
    elapsed: Duration,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Build(BuildError),
    Credentials(Error),
    Sign(SignError),
    Refused(Refusal),
    Transport(TransportError),
    Decode(DecodeError),
}

impl Error {
    pub(crate) fn new<E: Endpoint>(endpoint: &E, kind: Kind, attempts: u32, elapsed: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                call: E::NAME,
                target: endpoint.target(),
                effect: E::EFFECT,
                optional: E::OPTIONAL,
                attempts,
                elapsed,
            }),
        }
    }

    /// Returns true if sending the same request later could succeed.
    ///
    /// False does not mean that nothing happened: see [`Error::is_outcome_unknown`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &self.inner.kind {
            Kind::Build(_) | Kind::Sign(_) | Kind::Decode(_) => false,
            Kind::Credentials(error) => error.is_retryable(),
            Kind::Refused(refusal) => refusal.is_transient(),
            Kind::Transport(error) => !error.is_permanent(),
        }
    }

    /// Returns true if the call may have taken effect although no usable answer arrived.
    ///
    /// # Troubleshooting
    /// Usually a time-out, a cut connection or a gateway's 502. Read the state (for a logout: the device
    /// list) before repeating the call.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        if self.inner.effect == Effect::Read {
            return false;
        }
        match &self.inner.kind {
            Kind::Build(_) | Kind::Credentials(_) | Kind::Sign(_) => false,
            Kind::Refused(refusal) => refusal.delivery() == Delivery::Unknown,
            Kind::Transport(error) => error.delivery() == Delivery::Unknown,
            Kind::Decode(_) => true,
        }
    }

    /// Returns true if the server does not know the user (or another named thing).
    ///
    /// The server answers a bad path in the same words (error page).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(|r| match r.error_type() {
            "organization_application_not_found" => false,
            "service_resource_not_found" | "entity_not_found" => true,
            // `management` is what the deletion of an unknown user may be answered with.
            "management" => r.status == 400,
            "invalid_grant" => r.status == 404,
            _ => r.status == 404 && r.api.is_some(),
        })
    }

    /// Returns true if this server does not offer the call, as the public cloud has none for device limits.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        self.inner.optional
            && self.refusal().is_some_and(|r| match r.status {
                404 => r.error_type() == "service_resource_not_found",
                405 => true,
                500 => matches!(
                    r.error_type(),
                    "web_application" | "unsupported_service_operation"
                ),
                _ => false,
            })
    }

    /// Returns true if the server did not accept the credentials, or they lack the right (both are 401).
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        match &self.inner.kind {
            Kind::Credentials(_) => !self.is_retryable() && !self.is_unreachable(),
            Kind::Sign(_) => true,
            Kind::Refused(refusal) => refusal.status == 401,
            _ => false,
        }
    }

    /// Returns true if the server knows no such org and app: a wrong app key, or the host of another cluster.
    #[must_use]
    pub fn is_wrong_app(&self) -> bool {
        self.refusal()
            .is_some_and(|r| r.error_type() == "organization_application_not_found")
    }

    /// Returns true if no connection to the server could be made.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match &self.inner.kind {
            Kind::Transport(error) => error.delivery() == Delivery::NotSent,
            Kind::Credentials(error) => error.is_unreachable(),
            _ => false,
        }
    }

    /// Returns true if the server said that the call rate is too high.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_rate_limit)
    }

    /// Returns true if a quota of the plan is used up (429 `resource_limited`); waiting does not help.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        self.refusal()
            .is_some_and(|r| r.error_type() == "resource_limited")
    }

    /// Returns the HTTP status of the refusal, if the server refused.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|r| r.status)
    }

    /// Returns the server's own words, if it refused in the documented form.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        self.refusal().and_then(|r| r.api.as_ref())
    }

    /// Returns the answer that could not be decoded, if that is what went wrong.
    #[must_use]
    pub fn undecoded(&self) -> Option<&DecodeError> {
        match &self.inner.kind {
            Kind::Decode(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the name of the call, such as `sessions.logout_all`.
    #[must_use]
    pub fn call(&self) -> &'static str {
        self.inner.call
    }

    /// Returns whom the call was about, such as a user id.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.inner.target.as_deref()
    }

    /// Returns how many times the request was sent; 0 if it never was.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    /// Returns the time from the first permit to the failure.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.inner.elapsed
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.inner.kind {
            Kind::Refused(refusal) => Some(refusal),
            Kind::Credentials(error) => error.refusal(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.call)?;
        if let Some(target) = &self.inner.target {
            write!(f, " for `{}`", target.escape_debug())?;
        }
        match &self.inner.kind {
            Kind::Build(_) => f.write_str(": the request was not sent")?,
            Kind::Credentials(_) => f.write_str(": no token could be obtained")?,
            Kind::Sign(_) => f.write_str(": no token could be signed")?,
            Kind::Refused(refusal) => write!(f, ": the server refused with {refusal}")?,
            Kind::Transport(error) => write!(f, ": {}", error.headline())?,
            Kind::Decode(_) => f.write_str(": the answer is not of the documented form")?,
        }
        if self.inner.attempts > 1 {
            write!(f, " (after {} attempts)", self.inner.attempts)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("call", &self.inner.call)
            .field("target", &self.inner.target)
            .field("attempts", &self.inner.attempts)
            .field("elapsed", &self.inner.elapsed)
            .field("kind", &self.inner.kind)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.inner.kind {
            Kind::Build(error) => Some(error),
            Kind::Credentials(error) => Some(error),
            Kind::Sign(error) => Some(error),
            Kind::Refused(_) => None,
            Kind::Transport(error) => error.source(),
            Kind::Decode(error) => Some(error),
        }
    }
}

/// What is known about the arrival of a request at the server.
///
/// ```
/// use easemob_admin_api::transport::retry::{CallState, Decision, Delivery, Failure, RetryPolicy, decide};
/// use easemob_admin_api::endpoint::Effect;
///
/// // A logout whose connection was cut may have happened: it is not sent again.
/// let call = CallState::first(Effect::Once);
/// let cut = Failure { delivery: Delivery::Unknown, transient: true, retry_after: None };
/// assert_eq!(decide(&RetryPolicy::default(), &call, &cut, 0.5), Decision::Permanent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It never left, or no connection was made.
    NotSent,
    /// It arrived and was refused without effect.
    Rejected,
    /// It may have taken effect.
    Unknown,
}

/// The server's own words about a refusal: `error` and `error_description` of the error envelope.
///
/// Branch on [`ApiError::error`]; the description embeds names and its wording varies between servers.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// let error = client.get_user(&UserId::parse("nobody")?).await.unwrap_err();
/// assert_eq!(error.api_error().unwrap().error, "service_resource_not_found");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The type, such as `reach_limit`; an open set, inconsistent in case, may hold spaces or be empty.
    pub error: String,
    /// The text for people.
    pub description: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.error.is_empty() {
            "error without a type"
        } else {
            &self.error
        };
        write!(f, "{}", kind.escape_debug())?;
        if !self.description.is_empty() {
            write!(f, ": {}", self.description.escape_debug())?;
        }
        Ok(())
    }
}

/// An answer that says no.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) api: Option<ApiError>,
    pub(crate) excerpt: Excerpt,
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn error_type(&self) -> &str {
        self.api.as_ref().map_or("", |api| api.error.as_str())
    }

    pub(crate) fn is_rate_limit(&self) -> bool {
        self.status == 429 && self.error_type() != "resource_limited"
    }

    /// Whether the same request could succeed later (error catalogue of the error page).
    pub(crate) fn is_transient(&self) -> bool {
        match self.status {
            408 | 502 | 503 | 504 => true,
            409 => self.error_type() == "concurrent_operation_error",
            429 => self.is_rate_limit(),
            500 => !matches!(
                self.error_type(),
                "no_full_text_index" | "unsupported_service_operation" | "web_application"
            ),
            _ => false,
        }
    }

    /// What is known about the effect: a gateway that gave up on the service cannot tell.
    pub(crate) fn delivery(&self) -> Delivery {
        match self.status {
            // A 2xx with an error in it says no, but not how far it came.
            200..=299 | 408 | 500 | 502 | 504 => Delivery::Unknown,
            // A 503 of the service itself comes before any work; one that a proxy makes up may come after.
            503 if self.api.is_none() && self.retry_after.is_none() => Delivery::Unknown,
            _ => Delivery::Rejected,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.api {
            Some(api) => write!(f, "{} {api}", self.status),
            None => write!(f, "{}; {}", self.status, self.excerpt),
        }
    }
}

/// The beginning of an answer that is not of the documented form.
///
/// ```
/// # use easemob_admin_api::Excerpt;
/// let excerpt = Excerpt::new(Some("text/html"), b"<h1>Bad Gateway</h1>");
/// assert_eq!(excerpt.to_string(), "text/html, 20 bytes: <h1>Bad Gateway</h1>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The content type of the answer, if it named one.
    pub content_type: Option<String>,
    /// The first KiB of the body; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The length of the whole body, in bytes.
    pub length: usize,
}

impl Excerpt {
    /// How much of a body is kept, in bytes.
    pub const KEPT: usize = 1024;

    /// Keeps the first KiB of a body.
    #[must_use]
    pub fn new(content_type: Option<&str>, body: &[u8]) -> Self {
        let kept = &body[..body.len().min(Self::KEPT)];
        Self {
            content_type: content_type.map(str::to_owned),
            text: String::from_utf8_lossy(kept).into_owned(),
            length: body.len(),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content_type = self.content_type.as_deref().unwrap_or("no content type");
        if self.length == 0 {
            return write!(f, "{content_type}, empty body");
        }
        let shown: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = shown.chars().take(160).collect();
        let dots = if short.len() < shown.len() || self.text.len() < self.length {
            "…"
        } else {
            ""
        };
        write!(
            f,
            "{content_type}, {} bytes: {}{dots}",
            self.length,
            short.escape_debug()
        )
    }
}

/// An answer that the server meant as success and that could not be understood.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// use easemob_admin_sandbox::{Fault, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// sandbox.inject(Fault::raw_body("devices.list", "text/html", "<html>captive portal</html>"));
/// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .build()?;
/// let error = client.list_devices(&UserId::parse("ann")?).await.unwrap_err();
/// assert_eq!(error.undecoded().unwrap().answer.content_type.as_deref(), Some("text/html"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// What was expected and is not there.
    pub problem: String,
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the answer.
    pub answer: Excerpt,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (status {}; {})", self.problem, self.status, self.answer)
    }
}

impl StdError for DecodeError {}

/// A request that could not be built; nothing was sent.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::devices::ListDevices;
/// use easemob_admin_api::{AppRoot, BuildError, UserId};
///
/// let root = AppRoot::parse("https://im.example.com/acme/chat")?;
/// let error = ListDevices { user: UserId::parse("..")? }.request(&root).unwrap_err();
/// assert_eq!(error, BuildError::UnaddressableName("..".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name that URL parsers and proxies collapse, so that the call would reach another route.
    #[error("`{0}` cannot be part of an address; call by the uuid of the user instead")]
    UnaddressableName(String),
    /// The address would not come out as it was meant.
    #[error("`{0}` is not a usable address")]
    Url(String),
    /// More items than the server takes in one call.
    #[error("{given} {what} in one call; the server takes 1 to {most}")]
    BatchSize {
        /// What there is too much (or nothing) of.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many the server takes.
        most: usize,
    },
    /// A value outside of what the server takes.
    #[error("{what} is {given}; the server takes {range}")]
    OutOfRange {
        /// What the value is.
        what: &'static str,
        /// The value.
        given: u64,
        /// What the server takes.
        range: &'static str,
    },
}

impl BuildError {
    pub(crate) fn check_batch(what: &'static str, given: usize, most: usize) -> Result<(), Self> {
        if (1..=most).contains(&given) {
            Ok(())
        } else {
            Err(Self::BatchSize { what, given, most })
        }
    }
}

/// A token that could not be signed: the key does not fit the algorithm, or cannot be read.
///
/// ```
/// use easemob_admin_api::{JwtAlgorithm, JwtSigner};
///
/// assert!(JwtSigner::from_pem(JwtAlgorithm::EdDsa, b"not a key").is_err());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("the signing key cannot be used: {problem}")]
pub struct SignError {
    pub(crate) problem: String,
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub(crate) struct TransportError {
    delivery: Delivery,
    headline: &'static str,
    permanent: bool,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl TransportError {
    pub(crate) fn new(delivery: Delivery, headline: &'static str) -> Self {
        Self {
            delivery,
            headline,
            permanent: false,
            cause: None,
        }
    }

    pub(crate) fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.permanent
    }

    fn headline(&self) -> &'static str {
        self.headline
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.headline)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, error: &str) -> Refusal {
        let api = (!error.is_empty()).then(|| ApiError {
            error: error.to_owned(),
            description: String::new(),
        });
        Refusal {
            status,
            api,
            excerpt: Excerpt::new(None, b""),
            retry_after: None,
        }
    }

    #[test]
    fn the_catalogue_of_refusals_is_told_apart() {
        use Delivery::{Rejected, Unknown};
        for (status, error, transient, delivery) in [
            (400, "illegal_argument", false, Rejected),
            (401, "unauthorized", false, Rejected),
            (404, "service_resource_not_found", false, Rejected),
            (408, "", true, Unknown),
            (409, "concurrent_operation_error", true, Rejected),
            (409, "other", false, Rejected),
            (429, "reach_limit", true, Rejected),
            (429, "", true, Rejected),
            (429, "resource_limited", false, Rejected),
            (500, "web_application", false, Unknown),
            (500, "internal", true, Unknown),
            (501, "", false, Rejected),
            (502, "", true, Unknown),
            (503, "busy", true, Rejected),
            (503, "", true, Unknown),
            (504, "", true, Unknown),
            (200, "illegal_argument", false, Unknown),
        ] {
            let refusal = refusal(status, error);
            assert_eq!(refusal.is_transient(), transient, "{status} {error}");
            assert_eq!(refusal.delivery(), delivery, "{status} {error}");
        }
    }

    #[test]
    fn an_excerpt_keeps_a_kib_and_shows_one_line() {
        let body = format!("<html>\n{}</html>\u{1b}[2J", "x".repeat(4000));
        let excerpt = Excerpt::new(Some("text/html"), body.as_bytes());
        assert_eq!(excerpt.text.len(), Excerpt::KEPT);
        let shown = excerpt.to_string();
        assert!(
            shown.ends_with('…') && shown.len() < 250 && !shown.contains('\n'),
            "{shown}"
        );
    }

    #[test]
    fn terminal_sequences_of_a_server_are_not_shown_raw() {
        let error = ApiError {
            error: "a\u{1b}[2J".into(),
            description: "b\u{7}".into(),
        };
        assert_eq!(error.to_string(), "a\\u{1b}[2J: b\\u{7}");
    }
}
