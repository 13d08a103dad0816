//! One attempt to lock Ann, against scripted answers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use super::super::*;
use crate::jobs::kept_notes::KeptNotes;
use crate::locks::memory::MemoryLocks;
use crate::run::basis::Known;
use crate::run::job::Action;
use crate::run::journal::header::{Durability, Operator};
use crate::run::journal::record::{Intent, Record};
use crate::run::memory::MemoryRuns;
use crate::run::new::{Mandate, NewRun};
use crate::run::recorder::Note;
use crate::run::run_record::Recorded;
use crate::server::calls::{Ended, SeenDevice};
use crate::target::Target;

/// Answers from a script, and keeps the calls.
pub(super) struct Server {
    pub(super) banned: Result<bool, CallError>,
    pub(super) ban: Result<(), CallError>,
    /// The device lists, one after the other; empty once they are used up.
    pub(super) lists: Mutex<VecDeque<Result<Vec<&'static str>, CallError>>>,
    pub(super) calls: Mutex<Vec<&'static str>>,
}

/// A server on which Ann is not banned and has no device.
pub(super) fn server() -> Server {
    Server {
        banned: Ok(false),
        ban: Ok(()),
        lists: Mutex::default(),
        calls: Mutex::default(),
    }
}

impl Server {
    fn call(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }

    pub(super) fn lists(self, lists: impl IntoIterator<Item = Result<Vec<&'static str>, CallError>>) -> Self {
        Self {
            lists: Mutex::new(lists.into_iter().collect()),
            ..self
        }
    }
}

impl SessionCalls for Server {
    async fn list_devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        self.call("list");
        let list = self.lists.lock().unwrap().pop_front().unwrap_or(Ok(Vec::new()));
        let seen = |id| SeenDevice {
            id,
            name: None,
            uuid: None,
            signed_in_at: None,
        };
        list.map(|list| ids(&list).into_iter().map(seen).collect())
    }

    async fn offline(&self, _: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        panic!("one user is locked")
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        self.call("logout");
        Ok(Ended::Yes { at: None })
    }

    async fn logout_device(&self, _: &UserId, _: &DeviceId) -> Result<Ended, CallError> {
        panic!("everything is signed out")
    }
}

impl AccountCalls for Server {
    async fn is_banned(&self, _: &UserId) -> Result<bool, CallError> {
        self.call("look");
        self.banned.clone()
    }

    async fn ban(&self, _: &UserId) -> Result<(), CallError> {
        self.call("ban");
        self.ban.clone()
    }

    async fn unban(&self, _: &UserId) -> Result<(), CallError> {
        panic!("locking lifts nothing")
    }
}

/// The time on the clock, in seconds.
pub(super) const NOW: i64 = 50;
/// When the run's locks end.
pub(super) const UNTIL: i64 = 100;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn ann() -> UserId {
    UserId::parse("ann").unwrap()
}

pub(super) fn item() -> Item {
    Item::new(0, 1, ann())
}

pub(super) fn ids(ids: &[&str]) -> Vec<DeviceId> {
    ids.iter().map(|id| DeviceId::parse(*id).unwrap()).collect()
}

pub(super) fn error(call: &'static str) -> CallError {
    CallError::new(call, "busy")
}

pub(super) fn intent() -> Record {
    Record::Intent(Intent {
        n: 0,
        at: 0,
        call: BAN.into(),
        devices: Vec::new(),
        kept: Vec::new(),
    })
}

pub(super) fn refused() -> Record {
    let refused = CallError {
        retry_may_help: false,
        ..error(BAN)
    };
    Record::Outcome(outcome::of_call(&item(), &Err(refused), 0))
}

