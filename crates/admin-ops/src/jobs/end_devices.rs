//! Signs out devices of a user, with a record: the job of `sessions logout`, `sessions apply` and `limits
//! enforce`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::jobs::logout::{Fate, Mode, UserResult, logout_user};
use crate::report::device::{self, DeviceReport};
use crate::run::item::{Item, Task};
use crate::run::outcome;
use crate::run::recorder::{RecordError, Recorder};
use crate::schedule::cap::Cap;
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::select::decide::Order;
use crate::server::calls::SessionCalls;

/// The state for signing out devices of users.
#[derive(Debug)]
pub struct Ending<'a, S> {
    server: &'a S,
    recorder: &'a Recorder,
    order: &'a Order,
    cap: Cap,
    drifted: AtomicU64,
}

impl<'a, S: SessionCalls> Ending<'a, S> {
    /// Prepares to sign out devices, as many as `cap` allows.
    #[must_use]
    pub fn new(server: &'a S, recorder: &'a Recorder, order: &'a Order, cap: Cap) -> Self {
        Self {
            server,
            recorder,
            order,
            cap,
            drifted: AtomicU64::new(0),
        }
    }

    /// Works on one user.
    pub async fn work_on(&self, task: Task) -> Done<DeviceReport> {
        let mode = Mode::Act(self.recorder);
        let result = logout_user(self.server, &task, self.order, mode, &self.cap).await;
        if has_drifted(&result) {
            self.drifted.fetch_add(1, Ordering::Relaxed);
        }
        let noted = self.note(&task.item, &result).await;
        let mut done = done_with(&task.item, &result, self.order);
        if let Err(error) = noted {
            done.stop = Some(Stop::Record(error));
        }
        done
    }

    /// Returns the number of users whose devices differ from the plan.
    #[must_use]
    pub fn drifted(&self) -> u64 {
        self.drifted.load(Ordering::Relaxed)
    }

    async fn note(&self, item: &Item, result: &UserResult) -> Result<(), RecordError> {
        let outcome = match result {
            // Nothing was intended and nothing was sent, so there is nothing to record for this user.
            UserResult::Unread(error) if error.was_not_sent() => None,
            result => outcome::of_logout(item, result, self.recorder.now()),
        };
        self.recorder.settle(item, outcome).await
    }
}

/// Reads the devices of one user and reports what would be done. Nothing is recorded, because nothing
/// changes.
pub async fn preview(server: &impl SessionCalls, task: Task, order: &Order, cap: &Cap) -> Done<DeviceReport> {
    let result = logout_user(server, &task, order, Mode::DryRun, cap).await;
    done_with(&task.item, &result, order)
}

fn has_drifted(result: &UserResult) -> bool {
    match result {
        UserResult::Drifted(_) => true,
        UserResult::Read { drift, .. } => !drift.is_empty(),
        UserResult::Unread(_) | UserResult::Unrecorded(_) => false,
    }
}

/// Returns the report of one user.
#[must_use]
pub fn done_with(item: &Item, result: &UserResult, order: &Order) -> Done<DeviceReport> {
    let ended = |fate: &Fate| matches!(fate, Fate::Ended { .. } | Fate::WouldEnd);
    let stop = match result {
        UserResult::Drifted(_) => Some(Stop::Drift),
        UserResult::Unrecorded(error) => Some(Stop::Record(error.clone())),
        result if result.hit_the_cap() => Some(Stop::Cap),
        _ => None,
    };
    let mut done = Done::settled(device::of_user(item, result, order), Settled::of_logout(result));
    done.tally.devices = result
        .devices()
        .iter()
        .filter(|device| ended(&device.fate))
        .count() as u64;
    done.failures = result.failures().cloned().collect();
    done.stop = stop;
    done
}

#[cfg(test)]
mod tests;
