//! Finds out what of a run can be undone: the bans that it set and that nobody has changed since.
//!
//! A run that bans looks first whether a user is banned, so its intent proves that the user was not. What others did since then
//! is in the audit trail, which is read once, and in the locks.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;

use easemob_admin_api::UserId;
use easemob_admin_audit::{Event, Kind, Outcome};
use jiff::Timestamp;

use crate::locks::bans::{self, Ban};
use crate::locks::lock::Lock;
use crate::locks::store::{LockStore, LockStoreError};
use crate::run::id::RunId;
use crate::run::item::Item;
use crate::run::job::Action;
use crate::run::store::{RunError, RunStore};

/// What a run set that can be lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifted {
    /// Bans.
    Bans,
    /// Locks with this end.
    Locks(Timestamp),
}

/// Why nothing of a run can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotUndo {
    /// Devices were signed out.
    SignOuts,
    /// Limits were set.
    Limits,
    /// Bans or locks were lifted.
    Lifting,
    /// An older version banned users without looking whether they were banned.
    BannedWithoutLooking,
}

/// Returns what of a run can be undone.
///
/// # Errors
/// When nothing can.
pub fn undoable(action: &Action) -> Result<Lifted, CannotUndo> {
    match action {
        Action::Ban { looks_first: true } => Ok(Lifted::Bans),
        Action::Ban { looks_first: false } => Err(CannotUndo::BannedWithoutLooking),
        Action::Lock { until } => Ok(Lifted::Locks(*until)),
        Action::Unban { .. } | Action::Unlock { .. } => Err(CannotUndo::Lifting),
        Action::SetLimits { .. } => Err(CannotUndo::Limits),
        Action::Logout { .. } | Action::LogoutUnread | Action::Apply { .. } | Action::Enforce { .. } => {
            Err(CannotUndo::SignOuts)
        }
    }
}

/// What is to become of a user of the run that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The ban is lifted.
    Lift,
    /// The run has not banned the user: somebody had before, it failed, or it was not tried.
    NotByThisRun,
    /// Somebody banned, unbanned, locked or unlocked the user since then.
    ChangedSince,
    /// The run that locks the user was interrupted there.
    Unfinished,
}

/// How many users stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standings {
    /// Whose ban is lifted.
    pub lift: u64,
    /// Whom the run has not banned.
    pub not_by_this_run: u64,
    /// Whom somebody changed since then.
    pub changed_since: u64,
    /// Whose lock was interrupted.
    pub unfinished: u64,
}

impl Standings {
    fn count(&mut self, standing: Standing) {
        let counter = match standing {
            Standing::Lift => &mut self.lift,
            Standing::NotByThisRun => &mut self.not_by_this_run,
            Standing::ChangedSince => &mut self.changed_since,
            Standing::Unfinished => &mut self.unfinished,
        };
        *counter += 1;
    }
}

/// What other runs did to users after a run began, collected from the entries of the trail in their order.
///
/// It remembers eight bytes for each user. That two users have the same eight bytes is improbable, and would only leave one
/// of them as is.
pub struct Changes {
    run: String,
    began: bool,
    manners: HashMap<String, Manner>,
    changed: HashSet<u64>,
    hasher: RandomState,
}

/// What a run of the trail does to bans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It leaves them alone.
    None,
    /// It changes them, or relies on them.
    Changes,
    /// It undoes the same run: only what it has done counts.
    Undoes,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("run", &self.run)
            .field("changed", &self.changed.len())
            .finish_non_exhaustive()
    }
}

impl Changes {
    /// Starts to collect what happened after the run `id` began.
    #[must_use]
    pub fn since(id: &RunId) -> Self {
        Self {
            run: id.to_string(),
            began: false,
            manners: HashMap::new(),
            changed: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Returns true if the trail has the begin of the run; otherwise it does not tell what happened since then.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.began
    }

    /// Takes the next entry; `runs` knows the runs that began before.
    pub fn note(&mut self, event: &Event, runs: &dyn RunStore) {
        let Some(run) = event.run.as_deref() else { return };
        if run == self.run {
            self.began |= event.kind == Kind::RunStarted;
            return;
        }
        let (true, Some(user)) = (self.began, &event.user) else {
            return;
        };
        let manner = self
            .manners
            .entry(run.to_owned())
            .or_insert_with(|| manner(runs, run, &self.run));
        let done =
            event.kind == Kind::Outcome && matches!(event.outcome, Some(Outcome::Done | Outcome::Ended));
        let counts = match *manner {
            Manner::None => false,
            Manner::Changes => matches!(event.kind, Kind::Intent | Kind::Outcome),
            Manner::Undoes => done,
        };
        if counts {
            self.changed.insert(self.digest(user));
        }
    }

    /// Returns true if somebody changed the user.
    #[must_use]
    pub fn has(&self, user: &UserId) -> bool {
        self.changed.contains(&self.digest(user.as_str()))
    }

    fn digest(&self, user: &str) -> u64 {
        // As the server does.
        self.hasher.hash_one(user.to_lowercase())
    }
}

/// Returns what the run `other` does to bans. A run that cannot be read may do anything.
fn manner(runs: &dyn RunStore, other: &str, run: &str) -> Manner {
    let listed = RunId::parse(other).and_then(|id| runs.glance(&id).ok());
    match listed.map(|listed| listed.header.action) {
        Some(Action::Unban { undoes } | Action::Unlock { undoes, .. }) if undoes.as_deref() == Some(run) => {
            Manner::Undoes
        }
        None
        | Some(Action::Ban { .. } | Action::Unban { .. } | Action::Lock { .. } | Action::Unlock { .. }) => {
            Manner::Changes
        }
        Some(
            Action::Logout { .. }
            | Action::LogoutUnread
            | Action::Apply { .. }
            | Action::Enforce { .. }
            | Action::SetLimits { .. },
        ) => Manner::None,
    }
}

/// What is to become of the users of one run.
pub struct Undo<'a> {
    runs: &'a dyn RunStore,
    id: &'a RunId,
    standings: Standings,
    /// The numbers of the items whose bans are lifted.
    lift: HashSet<u64>,
}

