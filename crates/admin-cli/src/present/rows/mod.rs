//! Rows for the reports of the engine.

pub mod ban;
pub mod device;
pub mod limits;
pub mod lock;
mod read_failure;

use easemob_admin_ops::report::Failure;
use easemob_admin_ops::report::ban::BanReport;
use easemob_admin_ops::report::device::DeviceReport;
use easemob_admin_ops::report::limits::LimitsReport;
use easemob_admin_ops::report::lock::LockReport;
use easemob_admin_ops::run::basis::Basis;
use easemob_admin_ops::run::job::Action;
use easemob_admin_words::t;

pub use self::read_failure::ReadFailure;
use crate::render::report::Row as _;

/// Returns the columns of the rows about an action.
#[must_use]
pub fn columns(action: &Action) -> &'static [&'static str] {
    match action {
        Action::Ban { .. } | Action::Unban { .. } => BanReport::COLUMNS,
        Action::SetLimits { .. } => LimitsReport::COLUMNS,
        Action::Lock { .. } | Action::Unlock { .. } => LockReport::COLUMNS,
        Action::Logout { .. } | Action::LogoutUnread | Action::Apply { .. } | Action::Enforce { .. } => {
            DeviceReport::COLUMNS
        }
    }
}

/// The column `basis`.
pub fn basis(basis: Option<Basis>) -> String {
    basis.map(Basis::as_str).unwrap_or_default().into()
}

fn flag(value: Option<bool>) -> String {
    value.map(|flag| flag.to_string()).unwrap_or_default()
}

/// The columns `call`, `error`, `outcome_unknown` and `retry_may_help`.
fn failure_cells(failure: &Failure) -> [String; 4] {
    [
        failure.call.as_deref().unwrap_or_default().to_owned(),
        failure.error.clone().unwrap_or_default(),
        flag(failure.outcome_unknown),
        flag(failure.retry_may_help),
    ]
}

/// Describes a failure in one line.
#[must_use]
pub fn failure_line(line: u64, who: &str, error: Option<&str>) -> Option<String> {
    error.map(|error| t!("line {line}, {who}: {error}"))
}
