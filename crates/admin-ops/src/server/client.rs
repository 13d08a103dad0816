//! The server as jobs see it, implemented with the client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use easemob_admin_api::header_text::encoded;
use easemob_admin_api::{
    Client, Cursor, Device, DeviceId, DeviceLimits, DeviceList, Lane, Leave, LogoutOutcome, OddEntry,
    OnlineStatus, UserId, UserQuery,
};

use crate::logins::scan::{ScanCalls, Status, UserPage};
use crate::logins::store as seen;
use crate::names::{self, Kind};
use crate::run::journal::header::Header;
use crate::schedule::concurrency::Traffic;
use crate::select::ages::Ages;
use crate::server::calls::{
    AccountCalls, CallError, Calls, Ended, LimitCalls, ListingCalls, Scope, SeenDevice, SessionCalls,
};
use crate::server::listed;

/// A client, and a source of device ages. Clones share both, and are cheap.
#[derive(Debug, Clone)]
pub struct Server {
    client: Client,
    ages: Arc<dyn Ages>,
    /// Whether it keeps a record of reasons.
    hears_reasons: bool,
}

/// The most characters of a reason or a ticket that a server is told; the record of the run has the whole.
const LONGEST_REASON: usize = 500;

impl Server {
    /// Wraps a client; `ages` returns when devices signed in, which the server does not report.
    #[must_use]
    pub fn new(client: Client, ages: Arc<dyn Ages>) -> Self {
        Self {
            client,
            ages,
            hears_reasons: false,
        }
    }

    /// Returns the same server, which is a service of this toolkit: it is told the reason and the ticket of each run, in the headers
    /// `X-Reason` and `X-Ticket`. No other server should learn them.
    #[must_use]
    pub fn hearing_reasons(self, hears_reasons: bool) -> Self {
        Self {
            hears_reasons,
            ..self
        }
    }

    /// Returns the same server; its calls wait in this lane of the rate budget.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        self.with(self.client.with_lane(lane))
    }

    fn with(&self, client: Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Checks that a user exists, if the name contains characters that user ids rarely have; only then does
    /// it send a request.
    ///
    /// For a user that does not exist, servers answer `offline` or with an empty list. A name with an
    /// invisible character would count as done, and the intended user would stay signed in.
    ///
    /// # Errors
    /// When the user does not exist, or the server does not say.
    pub async fn prove_user(&self, user: &UserId) -> Result<(), CallError> {
        let Err(unclear) = names::check(user.as_str(), Kind::User) else {
            return Ok(());
        };
        let error = match self.client.get_user(user).await {
            Ok(found) if found.username.is_same(user) => return Ok(()),
            Ok(_) => CallError {
                retry_may_help: false,
                not_found: true,
                ..CallError::new("users.get", "the server answered with another user")
            },
            Err(error) => CallError::from(&error),
        };
        let scope = match error.scope {
            // Credentials that may read devices need not be allowed to read users.
            Scope::Run => Scope::Item,
            scope => scope,
        };
        Err(CallError {
            message: format!(
                "cannot check whether this user exists: {unclear} ({})",
                error.message
            ),
            scope,
            ..error
        })
    }

    /// Lists the devices of a user, and each unreadable entry of the list as a failure.
    ///
    /// # Errors
    /// When the list cannot be read at all.
    pub async fn read_devices(&self, user: &UserId) -> Result<(Vec<SeenDevice>, Vec<CallError>), CallError> {
        let list = self.device_list(user).await?;
        let total = list.devices.len() + list.odd.len();
        let failures = list.odd.iter().map(|odd| unreadable(odd, total)).collect();
        let devices = list.devices.into_iter().map(|device| self.seen(user, device));
        Ok((devices.collect(), failures))
    }

    async fn device_list(&self, user: &UserId) -> Result<DeviceList, CallError> {
        let list = self.client.read_devices(user).await;
        let list = list.map_err(|error| CallError::from(&error))?;
        if list.devices.is_empty() && list.odd.is_empty() {
            self.prove_user(user).await?;
        }
        Ok(list)
    }

    /// Lists the devices of a user; an entry that cannot be identified may be any device, so a list with one
    /// is a failure.
    async fn whole_device_list(&self, user: &UserId) -> Result<Vec<Device>, CallError> {
        let list = self.device_list(user).await?;
        match list.odd.first() {
            None => Ok(list.devices),
            Some(odd) => Err(unreadable(odd, list.devices.len() + list.odd.len())),
        }
    }

    fn seen(&self, user: &UserId, device: Device) -> SeenDevice {
        SeenDevice {
            signed_in_at: self.ages.age_of(user, &device.id),
            id: device.id,
            name: device.name,
            uuid: device.uuid,
        }
    }

    /// Reads the page of users at a cursor, or the first page.
    async fn user_page(&self, cursor: Option<&str>) -> Result<UserPage, CallError> {
        let cursor = cursor.map(Cursor::new);
        let page = self
            .client
            .list_users_page(&UserQuery::new(), cursor.as_ref())
            .await;
        let page = page.map_err(|error| CallError::from(&error))?;
        let next = page.next.as_ref().map(|cursor| cursor.as_str().to_owned());
        let (users, odd) = listed::divided(page);
        Ok(UserPage {
            users: users.into_iter().map(|user| user.username).collect(),
            odd,
            next,
        })
    }

    /// Reads the status of users; passes users without a status to `failed`.
    ///
    /// # Errors
    /// When there is no answer about any user.
    async fn told(
        &self,
        users: &[UserId],
        mut failed: impl FnMut(UserId, CallError),
    ) -> Result<Vec<(UserId, OnlineStatus)>, CallError> {
        let mut told = Vec::with_capacity(users.len());
        let mut first = None;
        for (user, status) in self.client.statuses(users).await {
            match status {
                Ok(status) => told.push((user, status)),
                Err(error) => {
                    let error = CallError::from(&error);
                    // All users are read again later, those with an answer too.
                    if error.server_away {
                        return Err(error);
                    }
                    first.get_or_insert_with(|| error.clone());
                    failed(user, error);
                }
            }
        }
        match first {
            Some(error) if told.is_empty() => Err(error),
            _ => Ok(told),
        }
    }
}

