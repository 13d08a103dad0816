//! The service as a value.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use easemob_admin_api::webhooks::Secrets;
use easemob_admin_listener::Limits;
use easemob_admin_ops::documents::DocumentStore;
use easemob_admin_ops::listening::{Door, Server, Tls, serve};
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::stores::Stores;
use easemob_admin_ops::trails::Trails;
use easemob_admin_remote::api::NoticesView;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use crate::access::openid::OpenId;
use crate::access::{self, KeyRates};
use crate::alone::Alone;
use crate::apps::Apps;
use crate::callbacks::Callbacks;
use crate::events::Feeds;
use crate::operation::notices::{Notice, Notices, Receiver};
use crate::operation::{Metrics, Observed, observe, watch};
use crate::proxy::act::InFlight;
use crate::proxy::orphans::sign_of_life;
use crate::routes::router;
use crate::runs::{Runner, share};
use crate::schedules::keep;

/// How long open requests may take when the service stops.
const FAREWELL: Duration = Duration::from_secs(10);

/// How many long answers of the vendor are passed on at once: each keeps some memory while it is read, however slowly.
const LONG_ANSWERS: usize = 64;

/// What a service consists of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The apps that it acts on.
    pub apps: Apps,
    /// Runs, locks and logins.
    pub stores: Stores,
    /// The audit trails, to read.
    pub trails: Arc<dyn Trails>,
    /// Keys and settings.
    pub documents: Arc<dyn DocumentStore>,
    /// The account and machine that it runs on.
    pub account: Operator,
    /// Whether the records are files of this machine, so that no other process works on runs.
    pub in_files: bool,
    /// The issuers whose people may sign in, if there are any.
    pub openid: Option<Arc<OpenId>>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// How it is run.
    pub settings: Settings,
}

/// How a service is run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How many requests in a second each key may send to this process; by default, as many as it likes.
    pub key_rate: Option<NonZeroU32>,
    /// Who is told that something happened that somebody should know of.
    pub notices: Option<Receiver>,
    /// Says when a head of the audit trail was last kept outside the database.
    pub outside_head: Option<OutsideHead>,
    /// The apps whose servers may post events of logins, with the secrets that sign these posts.
    pub callbacks: BTreeMap<String, Secrets>,
}

/// Says when a head of the audit trail was last kept outside the database.
#[derive(Clone)]
pub struct OutsideHead(pub Arc<dyn Fn() -> Option<Timestamp> + Send + Sync>);

impl fmt::Debug for OutsideHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutsideHead").finish_non_exhaustive()
    }
}

