//! Workers that share a run: ranges under leases, and decisions about runs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use easemob_admin_api::LeaveNow;
use easemob_admin_audit::{Filter, Kind};
use easemob_admin_ops::run::direction::{Priority, RunState};
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::run::journal::progress::Standing;
use easemob_admin_ops::run::journal::record::{End, Record, State};
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::run_record::Recorded;
use easemob_admin_ops::run::store::{Direction, OpenRun, RunError, RunStore};
use easemob_admin_ops::schedule::pipeline::Cause;

use crate::runs::{Machine, Place, begin, header, id, intent, items, outcome, outcome_in, recording, write};

/// The items of a range of these runs, which ban users.
pub(crate) const RANGE: u64 = 256;

pub(crate) fn direction(state: RunState) -> Direction {
    Direction {
        state,
        operator: Operator::named("eve", "there"),
        at: 5,
        reason: Some("a case".into()),
    }
}

/// Creates a run that is open for workers.
pub(crate) fn open_run(machine: &Machine, second: i64, users: u64) {
    drop(machine.create(second, users));
    machine
        .runs
        .direct(&id(second), direction(RunState::Open))
        .unwrap();
}

pub(crate) fn take(machine: &Machine, second: i64) -> Option<OpenRun> {
    machine.runs.open_range(&id(second)).unwrap()
}

fn numbers(open: &OpenRun) -> (u64, u64) {
    let items: Vec<Item> = open.held.items().unwrap().map(Result::unwrap).collect();
    (items[0].number, items.len() as u64)
}

pub(crate) fn end(stopped: Option<&str>) -> Note {
    Note::of_run(Record::End(End {
        at: 9,
        stopped: stopped.map(str::to_owned),
        process: None,
    }))
}

/// Works on all items of a range.
pub(crate) fn finish(open: OpenRun) {
    let all: Vec<Item> = open.held.items().unwrap().map(Result::unwrap).collect();
    let mut record = recording(open);
    let numbers = || all.iter().map(|item| item.number);
    write(&mut *record, &[begin("ann")]);
    write(&mut *record, &numbers().map(intent).collect::<Vec<_>>());
    write(&mut *record, &numbers().map(outcome).collect::<Vec<_>>());
    write(&mut *record, &[end(None)]);
}

#[test]
fn ranges_never_overlap_and_together_are_the_run() {
    let Some(place) = Place::new() else { return };
    let machines = ["one", "two"].map(|name| place.machine(name));
    open_run(&machines[0], 0, 2 * RANGE + 10);
    let parts: Vec<OpenRun> = (0..3).map(|n| take(&machines[n % 2], 0).unwrap()).collect();
    let spans: Vec<_> = parts.iter().map(numbers).collect();
    assert_eq!(spans, [(0, RANGE), (RANGE, RANGE), (2 * RANGE, 10)]);
    assert_eq!(parts[2].progress.counts().items, 10);
    assert!(take(&machines[0], 0).is_none());
    // Nobody works on all of it meanwhile.
    let Err(RunError::Busy(_, Some(left))) = machines[1].runs.open(&id(0)) else {
        panic!("the run is free");
    };
    assert!(left <= crate::runs::LEASE, "{left:?}");
    assert!(machines[1].runs.glance(&id(0)).unwrap().running);
    for part in parts {
        finish(part);
    }
    let listed = machines[1].runs.glance(&id(0)).unwrap();
    assert_eq!(
        (listed.counts.done, listed.state, listed.running),
        (2 * RANGE + 10, RunState::Alone, false)
    );
    assert_eq!(place.count("lease"), 0, "what is finished has no lease");
    assert!(machines[0].verify().holds());
}

#[test]
fn what_is_given_back_is_taken_again_from_its_first_open_item_on() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    open_run(&machine, 0, RANGE);
    let mut record = recording(take(&machine, 0).unwrap());
    write(
        &mut *record,
        &[
            begin("ann"),
            intent(0),
            outcome(0),
            intent(1),
            end(Some("interrupted")),
        ],
    );
    drop(record);
    let open = take(&machine, 0).unwrap();
    assert_eq!(numbers(&open), (1, RANGE - 1));
    assert_eq!(open.progress.standing(1), Standing::Doubtful(&[]));
    assert_eq!(open.progress.counts().doubtful, 1);
    let mut record = recording(open);
    // Every item has its turn; one of them in vain, which nobody tries over and over again.
    let outcomes: Vec<Note> = (1..RANGE)
        .map(|n| outcome_in(n, if n == 7 { State::Unreached } else { State::Done }))
        .collect();
    write(&mut *record, &[begin("ann")]);
    write(&mut *record, &outcomes);
    write(&mut *record, &[end(None)]);
    drop(record);
    assert!(take(&machine, 0).is_none());
    let listed = machine.runs.glance(&id(0)).unwrap();
    assert_eq!((listed.counts.unfinished(), listed.counts.in_vain), (1, 1));
    assert_eq!(listed.state, RunState::Alone, "people decide about the rest");
    assert_eq!(machine.runs.open(&id(0)).unwrap().progress.counts().open, 1);
}

