//! Locks of a profile that belong to another server.

use easemob_admin_ops::locks::store::LockStore;

use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::context::{Context, Session};

/// Warns of locks of the profile that belong to another server: nothing that is done here lifts them.
///
/// # Errors
/// When they cannot be read.
pub fn warn_of_others(
    context: &Context,
    session: &Session,
    locks: &dyn LockStore,
) -> Result<(), CommandError> {
    let profile = session.profile.as_deref().unwrap_or("PROFILE");
    for (root, count) in locks.elsewhere()? {
        let (locked, are) = (users(count), if count == 1 { "is" } else { "are" });
        context.ui.warn(format_args!(
            "{locked} of another server, {root}, {are} locked by this profile and left alone here: \
             easemob-admin --profile {profile} --app-root {root} sessions locks"
        ));
    }
    Ok(())
}
