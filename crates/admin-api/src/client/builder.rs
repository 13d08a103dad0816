//! Making a client: setters never fail, `build` reports every problem.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::Client;
use super::batches::BodyLimit;
use super::pipeline::Pipeline;
use super::token_source;
use crate::app_root::AppRoot;
use crate::credentials::{Credentials, TokenCache};
use crate::endpoints::sessions::DisconnectVerb;
use crate::transport::clock::{Clock, SystemClock};
use crate::transport::http::{Http, Settings, Transport};
use crate::transport::limit::{Limiter, RateLimit, Rates};
use crate::transport::retry::RetryPolicy;
use crate::transport::timeouts::{LONGEST, Timeouts};

/// The unit of `expires_in` in token answers, and of `ttl` in requests for tokens.
///
/// ```
/// use easemob_admin_api::ExpiresIn;
///
/// assert_eq!(ExpiresIn::default(), ExpiresIn::Seconds);
/// ```
///
/// In configuration files, `seconds` or `milliseconds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpiresIn {
    /// As all pages say.
    #[default]
    Seconds,
    /// As clusters called VIP 5 do (app token page).
    Milliseconds,
}

/// Gathers what a [`Client`] needs.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::{AppKey, AppRoot, Client, Credentials, RateLimit, RetryPolicy};
///
/// let root = AppRoot::new("https://im.example.com", &AppKey::parse("acme#chat")?)?;
/// let client = Client::builder(root)
///     .credentials(Credentials::client_secret("YXA6id", "YXA6secret"))
///     .rate(RateLimit::per_second(20))
///     .retry(RetryPolicy::default().budget(Duration::from_secs(10)))
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientBuilder {
    root: AppRoot,
    credentials: Option<Credentials>,
    rates: Rates,
    shared_budget: Option<PathBuf>,
    retry: RetryPolicy,
    deadline: Option<Duration>,
    timeouts: Timeouts,
    expires_in: ExpiresIn,
    user_agent: String,
    proxy: bool,
    trusted: Vec<Vec<u8>>,
    transport: Transport,
    clock: Arc<dyn Clock>,
    seed: Option<u64>,
    disconnect_verb: DisconnectVerb,
}

impl ClientBuilder {
    pub(super) fn new(root: AppRoot) -> Self {
        Self {
            root,
            credentials: None,
            rates: Rates::default(),
            shared_budget: None,
            retry: RetryPolicy::default(),
            deadline: None,
            timeouts: Timeouts::default(),
            expires_in: ExpiresIn::default(),
            user_agent: concat!("easemob-admin-api/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: true,
            trusted: Vec::new(),
            transport: Transport::default(),
            clock: Arc::new(SystemClock),
            seed: None,
            disconnect_verb: DisconnectVerb::default(),
        }
    }

    /// Sets who the client is to the server. Required.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets the budget of user, device and session calls; default 100/s, the limit of an app key.
    ///
    /// Requests are let go at this rate. Those that have to wait for a connection, because making one takes seconds, may
    /// arrive closer together than they were let go.
    #[must_use]
    pub fn rate(mut self, rate: RateLimit) -> Self {
        self.rates.accounts = rate;
        self
    }

    /// Sets all budgets.
    #[must_use]
    pub fn rates(mut self, rates: Rates) -> Self {
        self.rates = rates;
        self
    }

    /// Shares the budgets with every process of this user on this machine that names the same directory and
    /// works on the same app root.
    ///
    /// Each process keeps to its own rates, and all together to the highest of those that sent within the last minute:
    /// a slow one holds nobody up. Unlimited budgets are not
    /// shared. The directory is made if need be; it should be on a local disk. Unix only.
    #[must_use]
    pub fn shared_budget(mut self, directory: impl Into<PathBuf>) -> Self {
        self.shared_budget = Some(directory.into());
        self
    }

    /// Sets how failed calls are repeated; default 4 attempts within 30 s.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how long a whole call may take, with its waits for the token and the rate budget, all attempts and the pauses
    /// between them; default none.
    ///
    /// Without it, time-outs bound an attempt and the retry policy bounds repeats, while a call waits for the rate
    /// budget as long as it takes: behind a thousand others at 100 a second for ten seconds, and after a 429 for as long
    /// as the server asked, up to 15 minutes. A call that ends here fails as one that was not sent, or, if a request
    /// was on its way, with [`crate::Error::is_outcome_unknown`]. A fetch of the token goes on, for later calls.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline.min(LONGEST));
        self
    }

