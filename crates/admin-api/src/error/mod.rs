//! The one error type of the client: what happened, to which call, and whether repeating helps.

mod answer;
mod away;
mod build;
mod for_tests;
mod http_status;
mod reason;
mod refusal;
mod transport;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use answer::{DecodeError, Excerpt};
pub use build::{BuildError, NoToken, SignError};
pub use reason::Reason;
pub use refusal::ApiError;
pub(crate) use refusal::{Refusal, texts_of};
pub use transport::Delivery;
pub(crate) use transport::TransportError;

use crate::endpoint::{Effect, Endpoint};
use crate::page::Cursor;

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

#[derive(Clone)]
struct Inner {
    kind: Kind,
    call: &'static str,
    target: Option<String>,
    effect: Effect,
    optional: bool,
    attempts: u32,
    elapsed: Duration,
    /// An attempt before the last may have taken effect.
    maybe_done: bool,
    /// The client waited for the server, in vain.
    server_away: bool,
    /// Where the page of a listing begins that could not be read.
    cursor: Option<Cursor>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Build(BuildError),
    Credentials(Error),
    Sign(SignError),
    /// Whoever brings the tokens has none.
    NoToken(NoToken),
    Refused(Refusal),
    Transport(TransportError),
    Decode(DecodeError),
    /// Pages that could be read and do not make up the whole.
    Listing(Arc<dyn StdError + Send + Sync>),
}

