//! Carries one user from reading the device list to a settled result.
//!
//! A forced logout is never blindly repeated. When an answer does not arrive, the list is read again:
//! victims that are gone count as ended, and only victims that are still there are tried again, one by one.
//! A device that was not a victim when the selection was made is never named in a call.

use std::collections::BTreeSet;
use std::time::SystemTime;

use easemob_admin_api::{DeviceId, UnixMillis, UserId};

use super::calls::{CallError, Ended, Scope, SeenDevice, SessionCalls};
use super::cap::Cap;
use super::select::{Choice, Selected, Selection, select_victims};

/// How often a device is tried again after an answer did not arrive.
pub const MAX_REPEATS: u32 = 2;

/// What a job does with its victims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only say what would be done.
    DryRun,
    /// Do it.
    Act,
}

/// What became of one device.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It was ended; the flag tells that a second reading said so, not the server's answer.
    Ended {
        /// True if the server's answer did not arrive and the list was read again.
        confirmed_by_reading: bool,
    },
    /// It would be ended by a run that is not dry.
    WouldEnd,
    /// It was not chosen.
    Kept,
    /// It was chosen and could not be ended.
    Failed(CallError),
    /// It was chosen and not tried, because the run stops.
    NotTried,
}

/// One device with its fate.
#[derive(Debug, Clone)]
pub struct DeviceResult {
    /// The device and why it was chosen.
    pub choice: Choice,
    /// What became of it.
    pub fate: Fate,
}

/// The settled result of one user.
#[derive(Debug, Clone)]
pub enum UserResult {
    /// The device list could not be read; nothing was sent after that.
    Unread(CallError),
    /// The list was read; victims and kept devices with their fates.
    Read(Vec<DeviceResult>),
}

impl UserResult {
    /// Returns the failures of this user.
    pub fn failures(&self) -> impl Iterator<Item = &CallError> {
        let (unread, devices) = match self {
            Self::Unread(error) => (Some(error), &[][..]),
            Self::Read(devices) => (None, devices.as_slice()),
        };
        let failed = devices.iter().filter_map(|device| match &device.fate {
            Fate::Failed(error) => Some(error),
            _ => None,
        });
        unread.into_iter().chain(failed)
    }
}

/// Reads the devices of `user` and divides them.
///
/// # Errors
/// When the list cannot be read.
pub async fn choose(
    calls: &impl SessionCalls,
    user: &UserId,
    selection: &Selection,
) -> Result<(Selected, Vec<SeenDevice>), CallError> {
    let devices = calls.list_devices(user).await?;
    Ok((select_victims(&devices, selection, signed_in_at), devices))
}

/// Returns when a device signed in, by what its own id says.
fn signed_in_at(device: &DeviceId) -> Option<SystemTime> {
    device.signed_in_at().map(UnixMillis::to_system_time)
}

/// Logs out the devices of `user` that `selection` means.
pub async fn logout_user(
    calls: &impl SessionCalls,
    user: &UserId,
    selection: &Selection,
    mode: Mode,
    cap: &Cap,
) -> UserResult {
    let selected = match choose(calls, user, selection).await {
        Ok((selected, _)) => selected,
        Err(error) => return UserResult::Unread(error),
    };
    let mut results: Vec<DeviceResult> = Vec::with_capacity(selected.victims.len() + selected.kept.len());
    let victims = selected.victims;
    if !victims.is_empty() {
        let fates = if !cap.take(victims.len() as u64) {
            vec![Fate::NotTried; victims.len()]
        } else if mode == Mode::DryRun {
            vec![Fate::WouldEnd; victims.len()]
        } else if *selection == Selection::All {
            end_everything(calls, user, &victims).await
        } else {
            end_each(calls, user, &victims, MAX_REPEATS).await
        };
        results.extend(
            victims
                .into_iter()
                .zip(fates)
                .map(|(choice, fate)| DeviceResult { choice, fate }),
        );
    }
    let kept = selected.kept.into_iter().map(|choice| DeviceResult {
        choice,
        fate: Fate::Kept,
    });
    results.extend(kept);
    UserResult::Read(results)
}

