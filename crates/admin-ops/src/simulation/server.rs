//! A server in memory that loses requests and answers, and checks the record before each act.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use easemob_admin_api::{DeviceId, DeviceLimits, UserId};

use super::FIRST;
use super::budget::Budget;
use super::record::Journal;
use crate::jobs::logout::{LOGOUT_ALL, LOGOUT_DEVICE};
use crate::server::calls::{
    AccountCalls, CallError, Ended, LimitCalls, ListingCalls, Scope, SeenDevice, SessionCalls,
};

/// The state of a user on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) devices: BTreeSet<String>,
    pub(super) banned: bool,
    pub(super) limits: DeviceLimits,
}

/// The fate of a call.
enum Luck {
    Good,
    /// The request arrives, the answer does not.
    AnswerLost,
    /// The request does not arrive, but the client cannot know that.
    RequestLost,
    /// The server refuses, but may accept later.
    Refused,
    /// The server refuses permanently.
    RefusedForGood,
}

pub(super) struct MemoryServer {
    pub(super) accounts: Mutex<BTreeMap<String, Account>>,
    /// How many calls in a hundred go wrong.
    pub(super) trouble: AtomicU8,
    /// Whether everybody is reported as offline.
    pub(super) lies: AtomicBool,
    /// Whether everybody who is reported as offline signs in right afterwards.
    pub(super) late: AtomicBool,
    /// How many acts were carried out for each user, by call.
    pub(super) acts: Mutex<BTreeMap<(String, &'static str), u64>>,
    /// The calls in flight, and the most there were since the last query.
    going_on: AtomicUsize,
    most: AtomicUsize,
    pub(super) budget: Budget,
    rng: Mutex<fastrand::Rng>,
    journal: Arc<Journal>,
}

impl MemoryServer {
    pub(super) fn new(accounts: BTreeMap<String, Account>, seed: u64, journal: Arc<Journal>) -> Self {
        Self {
            accounts: Mutex::new(accounts),
            trouble: AtomicU8::new(0),
            lies: AtomicBool::new(false),
            late: AtomicBool::new(false),
            acts: Mutex::default(),
            going_on: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            budget: Budget::new(),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            journal,
        }
    }

    async fn luck(&self) -> Luck {
        self.budget.turn().await;
        let (pauses, luck) = {
            let mut rng = self.rng.lock().unwrap();
            let luck = if rng.u8(..100) < self.trouble.load(Ordering::Relaxed) {
                match rng.u8(..4) {
                    0 => Luck::AnswerLost,
                    1 => Luck::RequestLost,
                    2 => Luck::Refused,
                    _ => Luck::RefusedForGood,
                }
            } else {
                Luck::Good
            };
            (rng.u8(..4), luck)
        };
        let going_on = self.going_on.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(going_on, Ordering::Relaxed);
        // Answers arrive in another order than requests.
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
        self.going_on.fetch_sub(1, Ordering::Relaxed);
        luck
    }

    /// Returns the most calls that were in flight at once since the last query, excluding cancelled ones.
    pub(super) fn most_at_once(&self) -> usize {
        self.going_on.store(0, Ordering::Relaxed);
        self.most.swap(0, Ordering::Relaxed)
    }

    /// Reads something, or fails.
    async fn read<T>(
        &self,
        call: &'static str,
        user: &UserId,
        read: impl FnOnce(&Account) -> T,
    ) -> Result<T, CallError> {
        match self.luck().await {
            Luck::Good => Ok(read(&self.accounts.lock().unwrap()[user.as_str()])),
            Luck::AnswerLost | Luck::RequestLost => Err(CallError {
                scope: Scope::Network,
                ..CallError::new(call, "no answer")
            }),
            Luck::Refused => Err(CallError::new(call, "busy")),
            Luck::RefusedForGood => Err(refused_for_good(call)),
        }
    }

