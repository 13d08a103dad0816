//! Takes one user from reading the device list to a final result.
//!
//! A forced logout is never blindly repeated. If an answer does not arrive, the list is read again: victims
//! that are gone count as signed out, and only victims that are still online are retried, one by one. A call
//! never names a device that was not a victim when the selection was made.

use std::collections::BTreeSet;

use easemob_admin_api::{DeviceId, UserId};

use crate::run::basis::Basis;
use crate::run::item::Task;
use crate::run::job::OnDrift;
use crate::run::recorder::{RecordError, Recorder};
use crate::schedule::cap::Cap;
use crate::select::decide::{Decision, Drift, Order, decide};
use crate::select::selection::Choice;
use crate::server::calls::{CallError, Ended, SeenDevice, SessionCalls};

/// How often a device is retried after an answer did not arrive.
pub const MAX_REPEATS: u32 = 2;

/// The call that signs out all devices of a user.
pub const LOGOUT_ALL: &str = "sessions.logout_all";
/// The call that signs out one device.
pub const LOGOUT_DEVICE: &str = "sessions.logout_device";

/// What to do with the victims.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// Only report what would be done.
    DryRun,
    /// Sign them out, once the intent is recorded.
    Act(&'a Recorder),
}

/// The fate of a device that a second reading no longer found.
const GONE: Fate = Fate::Ended {
    confirmed_by_reading: true,
    server_at: None,
};

fn ended(server_at: Option<i64>) -> Fate {
    Fate::Ended {
        confirmed_by_reading: false,
        server_at,
    }
}

/// The fate of one device.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It was signed out.
    Ended {
        /// True if the server's answer did not arrive and the list was read again instead.
        confirmed_by_reading: bool,
        /// When, by the server's clock in milliseconds since 1970, if the server reported it.
        server_at: Option<i64>,
    },
    /// A real run would sign it out.
    WouldEnd,
    /// It was not chosen.
    Kept,
    /// The plan selected it, but it was no longer online.
    Gone,
    /// It was chosen, but could not be signed out.
    Failed(CallError),
    /// It was chosen but not tried, because the run stops.
    NotTried,
}

/// One device with its fate.
#[derive(Debug, Clone)]
pub struct DeviceResult {
    /// The device and why it was chosen.
    pub choice: Choice,
    /// The fate of the device.
    pub fate: Fate,
}

/// The final result of one user.
#[derive(Debug, Clone)]
pub enum UserResult {
    /// The device list could not be read; nothing was sent after that.
    Unread(CallError),
    /// The devices differ from the plan, and the run stops in that case; nothing was sent.
    Drifted(Drift),
    /// The intent could not be recorded; nothing was sent.
    Unrecorded(RecordError),
    /// It is known which devices were online.
    Read {
        /// Victims and spared devices, with their fates.
        devices: Vec<DeviceResult>,
        /// How many devices were online.
        online: usize,
        /// How the devices differ from the plan.
        drift: Drift,
        /// How it is known which devices were online.
        basis: Basis,
    },
}

impl UserResult {
    /// Returns the devices that were decided about.
    #[must_use]
    pub fn devices(&self) -> &[DeviceResult] {
        match self {
            Self::Read { devices, .. } => devices,
            Self::Unread(_) | Self::Drifted(_) | Self::Unrecorded(_) => &[],
        }
    }

    /// Returns how it is known which devices were online, if it is known.
    #[must_use]
    pub fn basis(&self) -> Option<Basis> {
        match self {
            Self::Read { basis, .. } => Some(*basis),
            Self::Unread(_) | Self::Drifted(_) | Self::Unrecorded(_) => None,
        }
    }

    /// Returns the failures of this user.
    pub fn failures(&self) -> impl Iterator<Item = &CallError> + Clone {
        let unread = match self {
            Self::Unread(error) => Some(error),
            _ => None,
        };
        let failed = self.devices().iter().filter_map(|device| match &device.fate {
            Fate::Failed(error) => Some(error),
            _ => None,
        });
        unread.into_iter().chain(failed)
    }

