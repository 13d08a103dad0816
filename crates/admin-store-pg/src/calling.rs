//! Waits for the asynchronous client on a thread that may itself belong to a runtime.

use std::fmt;
use std::io;
use std::sync::mpsc;

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of the store's own. The engine's traits block the thread, and a runtime must not be waited for on a thread
/// of another one, which would stand still together with what it waits for.
pub(crate) struct Calling(Option<Runtime>);

impl Calling {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgresql")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Returns the runtime, for what does not wait.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }

    /// Does the work on the runtime, and waits for it.
    pub(crate) fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, result) = mpsc::sync_channel(1);
        self.handle().spawn(async move {
            let _ = done.send(work.await);
        });
        result.recv().expect("the runtime outlives its store")
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        // Waiting for the end would panic on a thread of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Calling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Calling").finish_non_exhaustive()
    }
}
