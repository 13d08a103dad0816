//! Making a client: setters never fail, `build` reports every problem.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::batches::{BodyLimit, LARGEST_BODY};
use super::manner::Manner;
use super::pipeline::Pipeline;
use super::report::{CallReport, Hook};
use super::{Client, headers, token_source};
use crate::app_root::AppRoot;
use crate::credentials::{Credentials, TokenCache};
use crate::endpoints::sessions::DisconnectVerb;
use crate::transport::clock::{Clock, SystemClock};
#[cfg(feature = "proxy")]
use crate::transport::http::ProxyAddress;
#[cfg(feature = "tls")]
use crate::transport::http::named_certificates::fingerprint;
use crate::transport::http::{Connections, Http, Settings as ConnectionSettings, TlsSettings, Transport};
use crate::transport::limit::schedule::SharedBudget;
use crate::transport::limit::{FileBudget, Lane, Limiter, RateLimit, Rates};
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
    setup: Setup,
    connections: ConnectionSettings,
    problems: Vec<String>,
}

/// What clients of several apps have in common, besides their connections.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    rates: Rates,
    shared_budget: Option<Arc<dyn SharedBudget>>,
    pub(super) token_cache: Option<PathBuf>,
    pub(super) retry: RetryPolicy,
    deadline: Option<Duration>,
    pub(super) wait_for_server: Duration,
    lane: Lane,
    pub(super) headers: HeaderMap,
    pub(super) expires_in: ExpiresIn,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) seed: Option<u64>,
    pub(super) disconnect_verb: DisconnectVerb,
    largest_body: usize,
    pub(super) hook: Option<Hook>,
}

/// The most requests that are on their way at once, unless the builder says another number: a quarter of the open files
/// that most systems allow a process.
const MAX_CONNECTIONS: usize = 256;

impl ClientBuilder {
    pub(super) fn new(root: AppRoot) -> Self {
        Self {
            root,
            credentials: None,
            setup: Setup {
                rates: Rates::default(),
                shared_budget: None,
                token_cache: None,
                retry: RetryPolicy::default(),
                deadline: None,
                wait_for_server: Duration::ZERO,
                lane: Lane::default(),
                headers: HeaderMap::new(),
                expires_in: ExpiresIn::default(),
                clock: Arc::new(SystemClock),
                seed: None,
                disconnect_verb: DisconnectVerb::default(),
                largest_body: LARGEST_BODY,
                hook: None,
            },
            connections: ConnectionSettings {
                timeouts: Timeouts::default(),
                user_agent: concat!("easemob-admin-api/", env!("CARGO_PKG_VERSION")).to_owned(),
                environment: true,
                #[cfg(feature = "proxy")]
                proxy: None,
                tls: TlsSettings::default(),
                transport: Transport::default(),
                most: MAX_CONNECTIONS,
            },
            problems: Vec::new(),
        }
    }

    /// Sets who the client is to the server. Required.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets the budget of user, device and session calls; default 100/s, the limit of an app key. That of the statuses
    /// of many users becomes half of it, as in the documented limits.
    ///
    /// Requests are let go at this rate. Those that have to wait for a connection, because making one takes seconds, may
    /// arrive closer together than they were let go.
    #[must_use]
    pub fn rate(mut self, rate: RateLimit) -> Self {
        self.setup.rates.accounts = rate;
        self.setup.rates.batch_status = rate.share(50);
        self
    }

    /// Sets all budgets.
    #[must_use]
    pub fn rates(mut self, rates: Rates) -> Self {
        self.setup.rates = rates;
        self
    }

    /// Shares the budgets with every process of this user on this machine that names the same directory and
    /// works on the same app root.
    ///
    /// Each process keeps to its own rates, and all together to the highest of those that sent within the last minute:
    /// a slow one holds nobody up. A call waits for at most one slot of each other process, and within its own process in
    /// its [`Lane`]. Unlimited budgets are not shared. The directory is made if need be; it should be on a local disk. Unix only.
    #[must_use]
    pub fn shared_budget(self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.budget(Arc::new(FileBudget { directory }))
    }