/// Returns the failure for a device that cannot be identified: it is online, so the user has a device.
fn unreadable(odd: &OddEntry, total: usize) -> CallError {
    CallError {
        status: Some(200),
        // Repeating may help: the device may have signed out by then.
        ..CallError::new(
            "devices.list",
            format!(
                "cannot identify a device that is online: entry {} of {total} of the list: {}",
                odd.index + 1,
                odd.problem.escape_debug()
            ),
        )
    }
}

/// Returns the placeholder for devices that cannot be identified.
fn nameless() -> Option<DeviceId> {
    serde_json::from_str(r#""""#).ok()
}

fn ended(outcome: LogoutOutcome) -> Ended {
    match outcome {
        LogoutOutcome::LoggedOut { at } => Ended::Yes {
            at: at.and_then(|at| i64::try_from(at.0).ok()),
        },
        // Only an explicit confirmation counts as done.
        _ => Ended::No,
    }
}

impl Calls for Server {
    fn traffic(&self) -> Traffic {
        let easemob_admin_api::Traffic {
            ended,
            waited_for_budget,
            ..
        } = self.client.traffic();
        Traffic {
            requests: ended,
            waited: waited_for_budget,
            rate: self.client.effective_rate(),
        }
    }

    fn apart(&self) -> Self {
        self.with(self.client.apart().with_lane(Lane::Bulk))
    }

    fn because(&self, run: &Header) -> Self {
        let headers = [("x-reason", &run.reason), ("x-ticket", &run.ticket)];
        let told = headers.into_iter().filter(|_| self.hears_reasons);
        let client = told.fold(self.client.clone(), |client, (name, text)| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
            let plain = |sign: char| if sign.is_control() { ' ' } else { sign };
            let short: Option<String> =
                text.map(|text| text.chars().map(plain).take(LONGEST_REASON).collect());
            // What is encoded can be sent.
            short
                .and_then(|text| client.with_header(name, &encoded(&text)).ok())
                .unwrap_or(client)
        });
        self.with(client)
    }

    fn with_leave(&self, leave: Leave) -> Self {
        self.with(self.client.with_leave(leave))
    }

    fn stop_waiting(&self) {
        self.client.stop_waiting();
    }
}

impl SessionCalls for Server {
    async fn list_devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        let devices = self.whole_device_list(user).await?.into_iter();
        Ok(devices.map(|device| self.seen(user, device)).collect())
    }

    async fn list_devices_with_nameless(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        let DeviceList { mut devices, odd, .. } = self.device_list(user).await?;
        devices.extend(nameless().filter(|_| !odd.is_empty()).map(Device::new));
        Ok(devices
            .into_iter()
            .map(|device| self.seen(user, device))
            .collect())
    }

    async fn offline(&self, users: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        // A user without an answer does not count as offline.
        let statuses = self.told(users, |_, _| ()).await?;
        // Names come back in lower case.
        let offline: BTreeSet<String> = statuses
            .into_iter()
            .filter(|(_, status)| *status == OnlineStatus::Offline)
            .map(|(user, _)| user.folded())
            .collect();
        Ok(users
            .iter()
            // Users that may not exist are read one by one.
            .filter(|user| {
                offline.contains(&user.folded()) && names::check(user.as_str(), Kind::User).is_ok()
            })
            .cloned()
            .collect())
    }

    async fn logout_all(&self, user: &UserId) -> Result<Ended, CallError> {
        let outcome = self.client.logout_all(user).await;
        outcome.map(ended).map_err(|error| CallError::from(&error))
    }

    async fn logout_device(&self, user: &UserId, device: &DeviceId) -> Result<Ended, CallError> {
        let outcome = self.client.logout_device(user, device).await;
        outcome.map(ended).map_err(|error| CallError::from(&error))
    }
}

