//! A model of lease, intent, fence and budget, checked exhaustively.
//!
//! Workers take ranges of two items under leases, and may stand still or die at any moment: a worker that does nothing for any
//! number of ticks is one that was suspended. Times are relative to now, so the model has no end and yet finitely many states.
//! A request takes at most one tick, a lease lasts [`LENGTH`] ticks, and the schedule gives out one slot per tick.
//!
//! Three workers and two items have 9,859 states, and three workers and four items 2,834,566, of which `.ci/full` visits each.

use stateright::{Checker as _, Model, Property};

/// How long a lease lasts.
const LENGTH: i8 = 3;
/// How long a request may be under way.
const REQUEST: i8 = 1;
/// How far ahead slots are reserved.
const HORIZON: i8 = 1;
/// The items of a range.
const RANGE: usize = 2;

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Outcomes are recorded whoever has the lease.
    Fence,
    /// Whoever takes over does not wait for the last request of the one before.
    Grace,
    /// Requests are sent whether or not the lease lasts.
    Deadline,
    /// Requests are sent before their intent is recorded.
    Intent,
    /// A slot is used when it is over.
    Void,
}

struct Team {
    workers: usize,
    items: usize,
    without: Without,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Record {
    Open,
    Intended,
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Doing {
    Choosing,
    Intended(usize),
    /// It has a slot, that many ticks from now.
    Reserved(usize, i8),
    /// A request was sent, whose outcome is not recorded.
    Sent(usize),
}

/// What a worker knows of its lease, whoever has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Working {
    range: usize,
    /// When it ends.
    until: i8,
    doing: Doing,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    records: Vec<Record>,
    /// How many final outcomes each item has, up to two.
    finals: Vec<u8>,
    /// When the last request of each item was sent, if it may be under way.
    sent: Vec<Option<i8>>,
    /// Who has each lease, and when it ends.
    leases: Vec<(Option<usize>, i8)>,
    workers: Vec<Option<Working>>,
    /// The next slot that nobody has.
    next_slot: i8,
    sent_now: u8,
    without_intent: bool,
    after_lease: bool,
    two_under_way: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Tick,
    Take(usize, usize),
    Renew(usize),
    Intend(usize),
    Reserve(usize),
    Send(usize),
    Record(usize),
    Die(usize),
    /// As a command that is stopped at once.
    GiveUp(usize),
}

impl State {
    /// The first item of a range that has no outcome.
    fn unfinished(&self, range: usize) -> Option<usize> {
        let items = range * RANGE..self.records.len().min(range * RANGE + RANGE);
        items
            .into_iter()
            .find(|item| self.records[*item] != Record::Final)
    }

    fn is_owner(&self, worker: usize) -> bool {
        self.workers[worker].is_some_and(|working| self.leases[working.range].0 == Some(worker))
    }

    fn tick(&mut self) {
        for lease in &mut self.leases {
            lease.1 = (lease.1 - 1).max(-REQUEST - 1);
        }
        for sent in &mut self.sent {
            *sent = sent.map(|at| at - 1).filter(|at| -*at <= REQUEST);
        }
        for working in self.workers.iter_mut().flatten() {
            working.until = (working.until - 1).max(-1);
            if let Doing::Reserved(_, slot) = &mut working.doing {
                *slot = (*slot - 1).max(-1);
            }
        }
        self.next_slot = (self.next_slot - 1).max(0);
        self.sent_now = 0;
    }

    /// Gives a lease back: free at once, or once a request that may be under way has ended.
    fn give_up(&mut self, worker: usize) {
        let is_owner = self.is_owner(worker);
        let Some(working) = self.workers[worker].take().filter(|_| is_owner) else {
            return;
        };
        let is_under_way = matches!(working.doing, Doing::Sent(_));
        let free = if is_under_way { 0 } else { -REQUEST - 1 };
        let lease = &mut self.leases[working.range];
        *lease = (None, lease.1.min(free));
    }

