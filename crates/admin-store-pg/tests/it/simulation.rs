//! Simulates workers that share a run over a real database: each seed is one story.

use std::collections::BTreeMap;

use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::progress::Standing;
use easemob_admin_ops::run::journal::record::Record;
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::run_record::{Recorded, RunRecord};
use easemob_admin_ops::run::store::RunStore;

use crate::runs::{Machine, Place, id, intent, outcome, recording};
use crate::workers::{RANGE, end, open_run, take};

/// Several workers share a run; they die, stand still beyond their leases and go on, and give ranges back. Whatever happens,
/// every item has one final outcome, and what was sent was on record before by whoever had the lease then.
#[test]
fn whatever_becomes_of_workers_every_item_has_one_outcome() {
    let Some(place) = Place::new() else { return };
    let seeds = std::env::var("SIMULATION_SEEDS").map_or(6, |seeds| seeds.parse().unwrap());
    // Each of them takes a second.
    let seeds = u32::min(seeds, 500);
    let fenced: u32 = (0..seeds).map(|seed| Story::begin(&place, seed).live()).sum();
    assert!(fenced >= seeds, "{fenced} blocks were fenced");
    assert!(place.machine("one").verify().holds());
}

/// A run, its workers, and what they sent.
struct Story<'a> {
    place: &'a Place,
    seed: u32,
    second: i64,
    users: u64,
    rng: fastrand::Rng,
    workers: Vec<Worker>,
    /// How often the server was asked to act for each item.
    sent: BTreeMap<u64, u32>,
    fenced: u32,
}

struct Worker {
    machine: Machine,
    record: Option<Box<dyn RunRecord>>,
    /// The first item of its range.
    from: u64,
    /// What is left to do of its range.
    left: Vec<u64>,
    /// What it may send now: the intent is recorded.
    intended: Vec<u64>,
}

impl Worker {
    /// Begins with a range, if there is one.
    fn begin(&mut self, second: i64) -> bool {
        let Some(open) = take(&self.machine, second) else {
            return false;
        };
        let all: Vec<Item> = open.held.items().unwrap().map(Result::unwrap).collect();
        let unsettled = |item: &&Item| open.progress.standing(item.number) != Standing::Settled;
        self.left = all.iter().filter(unsettled).map(|item| item.number).collect();
        self.intended.clear();
        self.from = all[0].number;
        self.record = Some(recording(open));
        true
    }

    /// Writes a block; false if it was fenced, and then the worker goes on with another range.
    fn write(&mut self, notes: &[Note]) -> bool {
        match self.record.as_mut().unwrap().record(notes).unwrap() {
            Recorded::All => true,
            Recorded::Fenced(items) => {
                assert_eq!(items.len(), notes.len(), "a block is fenced as a whole");
                self.record = None;
                false
            }
        }
    }
}

impl<'a> Story<'a> {
    fn begin(place: &'a Place, seed: u32) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed.into());
        let users = rng.u64(RANGE..3 * RANGE);
        let worker = |_| Worker {
            // All of one name, which means nothing.
            machine: place.patient_machine("worker"),
            record: None,
            from: 0,
            left: Vec::new(),
            intended: Vec::new(),
        };
        let workers: Vec<Worker> = (0..3).map(worker).collect();
        let second = seed.into();
        open_run(&workers[0].machine, second, users);
        Self {
            place,
            seed,
            second,
            users,
            rng,
            workers,
            sent: BTreeMap::new(),
            fenced: 0,
        }
    }

    /// Goes on until everything is done, and returns how many blocks were fenced.
    fn live(mut self) -> u32 {
        for step in 0.. {
            assert!(step < 5_000, "seed {}: it never ends", self.seed);
            let index = self.rng.usize(..self.workers.len());
            if self.workers[index].record.is_some() {
                self.step(index);
            } else if !self.workers[index].begin(self.second) && self.is_done() {
                break;
            }
        }
        self.check();
        self.fenced
    }

    fn is_done(&self) -> bool {
        let listed = self.workers[0].machine.runs.glance(&id(self.second)).unwrap();
        listed.counts.done == self.users
    }

    fn step(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        let set = |what: &str| {
            self.place.database.run(&format!(
                "UPDATE easemob_admin.lease SET {what} WHERE what = 'run {}' AND from_seq = {}",
                id(self.second),
                worker.from
            ));
        };
        match self.rng.u8(..20) {
            // It stands still, and its lease runs out; it does not know that.
            0..=3 => set("until = '-infinity'"),
            // It dies, and nothing of it is given back.
            4 => {
                set("until = '-infinity', epoch = -1");
                worker.record = None;
            }
            // It is asked to end.
            5 => {
                let _ = worker
                    .record
                    .as_mut()
                    .unwrap()
                    .record(&[end(Some("interrupted"))]);
                worker.record = None;
            }
            _ if !worker.intended.is_empty() => {
                let intended = std::mem::take(&mut worker.intended);
                let notes: Vec<Note> = intended.iter().copied().map(outcome).collect();
                if worker.write(&notes) {
                    worker.left.retain(|item| !intended.contains(item));
                } else {
                    self.fenced += 1;
                }
            }
            _ if worker.left.is_empty() => {
                let _ = worker.record.as_mut().unwrap().record(&[end(None)]);
                worker.record = None;
            }
            _ => {
                let some: Vec<u64> = worker.left.iter().copied().take(self.rng.usize(1..60)).collect();
                let notes: Vec<Note> = some.iter().copied().map(intent).collect();
                if worker.write(&notes) {
                    for item in &some {
                        *self.sent.entry(*item).or_default() += 1;
                    }
                    worker.intended = some;
                } else {
                    self.fenced += 1;
                }
            }
        }
    }

    /// Compares what was sent with what is on record.
    fn check(&self) {
        let seed = self.seed;
        let mut states: BTreeMap<u64, (u32, bool)> = BTreeMap::new();
        for record in self.workers[0].machine.runs.records(&id(self.second)).unwrap() {
            match record.unwrap() {
                Record::Intent(intent) => {
                    let (intents, settled) = states.entry(intent.n).or_default();
                    assert!(
                        !*settled,
                        "seed {seed}: something is meant for {}, who is done",
                        intent.n
                    );
                    *intents += 1;
                }
                Record::Outcome(outcome) => {
                    let (intents, settled) = states.entry(outcome.n).or_default();
                    assert!(
                        *intents > 0,
                        "seed {seed}: {} was done without an intent",
                        outcome.n
                    );
                    assert!(!*settled, "seed {seed}: {} has two outcomes", outcome.n);
                    *settled = true;
                }
                Record::Begin(_) | Record::End(_) | Record::Directed(_) => {}
            }
        }
        assert_eq!(states.len() as u64, self.users, "seed {seed}");
        for (item, (intents, settled)) in &states {
            assert!(*settled, "seed {seed}: {item}");
            assert_eq!(
                self.sent.get(item),
                Some(intents),
                "seed {seed}: {item} was sent without an intent"
            );
        }
    }
}