#[test]
fn whoever_takes_over_waits_for_the_last_request_of_the_one_before() {
    let Some(place) = Place::new() else { return };
    let longest = Duration::from_secs(2);
    let mut slow = place.machine("one");
    slow.runs = slow.runs.with_lease(longest * 2, longest);
    open_run(&slow, 0, 2 * RANGE);
    let open = take(&slow, 0).unwrap();
    let leave = open.held.begin_work(Arc::new(|_| ())).unwrap();
    assert_eq!(leave.now(), LeaveNow::Given);
    // As if it had not been heard of since the lease ended: nothing renews it any more.
    place
        .database
        .run("UPDATE easemob_admin.lease SET until = clock_timestamp(), epoch = 999 WHERE from_seq = 0");
    let ended = Instant::now();
    let other = place.machine("two");
    let rest = take(&other, 0).unwrap();
    assert_eq!(numbers(&rest), (RANGE, RANGE));
    assert!(take(&other, 0).is_none());
    while take(&other, 0).is_none_or(|open| numbers(&open).0 != 0) {
        assert!(ended.elapsed() < longest * 10, "it is never free");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(ended.elapsed() >= longest, "{:?}", ended.elapsed());
}

#[test]
fn what_is_given_up_with_requests_under_way_is_free_when_they_have_ended() {
    let Some(place) = Place::new() else { return };
    let mut machine = place.machine("one");
    let longest = Duration::from_secs(60);
    machine.runs = machine.runs.with_lease(longest * 2, longest);
    open_run(&machine, 0, RANGE);
    for (notes, is_free) in [
        (vec![begin("ann")], true),
        (vec![begin("ann"), intent(0), end(Some("interrupted"))], true),
        (vec![begin("ann"), intent(0), end(Some("aborted"))], false),
    ] {
        let mut record = recording(take(&machine, 0).unwrap());
        write(&mut *record, &notes);
        drop(record);
        assert_eq!(take(&machine, 0).is_some(), is_free, "{notes:?}");
    }
    let Err(RunError::Busy(_, Some(left))) = machine.runs.open(&id(0)) else {
        panic!("requests may be under way");
    };
    assert!(left > longest / 2 && left <= longest, "{left:?}");
}

#[test]
fn nothing_is_sent_without_a_lease_that_lasts() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (place.machine("one"), place.machine("two"));
    open_run(&one, 0, RANGE);
    let open = take(&one, 0).unwrap();
    let told: Arc<Mutex<Vec<Cause>>> = Arc::default();
    let heard = Arc::clone(&told);
    let leave = open
        .held
        .begin_work(Arc::new(move |cause| heard.lock().unwrap().push(cause)))
        .unwrap();
    assert_eq!(leave.now(), LeaveNow::Given);
    // As if the process had stood still, and another one had taken its items over.
    place
        .database
        .run("UPDATE easemob_admin.lease SET until = '-infinity'");
    let taken = take(&two, 0).unwrap();
    let mut late = recording(open);
    assert_eq!(
        late.record(&[intent(3)]).unwrap(),
        Recorded::Fenced(BTreeSet::from([3]))
    );
    assert_eq!(leave.now(), LeaveNow::Never);
    assert_eq!(told.lock().unwrap().last(), Some(&Cause::TakenOver));
    // What it gives up is no longer its own.
    drop(late);
    let leave = taken.held.begin_work(Arc::new(|_| ())).unwrap();
    assert_eq!(leave.now(), LeaveNow::Given);
    finish(taken);
}

