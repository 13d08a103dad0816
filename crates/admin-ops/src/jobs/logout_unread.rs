//! Signs out everything of a user with one call, without reading the devices before it.
//!
//! What was signed out is not known afterwards, only that it was everything. If the answer does not arrive, the
//! list is read: without devices, the logout counts as done; otherwise it is unknown whether they are those of
//! before, and nothing more is sent, because a session that was opened in between was never meant.

use crate::jobs::logout::LOGOUT_ALL;
use crate::report::device::DeviceReport;
use crate::run::basis::Basis;
use crate::run::item::{Item, Task};
use crate::run::journal::record;
use crate::run::outcome;
use crate::run::recorder::{RecordError, Recorder};
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::Done;
use crate::schedule::tally::Settled;
use crate::server::calls::{CallError, Ended, Scope, SessionCalls};

/// The result for one user.
#[derive(Debug)]
enum UnreadResult {
    /// The user was known to have no devices.
    NotOnline(Basis),
    /// Everything was signed out.
    Ended {
        /// True if the answer did not arrive and the list was read instead.
        confirmed_by_reading: bool,
        /// When, by the server's clock in milliseconds since 1970, if the server reported it.
        server_at: Option<i64>,
    },
    /// It failed, or it is unknown whether it took effect.
    Failed(CallError),
    /// The intent could not be recorded; nothing was sent.
    Unrecorded(RecordError),
}

/// The state for signing out users without reading their devices.
#[derive(Debug)]
pub struct EndingUnread<'a, S> {
    server: &'a S,
    recorder: &'a Recorder,
}

impl<'a, S: SessionCalls> EndingUnread<'a, S> {
    /// Prepares to sign out users.
    #[must_use]
    pub fn new(server: &'a S, recorder: &'a Recorder) -> Self {
        Self { server, recorder }
    }

    /// Works on one user.
    pub async fn work_on(&self, task: Task) -> Done<DeviceReport> {
        let result = self.end(&task).await;
        let noted = self
            .recorder
            .settle(&task.item, self.outcome(&task.item, &result))
            .await;
        let mut done = done_with(&task.item, &result);
        done.stop = done.stop.or(noted.err().map(Stop::Record));
        done
    }

    async fn end(&self, task: &Task) -> UnreadResult {
        let user = &task.item.user;
        if task.intended.is_some() {
            let lost = CallError {
                outcome_unknown: true,
                ..CallError::new(LOGOUT_ALL, "the answer to an earlier attempt did not arrive")
            };
            return self.settle(task, lost).await;
        }
        if task.known.is_without_devices() {
            return UnreadResult::NotOnline(task.known.basis());
        }
        let intended = self
            .recorder
            .intend(&task.item, LOGOUT_ALL, Vec::new(), Vec::new());
        if let Err(error) = intended.await {
            return UnreadResult::Unrecorded(error);
        }
        match self.server.logout_all(user).await {
            Ok(Ended::Yes { at }) => UnreadResult::Ended {
                confirmed_by_reading: false,
                server_at: at,
            },
            Ok(Ended::No) => {
                let error = CallError {
                    status: Some(200),
                    ..CallError::new(
                        LOGOUT_ALL,
                        "the server answered without ending a session (result is false)",
                    )
                };
                self.settle(task, error).await
            }
            Err(error) if error.outcome_unknown => self.settle(task, error).await,
            Err(error) => UnreadResult::Failed(error),
        }
    }

    /// Finds out whether a logout took effect that ended with `error`.
    async fn settle(&self, task: &Task, error: CallError) -> UnreadResult {
        match self.server.list_devices_with_nameless(&task.item.user).await {
            Ok(devices) if devices.is_empty() => UnreadResult::Ended {
                confirmed_by_reading: true,
                server_at: None,
            },
            Ok(_) if !error.outcome_unknown => UnreadResult::Failed(error),
            Ok(devices) => UnreadResult::Failed(CallError {
                message: format!(
                    "{}; whether it took effect is unknown, because {} online, which may have signed in since then: sign \
                     the user out without --unread",
                    error.message,
                    match devices.len() {
                        1 => "1 device is".to_owned(),
                        count => format!("{count} devices are"),
                    }
                ),
                // The server answers by now.
                scope: Scope::Item,
                ..error
            }),
            Err(reading) => UnreadResult::Failed(CallError {
                message: format!(
                    "{}; whether it took effect is unknown, because the device list could not be read: {}",
                    error.message, reading.message
                ),
                outcome_unknown: true,
                scope: reading.scope,
                ..error
            }),
        }
    }

    fn outcome(&self, item: &Item, result: &UnreadResult) -> Option<record::Outcome> {
        let now = self.recorder.now();
        let (called, basis, server_at) = match result {
            UnreadResult::Unrecorded(_) => return None,
            UnreadResult::NotOnline(basis) => {
                return Some(record::Outcome {
                    state: record::State::Nothing,
                    basis: Some(*basis),
                    ..outcome::of_call(item, &Ok(()), now)
                });
            }
            UnreadResult::Ended { server_at, .. } => (Ok(()), Some(Basis::Unread), *server_at),
            UnreadResult::Failed(error) => (Err(error.clone()), None, None),
        };
        Some(record::Outcome {
            server_at,
            basis,
            ..outcome::of_call(item, &called, now)
        })
    }
}

/// Returns the report of a user whose sessions would all be ended; nothing is read, and nothing is recorded,
/// because nothing changes.
#[must_use]
pub fn preview(task: &Task) -> Done<DeviceReport> {
    let (report, settled) = if task.known.is_without_devices() {
        let report = DeviceReport::not_online(&task.item, task.known.basis());
        (report, Settled::NothingToDo)
    } else {
        (DeviceReport::would_end_everything(&task.item), Settled::Done)
    };
    Done::settled(vec![report], settled)
}

fn done_with(item: &Item, result: &UnreadResult) -> Done<DeviceReport> {
    match result {
        UnreadResult::NotOnline(basis) => {
            Done::settled(vec![DeviceReport::not_online(item, *basis)], Settled::NothingToDo)
        }
        UnreadResult::Ended {
            confirmed_by_reading, ..
        } => {
            let report = DeviceReport::ended_everything(item, *confirmed_by_reading);
            Done::settled(vec![report], Settled::Done)
        }
        UnreadResult::Failed(error) => Done {
            failures: vec![error.clone()],
            ..Done::settled(
                vec![DeviceReport::of_failure(item, error)],
                Settled::of_error(error),
            )
        },
        UnreadResult::Unrecorded(error) => Done {
            stop: Some(Stop::Record(error.clone())),
            ..Done::settled(vec![DeviceReport::not_started(item)], Settled::NotStarted)
        },
    }
}

#[cfg(test)]
mod tests;
