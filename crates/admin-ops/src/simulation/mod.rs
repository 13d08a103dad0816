//! Simulates runs of every job against a server in memory, with lost requests and answers, stops, a kill after any record,
//! and a rate that the attempts share.
//!
//! Each seed is one story: some users, a job, and attempts that go wrong in one way or another until the last
//! one, in which nothing does. `SIMULATION_SEED=7` replays one, `SIMULATION_SEEDS=100000` tries more.

mod budget;
mod late;
mod record;
mod server;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use easemob_admin_api::{DeviceId, DeviceLimits, Platform, UserId};
use easemob_admin_audit::{Against, Entries, Kind, Outcome, verify};
use jiff::Timestamp;
use tokio::sync::watch;

use self::record::{Journal, Mortal};
use self::server::{Account, MemoryServer};
use crate::jobs::execute::{Job, execute, settle};
use crate::jobs::set_limits::LimitChange;
use crate::report::Report;
use crate::run::attempt::{Attempt, CannotBegin};
use crate::run::directory::RunDirectories;
use crate::run::id::RunId;
use crate::run::item::{Item, Planned};
use crate::run::job::{Action, OnDrift};
use crate::run::journal::header::Operator;
use crate::run::journal::record::{Record, State};
use crate::run::new::{Mandate, NewRun};
use crate::run::recorder::Recorder;
use crate::run::resume::Which;
use crate::run::run_record::{InOrder, Sink};
use crate::run::store::{HeldRun, RunError, RunStore};
use crate::schedule::concurrency::{Concurrency, Traffic};
use crate::schedule::pipeline::{Cause, Stop, Wish};
use crate::schedule::run_loop::{Observer, RunLoop};
use crate::select::selection::Selection;
use crate::status_first::{Reading, When};
use crate::stores::{DataDirectory, Stores};
use crate::target::Target;
use crate::undo::{Changes, Lifted, Undo};

const SEEDS: u64 = 1_000;

thread_local! {
    /// Milliseconds since 1970; every read of the clock advances it by one.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn clock() -> i64 {
    NOW.set(NOW.get() + 1);
    NOW.get()
}

fn time() -> Timestamp {
    Timestamp::from_millisecond(clock()).unwrap()
}

fn operator() -> Operator {
    Operator::named("ann", "here")
}

fn target() -> Target {
    Target {
        app: "acme#chat".into(),
        app_root: "https://im.example.com/acme/chat".into(),
        profile: Some("prod".into()),
        sandbox: false,
    }
}

/// Stops the run, at once or cleanly, after a number of users.
struct Impatient {
    wish: watch::Sender<Wish>,
    turns: u64,
    stop_at: Option<(u64, Wish)>,
    reports: u64,
}

impl Observer<Report> for Impatient {
    fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.turns,
            ..Traffic::default()
        }
    }

    fn report(&mut self, reports: Vec<Report>) -> ControlFlow<Stop> {
        self.reports += reports.len() as u64;
        // A remote front end reads the same reports.
        for report in reports {
            let text = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        }
        ControlFlow::Continue(())
    }

    fn advance(&mut self, users: u64) {
        self.turns += users;
        if let Some((turn, wish)) = self.stop_at
            && self.turns >= turn
        {
            self.wish.send_replace(wish);
        }
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        ControlFlow::Continue(())
    }
}

/// The place where everything is recorded.
struct Home {
    data: DataDirectory,
    /// The runs of `stores`, with direct access to their locks.
    runs: RunDirectories,
    stores: Stores,
}

impl Home {
    fn at(directory: &Path) -> Self {
        let data = DataDirectory::at(directory);
        Self {
            runs: RunDirectories::at(data.runs(), data.trails()),
            data,
            stores: Stores::on_disk(directory),
        }
    }
}

/// One run and its users.
struct Story<'a> {
    home: &'a Home,
    server: MemoryServer,
    journal: Arc<Journal>,
    id: RunId,
    users: u64,
    rng: fastrand::Rng,
}

