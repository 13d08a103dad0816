//! The client: one cheap handle that every call goes through.

mod answer_stream;
mod batches;
mod builder;
mod headers;
mod leave;
mod manner;
mod pipeline;
mod report;
mod server_gate;
mod token_source;
mod traffic;
mod waiting;
mod watched;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use answer_stream::{AnswerStream, BrokenAnswer};
pub use batches::LARGEST_BODY;
use builder::Setup;
pub use builder::{ClientBuilder, ConfigError, ExpiresIn};
pub use headers::InvalidHeader;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
pub use leave::{Leave, LeaveNow};
use manner::Manner;
use pipeline::Pipeline;
pub use report::{CallEnd, CallReport};
use secrecy::SecretString;
pub use traffic::Traffic;
use waiting::Waiting;

use crate::app_root::AppRoot;
use crate::credentials::{Credentials, TokenCache};
use crate::endpoint::{Endpoint, Request};
use crate::endpoints::sessions::DisconnectVerb;
use crate::error::{Error, Kind, TransportError};
use crate::transport::http::{Agreed, Connection};
use crate::transport::limit::{Lane, PoolUse};
use crate::transport::outage::Outage;
use crate::transport::retry::RetryPolicy;
use crate::transport::timeouts::LONGEST;

/// A client of one app. Clones share connections, token and rate budget, and are cheap.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
///
/// let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// sandbox.register("ann");
/// sandbox.sign_in("ann", "ios")?;
///
/// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .build()?;
/// let ann = UserId::parse("ann")?;
/// assert_eq!(client.list_devices(&ann).await?.len(), 1);
/// client.logout_all(&ann).await?;
/// assert!(client.list_devices(&ann).await?.is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pipeline: Arc<Pipeline>,
    tokens: Arc<TokenCache>,
    manner: Manner,
    setup: Arc<Setup>,
    body_limit: batches::BodyLimit,
}

impl Client {
    /// Begins to build a client of the app at `root`.
    #[must_use]
    pub fn builder(root: AppRoot) -> ClientBuilder {
        ClientBuilder::new(root)
    }

    /// Returns the app root that calls are relative to.
    #[must_use]
    pub fn app_root(&self) -> &AppRoot {
        self.pipeline.root()
    }

    /// Makes a connection to the server and returns what both sides agreed on, such as the version of TLS. It sends no
    /// request, and goes past any proxy.
    ///
    /// # Errors
    /// When no connection can be made.
    pub async fn agree(&self) -> Result<Agreed, Error> {
        let agreed = self.pipeline.http().agree(self.pipeline.root()).await;
        agreed.map_err(without_a_call)
    }

    /// Makes a connection to the server of an app root for another protocol, such as that of devices, with the time-outs and
    /// certificates of this client. It sends nothing, and goes past any proxy.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let connection = client.connect(&AppRoot::parse(&sandbox.app_root())?).await?;
    /// # drop(connection);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When no connection can be made.
    pub async fn connect(&self, server: &AppRoot) -> Result<Connection, Error> {
        self.pipeline.http().bare(server).await.map_err(without_a_call)
    }

    /// Connects to a server as calls do: by way of a proxy where one is named, with the certificates and time-outs of this client.
    /// For other protocols.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let root = AppRoot::parse(&sandbox.app_root())?;
    /// # let client = Client::builder(root.clone()).credentials(Credentials::fixed_token("YWMtx")).build()?;
    /// let connection = client.connect_by_proxy(&root).await?;
    /// # drop(connection);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When no connection can be made, or the proxy refuses.
    pub async fn connect_by_proxy(&self, server: &AppRoot) -> Result<Connection, Error> {
        let connection = self.pipeline.http().by_the_way_of_calls(server).await;
        connection.map_err(without_a_call)
    }