    /// Returns true if the cap refused this user.
    #[must_use]
    pub fn hit_the_cap(&self) -> bool {
        let not_tried = self
            .devices()
            .iter()
            .any(|device| matches!(device.fate, Fate::NotTried));
        not_tried && self.failures().next().is_none()
    }
}

/// Reads the devices of the user of `task` and decides about them.
///
/// # Errors
/// When the list cannot be read.
pub async fn choose(calls: &impl SessionCalls, task: &Task, order: &Order) -> Result<Decision, CallError> {
    let user = &task.item.user;
    // The call that signs out everything names no device, so a device with an unreadable id does not protect
    // the others.
    let devices = if task.known.is_without_devices() {
        Vec::new()
    } else if order.selection.is_everything() && task.item.planned.is_none() {
        calls.list_devices_with_nameless(user).await?
    } else {
        calls.list_devices(user).await?
    };
    Ok(decide(task, &devices, order))
}

/// Signs out the devices of the user of `task` that `order` selects.
pub async fn logout_user(
    calls: &impl SessionCalls,
    task: &Task,
    order: &Order,
    mode: Mode<'_>,
    cap: &Cap,
) -> UserResult {
    let decision = match choose(calls, task, order).await {
        Ok(decision) => decision,
        Err(error) => return UserResult::Unread(error),
    };
    if order.on_drift == OnDrift::Stop && decision.drift.stops() {
        return UserResult::Drifted(decision.drift);
    }
    match end_victims(calls, task, &decision, mode, cap).await {
        Ok(fates) => concluded(decision, fates, task.known.basis()),
        Err(error) => UserResult::Unrecorded(error),
    }
}

/// Returns the result of a decision whose victims had these fates, in their order.
#[must_use]
pub fn concluded(decision: Decision, fates: Vec<Fate>, basis: Basis) -> UserResult {
    let online = decision.online();
    let gone = decision
        .gone
        .iter()
        .map(|id| missing(id, decision.counted_before));
    let ended = decision.victims.into_iter().zip(fates);
    let ended = ended.map(|(choice, fate)| DeviceResult { choice, fate });
    let spared = decision.spared.into_iter().map(|choice| DeviceResult {
        choice,
        fate: Fate::Kept,
    });
    UserResult::Read {
        devices: gone.chain(ended).chain(spared).collect(),
        online,
        drift: decision.drift,
        basis,
    }
}

/// A device that was named earlier and is no longer online.
fn missing(id: &DeviceId, meant_by_earlier_attempt: bool) -> DeviceResult {
    let device = SeenDevice {
        id: id.clone(),
        name: None,
        uuid: None,
        signed_in_at: None,
    };
    let (why, fate) = if meant_by_earlier_attempt {
        ("meant by an earlier attempt", GONE)
    } else {
        ("gone since the plan", Fate::Gone)
    };
    let choice = Choice {
        device,
        why: why.into(),
    };
    DeviceResult { choice, fate }
}

async fn end_victims(
    calls: &impl SessionCalls,
    task: &Task,
    decision: &Decision,
    mode: Mode<'_>,
    cap: &Cap,
) -> Result<Vec<Fate>, RecordError> {
    let victims = &decision.victims;
    if victims.is_empty() {
        return Ok(Vec::new());
    }
    if !decision.counted_before && !cap.take(victims.len() as u64) {
        return Ok(vec![Fate::NotTried; victims.len()]);
    }
    let Mode::Act(recorder) = mode else {
        return Ok(vec![Fate::WouldEnd; victims.len()]);
    };
    let call = if decision.everything {
        LOGOUT_ALL
    } else {
        LOGOUT_DEVICE
    };
    let ids = |choices: &[Choice]| {
        choices
            .iter()
            .map(|choice| choice.device.id.clone())
            .collect::<Vec<_>>()
    };
    let mut kept = ids(&decision.spared);
    kept.extend(decision.others.iter().map(|device| device.id.clone()));
    recorder.intend(&task.item, call, ids(victims), kept).await?;
    let user = &task.item.user;
    if decision.everything {
        Ok(end_everything(calls, user, victims).await)
    } else {
        Ok(end_each(calls, user, victims, MAX_REPEATS).await)
    }
}