impl<'a> Undo<'a> {
    /// Decides about each user of a run, and shows it to `seen`.
    ///
    /// # Errors
    /// When its records, its users or the locks cannot be read.
    pub fn decide(
        runs: &'a dyn RunStore,
        locks: &dyn LockStore,
        id: &'a RunId,
        lifted: Lifted,
        changes: &Changes,
        mut seen: impl FnMut(&Item, Standing),
    ) -> Result<Self, UndoError> {
        let bans = bans::of_records(runs.records(id)?).map_err(|source| unreadable(id, source))?;
        let (mut standings, mut lift) = (Standings::default(), HashSet::new());
        for item in runs.items(id)? {
            let item = item.map_err(|source| unreadable(id, source))?;
            let ban = bans.get(&item.number).copied();
            let held = match ban {
                // Nobody asks about the lock of a user whom the run has not banned.
                None => None,
                Some(_) => locks.lock_of(&item.user)?,
            };
            let standing = stands(ban, lifted, id.as_str(), held.as_ref(), changes.has(&item.user));
            standings.count(standing);
            if standing == Standing::Lift {
                lift.insert(item.number);
            }
            seen(&item, standing);
        }
        Ok(Self {
            runs,
            id,
            standings,
            lift,
        })
    }

    /// Returns how many users stand how.
    #[must_use]
    pub fn standings(&self) -> Standings {
        self.standings
    }

    /// Streams the users whose bans are lifted, numbered anew, with the lines of the list of the run.
    ///
    /// # Errors
    /// When the users cannot be read.
    pub fn items(&self) -> Result<impl Iterator<Item = io::Result<Item>> + '_, RunError> {
        let lifted = |item: &io::Result<Item>| {
            let number = item.as_ref().map(|item| item.number);
            number.map_or(true, |number| self.lift.contains(&number))
        };
        let mut number = 0;
        Ok(self.runs.items(self.id)?.filter(lifted).map(move |item| {
            let item = item?;
            let item = Item::new(number, item.line, item.user);
            number += 1;
            Ok(item)
        }))
    }
}

/// Returns how a user stands whom the run `run` banned as `ban` says. Pure.
#[must_use]
pub fn stands(ban: Option<Ban>, lifted: Lifted, run: &str, held: Option<&Lock>, changed: bool) -> Standing {
    match (ban, lifted) {
        (None | Some(Ban::Not), _) => Standing::NotByThisRun,
        (Some(_), _) if changed => Standing::ChangedSince,
        // Whoever locked the user since then lifts the ban in time.
        (Some(_), Lifted::Bans) if held.is_some() => Standing::ChangedSince,
        (Some(_), Lifted::Bans) => Standing::Lift,
        (Some(_), Lifted::Locks(until)) => match held {
            Some(lock) if lock.is_pending() && lock.is_of(run) => Standing::Unfinished,
            Some(lock) if lock.run == run && lock.until == until => Standing::Lift,
            // An earlier lock that this run extended has the end of this run, but is not its own.
            _ => Standing::ChangedSince,
        },
    }
}

/// Why it cannot be decided what to undo.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The locks cannot be read.
    #[error(transparent)]
    Locks(#[from] LockStoreError),
}

