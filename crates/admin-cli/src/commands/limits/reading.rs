//! Reads the limits of one user, and tells an unknown user from a server without such calls.

use easemob_admin_api::{Client, DeviceLimits, Error, UserId};

use crate::command_error::CommandError;
use crate::exit;

/// Reads the limits of `user`.
///
/// A server that has no calls for limits and one that does not know the user answer in the same words, so the limits
/// of the app are read then: where those can be read, it is the user who is missing.
///
/// # Errors
/// When the user is unknown, or for any reason of [`Client::user_limits`].
pub(super) async fn limits_of(client: &Client, user: &UserId) -> Result<DeviceLimits, CommandError> {
    let error = match client.user_limits(user).await {
        Ok(limits) => return Ok(limits),
        Err(error) => error,
    };
    let ambiguous = error.is_unsupported() && error.is_not_found();
    if ambiguous && client.app_limits().await.is_ok() {
        return Err(no_such_user(user, &error));
    }
    Err(error.into())
}

fn no_such_user(user: &UserId, error: &Error) -> CommandError {
    CommandError::new(exit::REFUSED, format!("no such user: {user}"))
        .because(error.to_string())
        .hint("check the spelling; names are compared without case")
}
