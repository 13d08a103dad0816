//! What the service counts, in the format of Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The limits of the times that answers take, in seconds.
const SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// A request, as far as it is counted: by its route, and never by what it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfApp {
    pub(super) app: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct InState {
    pub(super) state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Posted {
    app: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Became {
    outcome: &'static str,
}

/// The counters of one service.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Histogram,
    readers: Gauge,
    notices: Family<Became, Counter>,
    callbacks: Family<Posted, Counter>,
    pub(super) sampled: Sampled,
}

/// What is read when it is asked for.
#[derive(Default)]
pub(super) struct Sampled {
    pub(super) runs: Family<InState, Gauge>,
    pub(super) leases: Gauge,
    pub(super) overdue_locks: Family<OfApp, Gauge>,
    pub(super) login_gaps: Family<OfApp, Gauge>,
    pub(super) head_age: Gauge,
    pub(super) unread: Gauge,
    pub(super) sent: Family<OfApp, Gauge>,
    pub(super) limited: Family<OfApp, Gauge>,
    pub(super) rate: Family<OfApp, Gauge<f64, std::sync::atomic::AtomicU64>>,
    pub(super) waited: Family<OfApp, Gauge<f64, std::sync::atomic::AtomicU64>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("easemob_admin");
        let (requests, readers, notices) = (Family::default(), Gauge::default(), Family::default());
        let callbacks = Family::<Posted, Counter>::default();
        let seconds = Histogram::new(SECONDS);
        let sampled = Sampled::default();
        registry.register("requests", "Requests answered", requests.clone());
        let took = "Time until the head of an answer";
        registry.register_with_unit("request", took, Unit::Seconds, seconds.clone());
        registry.register("event_readers", "Open streams of events", readers.clone());
        registry.register("notices", "Notices to the webhook, by outcome", notices.clone());
        registry.register(
            "callbacks",
            "Posts of the vendor's servers, by outcome",
            callbacks.clone(),
        );
        registry.register("runs", "Runs by state", sampled.runs.clone());
        registry.register(
            "leases",
            "Ranges of runs that processes work on",
            sampled.leases.clone(),
        );
        registry.register(
            "overdue_locks",
            "Locks whose end has passed",
            sampled.overdue_locks.clone(),
        );
        registry.register(
            "login_gaps",
            "Periods from which events of logins may be missing",
            sampled.login_gaps.clone(),
        );
        registry.register(
            "outside_head_age_seconds",
            "Time since a head of the audit trail was last kept outside the database; -1 if none was",
            sampled.head_age.clone(),
        );
        registry.register(
            "unread_records",
            "Records that could not be read for these metrics, which then show their last values",
            sampled.unread.clone(),
        );
        registry.register(
            "app_requests_sent",
            "Requests to the server of the app since the start",
            sampled.sent.clone(),
        );
        registry.register(
            "app_requests_limited",
            "Requests that the server of the app refused because there were too many (429)",
            sampled.limited.clone(),
        );
        registry.register(
            "app_rate",
            "Requests to the server of the app that are allowed in a second at the moment; 0 is no limit",
            sampled.rate.clone(),
        );
        registry.register(
            "app_waited_seconds",
            "Time that requests to the server of the app waited for the rate budget",
            sampled.waited.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            readers,
            notices,
            callbacks,
            sampled,
        }
    }
}

impl Metrics {
    /// Counts an answer.
    pub(super) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let answered = Answered {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&answered).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts a reader of events until the returned value is dropped.
    pub(crate) fn reader(&self) -> Reader {
        self.readers.inc();
        Reader(self.readers.clone())
    }

    /// Counts what became of a notice.
    pub(super) fn noticed(&self, outcome: &'static str) {
        self.notices.get_or_create(&Became { outcome }).inc();
    }

    /// Counts a post of the server of an app.
    pub(crate) fn called_back(&self, app: &str, outcome: &'static str) {
        let posted = Posted {
            app: app.to_owned(),
            outcome,
        };
        self.callbacks.get_or_create(&posted).inc();
    }

    /// Returns everything as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A reader of events, who is counted.
#[derive(Debug)]
pub(crate) struct Reader(Gauge);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.dec();
    }
}
