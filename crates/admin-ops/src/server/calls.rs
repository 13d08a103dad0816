//! The few server calls that bulk jobs need, as traits, with errors reduced to what jobs base decisions on.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;

use easemob_admin_api::{DeviceId, DeviceLimits, Leave, UnixMillis, UserId};
use serde::Serialize;

use crate::report::Outcome;
use crate::run::item::Task;
use crate::run::journal::header::Header;
use crate::schedule::concurrency::Traffic;

/// One device that was online when the list was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDevice {
    /// The resource id, which names the device in calls.
    pub id: DeviceId,
    /// The name that the device reports.
    pub name: Option<String>,
    /// The uuid that the device reports.
    pub uuid: Option<String>,
    /// When it signed in, if that is known.
    pub signed_in_at: Option<UnixMillis>,
}

/// How far a failure reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only this item failed.
    Item,
    /// Every further request would be refused in the same way.
    Run,
    /// No usable answer of the service arrived; other calls may fail too.
    Network,
    /// There was no token for the call, so it was not sent; no other call has one either.
    Token,
}

/// A failed call, reduced to what a job bases decisions on and a row shows.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct CallError {
    /// The name of the call, such as `devices.list`.
    pub call: &'static str,
    /// What happened, with causes, without secrets.
    pub message: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Whether repeating the command later may help.
    pub retry_may_help: bool,
    /// Whether the request may have taken effect although no answer arrived.
    pub outcome_unknown: bool,
    /// Whether the server reports that the target does not exist.
    #[serde(skip)]
    pub not_found: bool,
    /// Whether the request was given up before it was sent, because the run stops.
    #[serde(skip)]
    pub given_up: bool,
    /// Whether the server is away and was waited for in vain, so that the run ends.
    #[serde(skip)]
    pub server_away: bool,
    /// How far the failure reaches.
    #[serde(skip)]
    pub scope: Scope,
    /// The client's error, for the hints if it ends the run.
    #[serde(skip)]
    pub origin: Option<easemob_admin_api::Error>,
}

impl CallError {
    /// Creates the failure of one item: nothing was changed, and repeating may help.
    pub fn new(call: &'static str, message: impl Into<String>) -> Self {
        Self {
            call,
            message: message.into(),
            status: None,
            retry_may_help: true,
            outcome_unknown: false,
            not_found: false,
            given_up: false,
            server_away: false,
            scope: Scope::Item,
            origin: None,
        }
    }

    /// Returns true if the call was never sent, for lack of a token or because the run stops, or found the server
    /// away and changed nothing: it says nothing about the user.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        self.given_up || ((self.scope == Scope::Token || self.server_away) && !self.outcome_unknown)
    }

    /// Returns true if further calls would fail as well, so that none is worth sending.
    #[must_use]
    pub fn ends_the_run(&self) -> bool {
        matches!(self.scope, Scope::Run | Scope::Token) || self.given_up || self.server_away
    }

    /// Returns true if the server refuses this call whatever its argument, or has no such call; for calls that name no
    /// user in their path.
    #[must_use]
    pub fn is_of_every_such_call(&self) -> bool {
        let unsupported = self
            .origin
            .as_ref()
            .is_some_and(easemob_admin_api::Error::is_unsupported);
        unsupported || self.scope == Scope::Run || matches!(self.status, Some(404 | 405 | 501))
    }

    /// Returns the outcome of a report with only this failure.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.was_not_sent() {
            Outcome::NotStarted
        } else {
            Outcome::Failed
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.message)
    }
}

/// The server's answer to a forced logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The server confirmed the end of the session.
    Yes {
        /// When, by its clock in milliseconds since 1970, if the answer contained the time.
        at: Option<i64>,
    },
    /// The server answered without ending it.
    No,
}

/// Reads the devices of the user of a task that are online, unless it is known that there are none.
///
/// # Errors
/// When the list cannot be read.
pub async fn devices_of(calls: &impl SessionCalls, task: &Task) -> Result<Vec<SeenDevice>, CallError> {
    if task.known.is_without_devices() {
        return Ok(Vec::new());
    }
    calls.list_devices(&task.item.user).await
}

/// The calls of a logout job.
pub trait SessionCalls {
    /// Reads the devices of `user` that are online.
    fn list_devices(&self, user: &UserId) -> impl Future<Output = Result<Vec<SeenDevice>, CallError>> + Send;
    /// Lists the devices of a user as [`SessionCalls::list_devices`] does; if some cannot be identified,
    /// returns one with an empty id in their place instead of an error. Only for acts on all devices that
    /// name none.
    fn list_devices_with_nameless(
        &self,
        user: &UserId,
    ) -> impl Future<Output = Result<Vec<SeenDevice>, CallError>> + Send {
        self.list_devices(user)
    }
    /// Returns the users in `users` that the server reports as offline.
    fn offline(&self, users: &[UserId]) -> impl Future<Output = Result<BTreeSet<UserId>, CallError>> + Send;
    /// Ends every session of `user`.
    fn logout_all(&self, user: &UserId) -> impl Future<Output = Result<Ended, CallError>> + Send;
    /// Ends the session of one device of `user`.
    fn logout_device(
        &self,
        user: &UserId,
        device: &DeviceId,
    ) -> impl Future<Output = Result<Ended, CallError>> + Send;
}

/// The calls that change or read whether a user is banned.
pub trait AccountCalls {
    /// Returns whether a user is banned.
    fn is_banned(&self, user: &UserId) -> impl Future<Output = Result<bool, CallError>> + Send;
    /// Bans a user, which ends the sessions on all devices.
    fn ban(&self, user: &UserId) -> impl Future<Output = Result<(), CallError>> + Send;
    /// Lifts the ban of a user.
    fn unban(&self, user: &UserId) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// The calls that read or set device limits of a user, or of the app if no user is named.
pub trait LimitCalls {
    /// Reads limits.
    fn limits(&self, user: Option<&UserId>) -> impl Future<Output = Result<DeviceLimits, CallError>> + Send;
    /// Replaces limits.
    fn set_limits(
        &self,
        user: Option<&UserId>,
        limits: &DeviceLimits,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
    /// Removes the limits of a user, so that those of the app apply.
    fn clear_limits(&self, user: &UserId) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// The call that lists the users of the app.
pub trait ListingCalls {
    /// Lists the users at a cursor, or the first ones; also returns the cursor of the next page, if there is one.
    fn users_page(
        &self,
        cursor: Option<&str>,
    ) -> impl Future<Output = Result<(Vec<UserId>, Option<String>), CallError>> + Send;
}

/// All calls that a run makes. Clones are the same server.
pub trait Calls:
    SessionCalls + AccountCalls + LimitCalls + ListingCalls + Clone + Send + Sync + 'static
{
    /// Returns what was sent so far.
    fn traffic(&self) -> Traffic;
    /// Returns the same server; cancelling its waiting calls does not cancel those of others.
    #[must_use]
    fn apart(&self) -> Self;
    /// Returns the same server, which is told why calls are made if it keeps a record of that.
    #[must_use]
    fn because(&self, run: &Header) -> Self;
    /// Returns the same server; its calls are sent only while leave is given.
    #[must_use]
    fn with_leave(&self, leave: Leave) -> Self;
    /// Permanently cancels the calls that wait for their turn.
    fn stop_waiting(&self);
}
