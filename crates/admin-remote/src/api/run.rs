//! Runs.

use easemob_admin_ops::run::direction::Priority;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Durability;
use easemob_admin_ops::run::journal::record::State;
use easemob_admin_ops::run::resume;
use easemob_admin_ops::run::store::ListedRun;
use easemob_admin_ops::status_first::Reading;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The header with the attempt on a run that reports are of. Its reports are numbered; those of another attempt begin again.
pub const ATTEMPT: &str = "easemob-admin-attempt";

/// A run to be made. In a body of `application/x-ndjson` this is the first line, without users, and each further line is a
/// user: a JSON string.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"action": {"kind": "logout", "selection": {"platforms": ["web"]}}, "users": ["ann", "bob"], "reason": "leaked tokens", "max_logouts": 100})))]
pub struct NewRun {
    /// Its id, such as `20261123-113720-4f2a9c`, from a time that is less than a day away. Sent again with the same content, it
    /// is the same run; with other content, the request is refused. Without it, the service chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$"))]
    pub id: Option<String>,
    /// What is done to each user.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub action: Action,
    /// Why. Required, except on the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The users. An empty list is refused; only limits of the app have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<String>>,
    /// Stop before more devices than this are signed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_logouts: Option<u64>,
    /// How it is found out who is online.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub reading: Reading,
    /// When records are written to disk: `batch` or `each`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub durability: Durability,
    /// How urgent it is: `incident`, `normal` or `nightly`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub priority: Priority,
    /// A description of where the users come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only read, and answer what would be done. Nothing is recorded.
    #[serde(default)]
    pub dry_run: bool,
    /// Only record the run, and leave the work to a later `start`.
    #[serde(default)]
    pub hold: bool,
    /// Act without the approval that the rules ask for. Needs the scope `break-glass` and a reason, and is loud.
    #[serde(default)]
    pub break_glass: bool,
}

impl NewRun {
    /// Returns a run that does this to nobody yet, with all else as it is if a request leaves it out.
    #[must_use]
    pub fn of(action: Action) -> Self {
        Self {
            id: None,
            action,
            reason: None,
            ticket: None,
            users: None,
            max_logouts: None,
            reading: Reading::default(),
            durability: Durability::default(),
            priority: Priority::default(),
            source: None,
            dry_run: false,
            hold: false,
            break_glass: false,
        }
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RunState {
    /// Somebody is working on it.
    Running,
    /// It is left to workers, and none is working on it at the moment.
    Waiting,
    /// Nobody works on it until it is resumed.
    Paused,
    /// It was given up, unless it is resumed all the same.
    Stopped,
    /// It begins only when others have approved it.
    WaitingForApproval,
    /// Users are left, and nobody is working on it.
    Unfinished,
    /// Nothing is left to do.
    Done,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The app.
    pub app: String,
    /// The command that makes such runs, such as `sessions logout`.
    pub command: String,
    /// What is done to each user.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub action: Action,
    /// Where it is.
    pub state: RunState,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created: Timestamp,
    /// When the last attempt ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended: Option<Timestamp>,
    /// Who asked for it.
    pub operator: String,
    /// Why.
    pub reason: Option<String>,
    /// The ticket that it belongs to.
    pub ticket: Option<String>,
    /// How many users it has.
    pub users: u64,
    /// Users who are done.
    pub done: u64,
    /// Users with nothing to do.
    pub nothing_to_do: u64,
    /// Users who failed; repeating may help.
    pub failed_retry: u64,
    /// Users who failed; repeating will not help.
    pub failed_final: u64,
    /// Users who were not started, or whose outcome is not known yet.
    pub unfinished: u64,
    /// Devices that were signed out.
    pub devices: u64,
    /// The most devices that may be signed out.
    pub max_logouts: Option<u64>,
    /// How urgent it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub priority: Priority,
    /// Who is working on it.
    pub workers: Vec<String>,
}

/// A user of a run whose last attempt failed, or has an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunFailure {
    /// The number of the item, counted from 0.
    pub item: u64,
    /// The line of the list, counted from 1.
    pub line: u64,
    /// The user.
    pub user: String,
    /// What became of the user: `failed_retry`, `failed_final`, `unreached` or `unknown`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub state: State,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The first call that failed.
    pub call: Option<String>,
    /// The device, if that call was about one.
    pub device: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What happened.
    pub error: Option<String>,
    /// Whether a call may have taken effect although no answer arrived.
    pub is_unknown: bool,
}

/// A run in a listing of records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RecordedRun {
    /// One that can be read.
    Listed(Box<ListedRun>),
    /// One that cannot be read. It is named, because it may be the one that matters.
    Unreadable {
        /// Its id.
        run: String,
        /// Why.
        unreadable: String,
    },
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; nothing if this is the last one.
    pub next: Option<String>,
}

/// Why a run is paused or stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"reason": "the wrong list"})))]
pub struct Stop {
    /// The reason, which is recorded.
    pub reason: String,
}

/// Which users of a run to work on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Which {
    /// Those who are not finished.
    #[default]
    Unfinished,
    /// Those who failed, where repeating may help, and those who are not finished.
    Failed,
    /// All who failed, and those who are not finished.
    AllFailed,
}

impl From<resume::Which> for Which {
    fn from(which: resume::Which) -> Self {
        match which {
            resume::Which::Unfinished => Self::Unfinished,
            resume::Which::AndFailed => Self::Failed,
            resume::Which::AndAllFailed => Self::AllFailed,
        }
    }
}

impl From<Which> for resume::Which {
    fn from(which: Which) -> Self {
        match which {
            Which::Unfinished => Self::Unfinished,
            Which::Failed => Self::AndFailed,
            Which::AllFailed => Self::AndAllFailed,
        }
    }
}

/// How to work on a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Start {
    /// Which users.
    #[serde(default)]
    pub which: Which,
    /// The most devices to sign out in total, including earlier attempts, if different from the run's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_logouts: Option<u64>,
    /// How many users to work on at once; as many as the server of the app can handle, if this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10000))]
    pub concurrency: Option<u32>,
    /// Act without the approval that the rules ask for. Needs the scope `break-glass`, and is loud.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}