impl<'a> Story<'a> {
    fn begin(
        home: &'a Home,
        accounts: BTreeMap<String, Account>,
        users: &[UserId],
        action: &Action,
        seed: u64,
    ) -> Self {
        let journal = Arc::new(Journal::default());
        let planned = |user: &UserId| {
            let online = accounts[user.as_str()].devices.iter();
            let (end, keep) = online.map(|id| device(id)).partition(|id| *id == device(FIRST));
            Planned { end, keep }
        };
        let item = |(number, user): (u64, &UserId)| Item {
            planned: action.is_planned().then(|| planned(user)),
            ..Item::new(number, number + 1, user.clone())
        };
        let items = (0..).zip(users).map(|numbered| Ok(item(numbered)));
        let mut new = NewRun::new(action.clone(), Mandate::default());
        if seed.is_multiple_of(2) {
            new.reading = Reading {
                when: When::Always,
                check_names: seed.is_multiple_of(3),
                again: seed.is_multiple_of(5),
            };
        }
        let open = new.create(home.stores.runs(), &target(), operator(), time(), 0, items);
        let id = RunId::parse(&open.unwrap().header.run).unwrap();
        Self {
            home,
            server: MemoryServer::new(accounts, seed, Arc::clone(&journal)),
            journal,
            id,
            users: users.len() as u64,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Works on the run in a process that may be killed after a number of notes.
    async fn attempt(&mut self, which: Which, notes: i64, stop_at: Option<(u64, Wish)>) {
        let (header, mut progress, held) = self.home.runs.hold(&self.id).unwrap();
        let job = Job::of(header.action.clone()).unwrap();
        let second = self.home.runs.hold(&self.id);
        assert!(
            matches!(second, Err(RunError::Busy { .. })),
            "two attempts at once"
        );
        let items = held.items().unwrap();
        let left = Arc::new(AtomicI64::new(notes));
        let mortal = |(index, inner)| {
            // What is in the last sink is in all of them.
            let seen = (index == 1).then(|| Arc::clone(&self.journal.notes));
            let left = Arc::clone(&left);
            Box::new(Mortal { inner, left, seen }) as Box<dyn Sink>
        };
        let sinks = held.sinks(&header, &mut progress).unwrap();
        let sinks = InOrder(sinks.into_iter().enumerate().map(mortal).collect());
        let recorder = Recorder::here(Box::new(sinks), header.durability, clock);
        let begun = Attempt::with(recorder, header, progress, items, which, operator()).await;
        let (attempt, tasks) = match begun {
            Ok(begun) => begun,
            Err(CannotBegin::Record(_)) => return,
            Err(error) => panic!("{error}"),
        };
        let (wish, wished) = watch::channel(Wish::Run);
        let mut observer = Impatient {
            wish,
            turns: 0,
            stop_at,
            reports: 0,
        };
        self.server.budget.begin_process();
        let at_once = self.rng.usize(1..6);
        let mut run_loop = RunLoop::new(wished, Concurrency::Fixed(at_once));
        let executed = execute(
            &self.server,
            &self.home.stores,
            &attempt,
            tasks,
            &job,
            &mut run_loop,
            &mut observer,
        );
        executed.await.unwrap();
        assert!(
            self.server.most_at_once() <= at_once,
            "more calls at once than allowed"
        );
        let ended = run_loop.finish();
        let closed = attempt.close(ended.stop.as_ref().map(Stop::word)).await;
        let killed = left.load(Ordering::SeqCst) < 0;
        assert_eq!(closed.is_err(), killed, "{:?}", ended.stop);
        if !killed {
            settle(&job, &self.home.stores, &target()).unwrap();
        }
        self.check_record();
    }

    /// Continues the run until nothing is left, with trouble at first.
    async fn live(&mut self) {
        for _ in 0..self.rng.u8(..5) {
            self.server.trouble.store(self.rng.u8(..40), Ordering::Relaxed);
            self.server.lies.store(self.rng.bool(), Ordering::Relaxed);
            let which = [Which::Unfinished, Which::AndFailed, Which::AndAllFailed];
            let which = *self.rng.choice(&which).unwrap();
            let notes = if self.rng.bool() {
                self.rng.i64(1..60 + 6 * self.users.cast_signed())
            } else {
                i64::MAX / 2
            };
            let wish = if self.rng.bool() {
                Wish::Abort
            } else {
                Wish::Drain(Cause::Signal)
            };
            let stop_at = self
                .rng
                .bool()
                .then(|| (self.rng.u64(1..8.max(2 * self.users)), wish));
            self.attempt(which, notes, stop_at).await;
        }
        self.server.trouble.store(0, Ordering::Relaxed);
        self.server.lies.store(false, Ordering::Relaxed);
        self.attempt(Which::AndAllFailed, i64::MAX / 2, None).await;
        let counts = self.home.stores.runs().see(&self.id).unwrap().progress.counts();
        assert_eq!(counts.unfinished() + counts.failed(), 0, "{counts:?}");
    }

    /// Asserts that no item has two outcomes, in the journal and in the trail, and that the trail is intact.
    fn check_record(&self) {
        let is_last = |state| matches!(state, State::Done | State::Nothing | State::Skipped);
        let mut settled = BTreeSet::new();
        for record in records(self.home.stores.runs(), &self.id) {
            match record {
                Record::Intent(intent) => {
                    assert!(
                        !settled.contains(&intent.n),
                        "something is meant for whoever is done"
                    );
                }
                Record::Outcome(outcome) => {
                    let first = !is_last(outcome.state) || settled.insert(outcome.n);
                    assert!(first, "item {} has two final outcomes", outcome.n);
                }
                _ => {}
            }
        }
        let trail = self.home.data.trail(&target());
        let verification = verify(&trail, &Against::default()).unwrap();
        assert!(verification.holds(), "{:?}", verification.problems);
        let mut told = BTreeSet::new();
        // A partial result is recorded as done and as failed, and is done again.
        let mut now: BTreeMap<Option<String>, bool> = BTreeMap::new();
        let mut attempt_ended = |now: &mut BTreeMap<Option<String>, bool>| {
            for (user, whole) in std::mem::take(now) {
                assert!(
                    !whole || told.insert(user.clone()),
                    "{user:?} has two outcomes in the trail"
                );
            }
        };
        for entry in Entries::open(&trail).unwrap() {
            let event = entry.unwrap().event;
            if event.run.as_deref() != Some(self.id.as_str()) {
                continue;
            }
            match (event.kind, event.outcome) {
                (Kind::RunStarted, _) => attempt_ended(&mut now),
                (Kind::Outcome, Some(Outcome::Ended | Outcome::Done | Outcome::Nothing)) => {
                    now.entry(event.user).or_insert(true);
                }
                (Kind::Outcome, _) => {
                    now.insert(event.user, false);
                }
                _ => {}
            }
        }
        attempt_ended(&mut now);
        let items = self
            .home
            .stores
            .runs()
            .items(&self.id)
            .unwrap()
            .map(Result::unwrap);
        for item in items.filter(|item| settled.contains(&item.number)) {
            let user = Some(item.user.to_string());
            assert!(
                told.contains(&user),
                "the trail does not tell what became of {user:?}"
            );
        }
    }
}

/// The device that some stories use.
const FIRST: &str = "ios_0";

fn device(id: &str) -> DeviceId {
    serde_json::from_value(id.into()).unwrap()
}

fn records(runs: &dyn RunStore, id: &RunId) -> Vec<Record> {
    runs.records(id).unwrap().map(Result::unwrap).collect()
}

/// A short list, or at times one so long that not everybody who is reported as offline is read.
fn names(rng: &mut fastrand::Rng) -> Vec<UserId> {
    let is_long = rng.u8(..10) == 0;
    let users = if is_long {
        rng.usize(100..200)
    } else {
        rng.usize(1..9)
    };
    (0..users)
        .map(|number| UserId::parse(format!("user{number}")).unwrap())
        .collect()
}

/// All users of the list, and one who is not on it.
fn accounts(rng: &mut fastrand::Rng, users: &[UserId]) -> BTreeMap<String, Account> {
    let is_long = users.len() > 8;
    let device_count = |rng: &mut fastrand::Rng| {
        // Most users of a long list are offline, or the sample would contain all who are.
        if is_long && rng.u8(..6) > 0 {
            0
        } else {
            rng.u8(..4)
        }
    };
    let mut account = || Account {
        devices: (0..device_count(rng))
            .map(|number| format!("ios_{number}"))
            .collect(),
        banned: rng.u8(..10) == 0,
        limits: DeviceLimits::multi(rng.u32(1..3)),
    };
    let mut accounts: BTreeMap<String, Account> =
        users.iter().map(|user| (user.to_string(), account())).collect();
    accounts.insert("bystander".into(), account());
    accounts
}

/// The final state of all users.
async fn done(
    home: &Home,
    before: BTreeMap<String, Account>,
    users: &[UserId],
    action: Action,
    seed: u64,
) -> BTreeMap<String, Account> {
    let mut story = Story::begin(home, before.clone(), users, &action, seed);
    story.live().await;
    let after = story.server.accounts.into_inner().unwrap();
    assert_eq!(
        after["bystander"], before["bystander"],
        "nobody meant the bystander"
    );
    after
}

const BAN: Action = Action::Ban { looks_first: true };

/// Undoes the only run, which banned users: those who were not banned before are the same as before, and the others too.
async fn undo(home: &Home, before: &BTreeMap<String, Account>, banned: BTreeMap<String, Account>, seed: u64) {
    let runs = home.stores.runs();
    let id = runs.list().unwrap().pop().unwrap();
    let locks = home.stores.locks(&target()).unwrap();
    let mut changes = Changes::since(&id);
    for entry in Entries::open(&home.data.trail(&target())).unwrap() {
        changes.note(&entry.unwrap().event, runs);
    }
    assert!(changes.is_complete());
    let undo = Undo::decide(runs, &*locks, &id, Lifted::Bans, &changes, |_, _| {}).unwrap();
    let lifted: Vec<UserId> = undo.items().unwrap().map(|item| item.unwrap().user).collect();
    for (user, account) in before.iter().filter(|(user, _)| *user != "bystander") {
        let lifts = lifted.iter().any(|lifted| lifted.as_str() == user);
        assert_eq!(
            lifts, !account.banned,
            "the record says whose ban of {user} it is"
        );
    }
    if lifted.is_empty() {
        return;
    }
    let undoes = Some(id.to_string());
    let after = done(home, banned, &lifted, Action::Unban { undoes }, seed).await;
    for (user, account) in before {
        assert_eq!(after[user].banned, account.banned, "{user}");
    }
}

async fn simulate(home: &Path, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    NOW.set(1_767_225_600_000);
    let home = Home::at(home);
    let stores = &home.stores;
    let users = names(&mut rng);
    let before = accounts(&mut rng, &users);
    let of = |accounts: &BTreeMap<String, Account>, user: &UserId| accounts[user.as_str()].clone();
    let first = Selection {
        devices: vec![device(FIRST)],
        ..Selection::default()
    };
    match rng.u8(..6) {
        5 => {
            let set = DeviceLimits::default().with(Platform::Web, 2);
            let change = if rng.bool() {
                LimitChange::Set(set)
            } else {
                LimitChange::Clear
            };
            let action = Action::SetLimits {
                limits: String::new(),
                change: Some(change.clone()),
            };
            let after = done(&home, before.clone(), &users, action, seed).await;
            for user in &users {
                let expected = change.of(&of(&before, user).limits).unwrap_or_default();
                assert_eq!(of(&after, user).limits, expected, "{user}");
            }
        }
        0 => {
            let selection = Selection::default();
            let after = done(&home, before, &users, Action::Logout { selection }, seed).await;
            assert!(users.iter().all(|user| of(&after, user).devices.is_empty()));
        }
        1 | 2 => {
            let action = match rng.u8(..3) {
                0 => Action::Logout { selection: first },
                1 => Action::Apply {
                    plan_sha256: String::new(),
                    on_drift: OnDrift::Skip,
                    selection: Selection::default(),
                },
                _ => Action::Enforce {
                    policy: "limits.toml".into(),
                    policy_sha256: String::new(),
                    selection: first,
                    series: None,
                },
            };
            let after = done(&home, before.clone(), &users, action, seed).await;
            for user in &users {
                let mut expected = of(&before, user);
                expected.devices.remove(FIRST);
                assert_eq!(of(&after, user), expected, "{user}");
            }
        }
        3 => {
            let banned = done(&home, before.clone(), &users, BAN, seed).await;
            assert!(users.iter().all(|user| of(&banned, user).banned));
            if rng.bool() {
                let after = done(&home, banned, &users, Action::Unban { undoes: None }, seed + 1).await;
                assert!(users.iter().all(|user| !of(&after, user).banned));
            } else {
                undo(&home, &before, banned, seed + 1).await;
            }
        }
        _ => {
            let until = Timestamp::from_millisecond(clock() + 1_000_000_000).unwrap();
            let locked = done(&home, before.clone(), &users, Action::Lock { until }, seed).await;
            let locks = stores.locks(&target()).unwrap();
            for user in &users {
                assert!(of(&locked, user).banned, "{user} is not banned");
                let lock = locks.lock_of(user).unwrap();
                let ours = lock.as_ref().is_some_and(|lock| !lock.is_pending());
                assert_eq!(ours, !of(&before, user).banned, "{user}: {lock:?}");
            }
            if rng.bool() {
                let banned = done(&home, locked, &users, BAN, seed + 1).await;
                assert!(users.iter().all(|user| of(&banned, user).banned));
            } else {
                let as_of = Some(time());
                let undoes = None;
                let unlock = Action::Unlock { as_of, undoes };
                let after = done(&home, locked, &users, unlock, seed + 1).await;
                for user in &users {
                    assert_eq!(of(&after, user).banned, of(&before, user).banned, "{user}");
                }
            }
            assert_eq!(locks.count().unwrap(), 0, "a lock has no end");
        }
    }
}

#[test]
fn whatever_goes_wrong_everybody_is_done_once_and_on_record() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text: String| text.parse::<u64>().unwrap())
    };
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    let seeds: Vec<u64> = seeds.collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for part in seeds.chunks(seeds.len().div_ceil(threads)) {
            scope.spawn(move || part.iter().for_each(|seed| tell(*seed)));
        }
    });
}

/// Simulates one seed, and names it if it fails.
fn tell(seed: u64) {
    // Memory is as good as a disk if the power does not fail, and faster.
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let run = || runtime.block_on(simulate(home.path(), seed));
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    assert!(told.is_ok(), "see above; replay with SIMULATION_SEED={seed}");
}
