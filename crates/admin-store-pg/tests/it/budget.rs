//! One budget for several workers, each with its own connections. What is asserted are counts; how much of the rate is used
//! is measured by the benchmark `team`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use easemob_admin_api::transport::clock::SystemClock;
use easemob_admin_api::transport::limit::Pacer;
use easemob_admin_api::transport::limit::schedule::SharedBudget as _;
use easemob_admin_api::{AppRoot, Lane, RateLimit};
use easemob_admin_ops::run::direction::Priority;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::budget::PgBudget;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::cluster::{OwnServer, TestDatabase};
use crate::cut::{Budget, Cut};

const APP: &str = "https://im.example.com/acme/chat";

pub(crate) fn app() -> AppRoot {
    AppRoot::parse(APP).unwrap()
}

fn open(address: &DatabaseAddress) -> PgBudget {
    PgBudget::in_database(Database::open(address, &PasswordSource::Nothing).unwrap())
}

/// Returns a database with the tables.
fn database() -> Option<TestDatabase> {
    let database = TestDatabase::create()?;
    Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
    Some(database)
}

/// A worker with connections of its own, as a process has them.
pub(crate) struct Worker {
    pub(crate) budget: PgBudget,
    pacer: Arc<Pacer>,
}

impl Worker {
    pub(crate) fn of(address: &DatabaseAddress, app: &AppRoot) -> Self {
        let budget = open(address);
        let schedule = budget.schedule(app, "accounts", RateLimit::unlimited());
        let pacer = Arc::new(Pacer::new(schedule.unwrap().unwrap(), Arc::new(SystemClock)));
        Self { budget, pacer }
    }
}

/// When requests left, and of which worker.
pub(crate) type Departures = Arc<Mutex<Vec<(Instant, usize)>>>;

