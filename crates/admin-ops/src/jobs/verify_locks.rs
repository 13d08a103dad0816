//! Reads locked users again after a run: is each of them banned, and without a device online?

use std::collections::BTreeSet;
use std::io;

use easemob_admin_api::{DeviceId, UserId};
use serde::Serialize;

use crate::jobs::verify::USERS_PER_REQUEST;
use crate::locks::bans;
use crate::run::id::RunId;
use crate::run::store::{RunError, RunStore};
use crate::schedule::run_loop::Batch;
use crate::server::calls::{AccountCalls, CallError, SessionCalls};
use crate::status_first::Reading;

/// A user whom a run banned, or found banned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BannedUser {
    /// The line of the input.
    pub line: u64,
    /// The user.
    pub user: UserId,
}

impl Batch for BannedUser {
    fn line(&self) -> u64 {
        self.line
    }
}

/// The result of the second reading for one user.
#[derive(Debug, Clone)]
pub enum LockVerdict {
    /// The user is banned, and no device is online.
    Holds,
    /// The user is banned, and these devices are online.
    StillOnline(Vec<DeviceId>),
    /// The user is not banned any more; these devices are online.
    NotBanned(Vec<DeviceId>),
    /// Something could not be read.
    Unknown(Box<CallError>),
}

/// The number of users with each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct VerifiedLocks {
    /// Banned, and no device is online.
    pub holds: u64,
    /// Banned, and a device is online.
    pub still_online: u64,
    /// Not banned any more.
    pub not_banned: u64,
    /// Could not be read.
    pub unknown: u64,
}

impl VerifiedLocks {
    /// Counts one verdict.
    pub fn count(&mut self, verdict: &LockVerdict) {
        let counter = match verdict {
            LockVerdict::Holds => &mut self.holds,
            LockVerdict::StillOnline(_) => &mut self.still_online,
            LockVerdict::NotBanned(_) => &mut self.not_banned,
            LockVerdict::Unknown(_) => &mut self.unknown,
        };
        *counter += 1;
    }

    /// Counts those of `users` that have no verdict, because the reading was interrupted.
    pub fn missed(&mut self, users: u64) {
        self.unknown = users.saturating_sub(self.holds + self.still_online + self.not_banned);
    }
}

/// Returns how many users are read together: one status for a hundred of them in a long list, or each alone.
#[must_use]
pub fn at_once(users: u64, reading: Reading) -> usize {
    if reading.asks_first(users) {
        USERS_PER_REQUEST
    } else {
        1
    }
}

/// Reads up to [`USERS_PER_REQUEST`] users again. Of more than one, only those who are reported as online have their devices
/// read.
pub async fn verify(calls: &(impl SessionCalls + AccountCalls), users: &[BannedUser]) -> Vec<LockVerdict> {
    let names: Vec<UserId> = users.iter().map(|user| user.user.clone()).collect();
    let offline = if names.len() > 1 {
        // Without the status, every list is read: slower, but equally good.
        calls.offline(&names).await.unwrap_or_default()
    } else {
        BTreeSet::new()
    };
    let mut verdicts = Vec::with_capacity(users.len());
    for user in &names {
        let read = read(calls, user, offline.contains(user)).await;
        verdicts.push(match read {
            Ok((true, devices)) if devices.is_empty() => LockVerdict::Holds,
            Ok((true, devices)) => LockVerdict::StillOnline(devices),
            Ok((false, devices)) => LockVerdict::NotBanned(devices),
            Err(error) => LockVerdict::Unknown(Box::new(error)),
        });
    }
    verdicts
}

async fn read(
    calls: &(impl SessionCalls + AccountCalls),
    user: &UserId,
    is_offline: bool,
) -> Result<(bool, Vec<DeviceId>), CallError> {
    let banned = calls.is_banned(user).await?;
    let devices = if is_offline {
        Vec::new()
    } else {
        calls.list_devices_with_nameless(user).await?
    };
    Ok((banned, devices.into_iter().map(|device| device.id).collect()))
}

