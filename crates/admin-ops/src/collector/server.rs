//! The HTTP server: limits of size and time, and an answer only once an event is on disk.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use easemob_admin_api::webhooks::Secrets;
use easemob_admin_listener::Limits;
use http_body_util::LengthLimitError;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::collector::gaps::{Failures, HEARTBEAT_MS};
use crate::collector::metrics::Metrics;
use crate::collector::payload::{self, PayloadError, Received};
use crate::collector::recorder::{Busy, Kept, Recorder};
use crate::collector::refusals::Refusals;
use crate::listening::{ARRIVAL, Door, Peer, Server, Tls, serve};

/// The largest accepted body; a post has about 400 bytes.
const LARGEST: usize = 64 * 1024;

/// The most connections for metrics; a scraper needs one.
const SCRAPERS: usize = 16;

/// How long storing an event may take. The service waits for a minute, and sends again after a 503.
const DISK: Duration = Duration::from_secs(20);

/// How long connections may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// The state of a collector.
pub struct Collector {
    /// The app, `org#app`.
    pub app_key: String,
    /// The secrets that sign posts; `None` if signatures are not verified.
    pub secrets: Option<Secrets>,
    /// Stores the events.
    pub recorder: Recorder,
    /// The counters.
    pub metrics: Metrics,
    /// The clock, in milliseconds since 1970.
    pub now_ms: fn() -> i64,
    failures: Mutex<Failures>,
    refusals: Mutex<Refusals>,
    warn: Warn,
}

/// Reports something to the operator.
pub type Warn = Box<dyn Fn(&str) + Send + Sync>;

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("app_key", &self.app_key)
            .finish_non_exhaustive()
    }
}

