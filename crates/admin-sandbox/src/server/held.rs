//! Calls that a fault holds up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How many calls a fault holds up, and the word for them to go on.
#[derive(Debug, Default)]
pub(crate) struct Held {
    calls: AtomicUsize,
    released: Notify,
}

/// Counts a call for as long as it is held up; a client that goes away ends that too.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Held {
    /// Waits for so long, or until all calls are released.
    pub(crate) async fn wait(&self, longest: Duration) {
        let mut released = std::pin::pin!(self.released.notified());
        // Before it is counted, so that whoever has seen it can release it.
        released.as_mut().enable();
        self.calls.fetch_add(1, Ordering::SeqCst);
        let _counted = Counted(&self.calls);
        tokio::select! {
            () = tokio::time::sleep(longest) => {}
            () = released => {}
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn release(&self) {
        self.released.notify_waiters();
    }
}