impl AccountCalls for Server {
    async fn is_banned(&self, user: &UserId) -> Result<bool, CallError> {
        let found = self.client.get_user(user).await;
        found
            .map(|user| user.is_banned())
            .map_err(|error| CallError::from(&error))
    }

    async fn ban(&self, user: &UserId) -> Result<(), CallError> {
        let sent = self.client.ban(user).await;
        sent.map_err(|error| CallError::from(&error))
    }

    async fn unban(&self, user: &UserId) -> Result<(), CallError> {
        let sent = self.client.unban(user).await;
        sent.map_err(|error| CallError::from(&error))
    }
}

impl LimitCalls for Server {
    /// A server without calls for limits and a server that does not know the user give the same answer, so
    /// this reads the limits of the app too: if that works, it is the user who does not exist.
    async fn limits(&self, user: Option<&UserId>) -> Result<DeviceLimits, CallError> {
        let Some(user) = user else {
            let read = self.client.app_limits().await;
            return read.map_err(|error| CallError::from(&error));
        };
        let error = match self.client.user_limits(user).await {
            Ok(limits) => return Ok(limits),
            Err(error) => error,
        };
        let ambiguous = error.is_unsupported() && error.is_not_found();
        let of_the_user = ambiguous && self.client.app_limits().await.is_ok();
        let error = CallError::from(&error);
        if !of_the_user {
            return Err(CallError {
                not_found: error.not_found && !ambiguous,
                ..error
            });
        }
        Err(CallError {
            message: "no such user".into(),
            retry_may_help: false,
            not_found: true,
            scope: Scope::Item,
            ..error
        })
    }

    async fn set_limits(&self, user: Option<&UserId>, limits: &DeviceLimits) -> Result<(), CallError> {
        let set = match user {
            Some(user) => self.client.set_user_limits(user, limits).await,
            None => self.client.set_app_limits(limits).await,
        };
        set.map(drop).map_err(|error| CallError::from(&error))
    }

    async fn clear_limits(&self, user: &UserId) -> Result<(), CallError> {
        let cleared = self.client.clear_user_limits(user).await;
        cleared.map_err(|error| CallError::from(&error))
    }
}

impl ListingCalls for Server {
    async fn users_page(&self, cursor: Option<&str>) -> Result<(Vec<UserId>, Option<String>), CallError> {
        let page = self.user_page(cursor).await?;
        Ok((page.users, page.next))
    }
}

impl ScanCalls for Server {
    fn traffic(&self) -> Traffic {
        Calls::traffic(self)
    }

    async fn users(&self, cursor: Option<&str>) -> Result<UserPage, CallError> {
        self.user_page(cursor).await
    }

    async fn statuses(&self, users: &[UserId]) -> Result<BTreeMap<String, Status>, CallError> {
        let mut failed = Vec::new();
        let statuses = self.told(users, |user, error| failed.push((user, error))).await?;
        let mut told = BTreeMap::new();
        for (user, status) in statuses {
            let status = match status {
                OnlineStatus::Online => Status::Online,
                OnlineStatus::Unreported => continue,
                // The server answers `offline` for any name, but a user that does not exist is not offline.
                other => match (self.prove_user(&user).await, other) {
                    (Err(error), _) if error.server_away => return Err(error),
                    (Err(error), _) => Status::Failed(error.to_string()),
                    (Ok(()), OnlineStatus::Offline) => Status::Offline,
                    (Ok(()), other) => Status::Other(other.to_string()),
                },
            };
            told.insert(user.folded(), status);
        }
        let failed = failed
            .into_iter()
            .map(|(user, error)| (user.folded(), Status::Failed(error.to_string())));
        told.extend(failed);
        Ok(told)
    }

    async fn devices(&self, user: &UserId) -> Result<Vec<seen::SeenDevice>, CallError> {
        let devices = self.whole_device_list(user).await?;
        let seen = |device: Device| seen::SeenDevice {
            resource: device.id.to_string(),
            platform: device.id.platform().to_string(),
            name: device.name,
            signed_in_ms: device
                .id
                .signed_in_at()
                .and_then(|time| i64::try_from(time.0).ok()),
        };
        Ok(devices.into_iter().map(seen).collect())
    }
}
