//! Sets the device limits of users, or of the app.
//!
//! Limits that are not named keep their values: the limits are read, changed and written back. Writing the
//! same limits twice does no harm, so an item of an earlier attempt is simply done again; reading finds what
//! is already set.

use easemob_admin_api::{DeviceLimits, UserId};
use serde::{Deserialize, Serialize};

use crate::report::limits::LimitsReport;
use crate::report::{Outcome, one};
use crate::run::item::Item;
use crate::run::journal::record::{self, Intent, Record, State};
use crate::run::outcome;
use crate::run::recorder::{Note, RecordError, Recorder};
use crate::schedule::pipeline::Stop;
use crate::schedule::run_loop::{Batch, Done};
use crate::schedule::tally::Settled;
use crate::server::calls::{CallError, LimitCalls};

/// A change of limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitChange {
    /// Set the limits that are named here, and keep the others.
    Set(DeviceLimits),
    /// Remove the limits of the user, so that those of the app apply.
    Clear,
}

impl LimitChange {
    /// Returns the new limits, or `None` if they are removed.
    #[must_use]
    pub fn of(&self, before: &DeviceLimits) -> Option<DeviceLimits> {
        let Self::Set(set) = self else { return None };
        let mut after = before.clone();
        after.mode = set.mode.clone().or(after.mode);
        after.default = set.default.or(after.default);
        after.platforms.extend(set.platforms.clone());
        Some(after)
    }

    /// Returns true if the change makes a difference.
    #[must_use]
    pub fn changes(&self, before: &DeviceLimits) -> bool {
        self.of(before).unwrap_or_default() != *before
    }

    /// Returns the name of the call that makes the change.
    #[must_use]
    pub fn call(&self) -> &'static str {
        match self {
            Self::Set(_) => "limits.set",
            Self::Clear => "limits.clear",
        }
    }

    /// Reports what a change of these limits would do.
    #[must_use]
    pub fn preview(&self, user: Option<&UserId>, before: &DeviceLimits) -> LimitsReport {
        let outcome = if self.changes(before) {
            Outcome::WouldSet
        } else {
            Outcome::Unchanged
        };
        LimitsReport::new(user, outcome).between(before, self.of(before).as_ref())
    }
}

/// Whose limits to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The limits of the app, which is not an item of the run.
    App,
    /// The limits of a user.
    User(Item),
}

impl Whose {
    /// Returns the user.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::App => None,
            Self::User(item) => Some(&item.user),
        }
    }

    fn number(&self) -> u64 {
        match self {
            Self::App => 0,
            Self::User(item) => item.number,
        }
    }

    fn note(&self, record: Record) -> Note {
        match self {
            Self::App => Note::of_run(record),
            Self::User(item) => Note::of_item(item, record),
        }
    }
}

impl Batch for Whose {
    fn line(&self) -> u64 {
        match self {
            Self::App => 1,
            Self::User(item) => item.line,
        }
    }
}

/// The state for setting limits.
#[derive(Debug)]
pub struct Setting<'a, S> {
    server: &'a S,
    recorder: &'a Recorder,
    change: &'a LimitChange,
}

impl<'a, S: LimitCalls> Setting<'a, S> {
    /// Prepares a change.
    #[must_use]
    pub fn new(server: &'a S, recorder: &'a Recorder, change: &'a LimitChange) -> Self {
        Self {
            server,
            recorder,
            change,
        }
    }

    /// Works on one user, or on the app.
    pub async fn work_on(&self, whose: Whose) -> Done<LimitsReport> {
        let set = self.set(&whose).await;
        set.unwrap_or_else(|error| Done {
            reports: vec![LimitsReport::new(whose.user(), Outcome::NotStarted)],
            stop: Some(Stop::Record(error)),
            ..Done::default()
        })
    }

