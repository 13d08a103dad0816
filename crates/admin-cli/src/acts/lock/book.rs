//! The book of locks of a server, and what the journals of runs say about it.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_audit::directory_name;
use easemob_admin_ops::locks::bans::{self, Ban};
use easemob_admin_ops::locks::book::LockBook;
use easemob_admin_ops::locks::lock::{Lock, Locks, settle};
use easemob_admin_ops::run::directory::Runs;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::journal::header::Header;

use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::context::{Context, Session};

fn book(
    context: &Context,
    sandbox: bool,
    profile: Option<&str>,
    app_root: &str,
) -> Result<LockBook, CommandError> {
    let name = directory_name(sandbox, profile, app_root);
    let path = context.places()?.locks().join(format!("{name}.json"));
    // The embedded sandbox has another port each time.
    let app_root = (!sandbox).then(|| app_root.to_owned());
    Ok(LockBook::at(path, app_root))
}

/// Returns the book of locks of the profile in use.
///
/// # Errors
/// When there is no place for it.
pub fn book_of_session(context: &Context, session: &Session) -> Result<LockBook, CommandError> {
    book(
        context,
        session.is_sandbox(),
        session.profile.as_deref(),
        &session.app_root,
    )
}

/// Returns the book of locks that a run is about.
///
/// # Errors
/// When there is no place for it.
pub fn book_of_run(context: &Context, header: &Header) -> Result<LockBook, CommandError> {
    book(
        context,
        header.sandbox,
        header.profile.as_deref(),
        &header.app_root,
    )
}

/// Brings pending locks up to what the journals of their runs say, and returns all locks.
///
/// A run may have been killed before it could do so itself.
///
/// # Errors
/// When the book cannot be read or written.
pub fn reconcile(context: &Context, book: &LockBook) -> Result<Locks, CommandError> {
    let locks = book.read()?;
    if !locks.values().any(Lock::is_pending) {
        return Ok(locks);
    }
    let runs = Runs::at(context.places()?.runs());
    Ok(book.change(|locks| {
        // Read while nobody else can change the book: a run that is going on makes its intent known and then looks
        // for its lock, so either the intent is seen here, or the run sees that its lock is gone.
        for (user, run, banned) in settled(&runs, locks) {
            settle(locks, &user, &run, banned);
        }
        locks.clone()
    })?)
}

/// Returns the user, the run, and whether it has banned the user, for all that runs of pending locks have settled.
fn settled(runs: &Runs, locks: &Locks) -> Vec<(String, String, bool)> {
    let pending = locks.values().filter(|lock| lock.is_pending());
    let ids: BTreeSet<&str> = pending.flat_map(Lock::runs).collect();
    let mut settled = Vec::new();
    for id in ids.into_iter().filter_map(RunId::parse) {
        // A run that cannot be read leaves its locks pending, which is told wherever locks are.
        let bans = bans::by_user(runs, &id).unwrap_or_default();
        let known = bans.into_iter().filter(|(_, ban)| *ban != Ban::Meant);
        settled.extend(known.map(|(user, ban)| (user.folded(), id.to_string(), ban == Ban::Done)));
    }
    settled
}

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