/// A service. Clones are the same one.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    parts: Parts,
    runner: Arc<Runner>,
    in_flight: Arc<InFlight>,
    long_answers: Arc<Semaphore>,
    alone: Alone,
    feeds: Feeds,
    metrics: Arc<Metrics>,
    key_rates: KeyRates,
    notices: OnceLock<Notices>,
    callbacks: OnceLock<Callbacks>,
    /// Whoever does what is due need not wait for the next look.
    due: Notify,
    /// Tells this process from the others.
    name: String,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("parts", &self.0.parts)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Creates a service. It does nothing before it is asked.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            key_rates: KeyRates::new(parts.settings.key_rate),
            parts,
            runner: Arc::default(),
            in_flight: Arc::default(),
            long_answers: Arc::new(Semaphore::new(LONG_ANSWERS)),
            alone: Alone::default(),
            feeds: Feeds::default(),
            metrics: Arc::default(),
            notices: OnceLock::new(),
            callbacks: OnceLock::new(),
            due: Notify::new(),
            name: random_name(),
        }))
    }

    /// Returns the routes.
    pub fn routes(&self) -> Router {
        router(self)
    }

    /// Listens for clients and for whoever looks after the service, on the runtime of the caller. Call it once. Clients are
    /// answered by `routes`: those of the service, and what is added to them.
    ///
    /// # Errors
    /// When an address or the certificate cannot be used.
    pub fn listen(
        &self,
        routes: Router,
        addresses: &Addresses,
        tls: Option<&Tls>,
    ) -> std::io::Result<Listening> {
        let address = addresses.clients;
        // It listens once.
        let _ = self.0.callbacks.set(Callbacks::open(self)?);
        let observed = addresses
            .metrics
            .map(|address| observe(self, address))
            .transpose()?;
        let door = Door::open(address, Limits::of_process())?;
        let address = door.address()?;
        // Before the first call is sent: others must not take it for one of a dead process.
        sign_of_life(self).map_err(std::io::Error::other)?;
        let server = serve(door, routes, tls)?;
        if let Some(receiver) = self.0.parts.settings.notices.clone() {
            let notices = Notices::to(receiver, Arc::clone(&self.0.metrics), self.0.parts.clock);
            // It listens once.
            let _ = self.0.notices.set(notices);
            tokio::spawn(watch(self.clone()));
        }
        let keeping = tokio::spawn(keep(self.clone()));
        let sharing = (!self.is_in_files()).then(|| tokio::spawn(share(self.clone())));
        Ok(Listening {
            addresses: Addresses {
                clients: address,
                metrics: observed.as_ref().map(|observed| observed.address),
            },
            server,
            observed,
            sharing,
            keeping,
            service: self.clone(),
        })
    }

    /// Returns a code with which the first key is made, if there is none yet.
    ///
    /// # Errors
    /// When the keys cannot be read, or the code cannot be kept.
    pub fn offer_first_key(&self) -> Result<Option<String>, String> {
        access::offer(self).map_err(|refusal| refusal.problem().to_string())
    }

    pub(crate) fn apps(&self) -> &Apps {
        &self.0.parts.apps
    }

    pub(crate) fn stores(&self) -> &Stores {
        &self.0.parts.stores
    }

    pub(crate) fn trails(&self) -> &Arc<dyn Trails> {
        &self.0.parts.trails
    }

    pub(crate) fn feeds(&self) -> &Feeds {
        &self.0.feeds
    }

    pub(crate) fn alone(&self) -> &Alone {
        &self.0.alone
    }

    pub(crate) fn documents(&self) -> &dyn DocumentStore {
        &*self.0.parts.documents
    }

    pub(crate) fn openid(&self) -> Option<&OpenId> {
        self.0.parts.openid.as_deref()
    }

    pub(crate) fn is_in_files(&self) -> bool {
        self.0.parts.in_files
    }

    pub(crate) fn account(&self) -> &Operator {
        &self.0.parts.account
    }

    pub(crate) fn runner(&self) -> &Arc<Runner> {
        &self.0.runner
    }

    /// The calls of the vendor that change something, and are being made.
    pub(crate) fn in_flight(&self) -> &Arc<InFlight> {
        &self.0.in_flight
    }

    /// The turns of long answers of the vendor.
    pub(crate) fn long_answers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.long_answers)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn key_rates(&self) -> &KeyRates {
        &self.0.key_rates
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Returns who receives what the server of an app posts.
    pub(crate) fn callbacks(&self) -> Option<&Callbacks> {
        self.0.callbacks.get()
    }

    /// Waits until something may be due.
    pub(crate) async fn something_is_due(&self) {
        self.0.due.notified().await;
    }

    /// Says that something may be due.
    pub(crate) fn is_due(&self) {
        self.0.due.notify_one();
    }

    /// Tells the receiver of notices something, without waiting.
    pub(crate) fn tell(&self, notice: Notice) {
        if let Some(notices) = self.0.notices.get() {
            notices.tell(&self.0.metrics, notice);
        }
    }

    /// Returns where notices go, and how that goes; `None` if nobody is told.
    pub(crate) fn notices(&self) -> Option<NoticesView> {
        self.0.notices.get().map(Notices::standing)
    }

    /// Returns when a head of the audit trail was last kept outside the database.
    pub(crate) fn outside_head(&self) -> Option<Timestamp> {
        let outside = self.0.parts.settings.outside_head.as_ref()?;
        (outside.0)()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.parts.clock)()
    }
}

/// Returns a name that nobody else has.
pub(crate) fn random_name() -> String {
    let mut bytes = [0; 8];
    // Without randomness, no key could be made either.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_ne_bytes(bytes))
}

/// Where a service listens. Port 0 picks a free port.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The address for clients.
    pub clients: SocketAddr,
    /// The address for `/healthz`, `/readyz` and `/metrics`, without TLS; nobody is answered there without one.
    pub metrics: Option<SocketAddr>,
}

/// A service that listens.
#[derive(Debug)]
pub struct Listening {
    /// The addresses that it listens on.
    pub addresses: Addresses,
    server: Server,
    observed: Option<Observed>,
    /// Does what is due.
    keeping: JoinHandle<()>,
    /// Works on the runs that replicas share.
    sharing: Option<JoinHandle<()>>,
    service: Service,
}

impl Listening {
    /// Reads the certificate and its key again.
    ///
    /// # Errors
    /// When they cannot be used. The old ones stay in use then.
    pub fn read_certificate_again(&self) -> std::io::Result<()> {
        self.server.read_certificate_again()
    }

    /// Stops: takes no more requests, finishes the users in progress of each run and the vendor's calls, and waits for what is
    /// being answered.
    pub async fn stop(self) {
        self.service.runner().drain();
        self.service.in_flight().drain();
        self.service.feeds().end();
        self.server.stop(FAREWELL);
        let _ = self.keeping.await;
        if let Some(sharing) = self.sharing {
            let _ = sharing.await;
        }
        self.service.runner().ended().await;
        self.server.stopped().await;
        if let Some(callbacks) = self.service.callbacks() {
            callbacks.end().await;
        }
        self.service.in_flight().ended().await;
        // To the end it says that the service is stopping.
        if let Some(observed) = self.observed {
            observed.server.stop(Duration::ZERO);
            observed.server.stopped().await;
        }
    }
}