    /// Changes something, or fails, after checking that the act is recorded.
    async fn act<T>(
        &self,
        call: &'static str,
        user: &UserId,
        device: Option<&DeviceId>,
        act: impl FnOnce(&mut Account) -> T,
    ) -> Result<T, CallError> {
        self.journal.must_intend(user, call, device);
        let luck = self.luck().await;
        let carry_out = || {
            *self
                .acts
                .lock()
                .unwrap()
                .entry((user.to_string(), call))
                .or_default() += 1;
            let mut accounts = self.accounts.lock().unwrap();
            act(accounts.get_mut(user.as_str()).unwrap())
        };
        let unknown = || CallError {
            outcome_unknown: true,
            scope: Scope::Network,
            ..CallError::new(call, "no answer")
        };
        match luck {
            Luck::Good => Ok(carry_out()),
            Luck::AnswerLost => {
                carry_out();
                Err(unknown())
            }
            Luck::RequestLost => Err(unknown()),
            Luck::Refused => Err(CallError::new(call, "busy")),
            Luck::RefusedForGood => Err(refused_for_good(call)),
        }
    }
}

fn refused_for_good(call: &'static str) -> CallError {
    CallError {
        status: Some(403),
        retry_may_help: false,
        ..CallError::new(call, "forbidden")
    }
}

fn seen(id: &str) -> SeenDevice {
    SeenDevice {
        id: serde_json::from_value(id.into()).unwrap(),
        name: None,
        uuid: None,
        signed_in_at: None,
    }
}

impl SessionCalls for MemoryServer {
    async fn list_devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        let devices = |account: &Account| account.devices.iter().map(|id| seen(id)).collect();
        self.read("devices.list", user, devices).await
    }

    async fn offline(&self, users: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        match self.luck().await {
            Luck::Good => {}
            Luck::AnswerLost | Luck::RequestLost => {
                return Err(CallError {
                    scope: Scope::Network,
                    ..CallError::new("status.batch", "no answer")
                });
            }
            Luck::Refused | Luck::RefusedForGood => return Err(CallError::new("status.batch", "busy")),
        }
        let lies = self.lies.load(Ordering::Relaxed);
        let mut accounts = self.accounts.lock().unwrap();
        let is_offline = |user: &&UserId| lies || accounts[user.as_str()].devices.is_empty();
        let offline: BTreeSet<UserId> = users.iter().filter(is_offline).cloned().collect();
        if self.late.load(Ordering::Relaxed) {
            for user in &offline {
                let account = accounts.get_mut(user.as_str()).unwrap();
                account.devices.insert(FIRST.into());
            }
        }
        Ok(offline)
    }

    async fn logout_all(&self, user: &UserId) -> Result<Ended, CallError> {
        let end = |account: &mut Account| account.devices.clear();
        self.act(LOGOUT_ALL, user, None, end).await?;
        Ok(Ended::Yes { at: None })
    }

    async fn logout_device(&self, user: &UserId, device: &DeviceId) -> Result<Ended, CallError> {
        let end = |account: &mut Account| account.devices.remove(device.as_str());
        let was_there = self.act(LOGOUT_DEVICE, user, Some(device), end).await?;
        Ok(if was_there {
            Ended::Yes { at: None }
        } else {
            Ended::No
        })
    }
}

impl ListingCalls for MemoryServer {
    async fn users_page(&self, cursor: Option<&str>) -> Result<(Vec<UserId>, Option<String>), CallError> {
        assert!(cursor.is_none(), "there is one page");
        let accounts = self.accounts.lock().unwrap();
        Ok((
            accounts
                .keys()
                .map(|name| UserId::parse(name.as_str()).unwrap())
                .collect(),
            None,
        ))
    }
}

impl AccountCalls for MemoryServer {
    async fn is_banned(&self, user: &UserId) -> Result<bool, CallError> {
        self.read("users.get", user, |account| account.banned).await
    }

    async fn ban(&self, user: &UserId) -> Result<(), CallError> {
        let ban = |account: &mut Account| {
            account.banned = true;
            account.devices.clear();
        };
        self.act("users.ban", user, None, ban).await
    }

    async fn unban(&self, user: &UserId) -> Result<(), CallError> {
        let unban = |account: &mut Account| account.banned = false;
        self.act("users.unban", user, None, unban).await
    }
}

impl LimitCalls for MemoryServer {
    async fn limits(&self, user: Option<&UserId>) -> Result<DeviceLimits, CallError> {
        let limits = |account: &Account| account.limits.clone();
        self.read("limits.get", user.unwrap(), limits).await
    }

    async fn set_limits(&self, user: Option<&UserId>, limits: &DeviceLimits) -> Result<(), CallError> {
        let set = |account: &mut Account| account.limits = limits.clone();
        self.act("limits.set", user.unwrap(), None, set).await
    }

    async fn clear_limits(&self, user: &UserId) -> Result<(), CallError> {
        let clear = |account: &mut Account| account.limits = DeviceLimits::default();
        self.act("limits.clear", user, None, clear).await
    }
}