    /// Posts JSON to an address on the server of the app root, once and without a token, and returns the status of the answer:
    /// for a server that is not the service, such as one that takes notifications.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::fixed_token("YWMtx")).build()?;
    /// let address = format!("{}/nothing-there", sandbox.app_root());
    /// let status = client.post(&address, &serde_json::json!({"hello": "world"})).await?;
    /// assert_eq!(status, 404);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the address is on another server, or no answer arrives.
    pub async fn post(&self, address: &str, body: &serde_json::Value) -> Result<u16, Error> {
        let url = address
            .parse()
            .map_err(|_| TransportError::unusable_request("the address is not a URL"));
        let request = Request {
            method: Method::POST,
            url: url.map_err(without_a_call)?,
            body: Some(body.to_string().into()),
        };
        let (http, clock) = (self.pipeline.http(), self.pipeline.clock());
        let answer = http.send(&request, None, &self.manner.headers, clock).await;
        Ok(answer.map_err(without_a_call)?.status)
    }

    /// Gets what is at an address on the server of the app root, or posts a form to it, once and without a token, and returns the
    /// status and the body: for a server that is not the service, such as one where people sign in. Redirects are not followed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::fixed_token("YWMtx")).build()?;
    /// let address = format!("{}/nothing-there", sandbox.app_root());
    /// let (status, body) = client.ask(&address, Some(&[("grant_type", "refresh_token")])).await?;
    /// assert_eq!(status, 404);
    /// assert!(!body.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the address is on another server, or no answer arrives.
    pub async fn ask(&self, address: &str, form: Option<&[(&str, &str)]>) -> Result<(u16, Vec<u8>), Error> {
        let unusable = || without_a_call(TransportError::unusable_request("the address is not a URL"));
        let mut url: url::Url = address.parse().map_err(|_| unusable())?;
        let mut headers = HeaderMap::clone(&self.manner.headers);
        let mut body = None;
        if let Some(form) = form {
            // The form is written as a query is.
            let mut written = url.clone();
            written.query_pairs_mut().clear().extend_pairs(form);
            body = Some(written.query().unwrap_or_default().to_owned().into());
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
        }
        url.set_fragment(None);
        let request = Request {
            method: if form.is_some() { Method::POST } else { Method::GET },
            url,
            body,
        };
        let (http, clock) = (self.pipeline.http(), self.pipeline.clock());
        let answer = http
            .send(&request, None, &headers, clock)
            .await
            .map_err(without_a_call)?;
        Ok((answer.status, answer.body.to_vec()))
    }

    /// Returns how many user, device and session calls a second are allowed at the moment: less than was set after
    /// the server found the rate too high, and nothing where there is no limit.
    #[must_use]
    pub fn effective_rate(&self) -> Option<f64> {
        self.pipeline.effective_rate()
    }

