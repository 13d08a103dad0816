use std::cell::{Cell, RefCell};
use std::future::{pending, ready};

use super::*;
use crate::logins::store::memory::MemoryLogins;
use crate::logins::store::{LoginEvent, LoginKind};
use crate::server::calls::Scope;

/// 9 September 2021, 14:40 UTC.
const BEGIN: i64 = 1_631_198_400_000;
const MINUTE_MS: i64 = 60_000;
const NOW: i64 = BEGIN + 3 * 60 * MINUTE_MS;

/// A service that stores events by ten minutes, and a collector that stores what it sends.
struct Service {
    store: MemoryLogins,
    keys: RefCell<Vec<StoredKey>>,
    /// By key: when each of its events happened.
    events: Vec<(&'static str, Vec<i64>)>,
    /// The key for which it refuses, and how.
    refuses: Option<(&'static str, Scope)>,
    /// How many events of each key get lost.
    loses: usize,
    asked: RefCell<Vec<(String, u64, Option<String>)>>,
    lists: Cell<u32>,
}

impl Service {
    fn new(store: &MemoryLogins, events: Vec<(&'static str, Vec<i64>)>) -> Self {
        let keys = events.iter().map(|(date, events)| StoredKey {
            date: (*date).into(),
            posts: u64::try_from(events.len()).unwrap(),
            times: 0,
        });
        Self {
            store: store.clone(),
            keys: RefCell::new(keys.collect()),
            events,
            refuses: None,
            loses: 0,
            asked: RefCell::default(),
            lists: Cell::default(),
        }
    }

    fn dates(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        asked.iter().map(|(date, _, _)| date.clone()).collect()
    }
}

impl StoredPosts for Service {
    async fn stored(&self) -> Result<Vec<StoredKey>, CallError> {
        self.lists.set(self.lists.get() + 1);
        Ok(self.keys.borrow().clone())
    }

    async fn send_again(&self, date: &str, times: u64, target: Option<&str>) -> Result<(), CallError> {
        let asked = (date.to_owned(), times, target.map(str::to_owned));
        self.asked.borrow_mut().push(asked);
        if let Some((_, scope)) = self.refuses.filter(|(refused, _)| *refused == date) {
            let mut error = CallError::new("callbacks.retry", "refused");
            error.scope = scope;
            return Err(error);
        }
        let (_, events) = self.events.iter().find(|(known, _)| *known == date).unwrap();
        let events: Vec<_> = events
            .iter()
            .skip(self.loses)
            .map(|at_ms| login(*at_ms))
            .collect();
        self.store.clone().record_events(&events, NOW).unwrap();
        // What the sandbox does: keys of which everything was delivered are gone.
        let mut keys = self.keys.borrow_mut();
        if self.loses == 0 {
            keys.retain(|key| key.date != date);
        } else if let Some(key) = keys.iter_mut().find(|key| key.date == date) {
            key.times += 1;
            key.posts = u64::try_from(self.loses).unwrap();
        }
        Ok(())
    }
}

fn login(at_ms: i64) -> LoginEvent {
    LoginEvent {
        call_id: at_ms.to_string(),
        user: "ann".into(),
        resource: "ios_1".into(),
        platform: "ios".into(),
        kind: LoginKind::Login,
        at_ms,
        reason: String::new(),
    }
}

fn at(minute: i64) -> i64 {
    BEGIN + minute * MINUTE_MS
}

fn with_gap(since: i64, until: i64) -> (MemoryLogins, Gap) {
    let mut store = MemoryLogins::default();
    let gap = Gap {
        since_ms: at(since),
        until_ms: at(until),
        why: "test".into(),
    };
    store.record_gap(&gap).unwrap();
    (store, gap)
}

fn wanted() -> Wanted {
    Wanted {
        zones: keys::LIKELY_ZONES.to_vec(),
        target: None,
        stored_since_ms: None,
        patience: Duration::from_secs(5),
        dry_run: false,
    }
}

async fn run(service: &Service, wanted: &Wanted) -> Report {
    let mut store = service.store.clone();
    backfill(service, &mut store, wanted, pending(), || NOW, |_, _| {})
        .await
        .unwrap()
}

fn fates(report: &Report) -> Vec<(&str, Fate)> {
    let keys = report.keys.iter();
    keys.map(|one| (one.key.date.as_str(), one.fate)).collect()
}

fn why(report: &Report) -> Vec<Open> {
    let left = report.gaps.iter().flat_map(|gap| &gap.left);
    left.flat_map(|left| left.why.iter().copied()).collect()
}

/// Three keys, of which the last concerns no gap.
fn three_keys() -> Vec<(&'static str, Vec<i64>)> {
    vec![
        ("202109091440", vec![at(1), at(9)]),
        ("202109091500", vec![at(20), at(21), at(29)]),
        ("202109091610", vec![at(91)]),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_filled_and_closed_and_the_second_time_nothing_is_done() {
    let (store, _) = with_gap(0, 30);
    let service = Service::new(&store, three_keys());
    let report = run(&service, &wanted()).await;
    assert_eq!(
        fates(&report),
        [("202109091440", Fate::Arrived), ("202109091500", Fate::Arrived)]
    );
    assert!(report.gaps[0].left.is_empty(), "{:?}", report.gaps);
    assert!(store.gaps(Range::ALL).unwrap().is_empty());
    let again = run(&service, &wanted()).await;
    assert!(again.keys.is_empty() && again.gaps.is_empty());
    assert_eq!((service.asked.borrow().len(), service.lists.get()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_arrive_stays_open_until_it_does() {
    let (store, gap) = with_gap(0, 30);
    let mut service = Service::new(&store, three_keys());
    service.loses = 1;
    let report = run(&service, &wanted()).await;
    assert!(report.keys.iter().all(|one| one.fate == Fate::NotArrived));
    assert_eq!(why(&report), [Open::NotArrived]);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
    // What arrived the first time counts, and so does what comes twice.
    service.loses = 0;
    let report = run(&service, &wanted()).await;
    assert!(
        report.keys.iter().all(|one| one.fate == Fate::Arrived),
        "{report:?}"
    );
    assert!(store.gaps(Range::ALL).unwrap().is_empty());
    let times: Vec<u64> = service
        .asked
        .borrow()
        .iter()
        .map(|(_, times, _)| *times)
        .collect();
    assert_eq!(times, [0, 0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn events_that_arrive_after_the_end_count_the_next_time() {
    let (store, _) = with_gap(0, 9);
    let mut service = Service::new(&store, vec![("202109091440", vec![at(1), at(2)])]);
    service.loses = 2;
    let _ = run(&service, &wanted()).await;
    let late = [login(at(1)), login(at(2))];
    store.clone().record_events(&late, NOW).unwrap();
    let report = run(&service, &wanted()).await;
    assert_eq!(fates(&report), [("202109091440", Fate::Arrived)]);
    assert!(store.gaps(Range::ALL).unwrap().is_empty());
    assert_eq!(service.asked.borrow().len(), 1, "nothing is asked for twice");
}

#[tokio::test(start_paused = true)]
async fn keys_of_another_zone_are_found_and_the_zone_follows_from_the_events() {
    // The same keys, in China: 8 hours before.
    let (store, _) = with_gap(-480, -450);
    let there = |minutes: &[i64]| minutes.iter().map(|minute| at(minute - 480)).collect();
    let keys = vec![
        ("202109091440", there(&[1, 9])),
        ("202109091500", there(&[20, 29])),
    ];
    let service = Service::new(&store, keys);
    let report = run(&service, &wanted()).await;
    assert!(report.gaps[0].left.is_empty(), "{report:?}");
    let (store, gap) = with_gap(-480, -450);
    let service = Service::new(&store, three_keys());
    let utc = Wanted {
        zones: vec![Zone::UTC],
        ..wanted()
    };
    let report = run(&service, &utc).await;
    assert_eq!(service.dates(), [""; 0]);
    assert_eq!(why(&report), [Open::NotStored]);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_leaves_its_part_and_no_permission_ends_it() {
    let (store, _) = with_gap(0, 59);
    let mut service = Service::new(&store, three_keys());
    service.refuses = Some(("202109091440", Scope::Item));
    let report = run(&service, &wanted()).await;
    assert_eq!(
        fates(&report),
        [("202109091440", Fate::Refused), ("202109091500", Fate::Arrived)]
    );
    let left = store.gaps(Range::ALL).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].since_ms, left[0].until_ms), (at(0), at(15) - 1));
    assert!(report.ended_by.is_none());

    let (store, gap) = with_gap(0, 59);
    let mut service = Service::new(&store, three_keys());
    service.refuses = Some(("202109091440", Scope::Run));
    let report = run(&service, &wanted()).await;
    assert!(report.ended_by.is_some());
    assert_eq!(service.asked.borrow().len(), 1);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_too_often_or_too_early() {
    for (date, times, noted, fate, open) in [
        ("202109091440", 10, 0, Fate::UsedUp, Open::UsedUp),
        ("202109091440", 0, 10, Fate::UsedUp, Open::UsedUp),
        ("202109091730", 0, 0, Fate::NotOver, Open::NotOver),
    ] {
        let (mut store, _) = with_gap(0, 170);
        store
            .note_asked(&AskedAgain {
                date: "202109091440".into(),
                posts: 1,
                asked_ms: NOW - 1,
                times: noted,
                accepted: false,
            })
            .unwrap();
        let service = Service::new(&store, vec![(date, vec![at(1)])]);
        service.keys.borrow_mut()[0].times = times;
        let report = run(&service, &wanted()).await;
        assert_eq!(fates(&report), [(date, fate)]);
        assert!(why(&report).contains(&open), "{report:?}");
        assert_eq!(service.dates(), [""; 0]);
        assert_eq!(store.gaps(Range::ALL).unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_asks_for_nothing_and_closes_nothing() {
    let (store, gap) = with_gap(0, 30);
    let service = Service::new(&store, three_keys());
    let dry = Wanted {
        dry_run: true,
        stored_since_ms: Some(0),
        ..wanted()
    };
    let report = run(&service, &dry).await;
    assert!(report.keys.iter().all(|one| one.fate == Fate::WouldAsk));
    assert_eq!(service.dates(), [""; 0]);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
    assert!(store.asked_again().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_operator_knows_of_the_storage_closes_quiet_times() {
    let (store, _) = with_gap(0, 30);
    let service = Service::new(&store, vec![("202109091500", vec![at(21)])]);
    let report = run(&service, &wanted()).await;
    assert_eq!(why(&report), [Open::NotStored]);
    let left = store.gaps(Range::ALL).unwrap();
    assert_eq!((left[0].since_ms, left[0].until_ms), (at(0), at(25) - 1));
    let known = Wanted {
        stored_since_ms: Some(at(-60)),
        ..wanted()
    };
    let report = run(&service, &known).await;
    assert!(why(&report).is_empty(), "{report:?}");
    assert!(store.gaps(Range::ALL).unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_stopped_closes_nothing_that_is_not_proved() {
    let (store, gap) = with_gap(0, 30);
    let service = Service::new(&store, three_keys());
    let mut own = store.clone();
    let report = backfill(&service, &mut own, &wanted(), ready(()), || NOW, |_, _| {})
        .await
        .unwrap();
    assert!(report.stopped);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
    assert_eq!(service.dates(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn if_nothing_is_stored_at_all_nothing_failed_since_it_was_bought() {
    let (store, _) = with_gap(0, 30);
    let service = Service::new(&store, vec![]);
    assert_eq!(why(&run(&service, &wanted()).await), [Open::NotStored]);
    let known = Wanted {
        stored_since_ms: Some(at(-60)),
        ..wanted()
    };
    assert!(why(&run(&service, &known).await).is_empty());
    assert!(store.gaps(Range::ALL).unwrap().is_empty());
}

/// What is stored under a key that is not understood would be taken for a quiet time.
#[tokio::test(start_paused = true)]
async fn keys_that_are_not_understood_close_nothing() {
    for date in [
        "2021-09-09 14:40",
        "",
        "202109091443",
        "20210909144000",
        "\u{1b}[2J",
    ] {
        let (store, gap) = with_gap(0, 30);
        let service = Service::new(&store, vec![(date, vec![at(1)])]);
        let known = Wanted {
            zones: vec![Zone::UTC],
            stored_since_ms: Some(at(-60)),
            ..wanted()
        };
        let mut own = store.clone();
        let result = backfill(&service, &mut own, &known, pending(), || NOW, |_, _| {}).await;
        assert!(matches!(result, Err(CannotBackfill::Key(key)) if key == date));
        assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_in_which_a_key_is_of_the_future_closes_nothing() {
    let (store, gap) = with_gap(0, 30);
    // An hour ago in China, and in seven hours by UTC.
    let service = Service::new(&store, vec![("202109100040", vec![at(120)])]);
    let wrong = Wanted {
        zones: vec![Zone::UTC],
        stored_since_ms: Some(at(-60)),
        ..wanted()
    };
    let report = run(&service, &wrong).await;
    assert_eq!(why(&report), [Open::ZoneUnknown]);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_no_service_has_close_nothing() {
    let (store, gap) = with_gap(0, 15);
    let keys = vec![("202109091440", vec![at(1)]), ("202109091450", vec![at(11)])];
    let service = Service::new(&store, keys);
    for key in service.keys.borrow_mut().iter_mut() {
        key.posts = u64::MAX;
    }
    // The same key twice is one.
    let twice = service.keys.borrow()[0].clone();
    service.keys.borrow_mut().push(twice);
    let utc = Wanted {
        zones: vec![Zone::UTC],
        ..wanted()
    };
    let report = run(&service, &utc).await;
    assert_eq!(why(&report), [Open::NotArrived]);
    assert_eq!(service.asked.borrow().len(), 2);
    assert_eq!(store.gaps(Range::ALL).unwrap(), [gap]);
}
