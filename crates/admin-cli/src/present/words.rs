//! The words of a run: beside its progress bar, and in its summary.

use easemob_admin_ops::jobs::ban::Change;
use easemob_admin_ops::jobs::execute::Job;

use crate::summary::Words;

/// Returns the word beside the progress bar.
#[must_use]
pub fn verb(job: &Job) -> &'static str {
    match job {
        Job::EndDevices(_) | Job::EndUnread => "logging out",
        Job::Change(Change::Ban) => "banning",
        Job::Change(Change::Unban | Change::Lift) => "unbanning",
        Job::Lock(_) => "locking",
        Job::Unlock { .. } => "unlocking",
        Job::SetLimits(_) => "setting limits",
    }
}

/// Returns the words of the summary.
#[must_use]
pub fn words(job: &Job, dry_run: bool) -> Words {
    let (done, would) = match job {
        Job::EndDevices(_) | Job::EndUnread => ("logged out", "would be logged out"),
        Job::Change(Change::Ban) => ("banned", "would be banned"),
        Job::Change(Change::Unban | Change::Lift) => ("unbanned", "would be unbanned"),
        Job::Lock(_) => ("locked", "would be locked"),
        Job::Unlock { .. } => ("unlocked", "would be unlocked"),
        Job::SetLimits(_) => ("changed", "would be changed"),
    };
    let ends_devices = matches!(job, Job::EndDevices(_) | Job::Lock(_));
    let nothing = match (job, dry_run) {
        (Job::Lock(_), true) => "would stay unchanged",
        (Job::Lock(_), false) | (Job::SetLimits(_), _) => "unchanged",
        (Job::Change(Change::Ban), true) => "would stay banned",
        (Job::Change(Change::Ban), false) => "already banned",
        _ => "nothing to do",
    };
    Words {
        done: if dry_run { would } else { done },
        nothing,
        devices: ends_devices.then_some(if dry_run {
            "would be signed out"
        } else {
            "signed out"
        }),
    }
}
