use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use easemob_admin_listener::{BoundedListener, Limits};
use http::Method;
use tokio::sync::watch;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::error::SandboxError;
use crate::realtime::{lists_socket, socket};
use crate::rules::App;
use crate::rules::clock::SandboxClock;
use crate::rules::habits::Habits;
use crate::rules::sign_in::SignInPolicy;
use crate::sandbox::Sandbox;
use crate::seed::Seed;
use crate::server::connection::{CuttableListener, Peer};
use crate::server::handler::{handle, with_one_host};
use crate::server::jwt::{JwtKey, JwtKeys};
use crate::server::rate::{RateLimiter, Rates};
use crate::service::{Service, Settings};
use crate::state_file::StateFile;
use crate::webhooks::{Webhook, sender};

/// Puts a [`Sandbox`] together; every setting has a default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), easemob_admin_sandbox::SandboxError> {
/// use easemob_admin_sandbox::{Rates, Sandbox, SandboxClock, Seed};
///
/// let sandbox = Sandbox::builder()
///     .app("acme#chat")
///     .seed(Seed::demo())
///     .clock(SandboxClock::manual(1_700_000_000_000))
///     .rates(Rates::unlimited())
///     .start()
///     .await?;
/// assert!(sandbox.app_root().ends_with("/acme/chat"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until started"]
pub struct SandboxBuilder {
    listen: SocketAddr,
    app_key: String,
    state_file: Option<PathBuf>,
    lock_wait: Duration,
    seed: Option<Seed>,
    clock: SandboxClock,
    rates: Rates,
    policy: Option<SignInPolicy>,
    jwt_keys: Vec<JwtKey>,
    webhooks: Vec<Webhook>,
    credentials: Option<(String, String)>,
    agora: Option<(String, String)>,
    settings: Settings,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            app_key: "easemob-demo#sandbox".to_owned(),
            state_file: None,
            lock_wait: Duration::from_secs(10),
            seed: None,
            clock: SandboxClock::system(),
            rates: Rates::documented(),
            policy: None,
            jwt_keys: Vec::new(),
            webhooks: Vec::new(),
            credentials: None,
            agora: None,
            settings: Settings {
                max_users: None,
                server_managed_limits: true,
                open_registration: false,
                callback_storage: true,
                expires_in_millis: false,
                token_ttl: Duration::from_secs(60 * 24 * 60 * 60),
                max_body: 5_000,
                control_from_anywhere: false,
                status_lag: Duration::ZERO,
                sign_out_lag: Duration::ZERO,
                habits: Habits::default(),
            },
        }
    }
}

impl SandboxBuilder {
    /// Sets the address to listen on; the default is a free port of `127.0.0.1`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the app key, `org#app`; the default is `easemob-demo#sandbox`.
    pub fn app(mut self, app_key: impl Into<String>) -> Self {
        self.app_key = app_key.into();
        self
    }

    /// Keeps the state in a file; the default is to forget it.
    ///
    /// The file holds passwords and tokens in clear text and is readable by its owner only.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// Sets how long to wait while another process uses the state file; the default is 10 s.
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Sets what an empty sandbox begins with; a state that has users is left as it is.
    pub fn seed(mut self, seed: Seed) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the clock; the default is the system's.
    pub fn clock(mut self, clock: SandboxClock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the rate limits; the default is what the service documents, so that pacing is tried for real.
    pub fn rates(mut self, rates: Rates) -> Self {
        self.rates = rates;
        self
    }

    /// Sets what happens to a sign-in on a full platform; the default is to evict the oldest device.
    pub fn sign_in_policy(mut self, policy: SignInPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Answers 429 `resource_limited` beyond this many users, as the free edition does; the default is no cap.
    pub fn max_users(mut self, users: usize) -> Self {
        self.settings.max_users = Some(users);
        self
    }

    /// Sets whether device limits can be read and set by REST; the default is yes, unlike the public cloud.
    pub fn server_managed_limits(mut self, yes: bool) -> Self {
        self.settings.server_managed_limits = yes;
        self
    }

    /// Sets whether users may register without a token, the console's "open registration"; the default is no.
    pub fn open_registration(mut self, yes: bool) -> Self {
        self.settings.open_registration = yes;
        self
    }

    /// Sets whether posts that a webhook's receiver did not take are kept to be sent again, which the console sells; the
    /// default is yes.
    pub fn callback_storage(mut self, yes: bool) -> Self {
        self.settings.callback_storage = yes;
        self
    }

    /// Counts `ttl` and `expires_in` in milliseconds, as some clusters do; the default is seconds.
    pub fn expires_in_millis(mut self, yes: bool) -> Self {
        self.settings.expires_in_millis = yes;
        self
    }

    /// Sets the life of tokens that name none; the default is 60 days, zero is for ever.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.settings.token_ttl = ttl;
        self
    }

    /// Reports a user as online only so long after a device has signed in; the default is at once. Whether the status of
    /// the service lags is not documented.
    pub fn status_lag(mut self, lag: Duration) -> Self {
        self.settings.status_lag = lag;
        self
    }

    /// Reports a user as online until so long after the last device has gone; the default is not at all.
    pub fn sign_out_lag(mut self, lag: Duration) -> Self {
        self.settings.sign_out_lag = lag;
        self
    }

    /// Sets what the pages leave open, to imitate a server that was asked; see [`Habits`] for the defaults.
    pub fn habits(mut self, habits: Habits) -> Self {
        self.settings.habits = habits;
        self
    }

    /// Sets the largest body in bytes, beyond which the answer is 413; the default is 5,000, the strict
    /// reading of the "5 KB" on the error page of 2023.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// Opens the control calls to other machines and to any web page; the default is this machine, and pages whose
    /// address is on it.
    ///
    /// They need no authentication and can read and change everything.
    pub fn control_from_anywhere(mut self, yes: bool) -> Self {
        self.settings.control_from_anywhere = yes;
        self
    }

    /// Trusts a key for signed tokens; may be called again for more.
    pub fn jwt_key(mut self, key: JwtKey) -> Self {
        self.jwt_keys.push(key);
        self
    }

    /// Posts what happens to sessions to an address; may be called again for more.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhooks.push(webhook);
        self
    }