/// Sends from 32 tasks of a worker until the set is dropped.
pub(crate) fn send(worker: &Worker, number: usize, departures: &Departures) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        let (pacer, departures) = (Arc::clone(&worker.pacer), Arc::clone(departures));
        tasks.spawn(async move {
            while pacer.permit(Lane::Bulk).await.is_ok() {
                departures.lock().unwrap().push((Instant::now(), number));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
    tasks
}

fn most_in_a_second(departures: &Departures) -> usize {
    let mut times: Vec<Instant> = departures.lock().unwrap().iter().map(|(at, _)| *at).collect();
    times.sort();
    let mut first = 0;
    let counts = (0..times.len()).map(|last| {
        while times[first] + Duration::from_secs(1) <= times[last] {
            first += 1;
        }
        last - first + 1
    });
    counts.max().unwrap_or(0)
}

/// Waits until so many have left since, and fails if they do not within a minute.
async fn until_left(departures: &Departures, count: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    while departures.lock().unwrap().len() < count {
        assert!(
            Instant::now() < end,
            "only {} left",
            departures.lock().unwrap().len()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn all_workers_together_keep_the_rate() {
    let Some(database) = database() else { return };
    for (rate, workers) in [(100, 2), (1000, 1), (1000, 2), (1000, 4), (1000, 8)] {
        let budget = open(&database.address());
        budget.set_rate(&app(), "accounts", rate).unwrap();
        let workers: Vec<Worker> = (0..workers)
            .map(|_| Worker::of(&database.address(), &app()))
            .collect();
        let departures = Departures::default();
        let asked = || -> u64 {
            database.run("SELECT sum(given)::text FROM easemob_admin.budget")[0]
                .parse()
                .unwrap()
        };
        let before = asked();
        runtime().block_on(async {
            let tasks: Vec<_> = workers
                .iter()
                .enumerate()
                .map(|(number, worker)| send(worker, number, &departures))
                .collect();
            until_left(&departures, usize::try_from(rate).unwrap() * 2).await;
            drop(tasks);
        });
        let most = most_in_a_second(&departures);
        let left = departures.lock().unwrap().clone();
        assert!(
            most <= usize::try_from(rate).unwrap(),
            "{most} in a second of {} at {rate}/s",
            workers.len()
        );
        // Whoever sent, had a slot for it.
        assert!(u64::try_from(left.len()).unwrap() <= asked() - before);
        for number in 0..workers.len() {
            assert!(
                left.iter().any(|(_, worker)| *worker == number),
                "worker {number} of {} never sent",
                workers.len()
            );
        }
    }
}

#[test]
fn apps_with_any_name_have_budgets_of_their_own() {
    let Some(database) = database() else { return };
    let long = format!("https://im.example.com/acme/{}", "x".repeat(20_000));
    let roots = [
        APP,
        "https://im.example.com/acme/chat2",
        "https://other.example.com/acme/chat",
        "https://im.example.com/acme/'); DROP TABLE easemob_admin.budget; --",
        "https://im.example.com/acme/%00",
        "https://im.example.com/acme/聊天\"\\",
        &long,
    ];
    let departures = Departures::default();
    for root in roots {
        let app = AppRoot::parse(root).unwrap();
        let worker = Worker::of(&database.address(), &app);
        runtime()
            .block_on(worker.pacer.permit(Lane::Interactive))
            .unwrap();
        departures.lock().unwrap().push((Instant::now(), 0));
        assert_eq!(worker.budget.rate(&app, "accounts").unwrap(), Some(100), "{root}");
        worker.budget.set_rate(&app, "accounts", 77).unwrap();
        assert_eq!(worker.budget.rate(&app, "accounts").unwrap(), Some(77), "{root}");
    }
    let states = open(&database.address()).states().unwrap();
    assert_eq!(states.len(), roots.len());
    assert!(
        states.iter().all(|state| state.given >= 1 && state.rate == 77),
        "{states:?}"
    );
}

#[test]
fn what_is_in_use_is_shown() {
    let Some(database) = database() else { return };
    let workers = [(); 2].map(|()| Worker::of(&database.address(), &app()));
    workers[0].budget.work_on("20261129-1", Priority::Incident);
    let departures = Departures::default();
    let states = runtime().block_on(async {
        let tasks: Vec<_> = workers
            .iter()
            .map(|worker| send(worker, 0, &departures))
            .collect();
        until_left(&departures, 50).await;
        let states = workers[0].budget.states().unwrap();
        workers[1].pacer.limited(Duration::from_secs(30));
        let end = Instant::now() + Duration::from_secs(60);
        while workers[0].budget.states().unwrap()[0].pause == 0.0 {
            assert!(Instant::now() < end, "the pause is not known");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(tasks);
        states
    });
    let [state] = states.as_slice() else {
        panic!("{states:?}")
    };
    assert_eq!(
        (state.app.as_str(), state.pool.as_str(), state.rate),
        (APP, "accounts", 100)
    );
    assert!(state.given >= 50 && state.pause == 0.0, "{state:?}");
    let mut runs: Vec<(bool, i32)> = state
        .workers
        .iter()
        .map(|worker| (worker.run == "20261129-1", worker.weight))
        .collect();
    runs.sort_unstable();
    assert_eq!(runs, [(false, 4), (true, 16)], "{state:?}");
    let paused = &workers[0].budget.states().unwrap()[0];
    assert!(
        paused.allowed < 100.0 && paused.pause > 0.0 && paused.pause <= 30.0,
        "{paused:?}"
    );
    // Nobody sends meanwhile: not even those who have just learned of it.
    let sent = runtime().block_on(async {
        tokio::time::timeout(
            Duration::from_millis(300),
            workers[1].pacer.permit(Lane::Interactive),
        )
        .await
    });
    assert!(sent.is_err(), "{sent:?}");
}

#[test]
fn a_server_that_crashes_and_restarts_exceeds_nothing_and_everybody_goes_on() {
    const RATE: u32 = 500;
    let Some(server) = OwnServer::start().map(Arc::new) else {
        return;
    };
    Database::migrate(&server.address(), &PasswordSource::Nothing).unwrap();
    open(&server.address())
        .set_rate(&app(), "accounts", RATE)
        .unwrap();
    let workers = [(); 3].map(|()| Worker::of(&server.address(), &app()));
    let departures = Departures::default();
    runtime().block_on(async {
        let tasks: Vec<_> = (0..3)
            .map(|number| send(&workers[number], number, &departures))
            .collect();
        for crash in 1..=2 {
            until_left(&departures, 600 * crash).await;
            let before = departures.lock().unwrap().len();
            // The workers go on meanwhile.
            let restarting = Arc::clone(&server);
            tokio::task::spawn_blocking(move || restarting.crash_and_restart())
                .await
                .unwrap();
            until_left(&departures, before + 600).await;
        }
        drop(tasks);
    });
    let most = most_in_a_second(&departures);
    assert!(most <= usize::try_from(RATE).unwrap(), "{most} in a second");
    let left = departures.lock().unwrap().clone();
    let last = &left[left.len() - 300..];
    assert!(
        (0..3).all(|number| last.iter().any(|(_, worker)| *worker == number)),
        "all of them send again"
    );
    assert_eq!(
        server.run("SELECT count(*)::text FROM easemob_admin.budget"),
        ["1"]
    );
}

#[test]
fn a_connection_that_is_cut_at_any_message_exceeds_nothing() {
    let Some(database) = database() else { return };
    let cut = Cut::before(&database.address());
    let (direct, behind) = (
        Worker::of(&database.address(), &app()),
        Worker::of(cut.address(), &app()),
    );
    let departures = Departures::default();
    runtime().block_on(async {
        let tasks = [send(&direct, 0, &departures), send(&behind, 1, &departures)];
        for messages in 1..=12 {
            cut.after(Budget::Messages(messages));
            let before = departures.lock().unwrap().len();
            until_left(&departures, before + 30).await;
        }
        cut.never();
        let before = departures
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, worker)| *worker == 1)
            .count();
        let end = Instant::now() + Duration::from_secs(60);
        while departures
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, worker)| *worker == 1)
            .count()
            < before + 20
        {
            assert!(Instant::now() < end, "the one that was cut sends again");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(tasks);
    });
    let most = most_in_a_second(&departures);
    assert!(most <= 100, "{most} in a second");
}
