//! What is reported, recorded and counted for each way in which the logout of a user can end.

use std::collections::BTreeSet;
use std::io;

use easemob_admin_api::{DeviceId, UserId};

use super::*;
use crate::jobs::kept_notes::KeptNotes;
use crate::jobs::logout::DeviceResult;
use crate::run::basis::Basis;
use crate::run::item::Planned;
use crate::run::job::OnDrift;
use crate::run::journal::header::Durability;
use crate::select::decide::Drift;
use crate::select::selection::Choice;
use crate::server::calls::{CallError, Ended, SeenDevice};

fn item() -> Item {
    Item::new(0, 1, UserId::parse("ann").unwrap())
}

fn id(text: &str) -> DeviceId {
    DeviceId::parse(text).unwrap()
}

fn seen(device: &str) -> SeenDevice {
    SeenDevice {
        id: id(device),
        name: None,
        uuid: None,
        signed_in_at: None,
    }
}

fn read(fates: Vec<Fate>, drift: Drift) -> UserResult {
    UserResult::Read {
        online: fates.len(),
        devices: fates
            .into_iter()
            .map(|fate| DeviceResult {
                choice: Choice {
                    device: seen("ios_1"),
                    why: "selected".into(),
                },
                fate,
            })
            .collect(),
        drift,
        basis: Basis::Devices,
    }
}

fn failed() -> CallError {
    CallError::new("sessions.logout_device", "test")
}

fn new_device() -> Drift {
    Drift {
        new: vec![id("ios_2")],
        ..Drift::default()
    }
}

const ENDED: Fate = Fate::Ended {
    confirmed_by_reading: false,
    server_at: None,
};

#[test]
fn each_result_has_its_stop_its_failures_and_its_count_of_devices() {
    let unrecorded = RecordError::from(io::Error::other("the disk is full"));
    let same = Drift::default;
    for (result, drifted, stop, failures, devices) in [
        (UserResult::Unread(failed()), false, None, 1, 0),
        (UserResult::Drifted(new_device()), true, Some("drift"), 0, 0),
        (
            UserResult::Unrecorded(unrecorded),
            false,
            Some("record_failed"),
            0,
            0,
        ),
        (read(vec![], same()), false, None, 0, 0),
        (read(vec![ENDED, ENDED, Fate::Kept], same()), false, None, 0, 2),
        (read(vec![ENDED], new_device()), true, None, 0, 1),
        (read(vec![Fate::WouldEnd, Fate::Gone], same()), false, None, 0, 1),
        (
            read(vec![ENDED, Fate::Failed(failed())], same()),
            false,
            None,
            1,
            1,
        ),
        (
            read(vec![Fate::NotTried, Fate::Kept], same()),
            false,
            Some("max_logouts"),
            0,
            0,
        ),
        (
            read(vec![Fate::NotTried, Fate::Failed(failed())], same()),
            false,
            None,
            1,
            0,
        ),
    ] {
        assert_eq!(has_drifted(&result), drifted, "{result:?}");
        let done = done_with(&item(), &result, &Order::default());
        assert_eq!(done.stop.as_ref().map(Stop::word), stop, "{result:?}");
        assert_eq!(done.failures.len(), failures, "{result:?}");
        assert_eq!(done.tally.devices, devices, "{result:?}");
        assert!(!done.reports.is_empty(), "{result:?}");
    }
}

/// Gives one list and counts the acts.
struct Devices {
    list: Result<Vec<&'static str>, CallError>,
    acts: AtomicU64,
}

impl SessionCalls for Devices {
    async fn list_devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        self.list.clone().map(|list| list.into_iter().map(seen).collect())
    }

    async fn offline(&self, _: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        panic!("one user is read")
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        self.acts.fetch_add(1, Ordering::Relaxed);
        Ok(Ended::Yes { at: None })
    }

    async fn logout_device(&self, user: &UserId, _: &DeviceId) -> Result<Ended, CallError> {
        self.logout_all(user).await
    }
}

/// Returns how many notes and acts the logout of a user made, and whether it was counted as drifted.
async fn work(list: Result<Vec<&'static str>, CallError>, order: &Order, task: Task) -> (usize, u64, u64) {
    let notes = KeptNotes::default();
    let recorder = Recorder::start(notes.record(), Durability::Batch, || 0).unwrap();
    let server = Devices {
        list,
        acts: AtomicU64::new(0),
    };
    let ending = Ending::new(&server, &recorder, order, Cap::new(None));
    ending.work_on(task).await;
    let drifted = ending.drifted();
    recorder.close().unwrap();
    (notes.notes().len(), server.acts.load(Ordering::Relaxed), drifted)
}

#[tokio::test]
async fn a_user_for_whom_nothing_was_sent_is_not_recorded() {
    let given_up = CallError {
        given_up: true,
        ..CallError::new("devices.list", "the run stops")
    };
    let unread = CallError::new("devices.list", "test");
    for (list, notes, acts) in [
        (Err(given_up), 0, 0),
        (Err(unread), 1, 0),
        (Ok(vec!["ios_1"]), 2, 1),
    ] {
        let found = work(list.clone(), &Order::default(), Task::fresh(item())).await;
        assert_eq!(found, (notes, acts, 0), "{list:?}");
    }
}

#[tokio::test]
async fn users_whose_devices_differ_from_the_plan_are_counted() {
    let planned = Item {
        planned: Some(Planned {
            end: vec![id("ios_1")],
            keep: Vec::new(),
        }),
        ..item()
    };
    let order = Order {
        on_drift: OnDrift::StillMeant,
        ..Order::default()
    };
    for (list, drifted) in [(vec!["ios_1"], 0), (vec!["ios_1", "ios_2"], 1)] {
        let (_, _, found) = work(Ok(list.clone()), &order, Task::fresh(planned.clone())).await;
        assert_eq!(found, drifted, "{list:?}");
    }
}

#[tokio::test]
async fn a_preview_sends_no_act() {
    let server = Devices {
        list: Ok(vec!["ios_1"]),
        acts: AtomicU64::new(0),
    };
    let done = preview(&server, Task::fresh(item()), &Order::default(), &Cap::new(None)).await;
    assert_eq!(done.tally.devices, 1);
    assert_eq!(done.reports.len(), 1);
    assert_eq!(server.acts.load(Ordering::Relaxed), 0);
}
