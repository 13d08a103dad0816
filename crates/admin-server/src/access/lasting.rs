//! Answers without an end: they end with the right to read them. Whoever has a new token asks again.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::time::sleep;

use super::caller::Caller;
use super::keys;
use crate::blocking::blocking;
use crate::service::Service;

/// How often to look whether a key was revoked.
const LOOK: Duration = Duration::from_secs(5);

/// Ends a stream when the key, the token or the session of its reader ends.
pub(crate) fn while_valid<S: Stream>(
    service: Service,
    caller: Caller,
    stream: S,
) -> impl Stream<Item = S::Item> {
    stream.take_until(ended(service, caller))
}

async fn ended(service: Service, caller: Caller) {
    loop {
        let left = caller.ends.map(|ends| ends.duration_since(service.now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
        match left {
            Some(Duration::ZERO) => return,
            left => sleep(left.map_or(LOOK, |left| left.min(LOOK))).await,
        }
        let (service, key) = (service.clone(), caller.key.clone());
        // Records that cannot be read now can be later.
        if blocking(move || keys::is_over(&service, &key))
            .await
            .unwrap_or(false)
        {
            return;
        }
    }
}