    /// Shares the budgets with all clients that use the same ones, on any machine: see [`SharedBudget`]. This client keeps
    /// to its own rates besides. It takes the place of [`shared_budget`](Self::shared_budget).
    ///
    /// A call fails with [`crate::Error::is_budget_away`] if the budget cannot be reached for 30 s; nothing is sent meanwhile.
    #[must_use]
    pub fn budget(mut self, budget: Arc<dyn SharedBudget>) -> Self {
        self.setup.shared_budget = Some(budget);
        self
    }

    /// Keeps the token of a client id and secret in a private file of this directory, for every process of this user that
    /// names the same directory, app root and credentials: a thousand commands in a row make one call for a token, and
    /// so do many at once.
    ///
    /// A token is kept for half of its life, or for an hour if the server does not say how long that is, and dropped when
    /// the server refuses it. The directory is made if need be. One that cannot be used is no error: each process then has
    /// a token of its own.
    #[must_use]
    pub fn token_cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.setup.token_cache = Some(directory.into());
        self
    }

    /// Sets how failed calls are repeated; default 4 attempts within 30 s.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.setup.retry = policy;
        self
    }

    /// Sets how long calls wait for a server that is away, besides what [`retry`](Self::retry) allows; default 0: they do
    /// not. Until the server has answered once, they wait 10 s at most, since a wrong address looks the same.
    ///
    /// A server is away if two attempts in a row, of any calls of this client, find no connection, lose it, get no answer in
    /// time, or a 502, 503 or 504 of anything in between. Then all calls wait, one sends a request that changes nothing now
    /// and then, and when that is answered all go on with a new allowance of attempts. A call that may have taken effect and
    /// must not be repeated fails at once, as always. A name that cannot be looked up counts once the server has answered, and
    /// a certificate that is not trusted never does.
    ///
    /// A call that waited in vain fails with [`crate::Error::is_server_away`]; until the server answers again, all later calls
    /// fail at their first attempt. [`Client::stop_waiting`] and the deadline of a call end its wait.
    #[must_use]
    pub fn wait_for_server(mut self, longest: Duration) -> Self {
        self.setup.wait_for_server = longest.min(LONGEST);
        self
    }

    /// Sets how long a whole call may take, with its waits for the token and the rate budget, all attempts and the pauses
    /// between them; default none.
    ///
    /// Without it, time-outs bound an attempt and the retry policy bounds repeats, while a call waits for the rate
    /// budget as long as it takes: behind a thousand others at 100 a second for ten seconds, and after a 429 for as long
    /// as the server asked, up to 15 minutes. A call that ends here fails as one that was not sent, or, if a request
    /// was on its way, with [`crate::Error::is_outcome_unknown`]. A fetch of the token goes on, for later calls.
    ///
    /// A handle with another one: [`Client::with_deadline`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.setup.deadline = Some(deadline.min(LONGEST));
        self
    }

    /// Sets how long an attempt waits; default 5 s to connect, 15 s of silence, 30 s in all.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.connections.timeouts = timeouts.bounded();
        self
    }

    /// Sets the unit of `expires_in` and `ttl`, for tokens of the app and of users; default seconds.
    #[must_use]
    pub fn expires_in(mut self, unit: ExpiresIn) -> Self {
        self.setup.expires_in = unit;
        self
    }

    /// Sets the `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.connections.user_agent = user_agent.into();
        self
    }

    /// Ignores `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`. Loopback servers never go through a proxy.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.connections.environment = false;
        self
    }

    /// Sends requests through this proxy, whatever the environment says: `http`, `https`, `socks5` or `socks5h`, with name
    /// and password if need be. Needs the feature `proxy`.
    ///
    /// ```
    /// use easemob_admin_api::{AppRoot, Client, Credentials};
    ///
    /// let client = Client::builder(AppRoot::parse("https://im.example.com/acme/chat")?)
    ///     .credentials(Credentials::fixed_token("YWMtx"))
    ///     .proxy("http://user:password@proxy.example.com:3128")
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn proxy(mut self, address: impl Into<String>) -> Self {
        self.connections.proxy = Some(ProxyAddress::new(address.into()));
        self
    }

    /// Sets the most requests that are on their way at once, each on a connection of its own; default 256, a quarter of the
    /// open files that most systems allow a process. More calls wait, in their lanes. 0 counts as 1.
    #[must_use]
    pub fn max_connections(mut self, most: usize) -> Self {
        self.connections.most = most.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        self
    }

    /// Shows the server certificates of the client's own (mutual TLS): the chain and its private key, in PEM form.
    #[must_use]
    pub fn client_identity(mut self, pem: impl Into<SecretString>) -> Self {
        self.connections.tls.identity = Some(pem.into());
        self
    }

    /// Sets all of TLS by a configuration of rustls, in place of [`trust_certificates`](Self::trust_certificates) and
    /// [`client_identity`](Self::client_identity), which must not be set then. Its list of protocols (ALPN) is not used.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.connections.tls.own = Some(config.into());
        self
    }

    /// Sends a header with every request, those for tokens included, such as the key of a gateway; a second value replaces
    /// the first. One that cannot be sent is an error of [`build`](Self::build). For a header of single calls see
    /// [`Client::with_header`].
    ///
    /// No log, error or `Debug` shows the value, and no answer that repeats it, if it has 8 characters or more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Err(error) = headers::add(&mut self.setup.headers, name, value) {
            self.problems.push(error.to_string());
        }
        self
    }

    /// Sets the lane that calls wait in; default [`Lane::Interactive`]. A handle for another: [`Client::with_lane`].
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.setup.lane = lane;
        self
    }

    /// Calls `hook` after each call, also one whose future was dropped, with the facts that its span has
    /// ([`CallReport`]). It runs in the task of the call and should be quick.
    #[must_use]
    pub fn on_call(mut self, hook: impl Fn(&CallReport) + Send + Sync + 'static) -> Self {
        self.setup.hook = Some(Hook::new(hook));
        self
    }

    /// Sets what carries requests; default [`Transport::Automatic`].
    #[must_use]
    pub fn transport(mut self, transport: Transport) -> Self {
        self.connections.transport = transport;
        self
    }

    /// Trusts the certificates in a PEM text besides those of the system and those of earlier calls, for servers with an
    /// authority of their own. A text without a certificate is an error of [`build`](Self::build).
    #[must_use]
    pub fn trust_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connections.tls.trusted.push(pem.into());
        self
    }

    /// Believes one certificate of the server and no other, by its SHA-256 fingerprint as `openssl x509 -fingerprint -sha256`
    /// prints it; one of several, if this is called again. Name, validity and the proof of the private key are checked as
    /// always; who issued it is not. A text that is not a fingerprint is an error of [`build`](Self::build).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn pin_certificate(mut self, sha256: &str) -> Self {
        match fingerprint(sha256) {
            Some(pinned) => self.connections.tls.pinned.push(pinned),
            None => self.problems.push(
                "a pinned certificate is named by its SHA-256 fingerprint, 64 hexadecimal digits, as \
                 `openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE.pem` prints it"
                    .to_owned(),
            ),
        }
        self
    }

    /// Sets the verb of the logout of one device; default DELETE. Old servers know GET.
    #[must_use]
    pub fn disconnect_verb(mut self, verb: DisconnectVerb) -> Self {
        self.setup.disconnect_verb = verb;
        self
    }

    /// Sets the largest body of a call about many users, in bytes; default [`LARGEST_BODY`]. Longer lists take more calls. A
    /// single item that is larger is sent all the same, and what the server refuses as too large is halved.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    ///
    /// let sandbox = easemob_admin_sandbox::Sandbox::builder().max_body(500).start().await?;
    /// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    ///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
    ///     .largest_body(500)
    ///     .build()?;
    /// let names: Vec<String> = (0..100).map(|number| format!("user{number:04}")).collect();
    /// let users: Vec<UserId> = names.iter().map(UserId::parse).collect::<Result<_, _>>()?;
    /// assert!(client.statuses(&users).await.iter().all(|(_, status)| status.is_ok()));
    /// assert_eq!(sandbox.calls().iter().filter(|call| call.status == 413).count(), 0);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.setup.largest_body = bytes;
        self
    }

    /// Sets the source of time, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.setup.clock = clock;
        self
    }

    /// Sets the seed of the jitter, for tests.
    #[must_use]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.setup.seed = Some(seed);
        self
    }

    /// Builds the client; nothing is sent yet.
    ///
    /// # Errors
    /// When credentials are missing or hold what no secret holds ([`crate::check_secret`]), a rate is 0 or above a million a second, the user agent cannot be a
    /// header, TLS cannot be set up or certificates to be trusted cannot be read, or a shared budget cannot be written. All problems are reported at once.
    pub fn build(self) -> Result<Client, ConfigError> {
        let mut problems = self.problems;
        problems.extend(contradictions(&self.connections).map(str::to_owned));
        let connections = Arc::new(Connections::new(self.connections));
        assemble(self.root, self.credentials, &self.setup, &connections, problems)
    }
}

