//! What the service takes and answers, as types. Both sides use them, so they cannot disagree.
//!
//! Requests refuse fields that they do not know: a condition that was misspelt must never mean everybody. Answers only grow.

mod approval;
mod audit;
mod directory;
mod draft;
mod imported;
mod key;
mod lock;
mod login;
mod login_figures;
mod operation;
mod plan;
mod policy;
mod problem;
mod run;
mod scan;
mod schedule;
mod scope;
mod settings;
mod sign_in;
mod traffic;
mod user;
mod watch;

pub use self::approval::{
    Approval, ApprovalRule, ApprovalRules, ApprovalState, ApprovalView, Decision, Need, Order, Reasoned, Verb,
};
pub use self::audit::{AuditHead, AuditHeads, AuditKey, AuditPage};
pub use self::directory::{
    AppliedLimits, GapView, HourFigures, KnownAsOf, KnownUserView, LastDay, LimitsFrom, OnlineBefore,
    OnlineCount, OnlineFigures, OpenWork, Overview, ScanTimes, UsersPage, UsersTotal,
};
pub use self::draft::{Draft, NewDraft};
pub use self::imported::{Imported, RefusedPost};
pub use self::key::{Key, NewKey, NewKeySecret};
pub use self::lock::{Lifted, LocksState};
pub use self::login::LoginQuestion;
pub use self::login_figures::{
    CountBy, CountedGroup, LoginCounts, LoginDiff, SnapshotView, Timeline, TimelineMoment, TopBy, TopUser,
    TopUsers,
};
pub use self::operation::{Operation, OperationState};
pub use self::plan::{NewPlan, Plan, PlanLine, UnreadUser};
pub use self::policy::{NewCheck, NewEnforcement, NewPolicyVersion, PolicyText, PolicyVersion};
pub use self::problem::Problem;
pub use self::run::{ATTEMPT, NewRun, Page, RecordedRun, RunFailure, RunState, RunView, Start, Stop, Which};
pub use self::scan::{NewScan, Scan, ScanState};
pub use self::schedule::{Missed, NewSchedule, Schedule, ScheduledJob, Turn};
pub use self::scope::{Scope, UnknownScope};
pub use self::settings::{GroupRole, IssuerRoles, NoticeFailure, NoticesView, ServiceSettings, TestNotice};
pub use self::sign_in::{SignIn, SignIns};
pub use self::traffic::{PoolView, TrafficView};
pub use self::user::{
    AppView, Caller, DeviceView, Grant, StatusView, Statuses, UserDevices, UserView, Users,
};
pub use self::watch::{NewWatch, Watch};
