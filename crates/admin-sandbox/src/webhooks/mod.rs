//! `userStatus` webhooks: what happens to sessions, posted to configured addresses (page `user_status_callback`).
//!
//! [`payload`] is what is posted, [`block`] when a receiver that fails too often gets nothing for a while,
//! [`sender`] the task that posts.

pub(crate) mod block;
pub(crate) mod payload;
pub(crate) mod sender;

use std::time::Duration;

use http::Uri;

/// Where `userStatus` events are posted, and how patiently.
///
/// ```
/// use std::time::Duration;
/// use easemob_admin_sandbox::Webhook;
///
/// let hook = Webhook::new("http://127.0.0.1:8080/hook", "secret").silence(Duration::from_millis(200));
/// ```
#[derive(Debug, Clone)]
pub struct Webhook {
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) silence: Duration,
    pub(crate) failures: usize,
    pub(crate) within: Duration,
    pub(crate) blocked: Duration,
}

impl Webhook {
    /// Posts to `url`, which begins with `http://`, signed with `secret`, with the patience of the service.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: secret.into(),
            silence: Duration::from_secs(60),
            failures: 90,
            within: Duration::from_secs(30),
            blocked: Duration::from_secs(5 * 60),
        }
    }

    pub(crate) fn is_plain_http(&self) -> bool {
        let url: Result<Uri, _> = self.url.parse();
        url.is_ok_and(|url| url.scheme_str() == Some("http") && url.host().is_some())
    }

    /// Sets how long an answer is waited for before the one repeat; 60 s by default.
    #[must_use]
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Sets after how many failures within which time nothing is posted for how long. 90 within 30 s for 5 min
    /// by default; each further block of a day is as much longer, up to five times.
    #[must_use]
    pub fn block_after(mut self, failures: usize, within: Duration, blocked: Duration) -> Self {
        self.failures = failures;
        self.within = within;
        self.blocked = blocked;
        self
    }
}
