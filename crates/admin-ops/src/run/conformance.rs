//! The rules that every store of runs must follow, as cases to test a store with.
//!
//! A store outside this crate calls [`try_all`] from its own tests.

use std::io;

use easemob_admin_api::{DeviceId, UserId};
use jiff::Timestamp;

use crate::run::direction::{Priority, RunState};
use crate::run::id::RunId;
use crate::run::item::{Item, Planned};
use crate::run::job::Action;
use crate::run::journal::header::{Durability, FORMAT, Header, Operator};
use crate::run::journal::progress::{Counts, Progress, Standing};
use crate::run::journal::record::{Begin, End, Intent, Outcome, Record, State};
use crate::run::recorder::Note;
use crate::run::run_record::{Recorded, RunRecord};
use crate::run::store::{Direction, OpenRun, RunError, RunStore};
use crate::status_first::Reading;
use crate::target::Target;

/// Runs every case with a store of its own, which `new` creates; it must be empty.
///
/// # Panics
/// When the store breaks a rule; the message names the case.
pub fn try_all(new: &dyn Fn() -> Box<dyn RunStore>) {
    for (name, case) in CASES {
        let store = new();
        assert!(
            store.list().expect("an empty store can be listed").is_empty(),
            "{name}: the store is not empty"
        );
        case(&*store);
    }
}

