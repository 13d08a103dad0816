//! Calls stores, which block, from tasks, which must not.

use tokio::sync::oneshot;

use crate::problem::Refusal;

/// Runs `work` on a thread where it may block.
///
/// # Errors
/// When `work` fails, or the service is stopping.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal>,
{
    let (tell, told) = oneshot::channel();
    spawn(Box::new(move || {
        // Whoever asked may be gone.
        let _ = tell.send(work().map_err(Into::into));
    }));
    told.await.unwrap_or_else(|_| Err(Refusal::stopping()))
}

/// The runtime's part is large, and would be compiled for each kind of work by itself.
fn spawn(work: Box<dyn FnOnce() + Send>) {
    tokio::task::spawn_blocking(work);
}
