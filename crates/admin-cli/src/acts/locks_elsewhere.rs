//! Locks that a profile holds on another server.

use easemob_admin_ops::locks::store::LockStore;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::context::{Context, Session};

/// Warns about locks that this profile holds on another server: no command here lifts them.
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
        let locked = users(count);
        context.ui.warn(t!(
            "this profile also locks {locked} on another server, {root}; this command leaves those locks alone: \
             easemob-admin --profile {profile} --app-root {root} sessions locks"
        ));
    }
    Ok(())
}
