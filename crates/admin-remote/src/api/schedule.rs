//! Schedules: what the service does by itself, and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ScheduledJob {
    /// Locks whose end has passed are lifted, in a run.
    DueUnlocks,
    /// All users are read into a snapshot of the logins.
    Scan,
    /// The newest complete snapshot is compared with a policy. A notice tells of users over a limit.
    PolicyCheck,
}

/// What becomes of a time at which no process was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Missed {
    /// It is left out.
    #[default]
    Skip,
    /// It is done once, however many times were missed.
    RunOnce,
}

/// A schedule to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"cron": "30 3 * * *", "time_zone": "Asia/Shanghai", "job": "scan", "missed": "run_once"})))]
pub struct NewSchedule {
    /// When: minute, hour, day of the month, month and day of the week, such as `30 3 * * *`.
    pub cron: String,
    /// The time zone of these times, such as `Asia/Shanghai`; UTC, if this is missing.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// What is done.
    pub job: ScheduledJob,
    /// What becomes of times that were missed.
    #[serde(default)]
    pub missed: Missed,
    /// The policy of a `policy_check`, as its file has it: TOML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

fn utc() -> String {
    "UTC".into()
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schedule {
    /// Its name, unique for the app.
    pub id: String,
    /// The app.
    pub app: String,
    /// Who made it, or changed it last: what it does is done in this name.
    pub owner: String,
    /// When.
    pub cron: String,
    /// The time zone.
    pub time_zone: String,
    /// What is done.
    pub job: ScheduledJob,
    /// What becomes of times that were missed.
    pub missed: Missed,
    /// The policy of a `policy_check`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Since when it is as it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The last time that was due, and what became of it.
    pub last: Option<Turn>,
    /// The next time.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next: Option<Timestamp>,
}

/// A time that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Turn {
    /// When it was due.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub due: Timestamp,
    /// What became of it, in words.
    pub outcome: String,
    /// The run that was made.
    pub run: Option<String>,
}
