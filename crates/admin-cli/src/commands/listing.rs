//! Listings of the app's users that broke off before the end.

use easemob_admin_api::Error as ApiError;
use easemob_admin_words::t;

use super::acting::users;
use crate::command_error::CommandError;
use crate::exit;

/// Returns the error of a listing that broke off after `listed` users; `therefore` is the consequence for the
/// command.
pub(super) fn broken_off(error: ApiError, listed: u64, therefore: &str) -> CommandError {
    let cannot_be_trusted = error.is_without_token() || error.is_unauthorized() || error.is_wrong_app();
    let inner = CommandError::from(error);
    if listed == 0 {
        return inner;
    }
    // If earlier pages were accepted, a refused page means that this position is unreadable, not that the
    // command is forbidden.
    let exit = if inner.exit() == exit::REFUSED && !cannot_be_trusted {
        exit::FAILED_RETRY
    } else {
        inner.exit()
    };
    let what = t!(
        "the list of users is incomplete: it broke off after {}{therefore}",
        users(listed)
    );
    let hints = inner.hints().to_vec();
    let error = CommandError::new(exit, what).because(inner);
    hints.into_iter().fold(error, CommandError::hint)
}
