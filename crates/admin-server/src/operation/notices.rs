//! Tells a receiver that something happened that somebody should know of, and never waits for it.
//!
//! A notice is posted until the receiver answers 2xx: again and again with longer pauses, for an hour at most. Some may arrive
//! twice, from one process or from several; they have the same id then.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use easemob_admin_api::Client;
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
}

impl Notices {
    /// Begins to post to a receiver, on the runtime of the caller.
    pub(crate) fn to(receiver: Receiver, metrics: Arc<Metrics>, clock: fn() -> Timestamp) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(post_all(receiver, queue, metrics, clock));
        Self {
            sender: Some(sender),
            told: Arc::default(),
        }
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
        if let Err(error) = sender.try_send(notice) {
            let notice = error.into_inner();
            metrics.noticed("lost");
            tracing::warn!(notice.id, "a notice is lost: too many are waiting");
        }
    }
}

async fn post_all(
    receiver: Receiver,
    mut queue: mpsc::Receiver<Notice>,
    metrics: Arc<Metrics>,
    clock: fn() -> Timestamp,
) {
    while let Some(notice) = queue.recv().await {
        let delivered = deliver(&receiver, &notice, clock).await;
        if delivered {
            metrics.noticed("delivered");
        } else {
            metrics.noticed("given_up");
            tracing::error!(notice.id, "a notice was given up: the receiver did not take it");
        }
    }
}

/// Posts a notice until it is taken; false if it was given up.
async fn deliver(receiver: &Receiver, notice: &Notice, clock: fn() -> Timestamp) -> bool {
    let (began, mut pause) = (Instant::now(), PAUSES.0);
    let body = notice.body();
    loop {
        // Signed anew each time: an old time would be refused as a repetition by somebody else.
        let signature = sign(&receiver.secret, clock(), &body.to_string());
        let why = match receiver.client.with_header(SIGNATURE, &signature) {
            Ok(client) => match client.post(&receiver.address, &body).await {
                Ok(200..=299) => return true,
                Ok(status) => format!("it answered with status {status}"),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        if began.elapsed() + pause > LIFE {
            return false;
        }
        tracing::warn!(notice.id, why, "a notice is posted again later");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
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
    fn the_signature_is_over_time_and_body() {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            sign(b"secret", at, "{}"),
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
