//! Reads the devices again after a run: are they gone, still online, or has the user signed in again?
//!
//! One request returns the status of a hundred users; only users who are online are read one by one. A device
//! id that is still listed may be the old session or a new sign-in of the same device: the list has no
//! sign-in times, so both count as still online.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use easemob_admin_api::{DeviceId, UserId};
use serde::Serialize;

use crate::run::item::Item;
use crate::run::journal::record::{Intent, Record};
use crate::schedule::run_loop::Batch;
use crate::server::calls::{CallError, SessionCalls};

/// How many users one status request accepts (user system page).
pub const USERS_PER_REQUEST: usize = 100;

/// A user whose devices were signed out, with the devices to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The line of the input.
    pub line: u64,
    /// The user.
    pub user: UserId,
    /// Devices that were signed out.
    pub ended: Vec<DeviceId>,
    /// Devices that were online and were to stay.
    pub kept: Vec<DeviceId>,
}

impl Batch for Ended {
    fn line(&self) -> u64 {
        self.line
    }
}

/// The result of the second reading for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is no longer online.
    Gone,
    /// It is still online, or online again under the same id.
    StillOnline,
    /// It was not online before.
    SignedInAgain,
    /// The list could not be read.
    Unknown,
}

/// The number of devices with each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// No longer online.
    pub gone: u64,
    /// Still online, or online again under the same id.
    pub still_online: u64,
    /// New login ids of the same users.
    pub signed_in_again: u64,
    /// Could not be read.
    pub unknown: u64,
}

impl Verified {
    /// Counts one verdict.
    pub fn count(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Gone => &mut self.gone,
            Verdict::StillOnline => &mut self.still_online,
            Verdict::SignedInAgain => &mut self.signed_in_again,
            Verdict::Unknown => &mut self.unknown,
        };
        *counter += 1;
    }

    /// Counts the `ended` devices without a verdict, because the reading was interrupted.
    pub fn missed(&mut self, ended: u64) {
        self.unknown = ended.saturating_sub(self.gone + self.still_online);
    }
}

/// Compares the signed-out devices with what is online now; `present` is `None` if the list could not be
/// read.
#[must_use]
pub fn verdicts(user: &Ended, present: Option<&[DeviceId]>) -> Vec<(DeviceId, Verdict)> {
    let now: Option<HashSet<&DeviceId>> = present.map(|present| present.iter().collect());
    let of_ended = |device: &DeviceId| match &now {
        None => Verdict::Unknown,
        Some(present) if present.contains(device) => Verdict::StillOnline,
        Some(_) => Verdict::Gone,
    };
    let mut verdicts: Vec<_> = user
        .ended
        .iter()
        .map(|device| (device.clone(), of_ended(device)))
        .collect();
    let known: HashSet<&DeviceId> = user.ended.iter().chain(&user.kept).collect();
    let new = present.unwrap_or_default().iter();
    let new = new.filter(|device| !known.contains(device));
    verdicts.extend(new.map(|device| (device.clone(), Verdict::SignedInAgain)));
    verdicts
}

/// Reads the devices of up to [`USERS_PER_REQUEST`] users again.
pub async fn verify(
    calls: &impl SessionCalls,
    users: &[Ended],
) -> Vec<(Vec<(DeviceId, Verdict)>, Option<CallError>)> {
    let names: Vec<UserId> = users.iter().map(|user| user.user.clone()).collect();
    // Without the status, every list is read: slower, but equally good.
    let offline = calls.offline(&names).await.unwrap_or_default();
    let mut all = Vec::with_capacity(users.len());
    for user in users {
        let read = if offline.contains(&user.user) {
            Ok(Vec::new())
        } else {
            calls.list_devices(&user.user).await
        };
        all.push(match read {
            Ok(devices) => {
                let present: Vec<DeviceId> = devices.into_iter().map(|device| device.id).collect();
                (verdicts(user, Some(&present)), None)
            }
            Err(error) => (verdicts(user, None), Some(error)),
        });
    }
    all
}

