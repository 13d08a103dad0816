//! A team on a simulated database: processes that stand still or die, a server that is restarted, and a clock that is set.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use easemob_admin_api::Lane;
use easemob_admin_api::transport::clock::{Clock, Sleep, SystemClock};
use easemob_admin_api::transport::limit::Pacer;
use easemob_admin_api::transport::limit::schedule::{Answer, HORIZON, Schedule, Slots, Wish};
use fastrand::Rng;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::clock::{Difference, Noted};
use super::super::rules::{Ask, Given, Row, part};
use super::super::{INTERACTIVE_HORIZON_US, LIVELY_US, TIMER, lock, micros, time};

const BASE: Duration = Duration::from_secs(1_700_000_000);

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The database, and all that leaves.
pub(super) struct World {
    start: Instant,
    pub(super) row: Row,
    /// What the row was a while ago: a server that is restarted may have lost the rest.
    pub(super) flushed: Row,
    /// Which server it is: a restarted one is another.
    server: i64,
    /// By how much the clock of the database was set.
    pub(super) step: i64,
    away_until: Instant,
    workers: Vec<Entry>,
    departures: Vec<Departure>,
    pub(super) statements: Vec<usize>,
}

/// The row of a worker.
struct Entry {
    run: &'static str,
    weight: i32,
    seen: i64,
    credit: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    pub(super) at: Duration,
    pub(super) worker: usize,
}

impl World {
    fn new(rate: i32) -> Arc<Mutex<Self>> {
        let row = Row {
            rate,
            tat: 0,
            slow_until: 0,
            factor: 1.0,
            factor_at: 0,
            server: 1,
        };
        let now = Instant::now();
        Arc::new(Mutex::new(Self {
            start: now,
            row,
            flushed: row,
            server: 1,
            step: 0,
            away_until: now,
            workers: Vec::new(),
            departures: Vec::new(),
            statements: Vec::new(),
        }))
    }

    fn now_us(&self) -> i64 {
        micros(BASE + self.start.elapsed()) + self.step
    }

    fn reserve(&mut self, worker: usize, wish: Wish, way: i64) -> (i64, Answer) {
        let now = self.now_us();
        let bulk = wish.lane == Lane::Bulk;
        self.statements[worker] += 1;
        if bulk {
            self.workers[worker].seen = now;
        }
        let others = self.workers.iter().enumerate();
        let others =
            others.filter(|(other, entry)| *other != worker && (now - entry.seen).abs() <= LIVELY_US);
        let others: Vec<(&str, i32)> = others.map(|(_, entry)| (entry.run, entry.weight)).collect();
        let entry = &mut self.workers[worker];
        let ask = Ask {
            slots: i64::from(wish.slots),
            bulk,
            way,
            part: part((entry.run, entry.weight), &others),
            server: self.server,
        };
        let answer = match self.row.reserve(ask, &mut entry.credit, now) {
            Given::Later(at) => Answer::Later(time(at)),
            Given::Slots { first, every, count } => Answer::Reserved(Slots {
                first: time(first),
                every: Duration::from_secs_f64(every / 1e6),
                count: u32::try_from(count).unwrap(),
                end: time(self.row.tat),
            }),
        };
        (now, answer)
    }

    pub(super) fn restart(&mut self, away: Duration) {
        self.away_until = Instant::now() + away;
        self.server += 1;
        self.row = self.flushed;
    }
}

/// A worker, as a process: it may stand still, or die.
struct Worker {
    world: Arc<Mutex<World>>,
    number: usize,
    difference: Mutex<Difference>,
    random: Mutex<Rng>,
    slowest: u64,
    own: Option<f64>,
    stands_still_until: Mutex<Instant>,
}

impl Worker {
    fn machine(&self) -> Duration {
        lock(&self.world).start.elapsed() + ms(77_000)
    }

    fn way(&self) -> Duration {
        Duration::from_micros(lock(&self.random).u64(50..self.slowest))
    }

    async fn while_it_stands_still(&self) {
        let until = *lock(&self.stands_still_until);
        sleep_until(until).await;
    }

    async fn ask(&self, wish: Wish) -> Answer {
        let (sent, way) = (self.machine(), micros(lock(&self.difference).round_trip() / 2));
        sleep(self.way()).await;
        let asked = {
            let mut world = lock(&self.world);
            let there = Instant::now() >= world.away_until;
            there.then(|| world.reserve(self.number, wish, way))
        };
        let Some((shown, answer)) = asked else {
            return Answer::Away(Arc::new(std::io::Error::other("restarting")));
        };
        sleep(self.way()).await;
        self.while_it_stands_still().await;
        let received = self.machine();
        let noted = lock(&self.difference).note(sent, time(shown), received);
        match noted {
            Noted::Same => answer,
            Noted::WasSet => Answer::ClockWasSet(
                lock(&self.difference).database_time(received) + time(INTERACTIVE_HORIZON_US),
            ),
        }
    }
}

#[derive(Debug, Clone)]
struct Simulated(Arc<Worker>);

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.number.fmt(formatter)
    }
}

impl Schedule for Simulated {
    fn now(&self) -> Duration {
        let machine = self.0.machine();
        lock(&self.0.difference).database_time(machine)
    }