fn unreadable(id: &RunId, source: io::Error) -> RunError {
    RunError::Io {
        what: "cannot read run",
        at: id.to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_audit::EventTime;

    use super::*;
    use crate::locks::lock::LockState;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lock(run: &str, until: i64, state: LockState) -> Lock {
        Lock {
            until: at(until),
            ..Lock::for_test("ann", run, state)
        }
    }

    #[test]
    fn only_what_the_run_set_and_nobody_changed_is_lifted() {
        use LockState::{Locked, Pending};
        let (bans, locks) = (Lifted::Bans, Lifted::Locks(at(9)));
        let ours = lock("r", 9, Locked);
        for (ban, lifted, held, changed, expected) in [
            (None, bans, None, false, Standing::NotByThisRun),
            (Some(Ban::Not), bans, None, false, Standing::NotByThisRun),
            (Some(Ban::Done), bans, None, false, Standing::Lift),
            // The intent proves that the user was not banned before.
            (Some(Ban::Meant), bans, None, false, Standing::Lift),
            (Some(Ban::Done), bans, None, true, Standing::ChangedSince),
            (
                Some(Ban::Done),
                bans,
                Some(ours.clone()),
                false,
                Standing::ChangedSince,
            ),
            (Some(Ban::Done), locks, Some(ours.clone()), false, Standing::Lift),
            (
                Some(Ban::Done),
                locks,
                Some(ours.clone()),
                true,
                Standing::ChangedSince,
            ),
            (Some(Ban::Done), locks, None, false, Standing::ChangedSince),
            // Extended by another run, set by another run, and extended by this one.
            (
                Some(Ban::Done),
                locks,
                Some(lock("r", 10, Locked)),
                false,
                Standing::ChangedSince,
            ),
            (
                Some(Ban::Done),
                locks,
                Some(lock("s", 9, Locked)),
                false,
                Standing::ChangedSince,
            ),
            (
                Some(Ban::Meant),
                locks,
                Some(lock("r", 9, Pending)),
                false,
                Standing::Unfinished,
            ),
            (
                Some(Ban::Meant),
                locks,
                Some(lock("s", 9, Pending)),
                false,
                Standing::ChangedSince,
            ),
            (Some(Ban::Not), locks, Some(ours), false, Standing::NotByThisRun),
        ] {
            let stands = stands(ban, lifted, "r", held.as_ref(), changed);
            assert_eq!(stands, expected, "{ban:?} {lifted:?} {held:?} {changed}");
        }
    }

    fn event(run: &RunId, kind: Kind, user: Option<&str>, outcome: Option<Outcome>) -> Event {
        let mut event = Event::new(EventTime::from_millis(0), kind);
        event.run = Some(run.to_string());
        event.user = user.map(str::to_owned);
        event.outcome = outcome;
        event
    }

    #[test]
    fn what_others_did_after_the_run_began_is_a_change() {
        let target = crate::target::Target {
            app: "acme#chat".into(),
            app_root: "https://im.example.com/acme/chat".into(),
            profile: None,
            sandbox: false,
        };
        let home = tempfile::tempdir().unwrap();
        let runs = crate::stores::Stores::on_disk(home.path());
        let runs = runs.runs();
        let mut random = 0;
        let mut begin = |action: Action| {
            random += 1;
            let new = crate::run::new::NewRun::new(action, crate::run::new::Mandate::default());
            let operator = crate::run::journal::header::Operator::named("ann", "here");
            let items = std::iter::once(Ok(Item::new(0, 1, UserId::parse("ann").unwrap())));
            let open = new
                .create(runs, &target, operator, at(1_767_225_600), random, items)
                .unwrap();
            RunId::parse(&open.header.run).unwrap()
        };
        let id = begin(Action::Ban { looks_first: true });
        let ban = begin(Action::Ban { looks_first: true });
        let logout = begin(Action::LogoutUnread);
        let undo = begin(Action::Unban {
            undoes: Some(id.to_string()),
        });
        let other_undo = begin(Action::Unban {
            undoes: Some(ban.to_string()),
        });
        let gone = RunId::parse("20260101-000000-ffffff").unwrap();
        let mut changes = Changes::since(&id);
        for (run, kind, user, outcome) in [
            (&ban, Kind::Outcome, "before", Some(Outcome::Ended)),
            (&id, Kind::RunStarted, "", None),
            (&id, Kind::Outcome, "own", Some(Outcome::Ended)),
            (&ban, Kind::Intent, "Meant", None),
            (&ban, Kind::Outcome, "found", Some(Outcome::Nothing)),
            (&logout, Kind::Outcome, "signed_out", Some(Outcome::Ended)),
            (&undo, Kind::Intent, "tried", None),
            (&undo, Kind::Outcome, "refused", Some(Outcome::Refused)),
            (&undo, Kind::Outcome, "lifted", Some(Outcome::Done)),
            (&other_undo, Kind::Intent, "other", None),
            (&gone, Kind::Intent, "unknown", None),
        ] {
            changes.note(
                &event(run, kind, Some(user).filter(|user| !user.is_empty()), outcome),
                runs,
            );
        }
        assert!(changes.is_complete());
        let is_noted = |user: &str| changes.has(&UserId::parse(user).unwrap());
        for user in ["before", "own", "signed_out", "tried", "refused"] {
            assert!(!is_noted(user), "{user}");
        }
        for user in ["meant", "found", "lifted", "other", "unknown"] {
            assert!(is_noted(user), "{user}");
        }
    }

    #[test]
    fn a_trail_without_the_run_tells_nothing() {
        let changes = Changes::since(&RunId::parse("20260101-000000-ffffff").unwrap());
        assert!(!changes.is_complete());
    }
}
