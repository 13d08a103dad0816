//! What the service takes and answers, as types. Both sides use them, so they cannot disagree.
//!
//! Requests refuse fields that they do not know: a condition that was misspelt must never mean everybody. Answers only grow.

mod approval;
mod audit;
mod key;
mod lock;
mod login;
mod problem;
mod run;
mod schedule;
mod scope;
mod user;

pub use self::approval::{
    Approval, ApprovalRule, ApprovalRules, ApprovalState, ApprovalView, Decision, Need, Order, Reasoned, Verb,
};
pub use self::audit::{AuditHead, AuditHeads, AuditKey, AuditPage};
pub use self::key::{Key, NewKey, NewKeySecret};
pub use self::lock::{Lifted, LocksState};
pub use self::login::LoginQuestion;
pub use self::problem::Problem;
pub use self::run::{ATTEMPT, NewRun, Page, RecordedRun, RunState, RunView, Start, Stop, Which};
pub use self::schedule::{Missed, NewSchedule, Schedule, ScheduledJob, Turn};
pub use self::scope::{Scope, UnknownScope};
pub use self::user::{
    AppView, Caller, DeviceView, Grant, StatusView, Statuses, UserDevices, UserView, Users,
};