/// Returns the users of a run whose devices were signed out, in the order of the input.
///
/// # Errors
/// When the journal is damaged.
pub fn ended(
    items: impl Iterator<Item = io::Result<Item>>,
    records: impl Iterator<Item = io::Result<Record>>,
) -> io::Result<Vec<Ended>> {
    let mut intents: HashMap<u64, Intent> = HashMap::new();
    let mut found: BTreeMap<u64, (Vec<DeviceId>, Vec<DeviceId>)> = BTreeMap::new();
    for record in records {
        match record? {
            Record::Intent(intent) => {
                intents.insert(intent.n, intent);
            }
            Record::Outcome(outcome) if !outcome.ended.is_empty() => {
                let kept = intents
                    .remove(&outcome.n)
                    .map(|intent| intent.kept)
                    .unwrap_or_default();
                let entry = found.entry(outcome.n).or_default();
                entry.0.extend(outcome.ended);
                entry.1.extend(kept);
            }
            _ => {}
        }
    }
    let mut users = Vec::with_capacity(found.len());
    for item in items {
        let item = item?;
        if let Some((ended, kept)) = found.remove(&item.number) {
            users.push(Ended {
                line: item.line,
                user: item.user,
                ended,
                kept,
            });
        }
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;
    use crate::run::journal::record::{Outcome, State};
    use crate::server::calls::{Ended as Answer, SeenDevice};

    /// Everybody whose name ends with `on` has the device `ios_2`, `broken` cannot be read, and the others are offline.
    #[derive(Default)]
    struct Readings {
        /// Whether the status can be read.
        has_status: bool,
        read: Mutex<Vec<String>>,
    }

    impl SessionCalls for Readings {
        async fn list_devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
            self.read.lock().unwrap().push(user.to_string());
            if user.as_str() == "broken" {
                return Err(CallError::new("devices.list", "busy"));
            }
            let online = user.as_str().ends_with("on").then(|| SeenDevice {
                id: DeviceId::parse("ios_2").unwrap(),
                name: None,
                uuid: None,
                signed_in_at: None,
            });
            Ok(online.into_iter().collect())
        }

        async fn offline(&self, users: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
            if !self.has_status {
                return Err(CallError::new("status.batch", "busy"));
            }
            let offline = |user: &&UserId| !user.as_str().ends_with("on") && user.as_str() != "broken";
            Ok(users.iter().filter(offline).cloned().collect())
        }

        async fn logout_all(&self, _: &UserId) -> Result<Answer, CallError> {
            panic!("verifying acts on nobody")
        }

        async fn logout_device(&self, _: &UserId, _: &DeviceId) -> Result<Answer, CallError> {
            panic!("verifying acts on nobody")
        }
    }

    fn user(line: u64, name: &str, ended: &[&str], kept: &[&str]) -> Ended {
        Ended {
            line,
            user: UserId::parse(name).unwrap(),
            ended: ids(ended),
            kept: ids(kept),
        }
    }

    #[tokio::test]
    async fn only_who_may_be_online_is_read_again() {
        let users = ["ann", "bob_on", "broken"].map(|name| user(1, name, &["ios_1"], &[]));
        for (has_status, lists) in [
            (true, &["bob_on", "broken"][..]),
            (false, &["ann", "bob_on", "broken"]),
        ] {
            let calls = Readings {
                has_status,
                ..Readings::default()
            };
            let read = verify(&calls, &users).await;
            let of = |index: usize| {
                let verdicts = read[index].0.iter();
                verdicts.map(|(_, verdict)| *verdict).collect::<Vec<_>>()
            };
            assert_eq!(of(0), [Verdict::Gone]);
            assert_eq!(of(1), [Verdict::Gone, Verdict::SignedInAgain]);
            assert_eq!(of(2), [Verdict::Unknown]);
            let failed = read.iter().map(|(_, error)| error.is_some());
            assert_eq!(failed.collect::<Vec<_>>(), [false, false, true]);
            assert_eq!(*calls.read.lock().unwrap(), lists);
        }
    }

    #[test]
    fn what_was_signed_out_and_what_was_to_stay_is_in_the_records() {
        let intent = |n, kept: &[&str]| {
            Ok(Record::Intent(Intent {
                n,
                at: 0,
                call: "sessions.logout_device".into(),
                devices: Vec::new(),
                kept: ids(kept),
            }))
        };
        let outcome = |n, ended: &[&str]| {
            Ok(Record::Outcome(Outcome {
                n,
                at: 0,
                state: State::Done,
                server_at: None,
                ended: ids(ended),
                failed: Vec::new(),
                basis: None,
            }))
        };
        let items = ["ann", "bob", "eve", "kim"].map(|name| UserId::parse(name).unwrap());
        let items = (0..).zip(items).map(|(n, user)| Ok(Item::new(n, n + 10, user)));
        let records = [
            intent(2, &["web_1"]),
            outcome(2, &["ios_1"]),
            // Nothing was signed out.
            intent(1, &[]),
            outcome(1, &[]),
            // In two attempts.
            intent(0, &["web_1"]),
            outcome(0, &["ios_1"]),
            intent(0, &["web_2"]),
            outcome(0, &["ios_2"]),
        ];
        let found = ended(items, records.into_iter()).unwrap();
        let expected = [
            user(10, "ann", &["ios_1", "ios_2"], &["web_1", "web_2"]),
            user(12, "eve", &["ios_1"], &["web_1"]),
        ];
        assert_eq!(found, expected);
        assert_eq!(found[0].line(), 10);
    }

    fn ids(texts: &[&str]) -> Vec<DeviceId> {
        texts.iter().map(|id| DeviceId::parse(*id).unwrap()).collect()
    }

    fn told(ended: &[&str], kept: &[&str], present: Option<&[&str]>) -> String {
        let user = Ended {
            line: 1,
            user: UserId::parse("ann").unwrap(),
            ended: ids(ended),
            kept: ids(kept),
        };
        let present = present.map(ids);
        let told = verdicts(&user, present.as_deref());
        let told = told
            .iter()
            .map(|(device, verdict)| format!("{device} {verdict:?}"));
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn each_device_gets_its_verdict() {
        assert_eq!(told(&["ios_1"], &["web_1"], Some(&["web_1"])), "ios_1 Gone");
        assert_eq!(told(&["ios_1"], &[], Some(&["ios_1"])), "ios_1 StillOnline");
        assert_eq!(
            told(&["web_1"], &[], Some(&["web_2"])),
            "web_1 Gone, web_2 SignedInAgain"
        );
        assert_eq!(told(&["web_1"], &[], None), "web_1 Unknown");
    }

    #[test]
    fn a_device_without_a_verdict_is_unknown() {
        let mut verified = Verified::default();
        for verdict in [
            Verdict::Gone,
            Verdict::StillOnline,
            Verdict::SignedInAgain,
            Verdict::Unknown,
        ] {
            verified.count(verdict);
        }
        verified.missed(10);
        assert_eq!(
            (verified.gone, verified.still_online, verified.unknown),
            (1, 1, 8)
        );
    }
}
