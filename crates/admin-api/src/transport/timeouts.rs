//! How long a call waits for what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::duration;

/// Time-outs of one attempt; waiting for the rate budget and between attempts is not counted, see
/// [`crate::ClientBuilder::deadline`].
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_api::Timeouts;
///
/// let patient = Timeouts::default().total(Duration::from_secs(60));
/// assert_eq!(patient.connect, Duration::from_secs(5));
/// ```
///
/// In configuration files, each is a duration such as `"30s"` or `"250ms"`. What is left out has its default, and an
/// unknown field is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Timeouts {
    /// Name look-up, TCP and TLS together. Default 5 s: a connection across the world takes under 1 s, and
    /// one that needs longer will not carry a bulk run.
    #[serde(with = "duration")]
    pub connect: Duration,
    /// The longest silence while an answer is read. Default 15 s: the service answers in milliseconds and
    /// gateways give up after 10 s or more, so their 504 still arrives.
    #[serde(with = "duration")]
    pub read: Duration,
    /// The whole attempt. Default 30 s: the bound for an answer that trickles.
    #[serde(with = "duration")]
    pub total: Duration,
}

/// Longer than anybody waits, and short enough to be added to any time.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 365 * 60 * 60);

impl Timeouts {
    /// Sets how long name look-up, TCP and TLS may take together.
    #[must_use]
    pub fn connect(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Sets the longest silence while an answer is read.
    #[must_use]
    pub fn read(mut self, read: Duration) -> Self {
        self.read = read;
        self
    }

    /// Sets how long the whole attempt may take.
    #[must_use]
    pub fn total(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// The same in a range that can be reckoned with: [`Duration::MAX`] is a customary way to say "never".
    pub(crate) fn bounded(self) -> Self {
        Self {
            connect: self.connect.min(LONGEST),
            read: self.read.min(LONGEST),
            total: self.total.min(LONGEST),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(15),
            total: Duration::from_secs(30),
        }
    }
}