impl Collector {
    /// Creates a collector; `warn` receives messages for its operator.
    #[must_use]
    pub fn new(
        app_key: String,
        secrets: Option<Secrets>,
        recorder: Recorder,
        now_ms: fn() -> i64,
        warn: Warn,
    ) -> Self {
        Self {
            app_key,
            secrets,
            recorder,
            metrics: Metrics::default(),
            now_ms,
            failures: Mutex::default(),
            refusals: Mutex::default(),
            warn,
        }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answer that the service treats as a failure, and records the gap if the service blocks the
    /// receiver.
    async fn failed(&self) {
        let gap = {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.failed((self.now_ms)())
        };
        if let Some(gap) = gap {
            self.metrics.gap();
            self.recorder.gap(gap).await;
        }
    }

    /// Reads a post and keeps its event. Returns what became of it, which is counted, and the status to answer with.
    pub async fn answer(&self, peer: &Peer, body: Body) -> (&'static str, StatusCode) {
        let body = timeout(ARRIVAL, to_bytes(body, LARGEST)).await;
        let work = peer.work();
        let (outcome, status) = match body {
            Err(_) => ("too_slow", StatusCode::REQUEST_TIMEOUT),
            Ok(Err(error)) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
                ("too_large", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Ok(Err(_)) => ("broken_off", StatusCode::BAD_REQUEST),
            Ok(Ok(body)) => self.take(&body).await,
        };
        self.metrics.post(outcome);
        let report = self.refusals().refused(outcome, &peer.name(), (self.now_ms)());
        if let Some(report) = report {
            (self.warn)(&report);
        }
        // Anybody can send bad posts, so only failures of this machine say that the service may be blocked.
        if status.is_server_error() {
            self.failed().await;
        }
        if let Some(work) = work {
            work.done(status.is_success());
        }
        (outcome, status)
    }

    /// Records at every heartbeat that the collector is running.
    pub async fn stay(&self) {
        let every = Duration::from_millis(HEARTBEAT_MS.unsigned_abs());
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now_ms = (self.now_ms)();
            for report in self.refusals().due(now_ms) {
                (self.warn)(&report);
            }
            self.recorder.alive(now_ms).await;
        }
    }

    /// Decides how to answer a post.
    async fn take(&self, body: &[u8]) -> (&'static str, StatusCode) {
        let Received { post, event } = match payload::read(body, &self.app_key, (self.now_ms)()) {
            Ok(received) => received,
            Err(PayloadError::OtherApp(_)) => return ("other_app", StatusCode::FORBIDDEN),
            Err(PayloadError::Malformed(_) | PayloadError::Missing(_)) => {
                return ("malformed", StatusCode::BAD_REQUEST);
            }
            Err(PayloadError::Time(_)) => return ("implausible_time", StatusCode::BAD_REQUEST),
        };
        if self
            .secrets
            .as_ref()
            .is_some_and(|secrets| !post.is_signed_with(secrets))
        {
            return ("bad_signature", StatusCode::FORBIDDEN);
        }
        let Some(event) = event else {
            // Other rules of the app may post here; the service must see success.
            return ("other_event", StatusCode::OK);
        };
        let at_ms = event.at_ms;
        match timeout(DISK, self.recorder.keep(event)).await {
            Ok(Ok(Kept::New)) => {
                self.metrics.newest_event_ms.set(at_ms);
                ("kept", StatusCode::OK)
            }
            Ok(Ok(Kept::Duplicate)) => ("duplicate", StatusCode::OK),
            Ok(Err(Busy::Full)) => ("queue_full", StatusCode::SERVICE_UNAVAILABLE),
            Ok(Ok(Kept::Not) | Err(Busy::Gone)) | Err(_) => ("not_kept", StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

async fn receive(
    State(collector): State<Arc<Collector>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Response {
    let (outcome, status) = collector.answer(&peer, body).await;
    if status.is_server_error() {
        let soon = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (status, soon, outcome).into_response();
    }
    (status, outcome).into_response()
}

async fn metrics(State(collector): State<Arc<Collector>>) -> Response {
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let form = [(header::CONTENT_TYPE, HeaderValue::from_static(form))];
    (form, collector.metrics.text()).into_response()
}

/// Answers whoever looks for the metrics where the posts arrive, although they have an address of their own.
async fn metrics_elsewhere() -> Response {
    (
        StatusCode::NOT_FOUND,
        "the metrics are at the address of --metrics",
    )
        .into_response()
}

/// Where a collector listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The address for posts.
    pub posts: SocketAddr,
    /// The address for `/metrics`, without TLS; `None` serves them at the address for posts.
    pub metrics: Option<SocketAddr>,
}

/// A collector that listens.
#[derive(Debug)]
pub struct Listening {
    servers: Vec<Server>,
    alive: tokio::task::JoinHandle<()>,
    /// The addresses that it listens on.
    pub addresses: Addresses,
}

/// Starts to listen, on the runtime of the caller.
///
/// # Errors
/// When an address or the certificate cannot be used.
pub fn listen(
    collector: Arc<Collector>,
    addresses: &Addresses,
    tls: Option<&Tls>,
) -> std::io::Result<Listening> {
    let posts = Door::open(addresses.posts, Limits::of_process())?;
    let own_metrics = addresses
        .metrics
        .map(|address| Door::open(address, Limits::of_process().at_most(SCRAPERS)))
        .transpose()?;
    let addresses = Addresses {
        posts: posts.address()?,
        metrics: own_metrics.as_ref().map(Door::address).transpose()?,
    };
    let metrics_here = if own_metrics.is_some() {
        get(metrics_elsewhere)
    } else {
        get(metrics)
    };
    let routes = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/metrics", metrics_here.post(receive))
        .route("/", post(receive))
        .route("/{*path}", post(receive))
        .with_state(Arc::clone(&collector));
    let mut servers = vec![serve(posts, routes, tls)?];
    if let Some(door) = own_metrics {
        let routes = Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&collector));
        servers.push(serve(door, routes, None)?);
    }
    Ok(Listening {
        servers,
        alive: tokio::spawn(async move { collector.stay().await }),
        addresses,
    })
}

impl Listening {
    /// Stops listening, and waits for the posts being answered.
    pub async fn stop(self) {
        self.alive.abort();
        for server in &self.servers {
            server.stop(FAREWELL);
        }
        for server in self.servers {
            server.stopped().await;
        }
    }
}
