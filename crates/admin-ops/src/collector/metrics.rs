//! The counters of a collector, in the text format of Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The outcome of a post, as a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// `kept`, `duplicate`, `other_event`, `malformed`, `implausible_time`, `other_app`, `bad_signature`, `too_large`,
    /// `too_slow`, `broken_off`, `queue_full` or `not_kept`.
    pub outcome: &'static str,
}

/// The counters of one collector.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    posts: Family<Outcome, Counter>,
    gaps: Counter,
    /// The time of the newest event, in milliseconds since 1970.
    pub newest_event_ms: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("easemob_admin_collector");
        let (posts, gaps, newest_event_ms) = (Family::default(), Counter::default(), Gauge::default());
        registry.register("posts", "Posts received, by outcome", posts.clone());
        registry.register("gaps", "Periods from which events may be missing", gaps.clone());
        let newest = "Time of the newest event, in milliseconds since 1970";
        registry.register("newest_event_ms", newest, newest_event_ms.clone());
        Self {
            registry,
            posts,
            gaps,
            newest_event_ms,
        }
    }
}

impl Metrics {
    /// Counts a post.
    pub fn post(&self, outcome: &'static str) {
        self.posts.get_or_create(&Outcome { outcome }).inc();
    }

    /// Returns the number of posts with this outcome.
    #[must_use]
    pub fn posts(&self, outcome: &'static str) -> u64 {
        self.posts.get_or_create(&Outcome { outcome }).get()
    }

    /// Counts a gap.
    pub fn gap(&self) {
        self.gaps.inc();
    }

    /// Returns all counters as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_outcomes() {
        let metrics = Metrics::default();
        metrics.post("kept");
        metrics.post("kept");
        metrics.gap();
        let text = metrics.text();
        for line in [
            r#"easemob_admin_collector_posts_total{outcome="kept"} 2"#,
            "easemob_admin_collector_gaps_total 1",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
    }
}
