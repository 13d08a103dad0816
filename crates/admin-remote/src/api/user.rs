//! Users, their statuses and devices.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Scope;

/// An app of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppView {
    /// Its name in paths.
    pub name: String,
    /// The app key, or the root URL where there is none.
    pub app: String,
    /// The root URL of all calls.
    pub app_root: String,
    /// Whether it is the sandbox.
    pub sandbox: bool,
}

/// What somebody may do, and for which apps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grant {
    /// What.
    pub scopes: BTreeSet<Scope>,
    /// For which apps; `*` is every app.
    pub apps: BTreeSet<String>,
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Caller {
    /// The name that the audit trail shows.
    pub owner: String,
    /// The id of the key.
    pub key: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The apps for which it may do it; `*` is every app.
    pub apps: BTreeSet<String>,
    /// Which of them go together: somebody with several roles may do each thing for the apps of its role only.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// The groups of the owner, which rules of approval name.
    #[serde(default)]
    pub groups: BTreeSet<String>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    /// The name.
    pub user: String,
    /// Whether the user is banned, if the server says so.
    pub banned: Option<bool>,
    /// When the account was made, in milliseconds since 1970.
    pub created: Option<i64>,
    /// The name shown in push notifications.
    pub nickname: Option<String>,
}

/// A device that is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceView {
    /// The resource id.
    pub device: String,
    /// Its platform.
    pub platform: String,
    /// The name that it reports.
    pub name: Option<String>,
    /// When it signed in, if that is known.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub signed_in: Option<Timestamp>,
}

/// The devices of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserDevices {
    /// The user.
    pub user: String,
    /// The devices that are online. Nothing if they could not be read: unread is not offline.
    pub devices: Option<Vec<DeviceView>>,
    /// Why they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether repeating may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_may_help: Option<bool>,
}

/// Some users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"users": ["ann", "bob"]})))]
pub struct Users {
    /// Their names; at least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, example = json!(["user0001"])))]
    pub users: Vec<String>,
}

/// Whether a user is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusView {
    /// `online`, `offline`, or what the server says; nothing if it could not be read.
    pub status: Option<String>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The statuses of users, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statuses {
    /// The statuses. The server reports users who do not exist as offline.
    pub statuses: BTreeMap<String, StatusView>,
}