#[test]
fn a_decision_is_obeyed_with_the_next_sign_of_life_and_is_in_the_trail() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (place.machine("one"), place.machine("two"));
    open_run(&one, 0, 2 * RANGE);
    for (state, cause, kind) in [
        (RunState::Paused, Cause::Paused, "run.paused"),
        (RunState::Stopped, Cause::Stopped, "run.stopped"),
    ] {
        let open = take(&one, 0).unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        open.held
            .begin_work(Arc::new(move |cause| {
                let _ = told.send(cause);
            }))
            .unwrap();
        two.runs.direct(&id(0), direction(state)).unwrap();
        assert!(take(&two, 0).is_none(), "nobody takes what is {}", state.word());
        assert_eq!(heard.recv_timeout(Duration::from_secs(20)).unwrap(), cause);
        // What was sent by then is recorded all the same.
        let mut record = recording(open);
        write(&mut *record, &[begin("ann"), intent(0), end(Some("paused"))]);
        drop(record);
        assert_eq!(two.runs.glance(&id(0)).unwrap().state, state);
        let found = one.trail().search(Filter::default());
        let found: Vec<_> = found.map(|entry| entry.unwrap().event).collect();
        let decided = found
            .iter()
            .rfind(|event| event.kind == Kind::from(kind))
            .unwrap();
        assert_eq!(decided.operator.as_ref().unwrap().name().as_deref(), Some("eve"));
        assert_eq!(decided.details["why"], "a case");
        two.runs.direct(&id(0), direction(RunState::Open)).unwrap();
    }
    // Whoever works on all of a run was asked to, whatever was decided before.
    two.runs.direct(&id(0), direction(RunState::Stopped)).unwrap();
    let open = two.runs.open(&id(0)).unwrap();
    let leave = open
        .held
        .begin_work(Arc::new(|cause| panic!("{cause:?}")))
        .unwrap();
    std::thread::sleep(crate::runs::LEASE);
    assert_eq!(leave.now(), LeaveNow::Given);
    assert_eq!(two.runs.glance(&id(0)).unwrap().state, RunState::Alone);
}

#[test]
fn entries_of_workers_name_who_made_them() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    open_run(&machine, 0, 2 * RANGE);
    let mut anns = recording(take(&machine, 0).unwrap());
    let mut bobs = recording(take(&machine, 0).unwrap());
    write(&mut *anns, &[begin("ann")]);
    write(&mut *bobs, &[begin("bob")]);
    // The start of the other one came last.
    write(&mut *anns, &[intent(0)]);
    write(&mut *bobs, &[intent(RANGE)]);
    write(&mut *anns, &[outcome(0), end(Some("interrupted"))]);
    let found = machine.trail().search(Filter::default());
    let who: Vec<(Kind, Option<String>)> = found
        .map(|entry| entry.unwrap().event)
        .map(|event| (event.kind, event.operator.and_then(|operator| operator.name())))
        .skip(1)
        .collect();
    let by = |kind, name: &str| (kind, Some(name.to_owned()));
    assert_eq!(
        who,
        [
            by(Kind::RunStarted, "ann"),
            by(Kind::RunStarted, "bob"),
            by(Kind::Intent, "ann"),
            by(Kind::Intent, "bob"),
            by(Kind::Outcome, "ann"),
            by(Kind::RunEnded, "ann"),
        ]
    );
}

#[test]
fn the_most_urgent_runs_come_first() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    let priorities = [
        Priority::Nightly,
        Priority::Normal,
        Priority::Incident,
        Priority::Normal,
    ];
    for (second, priority) in (0..).zip(priorities) {
        let id = id(second);
        let header = easemob_admin_ops::run::journal::header::Header {
            priority,
            ..header(&id)
        };
        drop(machine.runs.create(&id, header, &mut items(1).map(Ok)).unwrap());
        machine.runs.direct(&id, direction(RunState::Open)).unwrap();
    }
    // One that is for one process is not for workers.
    drop(machine.create(9, 1));
    let open: Vec<String> = machine
        .runs
        .open_for_workers()
        .unwrap()
        .into_iter()
        .map(|header| header.run)
        .collect();
    assert_eq!(open, [2, 1, 3, 0].map(|second| id(second).to_string()));
}

#[test]
fn counts_are_those_of_the_records() {
    let Some(place) = Place::new() else { return };
    let machine = place.machine("one");
    let mut record = recording(machine.create(0, 20));
    write(&mut *record, &[begin("ann")]);
    let states = [
        State::Done,
        State::Nothing,
        State::Skipped,
        State::FailedRetry,
        State::FailedFinal,
        State::Unreached,
        State::NotTried,
        State::Unknown,
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..40 {
        // An item is often noted more than once in a block.
        let notes: Vec<Note> = (0..rng.usize(1..9))
            .map(|_| {
                let item = rng.u64(0..6);
                if rng.bool() {
                    intent(item)
                } else {
                    outcome_in(item, *rng.choice(&states).unwrap())
                }
            })
            .collect();
        write(&mut *record, &notes);
        let listed = machine.runs.glance(&id(0)).unwrap();
        let folded = machine.runs.see(&id(0)).unwrap().progress.counts();
        let of = |counts: &easemob_admin_ops::run::journal::progress::Counts| {
            [
                counts.items,
                counts.done,
                counts.nothing,
                counts.skipped,
                counts.failed_retry,
                counts.failed_final,
                counts.in_vain,
                counts.unfinished(),
                counts.devices_ended,
            ]
        };
        assert_eq!(of(&listed.counts), of(&folded));
    }
}
