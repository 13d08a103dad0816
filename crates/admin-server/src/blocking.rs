//! Calls stores, which block, from tasks, which must not.

use crate::problem::Refusal;

/// Runs `work` on a thread where it may block.
///
/// # Errors
/// When `work` fails, or the service is stopping.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Refusal::stopping()),
    }
}
