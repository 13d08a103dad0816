//! Locks in the book of a profile that belong to another server.

use std::collections::BTreeMap;

use easemob_admin_ops::locks::book::LockBook;

use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::context::{Context, Session};

/// Warns of locks in the book that belong to another server: nothing that is done here lifts them.
///
/// # Errors
/// When the book cannot be read.
pub fn warn_of_others(context: &Context, session: &Session, book: &LockBook) -> Result<(), CommandError> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for root in book.read_others()?.into_iter().filter_map(|lock| lock.app_root) {
        *counts.entry(root).or_default() += 1;
    }
    let profile = session.profile.as_deref().unwrap_or("PROFILE");
    for (root, count) in counts {
        let (locked, are) = (users(count), if count == 1 { "is" } else { "are" });
        context.ui.warn(format_args!(
            "{locked} of another server, {root}, {are} locked by this profile and left alone here: \
             easemob-admin --profile {profile} --app-root {root} sessions locks"
        ));
    }
    Ok(())
}
