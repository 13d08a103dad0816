//! The first line of a journal: everything needed to resume the run on another day.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::direction::Priority;
use crate::run::job::Action;
use crate::status_first::Reading;

/// The newest format that this version reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// The parameters of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The format of the file.
    #[serde(rename = "easemob_admin_journal")]
    pub format: u32,
    /// The id of the run.
    pub run: String,
    /// When it was created.
    pub created: Timestamp,
    /// The version of the tool.
    pub tool: String,
    /// The app key, or the app root if there is no key.
    pub app: String,
    /// The root URL of all calls.
    pub app_root: String,
    /// Whether the server is the embedded sandbox.
    pub sandbox: bool,
    /// The profile, if one was used.
    pub profile: Option<String>,
    /// Who created it.
    pub operator: Operator,
    /// The reason.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
    /// The action.
    pub action: Action,
    /// A description of where the items came from.
    pub source: String,
    /// How many items there are.
    pub items: u64,
    /// SHA-256 of the run's copy of the input.
    pub input_sha256: String,
    /// The most devices that may be signed out.
    pub allowance: Option<u64>,
    /// When records are written to disk.
    pub durability: Durability,
    /// How it is found out who is online.
    #[serde(default, skip_serializing_if = "Reading::is_default")]
    pub reading: Reading,
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "Priority::is_default")]
    pub priority: Priority,
}

impl Header {
    /// Returns true if the run changes the app itself, which is not a user and so not an item.
    #[must_use]
    pub fn is_about_the_app(&self) -> bool {
        self.items == 0 && matches!(self.action, Action::SetLimits { .. })
    }

    /// Returns the number of jobs of the run: one for each item, or one for the app itself.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.items + u64::from(self.is_about_the_app())
    }
}

/// The operator of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The name of the account on this machine, or its user id if it has no name.
    pub os_user: String,
    /// The user id of the account on this machine, where accounts have user ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The user that switched to this account with `sudo`, according to `sudo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The account that signed in to this machine, according to its kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The subject of the signed token, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The name of this machine.
    pub host: String,
}

impl Operator {
    /// Creates the operator of a program that acts under this name on this machine.
    #[must_use]
    pub fn named(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            os_user: name.into(),
            uid: None,
            sudo_user: None,
            login_uid: None,
            subject: None,
            host: host.into(),
        }
    }

    /// Returns the name of the person: the subject of the token, which several people who share an account each have, or the
    /// account.
    #[must_use]
    pub fn person(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.os_user)
    }
}

/// When records are written to disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Passed to the operating system before the request, and on disk within a tenth of a second: survives a
    /// crash or a kill of this program at any point, and loses at most that tenth in a power failure.
    #[default]
    Batch,
    /// On disk before the request: survives a power failure at any point.
    Each,
}

/// The part of a header that is the same in every format.
#[derive(Debug, Deserialize)]
pub(super) struct AnyFormat {
    #[serde(rename = "easemob_admin_journal")]
    pub(super) format: u32,
    /// The version that wrote it.
    pub(super) tool: Option<String>,
}