/// A case, with its name.
type Case = (&'static str, fn(&dyn RunStore));

const CASES: &[Case] = &[
    ("a run is stored as it was created", a_run_is_kept_as_it_was_given),
    (
        "only one process works on a run at a time",
        a_run_is_worked_on_once_at_a_time,
    ),
    ("records come back in order", records_come_back_in_order),
    (
        "a run resumes where it ended",
        a_run_is_gone_on_with_where_it_ended,
    ),
    (
        "an incomplete input leaves no run",
        an_input_that_breaks_off_leaves_no_run,
    ),
    (
        "runs are found by the start of their ids",
        runs_are_found_by_their_beginnings,
    ),
    (
        "a missing run is reported as missing",
        a_missing_run_is_said_to_be_missing,
    ),
    ("a run is created once", a_run_is_created_once),
    (
        "whoever finds that a run exists can read it",
        a_run_exists_as_a_whole,
    ),
    (
        "a list shows what the records say",
        a_list_shows_what_the_records_say,
    ),
    (
        "a store of one machine has no workers, and any other obeys decisions",
        a_decision_is_obeyed_or_refused,
    ),
    (
        "an act can be recorded before a run exists",
        an_act_can_be_recorded_before_there_is_a_run,
    ),
];

fn id(second: i64) -> RunId {
    RunId::new(
        Timestamp::from_second(1_767_225_600 + second).unwrap_or_default(),
        0,
    )
}

fn operator() -> Operator {
    Operator::named("ann", "here")
}

fn header(id: &RunId) -> Header {
    Header {
        format: FORMAT,
        run: id.to_string(),
        created: Timestamp::UNIX_EPOCH,
        tool: "0".into(),
        app: "acme#chat".into(),
        app_root: "https://im.example.com/acme/chat".into(),
        sandbox: false,
        profile: Some("prod".into()),
        operator: operator(),
        reason: Some("a case".into()),
        ticket: None,
        action: Action::Ban { looks_first: true },
        source: "a case".into(),
        items: 0,
        input_sha256: String::new(),
        allowance: Some(7),
        durability: Durability::Batch,
        reading: Reading::default(),
        priority: Priority::Normal,
    }
}

fn items() -> Vec<Item> {
    let item =
        |(number, name): (u64, &str)| UserId::parse(name).map(|user| Item::new(number, number * 2 + 1, user));
    let mut items: Vec<Item> = (0..).zip(["ann", "bob", "eve"]).flat_map(item).collect();
    items[1].planned = Some(Planned {
        end: devices(&["ios_1"]),
        keep: devices(&["web_1", "web_2"]),
    });
    items
}

fn devices(ids: &[&str]) -> Vec<DeviceId> {
    ids.iter().flat_map(|id| DeviceId::parse(*id)).collect()
}

fn create(store: &dyn RunStore, id: &RunId) -> OpenRun {
    let created = store.create(id, header(id), &mut items().into_iter().map(Ok));
    created.expect("a run can be created")
}

fn begin() -> Note {
    Note::of_run(Record::Begin(Begin {
        at: 1,
        tool: "0".into(),
        operator: operator(),
        pid: 1,
    }))
}

fn end() -> Note {
    Note::of_run(Record::End(End {
        at: 9,
        stopped: None,
        process: None,
    }))
}

fn intent(item: &Item) -> Note {
    let intent = Intent {
        n: item.number,
        at: 2,
        call: "users.ban".into(),
        devices: Vec::new(),
        kept: Vec::new(),
    };
    Note::of_item(item, Record::Intent(intent))
}

fn outcome(item: &Item, state: State) -> Note {
    let outcome = Outcome {
        n: item.number,
        at: 3,
        state,
        server_at: Some(4),
        ended: Vec::new(),
        failed: Vec::new(),
        basis: None,
    };
    Note::of_item(item, Record::Outcome(outcome))
}

/// Opens the record of a run.
fn recording(open: OpenRun) -> Box<dyn RunRecord> {
    let OpenRun {
        header,
        mut progress,
        held,
    } = open;
    held.into_record(&header, &mut progress)
        .expect("a run can be recorded")
}

fn note(record: &mut dyn RunRecord, notes: &[Note]) {
    let recorded = record.record(notes).expect("notes can be written");
    assert_eq!(recorded, Recorded::All, "nobody else works on the run");
    record.sync().expect("notes can be kept");
}

fn records(store: &dyn RunStore, id: &RunId) -> Vec<Record> {
    let records = store.records(id).expect("records can be read");
    records
        .collect::<io::Result<_>>()
        .expect("every record can be read")
}

fn all_items(store: &dyn RunStore, id: &RunId) -> Vec<Item> {
    let items = store.items(id).expect("items can be read");
    items.collect::<io::Result<_>>().expect("every item can be read")
}

fn a_run_is_kept_as_it_was_given(store: &dyn RunStore) {
    let open = create(store, &id(0));
    assert_eq!((open.header.items, open.progress.counts().open), (3, 3));
    assert!(!open.header.input_sha256.is_empty(), "the input has a digest");
    let held: Vec<Item> = open.held.items().expect("items can be read").flatten().collect();
    assert_eq!(held, items());
    assert_eq!(all_items(store, &id(0)), items());
    let seen = store.see(&id(0)).expect("a run can be seen");
    assert_eq!(seen.header, open.header);
    assert_eq!(store.list().expect("runs can be listed"), [id(0)]);
}

fn a_run_is_worked_on_once_at_a_time(store: &dyn RunStore) {
    let open = create(store, &id(0));
    let busy = |store: &dyn RunStore| matches!(store.open(&id(0)), Err(RunError::Busy(..)));
    let running = |store: &dyn RunStore| store.see(&id(0)).expect("a run can be seen").running;
    assert!(busy(store) && running(store), "whoever created it works on it");
    let record = recording(open);
    assert!(busy(store) && running(store), "its record is open");
    drop(record);
    assert!(!running(store), "nobody works on it");
    drop(store.open(&id(0)).expect("it is free"));
    drop(store.open(&id(0)).expect("it is free again"));
}

fn records_come_back_in_order(store: &dyn RunStore) {
    let mut record = recording(create(store, &id(0)));
    let items = items();
    let notes = [
        begin(),
        intent(&items[2]),
        intent(&items[0]),
        outcome(&items[0], State::Done),
        outcome(&items[2], State::FailedRetry),
        end(),
    ];
    note(&mut *record, &notes[..3]);
    note(&mut *record, &[]);
    note(&mut *record, &notes[3..]);
    drop(record);
    let given: Vec<Record> = notes.into_iter().map(|note| note.record).collect();
    assert_eq!(records(store, &id(0)), given);
    let seen = store.see(&id(0)).expect("a run can be seen");
    assert_eq!(seen.ended, Some((9, None)));
}

fn a_run_is_gone_on_with_where_it_ended(store: &dyn RunStore) {
    let items = items();
    let mut record = recording(create(store, &id(0)));
    let notes = [
        begin(),
        intent(&items[0]),
        outcome(&items[0], State::Done),
        intent(&items[1]),
    ];
    note(&mut *record, &notes);
    drop(record);
    let open = store.open(&id(0)).expect("a run can be opened");
    assert_eq!(open.header.allowance, Some(7));
    let standing = |number| format!("{:?}", open.progress.standing(number));
    assert_eq!(standing(0), format!("{:?}", Standing::Settled));
    assert_eq!(standing(1), format!("{:?}", Standing::Doubtful(&[])));
    assert_eq!(standing(2), format!("{:?}", Standing::Untouched));
    let mut record = recording(open);
    note(
        &mut *record,
        &[begin(), outcome(&items[1], State::Nothing), end()],
    );
    drop(record);
    assert_eq!(records(store, &id(0)).len(), 7);
    let counts = store.see(&id(0)).expect("a run can be seen").progress.counts();
    assert_eq!((counts.done, counts.nothing, counts.open), (1, 1, 1));
}

fn an_input_that_breaks_off_leaves_no_run(store: &dyn RunStore) {
    let broken = || io::Error::other("the list breaks off");
    let mut input = items().into_iter().map(Ok).chain([Err(broken())]);
    let created = store.create(&id(0), header(&id(0)), &mut input);
    assert!(matches!(created, Err(RunError::Io { .. })), "{created:?}");
    assert!(store.list().expect("runs can be listed").is_empty());
    drop(create(store, &id(0)));
}

fn runs_are_found_by_their_beginnings(store: &dyn RunStore) {
    for second in [70, 0, 10] {
        drop(create(store, &id(second)));
    }
    assert_eq!(store.list().expect("runs can be listed"), [id(0), id(10), id(70)]);
    let found = |text: &str| store.find(text);
    assert_eq!(found("last").expect("there is a last run"), id(70));
    assert_eq!(found(id(10).as_str()).expect("it is there"), id(10));
    assert_eq!(found("20260101-000110").expect("one begins so"), id(70));
    assert!(matches!(found("20260101-0000"), Err(RunError::Ambiguous(_))));
    assert!(matches!(found("2025"), Err(RunError::NoSuchRun(_))));
    assert!(matches!(found(" "), Err(RunError::NoName)));
}

fn a_missing_run_is_said_to_be_missing(store: &dyn RunStore) {
    let missing = |error: RunError| matches!(error, RunError::NoSuchRun(_));
    assert!(store.open(&id(0)).is_err_and(missing));
    assert!(store.see(&id(0)).is_err_and(missing));
    assert!(store.records(&id(0)).is_err_and(missing));
    assert!(store.items(&id(0)).is_err_and(missing));
    assert!(store.find("last").is_err_and(missing));
}

fn a_run_is_created_once(store: &dyn RunStore) {
    drop(create(store, &id(0)));
    let again = store.create(&id(0), header(&id(0)), &mut std::iter::empty());
    assert!(again.is_err(), "an id names one run");
    assert_eq!(all_items(store, &id(0)), items(), "the first one is as it was");
}

fn a_run_exists_as_a_whole(store: &dyn RunStore) {
    for second in 0..10 {
        let id = id(second);
        let created = std::thread::scope(|scope| {
            let create = || match store.create(&id, header(&id), &mut items().into_iter().map(Ok)) {
                Ok(_) => true,
                Err(RunError::Exists(_)) => {
                    assert_eq!(all_items(store, &id), items());
                    assert_eq!(store.see(&id).expect("it exists").header.run, id.to_string());
                    false
                }
                Err(error) => panic!("{error}"),
            };
            let at_once: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
            let created = at_once
                .into_iter()
                .map(|one| one.join().expect("no rule is broken"));
            created.filter(|created| *created).count()
        });
        assert_eq!(created, 1, "created by several");
    }
}

fn a_list_shows_what_the_records_say(store: &dyn RunStore) {
    let items = items();
    let mut record = recording(create(store, &id(0)));
    let mut failed = outcome(&items[1], State::FailedRetry);
    if let Record::Outcome(outcome) = &mut failed.record {
        outcome.ended = devices(&["ios_1"]);
    }
    let notes = [
        begin(),
        intent(&items[0]),
        outcome(&items[0], State::Done),
        intent(&items[1]),
        failed,
    ];
    note(&mut *record, &notes);
    let listed = |store: &dyn RunStore| store.glance(&id(0)).expect("a run can be listed");
    assert!(listed(store).running, "its record is open");
    drop(record);
    let (now, seen) = (listed(store), store.see(&id(0)).expect("a run can be seen"));
    assert_eq!((&now.header, now.running), (&seen.header, false));
    assert_eq!(now.state, RunState::Alone);
    let of = |counts: &Counts| {
        [
            counts.items,
            counts.done,
            counts.failed_retry,
            counts.failed(),
            counts.in_vain,
            counts.unfinished(),
            counts.devices_ended,
        ]
    };
    assert_eq!(of(&now.counts), [3, 1, 1, 1, 0, 1, 1]);
    assert_eq!(of(&now.counts), of(&seen.progress.counts()));
    drop(create(store, &id(10)));
    let overview = store.overview().expect("runs can be listed");
    let ids: Vec<&RunId> = overview.iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [&id(0), &id(10)]);
    assert!(matches!(&overview[0].1, Ok(first) if *first == now));
    // What is not settled is there, with its records.
    let mut progress = Progress::new(3);
    for record in store.unsettled_records(&id(0)).expect("records can be read") {
        progress.note(record.expect("every record can be read"));
    }
    assert!(matches!(progress.standing(1), Standing::FailedRetry(_)));
    let unsettled = store.unsettled_items(&id(0)).expect("items can be read");
    let unsettled: Vec<Item> = unsettled
        .collect::<io::Result<_>>()
        .expect("every item can be read");
    assert!(items[1..].iter().all(|item| unsettled.contains(item)));
}

