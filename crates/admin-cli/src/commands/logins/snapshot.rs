//! How commands name snapshots and open the login data.

pub(crate) use easemob_admin_ops::logins::questions::which::SnapshotName;
use easemob_admin_ops::logins::questions::which::pick;
use easemob_admin_ops::logins::store::{LoginStore, PROGRAM, Range, Snapshot, SnapshotId, StoreError};
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::context::Context;
use crate::exit;

/// Opens the login data of the configured server, which must exist.
///
/// # Errors
/// When nothing is kept, or it cannot be used.
pub(crate) fn kept(context: &Context) -> Result<Box<dyn LoginStore>, CommandError> {
    context.kept_logins()?.ok_or_else(|| {
        CommandError::new(exit::USAGE, t!("nothing is kept about logins of this server"))
            .hint(t!("begin with: {}", context.command("logins scan")))
    })
}

/// Finds a snapshot.
///
/// # Errors
/// When it does not exist, or the snapshots cannot be read.
pub(crate) fn find(
    context: &Context,
    store: &dyn LoginStore,
    name: SnapshotName,
) -> Result<Snapshot, CommandError> {
    let all = store.snapshots()?;
    let complete = all.iter().any(|snapshot| snapshot.finished_ms.is_some());
    if name == SnapshotName::Latest && !complete {
        return Err(
            CommandError::new(exit::USAGE, t!("no complete scan is stored for this server"))
                .hint(t!("start with: {}", context.command("logins scan"))),
        );
    }
    pick(all, name).ok_or_else(|| no_such(context, name))
}

/// Returns the error for a snapshot that does not exist.
pub(super) fn no_such(context: &Context, name: impl std::fmt::Display) -> CommandError {
    CommandError::new(exit::USAGE, t!("there is no snapshot {name}")).hint(t!(
        "list the snapshots with: {}",
        context.command("logins snapshots")
    ))
}

/// Warns about an incomplete snapshot, because it affects every figure.
///
/// # Errors
/// When the store cannot say whether the snapshot can be resumed.
pub(crate) fn warn_of_incomplete(
    context: &Context,
    store: &dyn LoginStore,
    snapshot: &Snapshot,
) -> Result<(), StoreError> {
    if snapshot.finished_ms.is_none() {
        let resumed = store.unfinished(&snapshot.source)?.map(|(resumed, _)| resumed.id);
        let what = what_to_do(snapshot, resumed, &context.command("logins scan --resume"));
        context
            .ui
            .warn(t!("snapshot {} is incomplete; {what}", snapshot.id));
    }
    if let Some(doubt) = doubt_of(snapshot.program.as_deref(), PROGRAM) {
        context.ui.warn(t!("snapshot {} {doubt}", snapshot.id));
    }
    let not_known = snapshot.counts.not_known();
    if not_known > 0 {
        context.ui.warn(t!(
            "the devices of {} of snapshot {} are not known, and no figure includes them",
            users(not_known),
            snapshot.id
        ));
    }
    Ok(())
}

/// Returns why a snapshot may mean something else than this version reads, if it may.
fn doubt_of(program: Option<&str>, own: &str) -> Option<String> {
    let program = program?;
    match (release(program), release(own)) {
        (Some(theirs), Some(ours)) if theirs <= ours => None,
        (Some(_), _) => Some(t!(
            "was written by easemob-admin {program}, which is newer than this version ({own}); read it with that version"
        )),
        (None, _) => Some(t!(
            "was not written by a version of easemob-admin, but by `{}`",
            harmless(program)
        )),
    }
}

/// Reads a version such as `0.3.0` or `0.3.0-rc.1`; what comes before a release is older, and its parts are not compared.
fn release(version: &str) -> Option<([u64; 3], bool)> {
    let (version, _build) = version.split_once('+').unwrap_or((version, ""));
    let (numbers, before) = version.split_once('-').unwrap_or((version, ""));
    let numbers: Vec<u64> = numbers
        .split('.')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    Some((numbers.try_into().ok()?, before.is_empty()))
}

/// Returns what to do about an incomplete snapshot, where --resume would resume the snapshot `resumed`.
fn what_to_do(snapshot: &Snapshot, resumed: Option<SnapshotId>, resume: &str) -> String {
    match (resumed == Some(snapshot.id), snapshot.source == "all") {
        (true, true) => t!("resume it: {resume}"),
        (true, false) => t!("resume it with the same users: {resume}"),
        (false, _) => t!("it stays incomplete, because a newer scan of the same users was started").into(),
    }
}

/// Warns about times from which events may be missing.
///
/// # Errors
/// When the gaps cannot be read.
pub(super) fn warn_of_gaps(
    context: &Context,
    store: &dyn LoginStore,
    range: Range,
) -> Result<(), StoreError> {
    for gap in store.gaps(range)? {
        context.ui.warn(t!("events may be missing: {}", gap.why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use easemob_admin_ops::logins::store::Counts;

    #[test]
    fn a_snapshot_of_another_program_is_named_with_its_version() {
        for (program, own, doubt) in [
            (None, "0.2.0", None),
            (Some("0.2.0"), "0.2.0", None),
            (Some("0.2.0"), "0.10.0", None),
            (Some("0.10.0-rc.1"), "0.10.0", None),
            (
                Some("0.10.0"),
                "0.10.0-rc.1",
                Some("easemob-admin 0.10.0, which is newer"),
            ),
            (
                Some("0.10.0"),
                "0.2.0",
                Some("easemob-admin 0.10.0, which is newer"),
            ),
            (
                Some("1.0.0"),
                "0.9.9",
                Some("easemob-admin 1.0.0, which is newer"),
            ),
            (Some("scan.py"), "0.2.0", Some("by `scan.py`")),
            (Some("0.2"), "0.2.0", Some("by `0.2`")),
            (Some(""), "0.2.0", Some("by ``")),
        ] {
            let said = doubt_of(program, own);
            assert_eq!(said.is_some(), doubt.is_some(), "{program:?}: {said:?}");
            assert!(
                said.unwrap_or_default().contains(doubt.unwrap_or_default()),
                "{program:?}"
            );
        }
    }

    #[test]
    fn only_the_snapshot_that_resume_means_is_gone_on_with() {
        let unfinished = |source: &str| Snapshot {
            id: 3,
            started_ms: 0,
            finished_ms: None,
            source: source.into(),
            counts: Counts::default(),
            limits: None,
            program: None,
        };
        let said =
            |source, resumed| what_to_do(&unfinished(source), resumed, "easemob-admin logins scan --resume");
        assert!(said("all", Some(3)).starts_with("resume it: "));
        assert!(said("list:1", Some(3)).starts_with("resume it with the same users: "));
        for resumed in [None, Some(4)] {
            assert!(!said("all", resumed).contains("--resume"));
        }
    }
}
