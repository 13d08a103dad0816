//! The service as a value.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use easemob_admin_listener::Limits;
use easemob_admin_ops::documents::DocumentStore;
use easemob_admin_ops::listening::{Door, Server, Tls, serve};
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::stores::Stores;
use easemob_admin_ops::trails::Trails;
use jiff::Timestamp;

use crate::access;
use crate::alone::Alone;
use crate::apps::Apps;
use crate::events::Feeds;
use crate::routes::router;
use crate::runs::Runner;

/// How long open requests may take when the service stops.
const FAREWELL: Duration = Duration::from_secs(10);

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
    /// The clock.
    pub clock: fn() -> Timestamp,
}

/// A service. Clones are the same one.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    parts: Parts,
    runner: Arc<Runner>,
    alone: Alone,
    feeds: Feeds,
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
            parts,
            runner: Arc::default(),
            alone: Alone::default(),
            feeds: Feeds::default(),
        }))
    }

    /// Returns the routes.
    pub fn routes(&self) -> Router {
        router(self)
    }

    /// Listens on an address, on the runtime of the caller.
    ///
    /// # Errors
    /// When the address or the certificate cannot be used.
    pub fn listen(&self, address: SocketAddr, tls: Option<&Tls>) -> std::io::Result<Listening> {
        let door = Door::open(address, Limits::of_process())?;
        let address = door.address()?;
        Ok(Listening {
            address,
            server: serve(door, self.routes(), tls)?,
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

    pub(crate) fn account(&self) -> &Operator {
        &self.0.parts.account
    }

    pub(crate) fn runner(&self) -> &Arc<Runner> {
        &self.0.runner
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.parts.clock)()
    }
}

/// A service that listens.
#[derive(Debug)]
pub struct Listening {
    /// The address that it listens on.
    pub address: SocketAddr,
    server: Server,
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

    /// Stops: takes no more requests, finishes the users in progress of each run, and waits for what is being answered.
    pub async fn stop(self) {
        self.service.runner().drain();
        self.service.feeds().end();
        self.server.stop(FAREWELL);
        self.service.runner().ended().await;
        self.server.stopped().await;
    }
}
