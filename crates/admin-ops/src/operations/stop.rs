//! Stops a run from outside.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

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

    /// Stops in good order: nothing more is started, what waits for its turn is given up, and what is in flight is finished.
    pub fn drain(&self) {
        self.wish.send_replace(Wish::Drain(Cause::Signal));
        (self.stop_waiting)();
    }

    /// Stops at once: what became of requests in flight is not known, and found out by whoever goes on with the run.
    pub fn abort(&self) {
        self.wish.send_replace(Wish::Abort);
    }
}