/// Signs out all devices with one call, and repeats that call only while no device other than the victims is
/// online.
async fn end_everything(calls: &impl SessionCalls, user: &UserId, victims: &[Choice]) -> Vec<Fate> {
    let mut repeats_left = MAX_REPEATS;
    // Victims that a reading found gone stay signed out, whatever comes later.
    let mut gone: BTreeSet<DeviceId> = BTreeSet::new();
    let fates = |gone: &BTreeSet<DeviceId>, fate: Fate| {
        let of = |victim: &Choice| {
            if gone.contains(&victim.device.id) {
                GONE
            } else {
                fate.clone()
            }
        };
        victims.iter().map(of).collect()
    };
    loop {
        let error = match calls.logout_all(user).await {
            Ok(Ended::Yes { at }) => return fates(&gone, ended(at)),
            // The devices may have signed out by themselves; only the list can tell.
            Ok(Ended::No) => not_logged_out(LOGOUT_ALL),
            Err(error) if error.outcome_unknown => error,
            Err(error) => return fates(&gone, Fate::Failed(error)),
        };
        let present = match still_present(calls, user).await {
            Ok(present) => present,
            Err(reading) if error.outcome_unknown => {
                return fates(&gone, Fate::Failed(doubtful(&error, &reading)));
            }
            Err(_) => return fates(&gone, Fate::Failed(error)),
        };
        let absent = victims
            .iter()
            .filter(|victim| !present.contains(&victim.device.id));
        gone.extend(absent.map(|victim| victim.device.id.clone()));
        if gone.len() == victims.len() || !error.outcome_unknown || repeats_left == 0 {
            return fates(&gone, Fate::Failed(error));
        }
        repeats_left -= 1;
        // A device that signed in since then was never selected, so from now on each call names a victim.
        let newcomer = |device: &DeviceId| !victims.iter().any(|victim| victim.device.id == *device);
        if present.iter().any(newcomer) {
            return end_each_but(calls, user, victims, &gone, repeats_left).await;
        }
    }
}

async fn end_each_but(
    calls: &impl SessionCalls,
    user: &UserId,
    victims: &[Choice],
    gone: &BTreeSet<DeviceId>,
    repeats: u32,
) -> Vec<Fate> {
    let mut fates = Vec::with_capacity(victims.len());
    for victim in victims {
        fates.push(if gone.contains(&victim.device.id) {
            GONE
        } else {
            end_device(calls, user, victim, repeats).await
        });
    }
    fates
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
        refused |= matches!(&fate, Fate::Failed(error) if error.ends_the_run());
        fates.push(fate);
    }
    fates
}

async fn end_device(calls: &impl SessionCalls, user: &UserId, victim: &Choice, repeats: u32) -> Fate {
    let device = &victim.device.id;
    let mut repeats_left = repeats;
    loop {
        // Servers differ in their answers for a device that has just left; only the list can tell.
        let error = match calls.logout_device(user, device).await {
            Ok(Ended::Yes { at }) => return ended(at),
            Ok(Ended::No) => not_logged_out(LOGOUT_DEVICE),
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

/// A victim that is no longer listed counts as signed out, whatever the server answered.
fn gone_or(error: &CallError, victim: &Choice, present: &BTreeSet<DeviceId>) -> Fate {
    if present.contains(&victim.device.id) {
        Fate::Failed(error.clone())
    } else {
        GONE
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
        status: Some(200),
        ..CallError::new(
            call,
            "the server answered without ending the session (result is false)",
        )
    }
}

/// Builds the error for a logout whose answer was lost, and whose effect is unknown because the list could not be read.
fn doubtful(acting: &CallError, reading: &CallError) -> CallError {
    CallError {
        message: format!(
            "{}; whether it took effect is unknown, because the device list could not be read: {}",
            acting.message, reading.message
        ),
        retry_may_help: true,
        given_up: false,
        server_away: reading.server_away,
        scope: reading.scope,
        ..acting.clone()
    }
}

#[cfg(test)]
mod tests;
