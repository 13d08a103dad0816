//! Reads the limits of the app or of one user, and distinguishes an unknown user from a server without these
//! calls.

use easemob_admin_api::{DeviceLimits, UserId};
use easemob_admin_ops::server::calls::{CallError, LimitCalls};
use easemob_admin_ops::server::client::Server;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::exit;

/// Reads the limits of `user`, or of the app.
///
/// # Errors
/// When the user is unknown, or they cannot be read.
pub(super) async fn limits_of(server: &Server, user: Option<&UserId>) -> Result<DeviceLimits, CommandError> {
    let read = server.limits(user).await;
    read.map_err(|error| match user {
        Some(user) if error.not_found => no_such_user(user, &error),
        _ => match &error.origin {
            Some(origin) => origin.clone().into(),
            None => CommandError::new(exit::FAILED_RETRY, error.to_string()),
        },
    })
}

fn no_such_user(user: &UserId, error: &CallError) -> CommandError {
    let why = error
        .origin
        .as_ref()
        .map_or_else(|| error.to_string(), ToString::to_string);
    CommandError::new(exit::REFUSED, t!("no such user: {user}"))
        .because(why)
        .hint(t!("check the spelling; case does not matter"))
}