async fn end_everything(calls: &impl SessionCalls, user: &UserId, victims: &[Choice]) -> Vec<Fate> {
    match calls.logout_all(user).await {
        Ok(Ended::Yes) => vec![
            Fate::Ended {
                confirmed_by_reading: false
            };
            victims.len()
        ],
        // The devices may have left by themselves; only the list tells.
        Ok(Ended::No) => {
            let error = not_logged_out("sessions.logout_all");
            match still_present(calls, user).await {
                Ok(present) => victims
                    .iter()
                    .map(|victim| gone_or(&error, victim, &present))
                    .collect(),
                Err(_) => vec![Fate::Failed(error); victims.len()],
            }
        }
        Err(error) if error.outcome_unknown => {
            let present = match still_present(calls, user).await {
                Ok(present) => present,
                Err(reading) => return vec![Fate::Failed(doubtful(&error, &reading)); victims.len()],
            };
            let mut fates = Vec::with_capacity(victims.len());
            for victim in victims {
                let fate = if present.contains(&victim.device.id) {
                    // The first repeat is this call, hence one repeat fewer inside.
                    end_device(calls, user, victim, MAX_REPEATS - 1).await
                } else {
                    Fate::Ended {
                        confirmed_by_reading: true,
                    }
                };
                fates.push(fate);
            }
            fates
        }
        Err(error) => vec![Fate::Failed(error); victims.len()],
    }
}

async fn end_each(calls: &impl SessionCalls, user: &UserId, victims: &[Choice], repeats: u32) -> Vec<Fate> {
    let mut fates = Vec::with_capacity(victims.len());
    let mut refused = false;
    for victim in victims {
        let fate = if refused {
            Fate::NotTried
        } else {
            end_device(calls, user, victim, repeats).await
        };
        refused |= matches!(&fate, Fate::Failed(error) if error.scope == Scope::Run);
        fates.push(fate);
    }
    fates
}

async fn end_device(calls: &impl SessionCalls, user: &UserId, victim: &Choice, repeats: u32) -> Fate {
    let device = &victim.device.id;
    let mut repeats_left = repeats;
    loop {
        // Servers differ in what they answer for a device that has just left; only the list tells.
        let error = match calls.logout_device(user, device).await {
            Ok(Ended::Yes) => {
                return Fate::Ended {
                    confirmed_by_reading: false,
                };
            }
            Ok(Ended::No) => not_logged_out("sessions.logout_device"),
            Err(error) if error.outcome_unknown || error.not_found => error,
            Err(error) => return Fate::Failed(error),
        };
        match still_present(calls, user).await {
            Err(_) if !error.outcome_unknown => return Fate::Failed(error),
            Err(reading) => return Fate::Failed(doubtful(&error, &reading)),
            Ok(present) if !error.outcome_unknown || repeats_left == 0 => {
                return gone_or(&error, victim, &present);
            }
            Ok(present) if !present.contains(device) => return gone_or(&error, victim, &present),
            Ok(_) => repeats_left -= 1,
        }
    }
}

/// A victim that is no longer listed counts as ended, whatever the server answered.
fn gone_or(error: &CallError, victim: &Choice, present: &BTreeSet<DeviceId>) -> Fate {
    if present.contains(&victim.device.id) {
        Fate::Failed(error.clone())
    } else {
        Fate::Ended {
            confirmed_by_reading: true,
        }
    }
}

async fn still_present(calls: &impl SessionCalls, user: &UserId) -> Result<BTreeSet<DeviceId>, CallError> {
    Ok(calls
        .list_devices(user)
        .await?
        .into_iter()
        .map(|device| device.id)
        .collect())
}

fn not_logged_out(call: &'static str) -> CallError {
    CallError {
        call,
        message: "the server answered without ending the session (result is false)".into(),
        status: Some(200),
        retry_may_help: true,
        outcome_unknown: false,
        not_found: false,
        scope: Scope::Item,
        origin: None,
    }
}

/// Nobody knows whether the logout happened, and the list that would tell could not be read.
fn doubtful(acting: &CallError, reading: &CallError) -> CallError {
    CallError {
        message: format!(
            "{}; whether it took effect is unknown, because the device list could not be read: {}",
            acting.message, reading.message
        ),
        retry_may_help: true,
        outcome_unknown: true,
        scope: reading.scope,
        ..acting.clone()
    }
}

#[cfg(test)]
mod tests;