    /// # Errors
    /// When the intent cannot be recorded. Nothing was sent then.
    async fn set(&self, whose: &Whose) -> Result<Done<LimitsReport>, RecordError> {
        let user = whose.user();
        let before = match self.server.limits(user).await {
            Ok(before) => before,
            Err(error) => {
                let report = LimitsReport::new(user, Outcome::Failed);
                return Ok(self.failed(whose, report, error).await);
            }
        };
        let after = self.change.of(&before);
        let report = |outcome| LimitsReport::new(user, outcome).between(&before, after.as_ref());
        if !self.change.changes(&before) {
            let mut outcome = outcome::of_number(whose.number(), &Ok(()), self.recorder.now());
            outcome.state = State::Nothing;
            let done = one(report(Outcome::Unchanged), Settled::NothingToDo);
            return Ok(self.settled(whose, outcome, done).await);
        }
        self.intend(whose).await?;
        let sent = match (&after, user) {
            (Some(after), _) => self.server.set_limits(user, after).await,
            (None, Some(user)) => self.server.clear_limits(user).await,
            // The app always has limits.
            (None, None) => Ok(()),
        };
        if let Err(error) = sent {
            return Ok(self.failed(whose, report(Outcome::Failed), error).await);
        }
        let outcome = outcome::of_number(whose.number(), &Ok(()), self.recorder.now());
        let done = one(report(Outcome::Set), Settled::Done);
        Ok(self.settled(whose, outcome, done).await)
    }

    async fn intend(&self, whose: &Whose) -> Result<(), RecordError> {
        let intent = Intent {
            n: whose.number(),
            at: self.recorder.now(),
            call: self.change.call().into(),
            devices: Vec::new(),
            kept: Vec::new(),
        };
        self.recorder.record(whose.note(Record::Intent(intent))).await
    }

    async fn failed(&self, whose: &Whose, report: LimitsReport, error: CallError) -> Done<LimitsReport> {
        let settled = Settled::of_error(&error);
        let report = report.failed(&error);
        let result = Err(error);
        let outcome = outcome::of_number(whose.number(), &result, self.recorder.now());
        let done = Done {
            failures: result.err().into_iter().collect(),
            ..one(report, settled)
        };
        self.settled(whose, outcome, done).await
    }

    async fn settled(
        &self,
        whose: &Whose,
        outcome: record::Outcome,
        mut done: Done<LimitsReport>,
    ) -> Done<LimitsReport> {
        let noted = self.recorder.record(whose.note(Record::Outcome(outcome))).await;
        done.stop = noted.err().map(Stop::Record);
        done
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::{LimitMode, Platform};

    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let before = DeviceLimits::multi(4).with(Platform::Web, 2);
        let mut single = before.clone();
        single.mode = Some(LimitMode::Single);
        let set = |limits| LimitChange::Set(limits);
        for (change, after) in [
            (
                set(DeviceLimits::default().with(Platform::Ios, 1)),
                Some(
                    DeviceLimits::multi(4)
                        .with(Platform::Web, 2)
                        .with(Platform::Ios, 1),
                ),
            ),
            (
                set(DeviceLimits::default().with(Platform::Web, 3)),
                Some(DeviceLimits::multi(4).with(Platform::Web, 3)),
            ),
            (set(DeviceLimits::single()), Some(single)),
            (
                set(DeviceLimits::multi(5)),
                Some(DeviceLimits::multi(5).with(Platform::Web, 2)),
            ),
            (LimitChange::Clear, None),
        ] {
            assert_eq!(change.of(&before), after, "{change:?}");
            assert!(change.changes(&before), "{change:?}");
            // A second time, it changes nothing.
            assert!(!change.changes(&after.unwrap_or_default()), "{change:?}");
        }
    }

    #[test]
    fn a_change_is_read_as_it_is_written() {
        let limits = DeviceLimits::multi(2).with(Platform::Web, 1);
        for change in [LimitChange::Set(limits), LimitChange::Clear] {
            let written = serde_json::to_string(&change).unwrap();
            assert_eq!(
                serde_json::from_str::<LimitChange>(&written).unwrap(),
                change,
                "{written}"
            );
        }
    }
}