fn a_decision_is_obeyed_or_refused(store: &dyn RunStore) {
    drop(create(store, &id(0)));
    let direct = |state| {
        let direction = Direction {
            state,
            operator: operator(),
            at: 1,
            reason: None,
        };
        store.direct(&id(0), direction)
    };
    let take = || store.open_range(&id(0)).expect("a run can be asked for a range");
    assert!(take().is_none(), "nobody left it to workers");
    if let Err(refused) = direct(RunState::Open) {
        assert!(matches!(refused, RunError::OneMachine(_)), "{refused}");
        assert!(take().is_none() && store.open_for_workers().is_ok_and(|runs| runs.is_empty()));
        return;
    }
    assert_eq!(store.open_for_workers().expect("runs can be listed").len(), 1);
    let part = take().expect("its items are free");
    assert!(take().is_none(), "somebody has all of them");
    assert!(matches!(store.open(&id(0)), Err(RunError::Busy(..))));
    drop(part);
    direct(RunState::Paused).expect("a run can be paused");
    assert!(take().is_none(), "it is paused");
    assert!(store.open_for_workers().is_ok_and(|runs| runs.is_empty()));
    direct(RunState::Open).expect("a run can be opened again");
    let all: Vec<Item> = take()
        .expect("its items are free again")
        .held
        .items()
        .expect("items can be read")
        .flatten()
        .collect();
    assert_eq!(all, items());
}

fn an_act_can_be_recorded_before_there_is_a_run(store: &dyn RunStore) {
    let target = Target::from(&header(&id(0)));
    store.can_record(&target).expect("a trail can be written");
    store.can_record(&target).expect("it can be proved again");
    assert!(store.list().expect("runs can be listed").is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::directory::RunDirectories;
    use crate::run::memory::MemoryRuns;

    #[test]
    fn runs_in_memory_conform() {
        try_all(&|| Box::new(MemoryRuns::default()));
    }

    #[test]
    fn runs_in_directories_conform() {
        let homes = tempfile::tempdir().unwrap();
        try_all(&|| {
            let home = tempfile::tempdir_in(homes.path()).unwrap().keep();
            Box::new(RunDirectories::at(home.join("runs"), home.join("audit")))
        });
    }
}
