//! The HTTP server: limits of size and time, and an answer only once an event is on disk.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_server::Handle;
use easemob_admin_api::webhooks::Secrets;
use http_body_util::LengthLimitError;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::collector::gaps::{Failures, HEARTBEAT_MS};
use crate::collector::metrics::Metrics;
use crate::collector::payload::{self, PayloadError, Received};
use crate::collector::recorder::{Busy, Kept, Recorder};
use crate::collector::tls::Tls;

/// The largest accepted body; a post has about 400 bytes.
const LARGEST: usize = 64 * 1024;

/// How long headers, and then a body, may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// How long storing an event may take. The service waits for a minute, and sends again after a 503.
const DISK: Duration = Duration::from_secs(20);

/// How long connections may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// The state of a collector.
#[derive(Debug)]
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
}

impl Collector {
    /// Creates a collector.
    #[must_use]
    pub fn new(app_key: String, secrets: Option<Secrets>, recorder: Recorder, now_ms: fn() -> i64) -> Self {
        Self {
            app_key,
            secrets,
            recorder,
            metrics: Metrics::default(),
            now_ms,
            failures: Mutex::default(),
        }
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

async fn receive(State(collector): State<Arc<Collector>>, body: Body) -> Response {
    let (outcome, status) = match timeout(ARRIVAL, to_bytes(body, LARGEST)).await {
        Err(_) => ("too_slow", StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            ("too_large", StatusCode::PAYLOAD_TOO_LARGE)
        }
        Ok(Err(_)) => ("broken_off", StatusCode::BAD_REQUEST),
        Ok(Ok(body)) => collector.take(&body).await,
    };
    collector.metrics.post(outcome);
    // Anybody can send bad posts, so they say nothing about the service, except a signature whose secret may
    // be outdated.
    if status.is_server_error() || status == StatusCode::FORBIDDEN {
        collector.failed().await;
    }
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

/// A collector that listens.
#[derive(Debug)]
pub struct Listening {
    handle: Handle<SocketAddr>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    alive: tokio::task::JoinHandle<()>,
    /// The address that it listens on.
    pub address: SocketAddr,
}

/// Starts to listen.
///
/// # Errors
/// When the address or the certificate cannot be used.
pub async fn listen(
    collector: Arc<Collector>,
    address: SocketAddr,
    tls: Option<&Tls>,
) -> std::io::Result<Listening> {
    let routes = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/metrics", get(metrics))
        .route("/", post(receive))
        .route("/{*path}", post(receive))
        .with_state(Arc::clone(&collector));
    let service = routes.into_make_service();
    let handle = Handle::new();
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let served = match tls {
        #[cfg(feature = "tls")]
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls.config()?)?.handle(handle.clone());
            patient(server.http_builder());
            tokio::spawn(server.serve(service))
        }
        #[cfg(not(feature = "tls"))]
        Some(_) => {
            let why = "this program was built without TLS (the feature `tls`)";
            return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, why));
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle.clone());
            patient(server.http_builder());
            tokio::spawn(server.serve(service))
        }
    };
    let Some(address) = handle.listening().await else {
        return Err(std::io::Error::other("the server stopped before it was ready"));
    };
    let alive = tokio::spawn(stay(collector));
    Ok(Listening {
        handle,
        served,
        alive,
        address,
    })
}

/// Headers that never end must not hold a connection for ever.
fn patient(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(ARRIVAL)
        .max_buf_size(LARGEST);
}

/// Records at every heartbeat that the collector is running.
async fn stay(collector: Arc<Collector>) {
    let every = Duration::from_millis(HEARTBEAT_MS.unsigned_abs());
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        collector.recorder.alive((collector.now_ms)()).await;
    }
}

impl Listening {
    /// Stops listening, and waits for the posts being answered.
    pub async fn stop(self) {
        self.alive.abort();
        self.handle.graceful_shutdown(Some(FAREWELL));
        // A failed server has already reported it in its answers.
        let _ = self.served.await;
    }
}
