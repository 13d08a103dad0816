//! A session with the server, for the commands that need one.

use crate::command_error::CommandError;
use crate::commands::sessions;
use crate::context::{Context, Session};
use crate::exit::Exit;

/// Runs a command that sends requests, after a warning of locks that are overdue.
///
/// # Errors
/// When no session can be opened, or as the command.
pub(super) async fn online(
    context: &Context,
    command: impl AsyncFnOnce(&Session) -> Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    about_locks(context, async |session| {
        sessions::locks::warn_of_overdue(context, session);
        command(session).await
    })
    .await
}

/// Runs a command that sends requests and reports on overdue locks itself.
///
/// # Errors
/// When no session can be opened, or as the command.
pub(super) async fn about_locks(
    context: &Context,
    command: impl AsyncFnOnce(&Session) -> Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    let session = context.connect().await?;
    // One that acts is large, and moved less often here.
    let result = Box::pin(command(&session)).await;
    // The state of the sandbox is saved whatever became of the command, whose error counts more.
    let closed = session.close().await;
    result.and_then(|exit| closed.map(|()| exit))
}