/// Returns which settings rule each other out.
fn contradictions(settings: &ConnectionSettings) -> impl Iterator<Item = &'static str> {
    let tls = &settings.tls;
    let of_tls = tls.identity.is_some() || !tls.trusted.is_empty();
    #[cfg(feature = "tls")]
    let of_tls = of_tls || !tls.pinned.is_empty();
    let found = [
        #[cfg(feature = "tls")]
        (tls.own.is_some() && of_tls).then_some(
            "`tls_config` takes the place of `trust_certificates` and `client_identity`; set it alone",
        ),
        #[cfg(feature = "proxy")]
        (settings.proxy.is_some() && settings.transport == Transport::Direct)
            .then_some("a proxy is named, and `Transport::Direct` uses none; leave one of both out"),
        #[cfg(not(feature = "tls"))]
        of_tls.then_some("certificates are named, and this program was built without TLS"),
    ];
    found.into_iter().flatten()
}

/// Makes a client, or says everything that is in the way.
pub(super) fn assemble(
    root: AppRoot,
    credentials: Option<Credentials>,
    setup: &Setup,
    connections: &Arc<Connections>,
    mut problems: Vec<String>,
) -> Result<Client, ConfigError> {
    match &credentials {
        None => problems.push("no credentials are given".to_owned()),
        Some(credentials) => problems.extend(credentials.problems()),
    }
    for (name, rate) in setup.rates.pools() {
        if !rate.is_valid() {
            problems.push(format!(
                "the rate `{name}` is {rate}; it must be 1 to 1000000 a second"
            ));
        }
    }
    let http = Http::new(&root, connections);
    if let Err(error) = &http {
        let mut text = format!("the HTTP client cannot be set up: {error}");
        let mut cause = error.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        problems.push(text);
    }
    let limiter = match &setup.shared_budget {
        None => Ok(Limiter::new(&setup.rates, &setup.clock)),
        Some(budget) => Limiter::shared(&setup.rates, &setup.clock, budget, &root),
    };
    if let Err(error) = &limiter {
        problems.push(format!("the shared budget cannot be used: {error}"));
    }
    let (Some(credentials), Ok(http), Ok(limiter), true) = (credentials, http, limiter, problems.is_empty())
    else {
        return Err(ConfigError { problems });
    };
    let pipeline = Arc::new(Pipeline::new(root, http, limiter, setup));
    let source = token_source::of(credentials, Arc::clone(&pipeline), setup);
    let tokens = Arc::new(TokenCache::new(source, Arc::clone(&setup.clock)));
    Ok(Client {
        manner: Manner {
            deadline: setup.deadline,
            lane: setup.lane,
            ..pipeline.manner().clone()
        },
        pipeline,
        tokens,
        setup: Arc::new(setup.clone()),
        body_limit: BodyLimit::of(setup.largest_body),
    })
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
