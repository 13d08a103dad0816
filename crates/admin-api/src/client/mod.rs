//! The client: one cheap handle that every call goes through.

mod batches;
mod builder;
mod pipeline;
mod token_source;

use std::sync::Arc;
use std::time::SystemTime;

pub use batches::LARGEST_BODY;
pub use builder::{ClientBuilder, ConfigError, ExpiresIn};
use pipeline::{Pipeline, Waiting};

use crate::app_root::AppRoot;
use crate::credentials::TokenCache;
use crate::endpoint::Endpoint;
use crate::endpoints::sessions::DisconnectVerb;
use crate::error::{Error, Kind};

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
    waiting: Waiting,
    disconnect_verb: DisconnectVerb,
    token_unit: ExpiresIn,
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
        self.pipeline.requests_sent()
    }

    /// Returns until when calls wait because the server asked for it (429), by the clock of the machine; nothing when
    /// they do not. A pause that another process was asked for counts too, where they share a budget.
    ///
    /// A pause is at most 15 minutes long, whatever the server asked for; then one call tries again.
    #[must_use]
    pub fn paused_until(&self) -> Option<SystemTime> {
        self.pipeline.paused_until()
    }

    /// Gives up, for good, whatever waits for a token, for the rate budget, for a pause or for its next attempt: such a
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
        self.waiting.stop();
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
        Self {
            waiting: Waiting::default(),
            ..self.clone()
        }
    }

    /// Sends any endpoint; the methods of the client are short for this.
    ///
    /// # Errors
    /// When the request cannot be built, no token can be had, the server refuses, no answer arrives, or
    /// the answer is not of the documented form.
    pub async fn execute<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        self.pipeline
            .execute(endpoint, Some(&self.tokens), &self.waiting)
            .await
    }

    /// Gets a token if none is in use.
    ///
    /// With client id and secret, the server has accepted them then. A token of one's own, fixed or signed, is not shown
    /// to the server by this: only a call proves it.
    ///
    /// # Errors
    /// When the server refuses the credentials, cannot be reached, or a token cannot be signed.
    pub async fn fetch_token(&self) -> Result<(), Error> {
        self.tokens
            .lease()
            .await
            .map(drop)
            .map_err(|error| match error.into() {
                Kind::Credentials(error) => error,
                other => Error::new(
                    &crate::endpoints::token::AppToken::unnamed(),
                    other,
                    0,
                    std::time::Duration::ZERO,
                ),
            })
    }

    pub(crate) fn token_unit(&self) -> ExpiresIn {
        self.token_unit
    }

    pub(crate) fn disconnect_verb(&self) -> DisconnectVerb {
        self.disconnect_verb
    }
}
