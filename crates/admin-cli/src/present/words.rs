//! The words of a run: beside its progress bar, and in its summary.

use easemob_admin_ops::jobs::ban::Change;
use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_words::t;

use crate::summary::Words;

/// Returns the word beside the progress bar.
#[must_use]
pub fn verb(job: &Job) -> &'static str {
    match job {
        Job::EndDevices(_) | Job::EndUnread => t!("logging out"),
        Job::Change(Change::Ban) => "banning",
        Job::Change(Change::Unban | Change::Lift) => "unbanning",
        Job::Lock(_) => "locking",
        Job::Unlock { .. } => "unlocking",
        Job::SetLimits(_) => t!("setting limits"),
    }
}

/// Returns the words of the summary.
#[must_use]
pub fn words(job: &Job, dry_run: bool) -> Words {
    let (done, would) = match job {
        Job::EndDevices(_) | Job::EndUnread => (t!("logged out"), t!("would be logged out")),
        Job::Change(Change::Ban) => ("banned", t!("would be banned")),
        Job::Change(Change::Unban | Change::Lift) => ("unbanned", t!("would be unbanned")),
        Job::Lock(_) => ("locked", t!("would be locked")),
        Job::Unlock { .. } => ("unlocked", t!("would be unlocked")),
        Job::SetLimits(_) => ("changed", t!("would be changed")),
    };
    let ends_devices = matches!(job, Job::EndDevices(_) | Job::Lock(_));
    let nothing = match (job, dry_run) {
        (Job::Lock(_), true) => t!("would stay unchanged"),
        (Job::Lock(_), false) | (Job::SetLimits(_), _) => "unchanged",
        (Job::Change(Change::Ban), true) => t!("would stay banned"),
        (Job::Change(Change::Ban), false) => t!("already banned"),
        _ => t!("nothing to do"),
    };
    Words {
        done: if dry_run { would } else { done },
        nothing,
        devices: ends_devices.then_some(if dry_run {
            t!("would be signed out")
        } else {
            t!("signed out")
        }),
    }
}
