//! The first line of a journal: everything needed to go on with the run on another day.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::job::Action;

/// The newest format that this version reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// What a run is about.
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
    /// The app key, or the app root where there is no key.
    pub app: String,
    /// The root of all calls.
    pub app_root: String,
    /// Whether the server is the embedded sandbox.
    pub sandbox: bool,
    /// The profile, if one was used.
    pub profile: Option<String>,
    /// Who created it.
    pub operator: Operator,
    /// Why.
    pub reason: Option<String>,
    /// The ticket it belongs to.
    pub ticket: Option<String>,
    /// What is done.
    pub action: Action,
    /// Where the items came from, in words.
    pub source: String,
    /// How many items there are.
    pub items: u64,
    /// SHA-256 of the run's copy of the input.
    pub input_sha256: String,
    /// How many devices may be ended.
    pub allowance: Option<u64>,
    /// When the bytes of a record are on disk.
    pub durability: Durability,
}

impl Header {
    /// Returns true if the run changes the app itself, which is no user and so no item.
    #[must_use]
    pub fn is_about_the_app(&self) -> bool {
        self.items == 0 && matches!(self.action, Action::SetLimits { .. })
    }

    /// Returns how many things the run does: one for each item, or one to the app itself.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.items + u64::from(self.is_about_the_app())
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The name of the account on this machine, or its number where it has no name.
    pub os_user: String,
    /// The number of the account on this machine, where machines have such numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Who became this account with `sudo`, by what `sudo` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// The account that signed in to this machine, by what its kernel says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The subject of the signed token that the server is shown, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The name of this machine.
    pub host: String,
}

impl Operator {
    /// A program that acts under this name on this machine.
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
}

/// When the bytes of a record are on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Handed to the operating system before the request, on disk within a tenth of a second: survives a crash
    /// or a kill of this program at any point, and loses at most that tenth if the machine loses power.
    #[default]
    Batch,
    /// On disk before the request: survives the loss of power at any point.
    Each,
}

/// The part of a header that every format has.
#[derive(Debug, Deserialize)]
pub(super) struct AnyFormat {
    #[serde(rename = "easemob_admin_journal")]
    pub(super) format: u32,
}