/// Enters a run that locks Ann, with records of earlier attempts.
pub(super) fn begun(runs: &MemoryRuns, until: i64, records: Vec<Record>) -> Header {
    let action = Action::Lock { until: at(until) };
    let target = Target {
        app: "acme#chat".into(),
        app_root: "https://im.example.com/acme/chat".into(),
        profile: None,
        sandbox: false,
    };
    let operator = Operator::named("olga", "here");
    let items = std::iter::once(Ok(item()));
    let mut open = NewRun::new(action, Mandate::default())
        .create(runs, &target, operator, at(1), 0, items)
        .unwrap();
    let mut record = open.held.into_record(&open.header, &mut open.progress).unwrap();
    let of_ann = |record| Note::of_item(&item(), record);
    let notes: Vec<Note> = records.into_iter().map(of_ann).collect();
    assert_eq!(record.record(&notes).unwrap(), Recorded::All);
    open.header
}

/// What somebody else does after the attempt has begun.
pub(super) enum Meanwhile {
    Nothing,
    Lifted,
    Locked(Box<Lock>),
}

/// What an attempt finds.
pub(super) struct Scene {
    /// What earlier attempts of the run recorded.
    pub(super) earlier: Vec<Record>,
    /// The lock of Ann before the attempt.
    pub(super) held: Option<Lock>,
    pub(super) meanwhile: Meanwhile,
    pub(super) until: i64,
    pub(super) known: Known,
    pub(super) intended: Option<Vec<DeviceId>>,
}

pub(super) fn scene() -> Scene {
    Scene {
        earlier: Vec::new(),
        held: None,
        meanwhile: Meanwhile::Nothing,
        until: UNTIL,
        known: Known::Nothing,
        intended: None,
    }
}

/// What came of it.
pub(super) struct Seen {
    pub(super) done: Done<LockReport>,
    pub(super) written: Vec<Record>,
    pub(super) begun: Option<Lock>,
    pub(super) lock: Option<Lock>,
}

impl Seen {
    pub(super) fn report(&self) -> &LockReport {
        &self.done.reports[0]
    }

    pub(super) fn outcome(&self) -> &str {
        self.report().outcome.as_str()
    }

    pub(super) fn recorded(&self) -> Option<&record::Outcome> {
        self.written.iter().find_map(|record| match record {
            Record::Outcome(outcome) => Some(outcome),
            _ => None,
        })
    }

    pub(super) fn intended(&self) -> Option<&Intent> {
        self.written.iter().find_map(|record| match record {
            Record::Intent(intent) => Some(intent),
            _ => None,
        })
    }
}

pub(super) async fn work(server: &Server, scene: Scene) -> Seen {
    let runs = MemoryRuns::default();
    work_with(server, scene, &runs).await
}

pub(super) async fn work_with(server: &Server, scene: Scene, runs: &MemoryRuns) -> Seen {
    let header = begun(runs, scene.until, scene.earlier);
    let locks = MemoryLocks::default();
    let put = |lock: Option<&Lock>| locks.change(&[&ann()], &mut |_, _| lock.cloned()).unwrap();
    put(scene.held.as_ref());
    let written = KeptNotes::default();
    let record = written.record();
    let recorder = Recorder::start(record, Durability::Batch, || NOW * 1_000).unwrap();
    let task = Task {
        intended: scene.intended,
        known: scene.known,
        ..Task::fresh(item())
    };
    let tasks = std::slice::from_ref(&task);
    let locking = Locking::begin(server, &recorder, &header, runs, &locks, at(scene.until), tasks).unwrap();
    let begun = locks.lock_of(&ann()).unwrap();
    match &scene.meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Lifted => put(None),
        Meanwhile::Locked(lock) => put(Some(lock)),
    }
    let done = locking.work_on(task).await;
    recorder.close().unwrap();
    let written = written.records();
    Seen {
        done,
        written,
        begun,
        lock: locks.lock_of(&ann()).unwrap(),
    }
}

/// The first run of a store.
pub(super) fn first() -> String {
    RunId::new(at(1), 0).to_string()
}

pub(super) fn pending(run: &str, until: i64) -> Lock {
    Lock {
        until: at(until),
        ..Lock::for_test("ann", run, LockState::Pending)
    }
}

pub(super) fn locked(run: &str, until: i64) -> Lock {
    Lock {
        state: LockState::Locked,
        ..pending(run, until)
    }
}
