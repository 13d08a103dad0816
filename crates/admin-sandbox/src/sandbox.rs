use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{broadcast, watch};
use tokio::task::{AbortHandle, JoinHandle};

use crate::builder::SandboxBuilder;
use crate::error::SandboxError;
use crate::rules::App;
use crate::rules::clock::SandboxClock;
use crate::rules::limits::{DeviceLimits, LimitError, UserLimits};
use crate::rules::live_event::Happened;
use crate::rules::sign_in::{SandboxDevice, SignIn, SignInError, SignInPolicy, SignInRequest};
use crate::rules::tokens::Subject;
use crate::rules::users::NewUser;
use crate::seed::Seed;
use crate::server::call_names;
use crate::server::calls::Call;
use crate::server::faults::Fault;
use crate::server::jwt::JwtKey;
use crate::service::{Service, lock};

/// How long a shutdown waits for calls that are being answered.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// A running sandbox; dropping it stops the server.
///
/// The methods act on the state directly, without HTTP, rate limits or faults.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_sandbox::{Fault, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// sandbox.register("ann");
/// sandbox.sign_in("ann", "ios")?;
/// sandbox.inject(Fault::status("devices.list", 503).times(2));
///
/// assert_eq!(sandbox.devices("ann")[0].platform, "ios");
/// assert_eq!(sandbox.call_count("devices.list"), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    service: Arc<Service>,
    app_key: String,
    client_id: String,
    client_secret: String,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    saver: JoinHandle<()>,
    posters: Vec<AbortHandle>,
    closed: bool,
}