impl Kind {
    /// What is known of the delivery, where the call got as far as being sent.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Build(_) | Self::Credentials(_) | Self::Sign(_) | Self::NoToken(_) | Self::Listing(_) => {
                None
            }
            Self::Refused(refusal) => Some(refusal.delivery()),
            Self::Transport(error) => Some(error.delivery()),
            Self::Decode(_) => Some(Delivery::Unknown),
        }
    }
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
                maybe_done: false,
                server_away: false,
                cursor: None,
            }),
        }
    }

    /// Makes an error about a listing whose pages do not make up the whole.
    pub(crate) fn of_listing<E: Endpoint>(
        endpoint: &E,
        problem: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::new(endpoint, Kind::Listing(Arc::new(problem)), 1, Duration::ZERO)
    }

    /// Remembers that an attempt before the last may have taken effect.
    pub(crate) fn after_a_doubtful_attempt(mut self) -> Self {
        Arc::make_mut(&mut self.inner).maybe_done = true;
        self
    }

    /// Remembers that the client waited for the server, in vain.
    pub(crate) fn after_a_wait_in_vain(mut self) -> Self {
        Arc::make_mut(&mut self.inner).server_away = true;
        self
    }

    /// Remembers where a listing can be continued.
    pub(crate) fn at_cursor(mut self, cursor: Option<Cursor>) -> Self {
        Arc::make_mut(&mut self.inner).cursor = cursor;
        self
    }

    /// Returns why the call failed.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match &self.inner.kind {
            Kind::Build(_) => Reason::InvalidCall,
            Kind::Credentials(_) | Kind::Sign(_) | Kind::NoToken(_) => Reason::Credentials,
            Kind::Refused(refusal) if refusal.by_the_service => Reason::Refused,
            Kind::Refused(_) => Reason::ForeignAnswer,
            Kind::Transport(error) => error.reason(),
            Kind::Decode(error) if error.foreign => Reason::ForeignAnswer,
            Kind::Decode(_) => Reason::Undecodable,
            Kind::Listing(_) => Reason::IncompleteListing,
        }
    }

    /// Returns the failed call for a token, if the call failed for want of one.
    #[must_use]
    pub fn token_error(&self) -> Option<&Self> {
        match &self.inner.kind {
            Kind::Credentials(error) => Some(error),
            _ => None,
        }
    }

    /// Returns true if time ran out: the deadline of the call, or a time-out of an attempt or of the call for its token.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match &self.inner.kind {
            Kind::Transport(error) => error.is_timeout(),
            Kind::Credentials(error) => error.is_timeout(),
            _ => false,
        }
    }

    /// Returns true if the call itself is at fault: it could not be sent as it is, or the service refused its arguments
    /// (400, 413, 414, 415). The same call fails again.
    ///
    /// A user that the service does not know is not such a mistake: see [`Error::is_not_found`].
    #[must_use]
    pub fn is_invalid_call(&self) -> bool {
        let refused = |refusal: &Refusal| matches!(refusal.status, 400 | 413 | 414 | 415);
        self.reason() == Reason::InvalidCall
            || (self.own_refusal().is_some_and(refused) && !self.is_not_found() && !self.is_unsupported())
            || self.is_too_large()
    }

    /// Returns where a listing can be continued: at the page that could not be read. Nothing if that is the first page,
    /// or the error is not one of a listing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, RetryPolicy};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?).retry(RetryPolicy::none())
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// use easemob_admin_api::UserQuery;
    /// use easemob_admin_sandbox::Fault;
    /// use futures_util::{StreamExt as _, TryStreamExt as _};
    ///
    /// for name in ["ann", "bob", "eve"] {
    ///     sandbox.register(name);
    /// }
    /// let query = UserQuery::new().page_size(2);
    /// let mut pages = Box::pin(client.list_users_pages(query.clone()));
    /// let first = pages.try_next().await?.unwrap();
    /// sandbox.inject(Fault::status("users.list", 503).times(1));
    /// let error = pages.next().await.unwrap().unwrap_err();
    ///
    /// let rest = query.starting_at(error.cursor().cloned());
    /// let rest: Vec<_> = client.list_users(rest).try_collect().await?;
    /// assert_eq!((first.items.len(), rest.len()), (2, 1));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.inner.cursor.as_ref()
    }

    /// Returns a word for metrics and spans.
    pub(crate) fn category(&self) -> &'static str {
        match self.inner.kind.delivery() {
            _ if matches!(self.inner.kind, Kind::Refused(_)) => "refused",
            _ if matches!(self.inner.kind, Kind::Decode(_) | Kind::Listing(_)) => "undecodable",
            Some(Delivery::Unknown) => "no_answer",
            _ => "not_sent",
        }
    }

    /// Returns true if the same request may be sent again later, and could succeed then.
    ///
    /// False for a call that must not be repeated blindly, such as a logout, and that may have taken effect: read the
    /// state first. False does not mean that nothing happened: see [`Error::is_outcome_unknown`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let may_be_repeated = self.inner.effect != Effect::Once || !self.is_outcome_unknown();
        may_be_repeated && self.is_transient()
    }

    /// Returns true if the reason of the failure may pass by itself; whether the call may be repeated is said by
    /// [`Error::is_retryable`].
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &self.inner.kind {
            Kind::Build(_) | Kind::Sign(_) | Kind::Decode(_) | Kind::Listing(_) => false,
            Kind::Credentials(error) => error.is_transient(),
            Kind::NoToken(why) => !why.is_refusal(),
            Kind::Refused(refusal) => refusal.may_pass(),
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
        self.inner.maybe_done || self.inner.kind.delivery() == Some(Delivery::Unknown)
    }

    /// Returns true if something other than the service answered, such as a gateway, a proxy or a portal.
    ///
    /// Such an answer says nothing about the user, the app or the credentials, whatever its status; the same call may
    /// succeed later. Whether the call took effect is said by [`Error::is_outcome_unknown`].
    #[must_use]
    pub fn is_foreign_answer(&self) -> bool {
        match &self.inner.kind {
            Kind::Refused(refusal) => !refusal.by_the_service,
            Kind::Decode(error) => error.foreign,
            Kind::Credentials(error) => error.is_foreign_answer(),
            _ => false,
        }
    }

    /// Returns true if the server does not know the user (or another named thing).
    ///
    /// The server answers a bad path in the same words (error page). Only the service can say so: see
    /// [`Error::is_foreign_answer`].
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.own_refusal().is_some_and(|r| match r.error_type() {
            "organization_application_not_found" => false,
            "service_resource_not_found" | "entity_not_found" => true,
            // The deletion of an unknown user may be answered with the one, mutes and passwords with the other.
            "management" => r.status == 400,
            "required_property_not_found" => r.status == 400 && self.inner.target.is_some(),
            "invalid_grant" => r.status == 404,
            _ => r.status == 404 && r.api.is_some(),
        })
    }

    /// Returns true if this server does not offer the call, as the public cloud has none for device limits.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        self.inner.optional
            && self.own_refusal().is_some_and(|r| match r.status {
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
            // A portal's page or a gateway's 404 in place of a token says nothing of the credentials.
            Kind::Credentials(error) => error
                .said_by_the_service()
                .is_some_and(|refusal| (400..500).contains(&refusal.status) && !refusal.is_transient()),
            Kind::Sign(_) => true,
            Kind::NoToken(why) => why.is_refusal(),
            Kind::Refused(refusal) => refusal.by_the_service && refusal.status == 401,
            _ => false,
        }
    }

    /// Returns true if the call was given up because there was no token for it: the service or something in between
    /// refused one or gave no usable answer, or it could not be signed. This says nothing about whom the call was for.
    #[must_use]
    pub fn is_without_token(&self) -> bool {
        matches!(
            self.inner.kind,
            Kind::Credentials(_) | Kind::Sign(_) | Kind::NoToken(_)
        )
    }

    /// Returns true if the server knows no such org and app: a wrong app key, or the host of another cluster.
    #[must_use]
    pub fn is_wrong_app(&self) -> bool {
        self.said_by_the_service()
            .is_some_and(|r| r.error_type() == "organization_application_not_found")
    }

    /// Returns true if the last attempt could make no connection to the server, and none before it may have taken
    /// effect.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        if self.inner.maybe_done {
            return false;
        }
        match &self.inner.kind {
            Kind::Transport(error) => matches!(error.reason(), Reason::NoConnection | Reason::Tls),
            Kind::Credentials(error) => error.is_unreachable(),
            _ => false,
        }
    }

    /// Returns true if the server is away, and was for as long as the client waits for it
    /// ([`ClientBuilder::wait_for_server`](crate::ClientBuilder::wait_for_server)): other calls would fail as well.
    #[must_use]
    pub fn is_server_away(&self) -> bool {
        self.inner.server_away || self.token_error().is_some_and(Self::is_server_away)
    }

    /// Returns true if the call was not sent because the rate budget that clients share cannot be reached
    /// ([`ClientBuilder::budget`](crate::ClientBuilder::budget)), and no attempt before may have taken effect: nothing has
    /// happened, and other calls would fail as well.
    #[must_use]
    pub fn is_budget_away(&self) -> bool {
        !self.inner.maybe_done
            && match &self.inner.kind {
                Kind::Transport(error) => error.reason() == Reason::BudgetAway,
                Kind::Credentials(error) => error.is_budget_away(),
                _ => false,
            }
    }

    /// Returns true if the call was given up by [`crate::Client::stop_waiting`] or [`crate::Client::with_leave`] before it was
    /// sent, and no attempt before may have taken effect: nothing has happened.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        !self.inner.maybe_done
            && match &self.inner.kind {
                Kind::Transport(error) => error.reason() == Reason::GivenUp,
                Kind::Credentials(error) => error.is_given_up(),
                _ => false,
            }
    }

    /// Returns true if the call was not sent because it would have waited for its turn for longer than it may
    /// ([`Client::with_patience`](crate::Client::with_patience)), and no attempt before may have taken effect: nothing has
    /// happened.
    #[must_use]
    pub fn is_without_turn(&self) -> bool {
        !self.inner.maybe_done
            && match &self.inner.kind {
                Kind::Transport(error) => error.reason() == Reason::NoTurn,
                _ => false,
            }
    }

    /// Returns true if the server, or a gateway before it, said that the call rate is too high.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_rate_limit)
    }

    /// Returns true if the request was larger than the server, or a gateway before it, takes (413).
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(&self.inner.kind, Kind::Refused(refusal) if refusal.status == 413)
    }

    /// Returns true if a quota of the plan is used up (429 `resource_limited`); waiting does not help.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        self.said_by_the_service()
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
            Kind::Credentials(error) => error.undecoded(),
            _ => None,
        }
    }

    /// Returns true if a listing ended before it was complete although every page of it arrived: the server goes round in
    /// circles, or an entry cannot be read.
    #[must_use]
    pub fn is_incomplete_listing(&self) -> bool {
        matches!(self.inner.kind, Kind::Listing(_))
    }

    /// Returns how long the server asked to wait, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// Returns where the answer would send the caller, if it was a redirect. Redirects are not followed: that would hand the
    /// token to a server that nobody named.
    #[must_use]
    pub fn redirect(&self) -> Option<&str> {
        self.refusal().and_then(|refusal| refusal.location.as_deref())
    }

    /// Returns true if a proxy on the way refused, before the request reached the server: it wants a name and a password
    /// (407), makes no connection to the server, or does not pass the request on and says so in `Proxy-Status` (RFC 9209)
    /// or as Squid does. It also is if the proxy itself cannot be reached through which a tunnel is to lead.
    #[must_use]
    pub fn is_refused_by_proxy(&self) -> bool {
        match &self.inner.kind {
            Kind::Refused(refusal) => refusal.is_a_proxys(),
            Kind::Transport(error) => error.is_proxys(),
            Kind::Credentials(error) => error.is_refused_by_proxy(),
            _ => false,
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

    /// Returns how many attempts were made to send the request, those that found no connection included; 0 if it did
    /// not get that far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    /// Returns the time from the call to the failure, with all waits: for the token, the rate budget, answers, and between
    /// attempts.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.inner.elapsed
    }

    /// The refusal of the call itself: what is said of the credentials is not about whom the call is for.
    fn own_refusal(&self) -> Option<&Refusal> {
        match &self.inner.kind {
            Kind::Refused(refusal) => Some(refusal).filter(|refusal| refusal.by_the_service),
            _ => None,
        }
    }

    /// The refusal, unless something in between wrote it.
    fn said_by_the_service(&self) -> Option<&Refusal> {
        self.refusal().filter(|refusal| refusal.by_the_service)
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
            Kind::Credentials(_) | Kind::NoToken(_) => f.write_str(": no token could be obtained")?,
            Kind::Sign(_) => f.write_str(": no token could be signed")?,
            Kind::Refused(refusal) if refusal.by_the_service => {
                write!(f, ": the server refused with {refusal}")?;
            }
            Kind::Refused(refusal) => write!(f, ": no usable answer: {refusal}")?,
            Kind::Transport(error) => write!(f, ": {}", error.headline())?,
            Kind::Decode(_) => f.write_str(": the answer is not of the documented form")?,
            Kind::Listing(_) => f.write_str(": the listing is not complete")?,
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
            Kind::NoToken(error) => Some(error),
            Kind::Refused(_) => None,
            Kind::Transport(error) => error.source(),
            Kind::Decode(error) => Some(error),
            Kind::Listing(error) => Some(&**error),
        }
    }
}