    fn reserve(&self, wish: Wish) -> BoxFuture<'static, Answer> {
        let (reply, answer) = oneshot::channel();
        let worker = Arc::clone(&self.0);
        tokio::spawn(async move { reply.send(worker.ask(wish).await) });
        async { answer.await.unwrap() }.boxed()
    }

    fn give_back(&self, unused: Slots) {
        let world = &mut *lock(&self.0.world);
        world.row.give_back(micros(unused.first), micros(unused.end));
    }

    fn limited(&self, pause: Duration) {
        let world = &mut *lock(&self.0.world);
        let now = world.now_us();
        world.row.limited(micros(pause), now);
    }

    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    fn effective_rate(&self) -> f64 {
        let rate = f64::from(lock(&self.0.world).row.rate);
        self.0.own.map_or(rate, |own| own.min(rate))
    }

    fn lead(&self) -> Duration {
        (lock(&self.0.difference).round_trip() * 2 + TIMER).min(HORIZON / 2)
    }
}

/// The timer of a worker, which goes off late while it stands still.
#[derive(Debug)]
struct Timer(Arc<Worker>);

impl Clock for Timer {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn system_time(&self) -> std::time::SystemTime {
        SystemClock.system_time()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let worker = Arc::clone(&self.0);
        Box::pin(async move {
            sleep_until(deadline).await;
            worker.while_it_stands_still().await;
        })
    }
}

/// Workers with work to do.
pub(super) struct Team {
    pub(super) world: Arc<Mutex<World>>,
    workers: Vec<(Arc<Worker>, Arc<Pacer>, JoinSet<()>)>,
    seed: u64,
}

impl Team {
    pub(super) fn at(rate: i32, seed: u64) -> Self {
        Self {
            world: World::new(rate),
            workers: Vec::new(),
            seed,
        }
    }

    /// Adds a worker; its answers take up to `slowest` microseconds each way.
    pub(super) fn join(&mut self, run: &'static str, weight: i32, own: Option<f64>, slowest: u64) {
        let number = self.workers.len();
        {
            let world = &mut *lock(&self.world);
            world.workers.push(Entry {
                run,
                weight,
                seen: 0,
                credit: 0.0,
            });
            world.statements.push(0);
        }
        let worker = Arc::new(Worker {
            world: Arc::clone(&self.world),
            number,
            difference: Mutex::default(),
            random: Mutex::new(Rng::with_seed(self.seed * 100 + u64::try_from(number).unwrap())),
            slowest,
            own,
            stands_still_until: Mutex::new(Instant::now()),
        });
        let schedule = Arc::new(Simulated(Arc::clone(&worker)));
        let pacer = Arc::new(Pacer::new(schedule, Arc::new(Timer(Arc::clone(&worker)))));
        self.workers.push((worker, pacer, JoinSet::new()));
    }

    /// Lets a worker send from `tasks` tasks, whose requests take so long each.
    pub(super) fn work(&mut self, number: usize, tasks: u32, request: Duration, lane: Lane) {
        let (worker, pacer, set) = &mut self.workers[number];
        for _ in 0..tasks {
            let (worker, pacer) = (Arc::clone(worker), Arc::clone(pacer));
            set.spawn(async move {
                while pacer.permit(lane).await.is_ok() {
                    {
                        let world = &mut *lock(&worker.world);
                        let at = world.start.elapsed();
                        world.departures.push(Departure { at, worker: number });
                    }
                    sleep(request).await;
                    worker.while_it_stands_still().await;
                }
            });
        }
    }

    /// Returns the pacer of a worker.
    pub(super) fn pacer(&self, number: usize) -> Arc<Pacer> {
        Arc::clone(&self.workers[number].1)
    }

    /// Lets a worker end its work and leave.
    pub(super) async fn leave(&mut self, number: usize) {
        let (_, pacer, mut set) = self.workers.swap_remove(number);
        set.shutdown().await;
        assert!(Arc::into_inner(pacer).is_some(), "nobody else has it");
    }

    /// Ends a worker as `kill -9` does: what it has reserved is lost.
    pub(super) fn kill(&mut self, number: usize) {
        let (_, pacer, set) = &mut self.workers[number];
        set.abort_all();
        std::mem::forget(Arc::clone(pacer));
    }

    pub(super) fn stop(&self, number: usize, time: Duration) {
        *lock(&self.workers[number].0.stands_still_until) = Instant::now() + time;
    }

    pub(super) fn departures(&self) -> Vec<Departure> {
        let mut departures = lock(&self.world).departures.clone();
        departures.sort_by_key(|departure| departure.at);
        departures
    }

    /// The most departures in any rolling second.
    pub(super) fn most(&self) -> usize {
        let departures = self.departures();
        let mut first = 0;
        let counts = (0..departures.len()).map(|last| {
            while departures[first].at + ms(1000) <= departures[last].at {
                first += 1;
            }
            last - first + 1
        });
        counts.max().unwrap_or(0)
    }

    /// How many left between two times, in milliseconds; of one worker or of all.
    pub(super) fn between(&self, from: u64, to: u64, worker: Option<usize>) -> usize {
        let departures = self.departures();
        let within = departures.iter().filter(|departure| {
            (ms(from)..ms(to)).contains(&departure.at)
                && worker.is_none_or(|worker| worker == departure.worker)
        });
        within.count()
    }
}