impl Sandbox {
    /// Starts an empty sandbox in memory, on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start() -> Result<Self, SandboxError> {
        Self::builder().start().await
    }

    /// Starts to describe a sandbox.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    pub(crate) fn new(
        service: Arc<Service>,
        stop: watch::Sender<bool>,
        server: JoinHandle<()>,
        saver: JoinHandle<()>,
        posters: Vec<AbortHandle>,
    ) -> Self {
        let of = |app: &App| (app.key.clone(), app.client_id.clone(), app.client_secret.clone());
        let (app_key, client_id, client_secret) = service.read(of);
        Self {
            service,
            app_key,
            client_id,
            client_secret,
            stop,
            server,
            saver,
            posters,
            closed: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.service)
    }

    /// Returns `http://HOST:PORT/ORG/APP`, which every imitated call is relative to.
    #[must_use]
    pub fn app_root(&self) -> String {
        self.service.app_root()
    }

    /// Returns `http://HOST:PORT`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        self.service.rest_url()
    }

    /// Returns `org#app`.
    #[must_use]
    pub fn app_key(&self) -> &str {
        &self.app_key
    }

    /// Returns the client id that app tokens are asked for with.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Returns the client secret that goes with the id.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// Returns the app id of Agora's kind, which the other form of the root names.
    #[must_use]
    pub fn app_id(&self) -> String {
        self.service.read(|app| app.agora_id.clone())
    }

    /// Returns the app certificate that tokens of Agora's kind are signed with.
    #[must_use]
    pub fn app_certificate(&self) -> String {
        self.service.read(|app| app.agora_certificate.clone())
    }

    /// Returns `http://HOST:PORT/app-id/ID`, below which everything is as below [`app_root`](Self::app_root).
    #[must_use]
    pub fn app_id_root(&self) -> String {
        self.service.app_id_root()
    }

    /// Returns the address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// Returns the address that SDKs connect to: `url` in their options.
    #[must_use]
    pub fn ws_url(&self) -> String {
        self.service.ws_url()
    }

    /// Returns one line of JSON that tells another process all it needs to connect.
    #[must_use]
    pub fn ready_line(&self) -> String {
        json!({
            "rest": self.rest_url(),
            "ws": self.ws_url(),
            "app_root": self.app_root(),
            "app_key": self.app_key,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        })
        .to_string()
    }

    /// Creates a user with the password `pw-` and the name; does nothing if there is one of that name.
    ///
    /// Unlike over HTTP any name will do: old accounts hold names that could not be registered today.
    pub fn register(&self, name: &str) {
        let user = NewUser {
            name: name.to_owned(),
            password: Some(format!("pw-{name}")),
            nickname: None,
        };
        let _ = self
            .service
            .change(|app, now_ms| app.register(user, None, now_ms).is_ok());
    }

    /// Signs a user in on a new device of `platform`.
    ///
    /// # Errors
    /// When there is no such user, the user is banned, or the platform admits no device.
    pub fn sign_in(&self, name: &str, platform: &str) -> Result<SignIn, SignInError> {
        self.sign_in_with(name, SignInRequest::on(platform))
    }

    /// Signs a user in on the device with this resource id; a session it has already is replaced.
    ///
    /// # Errors
    /// As for [`sign_in`](Self::sign_in).
    pub fn sign_in_as(&self, name: &str, resource: &str) -> Result<SignIn, SignInError> {
        self.sign_in_with(name, SignInRequest::with_resource(resource))
    }

    /// Signs a user in on a device described in full.
    ///
    /// # Errors
    /// As for [`sign_in`](Self::sign_in), and when a password is given that does not match.
    pub fn sign_in_with(&self, name: &str, request: SignInRequest) -> Result<SignIn, SignInError> {
        self.service
            .change(|app, now_ms| app.sign_in(name, request, now_ms))
    }

    /// Signs one device out, as its user would; false if it was not online.
    ///
    /// A connection that it holds is closed without a word, which an SDK takes for a broken line: it comes back.
    #[expect(clippy::must_use_candidate, reason = "the sign-out is what counts")]
    pub fn sign_out(&self, name: &str, resource: &str) -> bool {
        self.service
            .change(|app, _| app.sign_out_by_user(name, resource).is_some())
    }

    /// Ends the session of one device, as an operator does by REST; false if it was not online.
    ///
    /// A connection that it holds is told 217, and closed.
    #[expect(clippy::must_use_candidate, reason = "the end of the session is what counts")]
    pub fn kick(&self, name: &str, resource: &str) -> bool {
        self.service
            .change(|app, _| app.sign_out(name, resource).is_some())
    }

    /// Returns a new token of a user, good for the builder's `token_ttl`; none if there is no such user.
    #[must_use]
    pub fn user_token(&self, name: &str) -> Option<String> {
        let ttl = self.service.settings.token_ttl;
        self.service.change(|app, now_ms| {
            let user = app.users.find(name)?.name.clone();
            let ttl_ms = (!ttl.is_zero()).then(|| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
            Some(app.tokens.issue(Subject::User(user), ttl_ms, now_ms))
        })
    }

    /// Returns a user's devices, oldest first; none if there is no such user.
    #[must_use]
    pub fn devices(&self, name: &str) -> Vec<SandboxDevice> {
        self.service.read(|app| {
            app.users
                .find(name)
                .map(|user| user.devices.clone())
                .unwrap_or_default()
        })
    }

    /// Sets the app's limits; whoever is online above them stays until the next sign-in.
    ///
    /// # Errors
    /// When a number or a platform's name is out of range.
    pub fn set_limits(&self, limits: DeviceLimits) -> Result<(), LimitError> {
        self.service.change(|app, _| app.set_limits(limits).map(|_| ()))
    }

    /// Sets one user's limits, in whole ([`DeviceLimits`]) or in part ([`UserLimits`]).
    ///
    /// # Errors
    /// When there is no such user, or a number or a platform's name is out of range.
    pub fn set_user_limits(&self, name: &str, limits: impl Into<UserLimits>) -> Result<(), LimitError> {
        self.service
            .change(|app, _| app.set_user_limits(name, limits.into()))
    }

    /// Sets what happens to a sign-in on a full platform.
    pub fn set_sign_in_policy(&self, policy: SignInPolicy) {
        self.service.change(|app, _| app.policy = policy);
    }

    /// Puts users and limits in place; users that exist are replaced.
    ///
    /// # Errors
    /// When limits are out of range; nothing is changed then.
    pub fn import(&self, seed: Seed) -> Result<(), LimitError> {
        self.service.change(|app, now_ms| app.import(seed, now_ms))
    }

    /// Forgets users, limits, user tokens, faults and recorded calls; credentials and clock stay.
    pub fn reset(&self) {
        self.service.reset();
    }

    /// Returns the clock; its clones share the time.
    #[must_use]
    pub fn clock(&self) -> SandboxClock {
        self.service.clock.clone()
    }

    /// Watches what happens from now on: sign-ins, kicks, messages, and what devices are told.
    ///
    /// A watcher that does not keep up misses the oldest events, and is told how many.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Happened> {
        self.service.live.subscribe()
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.service.advance(by);
    }

    /// Trusts one more key for signed tokens.
    ///
    /// # Errors
    /// When the key is malformed.
    pub fn trust_jwt_key(&self, key: &JwtKey) -> Result<(), SandboxError> {
        lock(&self.service.jwt_keys).trust(key)
    }

    /// Makes something go wrong.
    pub fn inject(&self, fault: Fault) {
        lock(&self.service.faults).add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.service.faults).clear();
    }

    /// Returns how many calls [`Fault::delay`] and [`Fault::delay_answer`] hold up at this moment.
    #[must_use]
    pub fn held_calls(&self) -> usize {
        self.service.held.count()
    }

    /// Lets the calls go on that are held up; later ones are held up as before, unless the faults are cleared first.
    pub fn release_calls(&self) {
        self.service.held.release();
    }

    /// Returns the last 10,000 calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.service.calls).recent()
    }

    /// Returns how many calls an endpoint got, however long ago.
    ///
    /// # Panics
    /// When no call has this name ([`call_names`](crate::call_names)): zero would be the answer for ever.
    #[must_use]
    #[track_caller]
    pub fn call_count(&self, endpoint: &str) -> usize {
        call_names::check(endpoint).unwrap_or_else(|why| panic!("{why}"));
        lock(&self.service.calls).count(endpoint)
    }

    /// Returns how many calls it got in all, however long ago.
    #[must_use]
    pub fn total_calls(&self) -> usize {
        lock(&self.service.calls).total()
    }

    /// Forgets the recorded calls.
    pub fn reset_calls(&self) {
        lock(&self.service.calls).clear();
    }

    /// Stops the server, lets the calls being answered finish, and saves the state.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn shutdown(mut self) -> Result<(), SandboxError> {
        self.stop.send_replace(true);
        self.service.hub.close_all();
        if tokio::time::timeout(LAST_CALLS, &mut self.server).await.is_err() {
            tracing::warn!("calls were still being answered at shutdown");
        }
        self.saver.abort();
        self.posters.iter().for_each(AbortHandle::abort);
        self.closed = true;
        Ok(self.service.close()?)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.service.hub.close_all();
        self.server.abort();
        self.saver.abort();
        self.posters.iter().for_each(AbortHandle::abort);
        if !self.closed
            && let Err(error) = self.service.close()
        {
            tracing::error!(%error, "cannot save the state");
        }
    }
}