    /// Sets how long an attempt waits; default 5 s to connect, 15 s of silence, 30 s in all.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts.bounded();
        self
    }

    /// Sets the unit of `expires_in` and `ttl`, for tokens of the app and of users; default seconds.
    #[must_use]
    pub fn expires_in(mut self, unit: ExpiresIn) -> Self {
        self.expires_in = unit;
        self
    }

    /// Sets the `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Ignores `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`. Loopback servers never go through a proxy.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = false;
        self
    }

    /// Sets what carries requests; default [`Transport::Automatic`].
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Trusts the certificates in a PEM text besides those of the system and those of earlier calls, for servers with an
    /// authority of their own. A text without a certificate is an error of [`build`](Self::build).
    #[must_use]
    pub fn trust_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trusted.push(pem.into());
        self
    }

    /// Sets the verb of the logout of one device; default DELETE. Old servers know GET.
    #[must_use]
    pub fn disconnect_verb(mut self, verb: DisconnectVerb) -> Self {
        self.disconnect_verb = verb;
        self
    }

    /// Sets the source of time, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the seed of the jitter, for tests.
    #[must_use]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Builds the client; nothing is sent yet.
    ///
    /// # Errors
    /// When credentials are missing or hold what no secret holds ([`crate::check_secret`]), a rate is 0 or above a million a second, the user agent cannot be a
    /// header, TLS cannot be set up or certificates to be trusted cannot be read, or a shared budget cannot be written. All problems are reported at once.
    pub fn build(self) -> Result<Client, ConfigError> {
        let mut problems = Vec::new();
        match &self.credentials {
            None => problems.push("no credentials are given".to_owned()),
            Some(credentials) => problems.extend(credentials.problems()),
        }
        for (name, rate) in self.rates.all() {
            if !rate.is_valid() {
                problems.push(format!(
                    "the rate `{name}` is {rate}; it must be 1 to 1000000 a second"
                ));
            }
        }
        let http = Http::new(&Settings {
            root: &self.root,
            timeouts: self.timeouts,
            user_agent: &self.user_agent,
            proxy: self.proxy,
            trusted: &self.trusted,
            transport: self.transport,
        });
        if let Err(error) = &http {
            let mut text = format!("the HTTP client cannot be set up: {error}");
            let mut cause = error.source();
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            problems.push(text);
        }
        let limiter = match &self.shared_budget {
            None => Ok(Limiter::new(&self.rates, &self.clock)),
            Some(directory) => {
                let name = utf8_percent_encode(&self.root.to_string(), NON_ALPHANUMERIC).to_string();
                Limiter::shared(&self.rates, &self.clock, directory, &name)
            }
        };
        if let (Err(error), Some(directory)) = (&limiter, &self.shared_budget) {
            let directory = directory.display();
            problems.push(format!(
                "the shared budget in {directory} cannot be used: {error}"
            ));
        }
        let (Some(credentials), Ok(http), Ok(limiter), true) =
            (self.credentials, http, limiter, problems.is_empty())
        else {
            return Err(ConfigError { problems });
        };
        let random = self
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let pipeline = Arc::new(Pipeline::new(
            self.root,
            http,
            limiter,
            self.retry,
            self.deadline,
            Arc::clone(&self.clock),
            random,
        ));
        let source = token_source::of(credentials, Arc::clone(&pipeline), self.expires_in);
        let tokens = Arc::new(TokenCache::new(source, self.clock));
        Ok(Client {
            waiting: pipeline.waiting().clone(),
            pipeline,
            tokens,
            disconnect_verb: self.disconnect_verb,
            token_unit: self.expires_in,
            body_limit: BodyLimit::default(),
        })
    }
}

/// A client that cannot be built, with every reason.
///
/// ```
/// use easemob_admin_api::{AppRoot, Client, RateLimit};
///
/// let root = AppRoot::parse("https://im.example.com/acme/chat")?;
/// let error = Client::builder(root).rate(RateLimit::per_second(0)).build().unwrap_err();
/// assert_eq!(error.problems().len(), 2);
/// # Ok::<(), easemob_admin_api::InvalidAppRoot>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client cannot be built: {}", problems.join("; "))]
pub struct ConfigError {
    problems: Vec<String>,
}

impl ConfigError {
    /// Returns every reason.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
