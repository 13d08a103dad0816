//! The lines of a journal after the first.

use easemob_admin_api::DeviceId;
use serde::{Deserialize, Serialize};

use crate::run::basis::Basis;
use crate::run::direction::RunState;
use crate::run::journal::header::Operator;

/// One line. Times are milliseconds since 1970; `n` is the number of the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An operator starts to work on the run, or resumes it.
    Begin(Begin),
    /// A request is about to be sent.
    Intent(Intent),
    /// An item was worked on.
    Outcome(Outcome),
    /// The work ended cleanly.
    End(End),
    /// Somebody decided who may work on the run.
    Directed(Directed),
}

/// The start of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// When.
    pub at: i64,
    /// The version of the tool.
    pub tool: String,
    /// The operator.
    pub operator: Operator,
    /// The process id.
    pub pid: u32,
}

/// What is about to be sent for one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The item.
    pub n: u64,
    /// When.
    pub at: i64,
    /// The call, such as `sessions.logout_all`.
    pub call: String,
    /// The devices of the call; empty for calls that name no device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceId>,
    /// Devices that are online and stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<DeviceId>,
}

/// The outcome of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The item.
    pub n: u64,
    /// When.
    pub at: i64,
    /// The state it is in now.
    pub state: State,
    /// When it was done by the server's clock, in milliseconds since 1970, if the answer contained the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_at: Option<i64>,
    /// Devices that were signed out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<DeviceId>,
    /// The failed calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failure>,
    /// How it is known which devices were online. Earlier versions always read the device list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// One failed call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The device, if the call was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// The call.
    pub call: String,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What happened, without secrets.
    pub error: String,
    /// Whether it may have taken effect although no answer arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// The state of an item after it was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Done.
    Done,
    /// There was nothing to do.
    Nothing,
    /// Skipped, because it had drifted from the plan.
    Skipped,
    /// Failed; repeating may help.
    FailedRetry,
    /// Failed; repeating will not help.
    FailedFinal,
    /// The server refused everything or was unresponsive, which says nothing about the item.
    Unreached,
    /// Started and not finished, because the run stopped.
    NotTried,
    /// It is unknown whether the call took effect.
    Unknown,
}

/// The clean end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: i64,
    /// Why it ended early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The process that ended, and its host, if others may have worked on the run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<(u32, String)>,
}

/// A decision about who may work on the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directed {
    /// When.
    pub at: i64,
    /// Who decided.
    pub operator: Operator,
    /// Who may work on it from now on.
    pub state: RunState,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
