//! Tells a receiver that something happened that somebody should know of, and never waits for it.
//!
//! A notice is posted until the receiver answers 2xx: again and again with longer pauses, for an hour at most. Some may arrive
//! twice, from one process or from several; they have the same id then.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Uri;
use easemob_admin_api::Client;
use easemob_admin_remote::api::{NoticeFailure, NoticesView};
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::metrics::Metrics;

/// How many notices may wait. More are counted, and lost.
const QUEUE: usize = 1_000;

/// The first pause after a post that failed, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// After this time a notice is given up.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// The name of the header with the signature.
pub const SIGNATURE: &str = "easemob-admin-signature";

/// Where notices go.
#[derive(Clone)]
pub struct Receiver {
    /// Reaches the server of the address. It must not repeat anything itself.
    pub client: Client,
    /// The address.
    pub address: String,
    /// The secret that signs them.
    pub secret: Vec<u8>,
}

/// Returns the server of an address. The rest may be a secret.
fn server_of(address: &str) -> String {
    let address = address.parse::<Uri>().unwrap_or_default();
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}://{}{port}",
        address.scheme_str().unwrap_or_default(),
        address.host().unwrap_or_default()
    )
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    /// The same for the same event, whoever tells it.
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) app: String,
    pub(crate) at: Timestamp,
    pub(crate) details: Value,
}

impl Notice {
    fn body(&self) -> Value {
        json!({
            "id": self.id,
            "kind": self.kind,
            "app": self.app,
            "at": self.at,
            "details": self.details,
        })
    }
}

/// Takes notices. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices {
    sender: Option<mpsc::Sender<Notice>>,
    /// The ids of what was told last, so that this process tells nothing twice.
    told: Arc<Mutex<VecDeque<String>>>,
    standing: Standing,
}

/// How the posting goes.
#[derive(Debug, Clone, Default)]
struct Standing(Arc<Mutex<NoticesView>>);

impl Standing {
    fn now(&self) -> MutexGuard<'_, NoticesView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn took(&self, at: Timestamp) {
        let mut now = self.now();
        (now.delivered, now.last_delivered, now.failing) = (now.delivered + 1, Some(at), None);
    }

    fn failed(&self, at: Timestamp, status: Option<u16>) {
        let mut now = self.now();
        let since = now.failing.as_ref().map_or(at, |failing| failing.since);
        now.failing = Some(NoticeFailure { since, status });
    }
}

impl Notices {
    /// Begins to post to a receiver, on the runtime of the caller.
    pub(crate) fn to(receiver: Receiver, metrics: Arc<Metrics>, clock: fn() -> Timestamp) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        let standing = Standing::default();
        standing.now().receiver = server_of(&receiver.address);
        let posting = Posting {
            receiver,
            metrics,
            clock,
            standing: standing.clone(),
        };
        tokio::spawn(posting.post_all(queue));
        Self {
            sender: Some(sender),
            told: Arc::default(),
            standing,
        }
    }

    /// Returns how the posting goes.
    pub(crate) fn standing(&self) -> NoticesView {
        self.standing.now().clone()
    }

    /// Tells something, without waiting.
    pub(crate) fn tell(&self, metrics: &Metrics, notice: Notice) {
        let Some(sender) = &self.sender else { return };
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.contains(&notice.id) {
                return;
            }
            told.push_back(notice.id.clone());
            if told.len() > QUEUE {
                told.pop_front();
            }
        }
        self.standing.now().waiting += 1;
        if let Err(error) = sender.try_send(notice) {
            let notice = error.into_inner();
            let mut now = self.standing.now();
            (now.waiting, now.lost) = (now.waiting - 1, now.lost + 1);
            metrics.noticed("lost");
            tracing::warn!(notice.id, "a notice is lost: too many are waiting");
        }
    }
}

/// Posts one notice after the other.
struct Posting {
    receiver: Receiver,
    metrics: Arc<Metrics>,
    clock: fn() -> Timestamp,
    standing: Standing,
}

impl Posting {
    async fn post_all(self, mut queue: mpsc::Receiver<Notice>) {
        while let Some(notice) = queue.recv().await {
            let is_delivered = self.deliver(&notice).await;
            self.standing.now().waiting -= 1;
            if is_delivered {
                self.metrics.noticed("delivered");
            } else {
                self.standing.now().lost += 1;
                self.metrics.noticed("given_up");
                tracing::error!(notice.id, "a notice was given up: the receiver did not take it");
            }
        }
    }

    /// Posts a notice until it is taken; false if it was given up.
    async fn deliver(&self, notice: &Notice) -> bool {
        let (began, mut pause) = (Instant::now(), PAUSES.0);
        let body = notice.body();
        loop {
            let (status, why) = self.post(&body).await;
            if status.is_some_and(|status| (200..=299).contains(&status)) {
                self.standing.took((self.clock)());
                return true;
            }
            self.standing.failed((self.clock)(), status);
            if began.elapsed() + pause > LIFE {
                return false;
            }
            tracing::warn!(notice.id, why, "a notice is posted again later");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Posts once; returns the status of the answer, if there was one, and what to say about it.
    async fn post(&self, body: &Value) -> (Option<u16>, String) {
        // Signed anew each time: an old time would be refused as a repetition by somebody else.
        let signature = sign(&self.receiver.secret, (self.clock)(), &body.to_string());
        let posted = match self.receiver.client.with_header(SIGNATURE, &signature) {
            Ok(client) => client.post(&self.receiver.address, body).await,
            Err(error) => return (None, error.to_string()),
        };
        match posted {
            Ok(status) => (Some(status), format!("it answered with status {status}")),
            Err(error) => (None, error.to_string()),
        }
    }
}

/// Returns the value of the header: the time, and the HMAC-SHA256 of the time, a full stop and the body.
fn sign(secret: &[u8], at: Timestamp, body: &str) -> String {
    let at = at.as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a secret of any length is a key");
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={:x}", mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_of_a_receiver_is_shown() {
        for (address, shown) in [
            (
                "https://hooks.example.com/T0/s3cret?key=s3cret",
                "https://hooks.example.com",
            ),
            ("http://ann:s3cret@127.0.0.1:8080/x", "http://127.0.0.1:8080"),
            ("https://[::1]:8443/s3cret", "https://[::1]:8443"),
        ] {
            assert_eq!(server_of(address), shown);
        }
    }

    #[test]
    fn a_failure_lasts_until_a_notice_is_taken() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let standing = Standing::default();
        standing.failed(at(1), Some(500));
        standing.failed(at(2), None);
        let failing = standing.now().failing.clone();
        assert_eq!(
            failing,
            Some(NoticeFailure {
                since: at(1),
                status: None
            })
        );
        standing.took(at(3));
        let now = standing.now().clone();
        assert_eq!(
            (now.failing, now.last_delivered, now.delivered),
            (None, Some(at(3)), 1)
        );
    }

    #[test]
    fn the_signature_is_over_time_and_body() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            sign(b"secret", at, "{}"),
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