    /// Sets the client id and secret; the default is random, or what the state file holds.
    pub fn client_credentials(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credentials = Some((id.into(), secret.into()));
        self
    }

    /// Sets the app id and certificate of Agora's kind: the root `/app-id/{id}`, and what tokens of that kind are signed with. The
    /// default is random, or what the state file holds.
    pub fn agora_app(mut self, id: impl Into<String>, certificate: impl Into<String>) -> Self {
        self.agora = Some((id.into(), certificate.into()));
        self
    }

    /// Starts the sandbox on the current runtime.
    ///
    /// # Errors
    /// When the app key or a JWT key is malformed, the seed's limits are out of range, the address cannot be
    /// listened on, or the state file is in use, damaged, foreign, newer, or of another app.
    pub async fn start(self) -> Result<Sandbox, SandboxError> {
        check_app_key(&self.app_key)?;
        let mut keys = JwtKeys::default();
        self.jwt_keys.iter().try_for_each(|key| keys.trust(key))?;
        if let Some(hook) = self.webhooks.iter().find(|hook| !hook.is_plain_http()) {
            return Err(SandboxError::Webhook(hook.url.clone()));
        }

        let store = match &self.state_file {
            Some(path) => Some(StateFile::lock(path, self.lock_wait).await?),
            None => None,
        };
        let loaded = store
            .as_ref()
            .map_or(Ok(None), |store| store.load(&self.app_key))?;
        let new = loaded.is_none();
        let mut app = self.prepare(loaded)?;
        if let Some(store) = &store {
            store.open_messages(&mut app, new)?;
        }

        let failed = |source| SandboxError::Listen {
            address: self.listen,
            source,
        };
        let listener = BoundedListener::bind(self.listen, Limits::of_process()).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let rates = RateLimiter::new(self.rates);
        let service = Arc::new(Service::new(
            self.settings,
            address,
            self.clock,
            rates,
            keys,
            app,
            store,
        ));
        // A first save shows at once whether the place can be written to.
        service.save()?;

        let mut posters = Vec::new();
        if let Some(asked) = service.asked_again() {
            posters.push(tokio::spawn(sender::send_again(Arc::clone(&service), asked)).abort_handle());
        }
        for webhook in self.webhooks {
            let events = service.live.subscribe();
            let posting = sender::send(Arc::clone(&service), webhook, events);
            posters.push(tokio::spawn(posting).abort_handle());
        }

        let (stop, mut stopped) = watch::channel(false);
        let routes = Router::new()
            .route("/websocket", get(socket::upgrade))
            .route("/ws", get(lists_socket::upgrade))
            .fallback(handle)
            .layer(from_fn(with_one_host))
            .layer(browsers())
            .with_state(Arc::clone(&service));
        let server = axum::serve(
            CuttableListener(listener),
            routes.into_make_service_with_connect_info::<Peer>(),
        );
        let server = server.with_graceful_shutdown(async move {
            // An error means that the handle is gone, which is as good as a word from it.
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let server = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "server failed");
            }
        });
        let saver = tokio::spawn(Arc::clone(&service).save_changes());
        Ok(Sandbox::new(service, stop, server, saver, posters))
    }

    fn prepare(&self, loaded: Option<App>) -> Result<App, SandboxError> {
        let mut app = loaded.unwrap_or_else(|| App::new(&self.app_key, None));
        app.forget_connections();
        if let Some((id, secret)) = self.credentials.clone() {
            (app.client_id, app.client_secret) = (id, secret);
        }
        if let Some((id, certificate)) = self.agora.clone() {
            (app.agora_id, app.agora_certificate) = (id, certificate);
        }
        if let Some(policy) = self.policy {
            app.policy = policy;
        }
        self.clock.advance_to_offset(app.clock_offset_ms);
        if let Some(seed) = self.seed.clone().filter(|_| app.users.is_empty()) {
            app.import(seed, self.clock.now_ms())?;
        }
        Ok(app)
    }
}

/// Lets pages of any origin call, as the service does: the vendor's Web SDK calls from a page.
fn browsers() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::any())
        .allow_methods(AllowMethods::list([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
        ]))
        .allow_headers(AllowHeaders::mirror_request())
}

fn check_app_key(app_key: &str) -> Result<(), SandboxError> {
    let legal = |name: &str| !name.is_empty() && !name.contains(['/', '#', '?']);
    match app_key.split_once('#') {
        // Organizations of these names would be hidden by the control calls, and by roots of Agora's kind.
        Some((org, app)) if legal(org) && legal(app) && !["sandbox", "app-id"].contains(&org) => Ok(()),
        _ => Err(SandboxError::AppKey(app_key.to_owned())),
    }
}
