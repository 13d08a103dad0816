//! Stops a run from outside.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::run::store::CallOff;
use crate::schedule::pipeline::{Cause, Wish};
use crate::server::calls::Calls;

/// Stops a run; clones stop the same run. Dropping it stops nothing.
#[derive(Clone)]
pub struct StopHandle {
    wish: watch::Sender<Wish>,
    stop_waiting: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle")
            .field("wish", &*self.wish.borrow())
            .finish_non_exhaustive()
    }
}

impl StopHandle {
    pub(super) fn new(server: impl Calls) -> (Self, watch::Receiver<Wish>) {
        let (wish, receiver) = watch::channel(Wish::Run);
        let stop_waiting = Arc::new(move || server.stop_waiting());
        (Self { wish, stop_waiting }, receiver)
    }

    /// Stops cleanly: starts nothing new, cancels requests that wait for their turn, and finishes requests in
    /// flight.
    pub fn drain(&self) {
        self.drain_because(Cause::Signal);
    }

    /// Returns what the store of a run stops it with.
    pub(super) fn call_off(&self) -> CallOff {
        let this = self.clone();
        Arc::new(move |cause| this.drain_because(cause))
    }

    /// Stops cleanly, for a reason that the report of the run names.
    pub fn drain_because(&self, cause: Cause) {
        self.wish.send_replace(Wish::Drain(cause));
        (self.stop_waiting)();
    }

    /// Stops at once: the results of requests in flight are unknown until the run is resumed.
    pub fn abort(&self) {
        self.wish.send_replace(Wish::Abort);
    }
}
