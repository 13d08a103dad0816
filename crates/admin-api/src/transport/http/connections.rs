//! What clients of many apps can share: the settings of TLS, connections, and how many there may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "proxy")]
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::direct::Direct;
#[cfg(feature = "proxy")]
use super::general::General;
#[cfg(feature = "proxy")]
use super::proxy::ProxyAddress;
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::{Carrier, SetupError, Transport, environment};
use crate::app_root::AppRoot;
use crate::error::TransportError;
use crate::transport::limit::{Gate, Lane};
use crate::transport::timeouts::Timeouts;

/// What transports have to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) user_agent: String,
    /// Whether the environment may name a proxy.
    pub(crate) environment: bool,
    #[cfg(feature = "proxy")]
    pub(crate) proxy: Option<ProxyAddress>,
    pub(crate) tls: TlsSettings,
    pub(crate) transport: Transport,
    /// The most requests that are on their way at once, each on a connection.
    pub(crate) most: usize,
}

/// Whom TLS trusts, and who the client is.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    /// Certificates that are trusted besides those of the system, as texts in PEM form.
    pub(crate) trusted: Vec<Vec<u8>>,
    /// The only certificates that the server may show, by their digests.
    #[cfg(feature = "tls")]
    pub(crate) pinned: Vec<super::named_certificates::Fingerprint>,
    /// Certificates and private key of the client, in PEM form.
    pub(crate) identity: Option<SecretString>,
    /// Settings that take the place of all others.
    #[cfg(feature = "tls")]
    pub(crate) own: Option<Arc<rustls::ClientConfig>>,
}

/// The right to have one request on its way.
pub(crate) type Slot = OwnedSemaphorePermit;

#[derive(Debug)]
pub(crate) struct Connections {
    settings: Settings,
    #[cfg(feature = "tls")]
    tls: Tls,
    /// By the origin of the server.
    direct: Mutex<HashMap<String, Arc<Direct>>>,
    #[cfg(feature = "proxy")]
    general: Mutex<HashMap<bool, General>>,
    slots: Arc<Semaphore>,
    gate: Gate<Slot>,
}

impl Connections {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            #[cfg(feature = "tls")]
            tls: Tls::default(),
            direct: Mutex::default(),
            #[cfg(feature = "proxy")]
            general: Mutex::default(),
            slots: Arc::new(Semaphore::new(settings.most)),
            gate: Gate::default(),
            settings,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls(&self) -> Result<rustls::ClientConfig, SetupError> {
        self.tls.config(&self.settings.tls)
    }

    pub(super) async fn slot(&self, lane: Lane) -> (Slot, bool) {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return (slot, false);
        }
        let slot = self.gate.pass(lane, || async {
            let slots = Arc::clone(&self.slots);
            slots.acquire_owned().await.expect("nobody closes it")
        });
        (slot.await, true)
    }

    /// Returns true if the environment has a say about proxies to this server.
    fn heeds_environment(&self, root: &AppRoot) -> bool {
        self.settings.environment
            && !root.is_loopback()
            && !environment::names_an_exception(|name| std::env::var_os(name), root)
    }

    /// Chooses what carries requests to a server.
    pub(super) fn carrier(&self, root: &AppRoot) -> Result<Carrier, SetupError> {
        let variable = |name: &str| std::env::var_os(name);
        let heeded = self.heeds_environment(root);
        let direct = match self.settings.transport {
            Transport::Automatic => !(self.names_a_proxy() || heeded && environment::names_a_proxy(variable)),
            Transport::Direct => true,
            Transport::General => false,
        };
        if direct {
            self.direct(root).map(Carrier::Direct)
        } else {
            self.general(heeded)
        }
    }

    /// Returns the proxy by which calls to a server go, if there is one.
    #[cfg(feature = "proxy")]
    pub(super) fn proxy_to(&self, root: &AppRoot) -> Result<Option<Intercept>, TransportError> {
        if self.settings.transport == Transport::Direct {
            return Ok(None);
        }
        let matcher = match &self.settings.proxy {
            Some(proxy) => proxy.matcher().map_err(TransportError::no_connection_because)?,
            None if self.heeds_environment(root) => Matcher::from_env(),
            None => return Ok(None),
        };
        let server = root
            .origin()
            .parse()
            .map_err(|_| TransportError::unusable_request("the address of the server is not a URL"))?;
        Ok(matcher.intercept(&server))
    }

    /// Refuses to go past a proxy that the environment names.
    #[cfg(not(feature = "proxy"))]
    pub(super) fn no_proxy_to(&self, root: &AppRoot) -> Result<(), TransportError> {
        let carrier = self.carrier(root);
        carrier.map(drop).map_err(TransportError::no_connection_because)
    }

    fn direct(&self, root: &AppRoot) -> Result<Arc<Direct>, SetupError> {
        let mut all = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(direct) = all.get(&root.origin()) {
            return Ok(Arc::clone(direct));
        }
        let direct = Arc::new(Direct::new(root, self)?);
        all.insert(root.origin(), Arc::clone(&direct));
        Ok(direct)
    }

    #[cfg(feature = "proxy")]
    fn names_a_proxy(&self) -> bool {
        self.settings.proxy.is_some()
    }

    #[cfg(not(feature = "proxy"))]
    #[expect(clippy::unused_self, reason = "the same call in both builds")]
    fn names_a_proxy(&self) -> bool {
        false
    }

    #[cfg(feature = "proxy")]
    fn general(&self, heeded: bool) -> Result<Carrier, SetupError> {
        let mut all = self.general.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(general) = all.get(&heeded) {
            return Ok(Carrier::General(general.clone()));
        }
        let general = General::new(self, heeded)?;
        all.insert(heeded, general.clone());
        Ok(Carrier::General(general))
    }

    /// Going past a proxy that was named would show the server, and whoever is on the way, what was to go through it.
    #[cfg(not(feature = "proxy"))]
    #[expect(clippy::unused_self, reason = "the same call in both builds")]
    fn general(&self, _: bool) -> Result<Carrier, SetupError> {
        Err("the environment names a proxy, and this program was built without the feature `proxy`; unset `HTTP_PROXY`, \
             `HTTPS_PROXY` and `ALL_PROXY`, or build the client with `no_proxy`"
            .into())
    }
}
