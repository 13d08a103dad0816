//! Giving up what comes before a request.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::watch;

use crate::error::{Kind, TransportError};

/// Whether a client and its clones still wait for what comes before a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<watch::Sender<bool>>);

impl Waiting {
    pub(super) fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Waits for something that comes before a request, unless waiting is given up. What need not be waited for comes
    /// in any case.
    pub(super) async fn unless_stopped<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Kind> {
        let mut stopped = self.0.subscribe();
        let stop = stopped.wait_for(|stopped| *stopped);
        match select(pin!(waiting), pin!(stop)).await {
            Either::Left((came, _)) => Ok(came),
            Either::Right(_) => Err(Kind::Transport(TransportError::given_up())),
        }
    }
}