/// Returns the users whom a run banned, or found banned, in the order of the input, and how many there are.
///
/// # Errors
/// When the run cannot be read.
pub fn banned(
    runs: &dyn RunStore,
    id: &RunId,
) -> Result<(u64, impl Iterator<Item = io::Result<BannedUser>> + use<>), RunError> {
    let meant = bans::in_force(runs.records(id)?).map_err(|source| RunError::Io {
        what: "cannot read the records of run",
        at: id.to_string(),
        source,
    })?;
    let count = meant.len() as u64;
    let users = runs.items(id)?.filter_map(move |item| match item {
        Err(error) => Some(Err(error)),
        Ok(item) => meant.contains(&item.number).then_some(Ok(BannedUser {
            line: item.line,
            user: item.user,
        })),
    });
    Ok((count, users))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::run::item::Item;
    use crate::run::job::Action;
    use crate::run::journal::header::Operator;
    use crate::run::journal::record::{Intent, Outcome, Record, State};
    use crate::run::memory::MemoryRuns;
    use crate::run::new::{Mandate, NewRun};
    use crate::run::outcome::of_call;
    use crate::run::recorder::Note;
    use crate::run::run_record::Recorded;
    use crate::server::calls::{Ended, SeenDevice};
    use crate::target::Target;

    /// Bans everybody whose name does not begin with `free`; `…on` has a device, and `broken` cannot be read.
    #[derive(Default)]
    struct Readings(Mutex<Vec<String>>);

    impl SessionCalls for Readings {
        async fn list_devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
            self.0.lock().unwrap().push(format!("list {user}"));
            let device = |id: &str| SeenDevice {
                id: DeviceId::parse(id).unwrap(),
                name: None,
                uuid: None,
                signed_in_at: None,
            };
            let online = user.as_str().ends_with("on");
            Ok(online.then(|| device("ios_1")).into_iter().collect())
        }

        async fn offline(&self, users: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
            self.0.lock().unwrap().push(format!("status of {}", users.len()));
            let offline = users.iter().filter(|user| !user.as_str().ends_with("on"));
            Ok(offline.cloned().collect())
        }

        async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
            panic!("verifying acts on nobody")
        }

        async fn logout_device(&self, _: &UserId, _: &DeviceId) -> Result<Ended, CallError> {
            panic!("verifying acts on nobody")
        }
    }

    impl AccountCalls for Readings {
        async fn is_banned(&self, user: &UserId) -> Result<bool, CallError> {
            self.0.lock().unwrap().push(format!("get {user}"));
            match user.as_str() {
                "broken" => Err(CallError::new("users.get", "busy")),
                name => Ok(!name.starts_with("free")),
            }
        }

        async fn ban(&self, _: &UserId) -> Result<(), CallError> {
            panic!("verifying acts on nobody")
        }

        async fn unban(&self, _: &UserId) -> Result<(), CallError> {
            panic!("verifying acts on nobody")
        }
    }

    fn users(names: &[&str]) -> Vec<BannedUser> {
        let user = |name: &&str| BannedUser {
            line: 1,
            user: UserId::parse(*name).unwrap(),
        };
        names.iter().map(user).collect()
    }

    #[tokio::test]
    async fn each_user_gets_a_verdict_and_only_who_may_be_online_costs_a_list() {
        let calls = Readings::default();
        let verdicts = verify(&calls, &users(&["ann", "ann_on", "free", "free_on", "broken"])).await;
        let mut counts = VerifiedLocks::default();
        for verdict in &verdicts {
            counts.count(verdict);
        }
        let expected = VerifiedLocks {
            holds: 1,
            still_online: 1,
            not_banned: 2,
            unknown: 1,
        };
        assert_eq!(counts, expected);
        let device = || vec![DeviceId::parse("ios_1").unwrap()];
        assert!(matches!(&verdicts[1], LockVerdict::StillOnline(devices) if *devices == device()));
        assert!(matches!(&verdicts[3], LockVerdict::NotBanned(devices) if *devices == device()));
        let made = calls.0.into_inner().unwrap();
        assert_eq!(made.iter().filter(|call| call.starts_with("list")).count(), 2);
        assert_eq!(made.iter().filter(|call| call.starts_with("status")).count(), 1);
    }

    #[tokio::test]
    async fn the_devices_of_a_single_user_are_read_whatever_the_status() {
        let calls = Readings::default();
        let verdicts = verify(&calls, &users(&["ann"])).await;
        assert!(matches!(verdicts[..], [LockVerdict::Holds]));
        assert_eq!(*calls.0.lock().unwrap(), ["get ann", "list ann"]);
    }

    #[test]
    fn users_are_read_together_in_a_long_list_and_reported_by_their_lines() {
        assert_eq!(at_once(1, Reading::default()), 1);
        assert_eq!(at_once(1_000_000, Reading::default()), USERS_PER_REQUEST);
        let user = BannedUser {
            line: 7,
            ..users(&["ann"]).remove(0)
        };
        assert_eq!(user.line(), 7);
    }

    #[test]
    fn only_those_whom_the_run_banned_or_found_banned_are_read_again() {
        let runs = MemoryRuns::default();
        let item = |number, name: &str| Item::new(number, number + 3, UserId::parse(name).unwrap());
        let items = [item(0, "ann"), item(1, "bob"), item(2, "eve")];
        let target = Target {
            app: "acme#chat".into(),
            app_root: "https://im.example.com/acme/chat".into(),
            profile: None,
            sandbox: false,
        };
        let action = Action::Lock {
            until: jiff::Timestamp::MAX,
        };
        let mut open = NewRun::new(action, Mandate::default())
            .create(
                &runs,
                &target,
                Operator::named("olga", "here"),
                jiff::Timestamp::UNIX_EPOCH,
                0,
                items.iter().cloned().map(Ok),
            )
            .unwrap();
        let intent = |item: &Item| {
            Record::Intent(Intent {
                n: item.number,
                at: 0,
                call: bans::BAN.into(),
                devices: Vec::new(),
                kept: Vec::new(),
            })
        };
        let refused = CallError {
            retry_may_help: false,
            ..CallError::new(bans::BAN, "no")
        };
        let [ann, bob, eve] = &items;
        let found_banned = Outcome {
            state: State::Nothing,
            ..of_call(eve, &Ok(()), 0)
        };
        let notes = [
            Note::of_item(ann, intent(ann)),
            Note::of_item(ann, Record::Outcome(of_call(ann, &Err(refused), 0))),
            Note::of_item(bob, intent(bob)),
            Note::of_item(bob, Record::Outcome(of_call(bob, &Ok(()), 0))),
            Note::of_item(eve, Record::Outcome(found_banned)),
        ];
        let id = RunId::parse(&open.header.run).unwrap();
        let mut record = open.held.into_record(&open.header, &mut open.progress).unwrap();
        assert_eq!(record.record(&notes).unwrap(), Recorded::All);
        drop(record);
        let (count, users) = banned(&runs, &id).unwrap();
        let users: Vec<BannedUser> = users.map(Result::unwrap).collect();
        let expected = [bob, eve].map(|item| BannedUser {
            line: item.line,
            user: item.user.clone(),
        });
        assert_eq!((count, &users[..]), (2, &expected[..]));
    }

    #[test]
    fn a_user_without_a_verdict_is_unknown() {
        let mut counts = VerifiedLocks::default();
        counts.count(&LockVerdict::Holds);
        counts.count(&LockVerdict::NotBanned(Vec::new()));
        counts.missed(5);
        assert_eq!((counts.holds, counts.not_banned, counts.unknown), (1, 1, 3));
        counts.count(&LockVerdict::StillOnline(Vec::new()));
        counts.missed(5);
        assert_eq!(counts.unknown, 2);
    }
}
