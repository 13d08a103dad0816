//! The server as the commands see it: the calls of jobs, on the client.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_api::{Client, Cursor, DeviceId, LogoutOutcome, OnlineStatus, UserId, UserQuery};

use crate::bulk::ages::Ages;
use crate::bulk::calls::{CallError, Ended, Scope, SeenDevice, SessionCalls};
use crate::command_error::call_error;
use crate::input::name::{self, Kind};
use crate::logins::scan::{ScanCalls, Status, UserPage};
use crate::logins::store as seen;

/// A client, and what is known of the ages of devices.
#[derive(Debug)]
pub struct Server {
    client: Client,
    ages: Box<dyn Ages>,
}

impl Server {
    /// Wraps a client; `ages` tells when devices signed in, which the server does not.
    #[must_use]
    pub fn new(client: Client, ages: Box<dyn Ages>) -> Self {
        Self { client, ages }
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns how many requests were sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.client.requests_sent()
    }

    /// Proves that there is such a user, if the name holds what user ids rarely do; costs a request only then.
    ///
    /// Asked about a user that does not exist, servers answer `offline`, or with an empty list. A name with a character
    /// that nobody sees would count as done, and the person who was meant would stay signed in.
    ///
    /// # Errors
    /// When the server has no such user, or does not say.
    pub async fn prove_user(&self, user: &UserId) -> Result<(), CallError> {
        let Err(unclear) = name::check(user.as_str(), Kind::User) else {
            return Ok(());
        };
        let error = match self.client.get_user(user).await {
            Ok(found) if found.username.is_same(user) => return Ok(()),
            Ok(_) => CallError {
                call: "users.get",
                message: "the server answered with another user".into(),
                status: None,
                retry_may_help: false,
                outcome_unknown: false,
                not_found: true,
                scope: Scope::Item,
                origin: None,
            },
            Err(error) => call_error(&error),
        };
        let scope = match error.scope {
            // Credentials that may read devices need not be allowed to read users.
            Scope::Run => Scope::Item,
            scope => scope,
        };
        Err(CallError {
            message: format!(
                "cannot tell whether there is such a user: {unclear} ({})",
                error.message
            ),
            scope,
            ..error
        })
    }
}

fn ended(outcome: LogoutOutcome) -> Ended {
    match outcome {
        LogoutOutcome::LoggedOut { at } => Ended::Yes {
            at: at.and_then(|at| i64::try_from(at.0).ok()),
        },
        // Only what is said to be done is done.
        _ => Ended::No,
    }
}

impl SessionCalls for Server {
    async fn list_devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        let devices = self
            .client
            .list_devices(user)
            .await
            .map_err(|error| call_error(&error))?;
        if devices.is_empty() {
            self.prove_user(user).await?;
        }
        let seen = |device: easemob_admin_api::Device| SeenDevice {
            signed_in_at: self.ages.age_of(user, &device.id),
            id: device.id,
            name: device.name,
            uuid: device.uuid,
        };
        Ok(devices.into_iter().map(seen).collect())
    }

    async fn offline(&self, users: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        let statuses = self
            .client
            .status_batch(users)
            .await
            .map_err(|error| call_error(&error))?;
        // Names come back in lower case.
        let offline: BTreeSet<String> = statuses
            .into_iter()
            .filter(|(_, status)| *status == OnlineStatus::Offline)
            .map(|(user, _)| user.folded())
            .collect();
        Ok(users
            .iter()
            // Whoever may not exist is read one by one.
            .filter(|user| offline.contains(&user.folded()) && name::check(user.as_str(), Kind::User).is_ok())
            .cloned()
            .collect())
    }

    async fn logout_all(&self, user: &UserId) -> Result<Ended, CallError> {
        let outcome = self.client.logout_all(user).await;
        outcome.map(ended).map_err(|error| call_error(&error))
    }

    async fn logout_device(&self, user: &UserId, device: &DeviceId) -> Result<Ended, CallError> {
        let outcome = self.client.logout_device(user, device).await;
        outcome.map(ended).map_err(|error| call_error(&error))
    }
}

impl ScanCalls for Server {
    async fn users(&self, cursor: Option<&str>) -> Result<UserPage, CallError> {
        let cursor = cursor.map(Cursor::new);
        let page = self
            .client
            .list_users_page(&UserQuery::new(), cursor.as_ref())
            .await;
        let page = page.map_err(|error| call_error(&error))?;
        Ok(UserPage {
            users: page.items.into_iter().map(|user| user.username).collect(),
            next: page.next.map(|cursor| cursor.as_str().to_owned()),
        })
    }

    async fn statuses(&self, users: &[UserId]) -> Result<BTreeMap<String, Status>, CallError> {
        let statuses = self.client.status_batch(users).await;
        let statuses = statuses.map_err(|error| call_error(&error))?;
        let told = statuses.into_iter().filter_map(|(user, status)| {
            let status = match status {
                OnlineStatus::Online => Status::Online,
                OnlineStatus::Offline => Status::Offline,
                OnlineStatus::Unreported => return None,
                other => Status::Other(other.to_string()),
            };
            Some((user.folded(), status))
        });
        Ok(told.collect())
    }

    async fn devices(&self, user: &UserId) -> Result<Vec<seen::SeenDevice>, CallError> {
        let devices = self.client.list_devices(user).await;
        let devices = devices.map_err(|error| call_error(&error))?;
        let seen = |device: easemob_admin_api::Device| seen::SeenDevice {
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
