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
    use std::sync::Mutex;

    use easemob_admin_api::{LimitMode, Platform};

    use super::*;
    use crate::jobs::kept_notes::KeptNotes;
    use crate::run::journal::header::Durability;

    /// Has the same limits for everybody, and keeps what is sent.
    struct Server {
        limits: Result<DeviceLimits, CallError>,
        answer: Result<(), CallError>,
        sent: Mutex<Vec<String>>,
    }

    impl Server {
        fn send(&self, call: &str, user: Option<&UserId>) -> Result<(), CallError> {
            let whose = user.map_or("the app", UserId::as_str);
            self.sent.lock().unwrap().push(format!("{call} {whose}"));
            self.answer.clone()
        }
    }

    impl LimitCalls for Server {
        async fn limits(&self, _: Option<&UserId>) -> Result<DeviceLimits, CallError> {
            self.limits.clone()
        }

        async fn set_limits(&self, user: Option<&UserId>, limits: &DeviceLimits) -> Result<(), CallError> {
            assert_eq!(*limits, DeviceLimits::multi(4).with(Platform::Web, 1));
            self.send("set", user)
        }

        async fn clear_limits(&self, user: &UserId) -> Result<(), CallError> {
            self.send("clear", Some(user))
        }
    }

    fn server() -> Server {
        Server {
            limits: Ok(DeviceLimits::multi(4)),
            answer: Ok(()),
            sent: Mutex::default(),
        }
    }

    fn ann() -> Whose {
        Whose::User(Item::new(7, 8, UserId::parse("ann").unwrap()))
    }

    async fn work(
        server: &Server,
        change: &LimitChange,
        whose: Whose,
        full: bool,
    ) -> (Done<LimitsReport>, Vec<Note>) {
        let sink = KeptNotes::new(full);
        let recorder = Recorder::start(sink.record(), Durability::Batch, || 0).unwrap();
        let done = Setting::new(server, &recorder, change).work_on(whose).await;
        let _ = recorder.close();
        (done, sink.notes())
    }

    #[tokio::test]
    async fn a_change_is_sent_and_recorded_if_it_makes_a_difference() {
        let web = || LimitChange::Set(DeviceLimits::default().with(Platform::Web, 1));
        let same = || LimitChange::Set(DeviceLimits::multi(4));
        let refused = CallError {
            retry_may_help: false,
            ..CallError::new("limits.set", "no")
        };
        for (whose, change, answer, sent, outcome, states) in [
            (
                ann(),
                web(),
                Ok(()),
                &["set ann"][..],
                "set",
                &[None, Some(State::Done)][..],
            ),
            (
                ann(),
                LimitChange::Clear,
                Ok(()),
                &["clear ann"],
                "set",
                &[None, Some(State::Done)],
            ),
            (ann(), same(), Ok(()), &[], "unchanged", &[Some(State::Nothing)]),
            (
                ann(),
                web(),
                Err(refused),
                &["set ann"],
                "failed",
                &[None, Some(State::FailedFinal)],
            ),
            (
                Whose::App,
                web(),
                Ok(()),
                &["set the app"],
                "set",
                &[None, Some(State::Done)],
            ),
            (
                Whose::App,
                same(),
                Ok(()),
                &[],
                "unchanged",
                &[Some(State::Nothing)],
            ),
        ] {
            let case = format!("{whose:?} {change:?} {answer:?}");
            let failures = usize::from(answer.is_err());
            let server = Server { answer, ..server() };
            let (done, notes) = work(&server, &change, whose.clone(), false).await;
            assert_eq!(*server.sent.lock().unwrap(), sent, "{case}");
            let report = &done.reports[0];
            assert_eq!(report.outcome.as_str(), outcome, "{case}");
            assert_eq!(report.user.as_deref(), whose.user().map(UserId::as_str), "{case}");
            assert_eq!(
                (done.failures.len(), done.stop.is_none()),
                (failures, true),
                "{case}"
            );

            // The app is not an item of the run.
            let about = whose.user().map(|user| (8, user.clone()));
            assert!(notes.iter().all(|note| note.about == about), "{case}");
            let number = about.map_or(0, |_| 7);
            assert!(notes.iter().all(|note| note.item() == Some(number)), "{case}");
            let state = |note: &Note| match &note.record {
                Record::Outcome(outcome) => Some(outcome.state),
                _ => None,
            };
            assert_eq!(notes.iter().map(state).collect::<Vec<_>>(), states, "{case}");
            let calls = notes.iter().filter_map(|note| match &note.record {
                Record::Intent(intent) => Some(intent.call.as_str()),
                _ => None,
            });
            assert!(calls.eq(states[1..].iter().map(|_| change.call())), "{case}");
        }
        assert_eq!((Whose::App.line(), ann().line()), (1, 8));
    }

    #[tokio::test]
    async fn limits_that_cannot_be_read_are_not_written() {
        let server = Server {
            limits: Err(CallError::new("limits.get", "busy")),
            ..server()
        };
        let (done, notes) = work(&server, &LimitChange::Clear, ann(), false).await;
        assert_eq!(done.reports[0].outcome.as_str(), "failed");
        assert_eq!(
            (done.tally.failed_retry, done.failures.len(), notes.len()),
            (1, 1, 1)
        );
        assert!(server.sent.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_change_that_cannot_be_recorded_is_not_sent() {
        let server = server();
        let (done, _) = work(&server, &LimitChange::Clear, ann(), true).await;
        assert_eq!(done.reports[0].outcome.as_str(), "not_started");
        assert!(matches!(done.stop, Some(Stop::Record(_))));
        assert!(server.sent.lock().unwrap().is_empty());
    }

    #[test]
    fn a_preview_compares_the_limits_before_and_after() {
        let before = DeviceLimits::multi(4);
        for (change, outcome) in [
            (LimitChange::Set(before.clone()), "unchanged"),
            (LimitChange::Set(DeviceLimits::multi(5)), "would_set"),
        ] {
            let report = change.preview(None, &before);
            assert_eq!(report.outcome.as_str(), outcome);
        }
        assert_eq!(LimitChange::Clear.call(), "limits.clear");
        assert_eq!(LimitChange::Set(before).call(), "limits.set");
    }

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