    /// Returns how many requests this client and its clones have sent, repeats and requests for tokens included.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// client.list_devices(&UserId::parse("ann")?).await?;
    /// assert_eq!(client.requests_sent(), 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.traffic().sent
    }

    /// Returns what became of the requests of this client and its clones so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.pipeline.traffic()
    }

    /// Returns how each pool of calls was used by this client and its clones so far, and how many calls a second it allows now.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// client.list_devices(&UserId::parse("ann")?).await?;
    /// let accounts = client.pools().into_iter().find(|pool| pool.pool == "accounts").unwrap();
    /// assert_eq!(accounts.permits, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn pools(&self) -> Vec<PoolUse> {
        self.pipeline.pools()
    }

    /// Returns until when calls wait because the server asked for it (429), by the clock of the machine; nothing when
    /// they do not. A pause that another process was asked for counts too, where they share a budget.
    ///
    /// A pause is at most 15 minutes long, whatever the server asked for; then one call tries again.
    #[must_use]
    pub fn paused_until(&self) -> Option<SystemTime> {
        self.pipeline.paused_until()
    }

    /// Returns how long calls have waited for a server that is away, and how long they go on; nothing when they do not. See
    /// [`ClientBuilder::wait_for_server`].
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.pipeline.outage()
    }

    /// Gives up, for good, whatever waits for a token, for the rate budget, for a pause, for a server that is away or for its next attempt: such a
    /// call fails at once with [`Error::is_given_up`], and is not sent. A request that is on its way is waited for, and
    /// a call that need not wait is still sent. This is for all clones, except those made by [`apart`](Self::apart).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// client.stop_waiting();
    /// // There is no token yet, so that the call would have to wait for one.
    /// let error = client.list_devices(&UserId::parse("ann")?).await.unwrap_err();
    /// assert!(error.is_given_up() && !error.is_outcome_unknown());
    /// # Ok(()) }
    /// ```
    pub fn stop_waiting(&self) {
        self.manner.waiting.stop();
    }

    /// Returns a client that shares connections, token and rate budget with this one, and whose waiting calls are given up
    /// by its own [`stop_waiting`](Self::stop_waiting): for one job among others of a service.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// # sandbox.register("ann");
    /// let of_the_job = client.apart();
    /// of_the_job.stop_waiting();
    /// let ann = UserId::parse("ann")?;
    /// assert!(of_the_job.list_devices(&ann).await.unwrap_err().is_given_up());
    /// assert!(client.list_devices(&ann).await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn apart(&self) -> Self {
        self.in_manner(|manner| manner.waiting = Waiting::default())
    }

    /// Returns a client that asks whether a request may be sent, before it waits for its turn and again when it is about to be
    /// sent, and shares everything else with this one. A call that will never get leave fails with [`Error::is_given_up`], and is not sent.
    /// The call for a token, which may serve many, is sent all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, Leave, LeaveNow, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let nothing_more = client.with_leave(Leave::new(|| LeaveNow::Never));
    /// let error = nothing_more.logout_all(&UserId::parse("ann")?).await.unwrap_err();
    /// assert!(error.is_given_up());
    /// assert_eq!(sandbox.call_count("sessions.logout_all"), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_leave(&self, leave: Leave) -> Self {
        self.in_manner(|manner| manner.leave = Some(leave))
    }

    /// Returns a client with another deadline, which shares everything else with this one. See
    /// [`ClientBuilder::deadline`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # sandbox.register("ann");
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// use std::time::Duration;
    ///
    /// let in_time = client.with_deadline(Duration::from_secs(2));
    /// assert!(in_time.list_devices(&UserId::parse("ann")?).await?.is_empty());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        self.in_manner(|manner| manner.deadline = Some(deadline.min(LONGEST)))
    }

    /// Returns a client that repeats its calls in another way, which shares everything else with this one: for calls of
    /// somebody who repeats them himself. A refused token is renewed once all the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # sandbox.register("ann");
    /// # use easemob_admin_sandbox::Fault;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, RetryPolicy, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.inject(Fault::status("devices.list", 503));
    /// let once = client.with_retries(RetryPolicy::none());
    /// assert!(once.list_devices(&UserId::parse("ann")?).await.is_err());
    /// assert_eq!(sandbox.call_count("devices.list"), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_retries(&self, policy: RetryPolicy) -> Self {
        self.in_manner(|manner| manner.retry = Some(policy))
    }

    /// Returns a client whose requests wait no longer than this before they are sent: for a turn in the rate budget, a token,
    /// a connection, and a server that is away. It shares everything else with this one. A call whose patience ends fails with
    /// [`Error::is_without_turn`], and is not sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # sandbox.register("ann");
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, RateLimit, Rates, UserId};
    /// # use std::time::Duration;
    /// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    ///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
    ///     .rates(Rates::default().accounts(RateLimit::per_second(1)))
    ///     .build()?;
    /// let ann = UserId::parse("ann")?;
    /// client.list_devices(&ann).await?;
    /// let hasty = client.with_patience(Duration::from_millis(10));
    /// assert!(hasty.list_devices(&ann).await.unwrap_err().is_without_turn());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        self.in_manner(|manner| manner.patience = Some(patience.min(LONGEST)))
    }

    /// Returns a client whose calls wait in another lane, which shares everything else with this one: for a job over many
    /// users beside calls that somebody waits for.
    ///
    /// ```
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse("https://im.example.com/acme/chat")?)
    /// #     .credentials(Credentials::fixed_token("YWMtx")).build()?;
    /// use easemob_admin_api::Lane;
    ///
    /// let of_the_job = client.with_lane(Lane::Bulk);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_lane(&self, lane: Lane) -> Self {
        self.in_manner(|manner| manner.lane = lane)
    }

    /// Returns a client that sends a header with its requests, such as `traceparent`, and shares everything else with this
    /// one. The call for a token, which may serve many, is sent without it. The value is kept secret as that of
    /// [`ClientBuilder::header`].
    ///
    /// ```
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse("https://im.example.com/acme/chat")?)
    /// #     .credentials(Credentials::fixed_token("YWMtx")).build()?;
    /// let traced = client.with_header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the client sets that header itself, or name or value cannot be a header's.
    pub fn with_header(&self, name: &str, value: &str) -> Result<Self, InvalidHeader> {
        let mut headers = self.manner.headers.as_ref().clone();
        headers::add(&mut headers, name, value)?;
        let of_the_client = self.pipeline.manner().headers.as_ref();
        let secrets = headers::secrets(&headers)
            .filter(|value| !headers::secrets(of_the_client).any(|own| own == *value));
        let secrets = secrets.map(SecretString::from).collect();
        Ok(self.in_manner(|manner| {
            manner.headers = Arc::new(headers);
            manner.secrets = Arc::new(secrets);
        }))
    }

    /// Returns a client of another app, with the same settings, which shares certificates with this one, connections to the
    /// same server, and [`ClientBuilder::max_connections`]. Token, rate budget and
    /// [`requests_sent`](Self::requests_sent) are its own.
    ///
    /// ```
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse("https://im.example.com/acme/chat")?)
    /// #     .credentials(Credentials::fixed_token("YWMtx")).build()?;
    /// let shop = AppRoot::parse("https://im.example.com/acme/shop")?;
    /// let of_the_shop = client.for_app(shop, Credentials::client_secret("YXA6id", "YXA6secret"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the credentials are not usable, or a shared budget cannot be written.
    pub fn for_app(&self, root: AppRoot, credentials: Credentials) -> Result<Self, ConfigError> {
        let connections = self.pipeline.http().connections();
        builder::assemble(root, Some(credentials), &self.setup, connections, Vec::new())
    }

    fn in_manner(&self, change: impl FnOnce(&mut Manner)) -> Self {
        let mut other = self.clone();
        change(&mut other.manner);
        other
    }

    /// Sends any endpoint; the methods of the client are short for this.
    ///
    /// # Errors
    /// When the request cannot be built, no token can be had, the server refuses, no answer arrives, or
    /// the answer is not of the documented form.
    pub async fn execute<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        self.pipeline
            .execute(endpoint, Some(&self.tokens), &self.manner)
            .await
    }

    /// Gets a token if none is in use.
    ///
    /// With client id and secret, the server has accepted them then, or not long ago if tokens are shared
    /// ([`ClientBuilder::token_cache`]). A token of one's own, fixed or signed, is not shown
    /// to the server by this: only a call proves it.
    ///
    /// # Errors
    /// When the server refuses the credentials, cannot be reached, or a token cannot be signed; or when the deadline of the
    /// client has passed, while the fetch goes on for later calls.
    pub async fn fetch_token(&self) -> Result<(), Error> {
        let start = self.pipeline.now();
        let end = self.manner.deadline.map(|deadline| start + deadline);
        let failed = match self.pipeline.until(end, self.tokens.lease()).await {
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => error.into(),
            None => Kind::Transport(TransportError::deadline_passed(false)),
        };
        Err(match failed {
            Kind::Credentials(error) => error,
            other => {
                let token = crate::endpoints::token::AppToken::unnamed();
                Error::new(
                    &token,
                    other,
                    0,
                    self.pipeline.now().saturating_duration_since(start),
                )
            }
        })
    }

    pub(crate) fn token_unit(&self) -> ExpiresIn {
        self.setup.expires_in
    }

    /// Returns the method that signs out one device, as set with [`ClientBuilder::disconnect_verb`].
    #[must_use]
    pub fn disconnect_verb(&self) -> DisconnectVerb {
        self.setup.disconnect_verb
    }
}

/// An error about a connection that no call was made on.
fn without_a_call(error: TransportError) -> Error {
    let unnamed = crate::endpoints::token::AppToken::unnamed();
    Error::new(&unnamed, Kind::Transport(error), 1, Duration::ZERO)
}