    /// The same state with the workers in one order: which of them is which means nothing.
    fn canonical(mut self) -> Self {
        let owned = |worker: usize| {
            self.leases
                .iter()
                .map(|lease| lease.0 == Some(worker))
                .collect::<Vec<_>>()
        };
        let mut order: Vec<usize> = (0..self.workers.len()).collect();
        order.sort_by_key(|worker| (self.workers[*worker], owned(*worker)));
        let workers = order.iter().map(|worker| self.workers[*worker]).collect();
        for lease in &mut self.leases {
            lease.0 = lease
                .0
                .and_then(|owner| order.iter().position(|worker| *worker == owner));
        }
        self.workers = workers;
        self
    }
}

impl Model for Team {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            records: vec![Record::Open; self.items],
            finals: vec![0; self.items],
            sent: vec![None; self.items],
            leases: vec![(None, -REQUEST - 1); self.items.div_ceil(RANGE)],
            workers: vec![None; self.workers],
            next_slot: 0,
            sent_now: 0,
            without_intent: false,
            after_lease: false,
            two_under_way: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        for (worker, working) in state.workers.iter().enumerate() {
            let Some(working) = working else {
                actions.extend((0..state.leases.len()).map(|range| Action::Take(worker, range)));
                continue;
            };
            actions.extend([Action::Renew(worker), Action::Die(worker), Action::GiveUp(worker)]);
            actions.push(match working.doing {
                Doing::Choosing => Action::Intend(worker),
                Doing::Intended(_) => Action::Reserve(worker),
                Doing::Reserved(..) => Action::Send(worker),
                Doing::Sent(_) => Action::Record(worker),
            });
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.tick(),
            Action::Take(worker, range) => {
                let grace = if self.without == Without::Grace {
                    0
                } else {
                    REQUEST
                };
                let (_, until) = state.leases[range];
                // Ended before now, with every request.
                if until + grace >= 0 || state.unfinished(range).is_none() {
                    return None;
                }
                state.leases[range] = (Some(worker), LENGTH);
                state.workers[worker] = Some(Working {
                    range,
                    until: LENGTH,
                    doing: Doing::Choosing,
                });
            }
            Action::Renew(worker) => {
                let is_owner = state.is_owner(worker);
                let working = state.workers[worker].as_mut()?;
                if is_owner {
                    working.until = LENGTH;
                    state.leases[working.range].1 = LENGTH;
                } else {
                    state.workers[worker] = None;
                }
            }
            Action::Die(worker) => state.workers[worker] = None,
            Action::GiveUp(worker) => state.give_up(worker),
            Action::Intend(worker) => {
                let is_owner = state.is_owner(worker);
                let range = state.workers[worker]?.range;
                match state.unfinished(range).filter(|_| is_owner) {
                    Some(item) => {
                        if self.without != Without::Intent {
                            state.records[item] = Record::Intended;
                        }
                        state.workers[worker].as_mut()?.doing = Doing::Intended(item);
                    }
                    None => state.workers[worker] = None,
                }
            }
            Action::Reserve(worker) => {
                let Doing::Intended(item) = state.workers[worker]?.doing else {
                    return None;
                };
                if state.next_slot > HORIZON {
                    return None;
                }
                state.workers[worker].as_mut()?.doing = Doing::Reserved(item, state.next_slot);
                state.next_slot += 1;
            }
            Action::Send(worker) => {
                let working = state.workers[worker]?;
                let Doing::Reserved(item, slot) = working.doing else {
                    return None;
                };
                if slot > 0 {
                    return None;
                }
                if slot < 0 && self.without != Without::Void {
                    // It is void.
                    state.workers[worker].as_mut()?.doing = Doing::Intended(item);
                    return Some(state.canonical());
                }
                if REQUEST >= working.until && self.without != Without::Deadline {
                    return None;
                }
                let (owner, until) = state.leases[working.range];
                state.sent_now = (state.sent_now + 1).min(2);
                state.without_intent |= state.records[item] != Record::Intended;
                state.after_lease |= owner != Some(worker) || until < REQUEST;
                state.two_under_way |= state.sent[item].is_some();
                state.sent[item] = Some(0);
                state.workers[worker].as_mut()?.doing = Doing::Sent(item);
            }
            Action::Record(worker) => {
                let Doing::Sent(item) = state.workers[worker]?.doing else {
                    return None;
                };
                if state.is_owner(worker) || self.without == Without::Fence {
                    state.records[item] = Record::Final;
                    state.finals[item] = (state.finals[item] + 1).min(2);
                    state.workers[worker].as_mut()?.doing = Doing::Choosing;
                } else {
                    state.workers[worker] = None;
                }
            }
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_OUTCOME, |_, state: &State| {
                state.finals.iter().all(|count| *count < 2)
            }),
            Property::always(INTENT, |_, state: &State| !state.without_intent),
            Property::always(LEASE, |_, state: &State| !state.after_lease),
            Property::always(ONE_REQUEST, |_, state: &State| !state.two_under_way),
            Property::always(RATE, |_, state: &State| state.sent_now < 2),
            // Otherwise the others would hold of workers that do nothing.
            Property::sometimes(DONE, |_, state: &State| {
                state.finals.iter().all(|count| *count == 1)
            }),
        ]
    }
}

const ONE_OUTCOME: &str = "no item has two final outcomes";
const INTENT: &str = "no request without an intent";
const LEASE: &str = "no request after the end of a lease";
const ONE_REQUEST: &str = "no two requests of an item at once";
const RATE: &str = "the rate is never exceeded";
const DONE: &str = "all items can be finished";

/// Visits every state, and returns how many there are.
fn states(workers: usize, items: usize) -> usize {
    let team = Team {
        workers,
        items,
        without: Without::Nothing,
    };
    let checked = team.checker().threads(2).spawn_bfs().join();
    assert!(checked.is_done());
    checked.assert_properties();
    checked.unique_state_count()
}

#[test]
fn three_workers_and_two_items() {
    assert_eq!(states(3, 2), 9_859);
}

#[test]
#[ignore = "takes minutes; .ci/full runs it"]
fn three_workers_and_four_items() {
    assert_eq!(states(3, 4), 2_834_566);
}

#[test]
fn each_rule_is_needed() {
    for (without, expected) in [
        (Without::Fence, ONE_OUTCOME),
        (Without::Grace, ONE_REQUEST),
        (Without::Deadline, LEASE),
        (Without::Intent, INTENT),
        (Without::Void, RATE),
    ] {
        let team = Team {
            workers: 2,
            items: 2,
            without,
        };
        let checked = team.checker().spawn_bfs().join();
        let found = checked.discovery(expected);
        assert!(
            found.is_some(),
            "without {without:?}, {expected}: nothing was found"
        );
    }
}
