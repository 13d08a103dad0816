//! The job against scripted calls: which calls it sends, and what it concludes.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use crate::jobs::logout::*;
use crate::run::item::{Item, Planned};
use crate::run::journal::header::Durability;
use crate::run::recorder::Note;
use crate::run::run_record::{InOrder, Sink};
use crate::select::selection::Selection;
use crate::server::calls::Scope;

/// Answers from a script and records the calls.
#[derive(Default)]
struct Script {
    lists: Mutex<VecDeque<Result<Vec<&'static str>, CallError>>>,
    acts: Mutex<VecDeque<Result<Ended, CallError>>>,
    /// The calls, and a `+` for each recorded note.
    log: Log,
}

type Log = Arc<Mutex<Vec<String>>>;

fn add(log: &Log, entry: impl Into<String>) {
    log.lock()
        .expect("no test panics while it logs")
        .push(entry.into());
}

struct Notes {
    log: Log,
    full: bool,
}

impl Sink for Notes {
    fn append(&mut self, notes: &[Note]) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        for _ in notes {
            add(&self.log, "+");
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn task() -> Task {
    Task::fresh(Item::new(0, 1, UserId::parse("ann").expect("a user id")))
}

fn ids(texts: &[&str]) -> Vec<DeviceId> {
    texts
        .iter()
        .map(|id| DeviceId::parse(*id).expect("a device id"))
        .collect()
}

const YES: Ended = Ended::Yes { at: None };

fn all() -> Order {
    Order::default()
}

impl Script {
    fn new(
        lists: impl IntoIterator<Item = Result<Vec<&'static str>, CallError>>,
        acts: impl IntoIterator<Item = Result<Ended, CallError>>,
    ) -> Self {
        Self {
            lists: Mutex::new(lists.into_iter().collect()),
            acts: Mutex::new(acts.into_iter().collect()),
            log: Log::default(),
        }
    }

    fn recorder(&self, full: bool) -> Recorder {
        let notes = Notes {
            log: Arc::clone(&self.log),
            full,
        };
        Recorder::start(Box::new(InOrder(vec![Box::new(notes)])), Durability::Batch, || 0).expect("a thread")
    }

    async fn run(&self, order: &Order) -> String {
        self.run_with(&task(), order, &Cap::new(None)).await
    }

    async fn run_with(&self, task: &Task, order: &Order, cap: &Cap) -> String {
        let recorder = self.recorder(false);
        told(&logout_user(self, task, order, Mode::Act(&recorder), cap).await)
    }

    fn sent(&self) -> String {
        self.log.lock().expect("no test panics while it logs").join(" ")
    }
}

fn told(result: &UserResult) -> String {
    match result {
        UserResult::Unread(error) => return format!("unread {}", error.call),
        UserResult::Drifted(drift) => {
            return format!(
                "drifted {}",
                drift.gone.len() + drift.left.len() + drift.new.len()
            );
        }
        UserResult::Unrecorded(_) => return "unrecorded".into(),
        UserResult::Read { .. } => {}
    }
    let told = result.devices().iter().map(|device| {
        let fate = match &device.fate {
            Fate::Ended {
                confirmed_by_reading: false,
                ..
            } => "ended",
            Fate::Ended {
                confirmed_by_reading: true,
                ..
            } => "gone",
            Fate::WouldEnd => "would-end",
            Fate::Kept => "kept",
            Fate::Gone => "gone-since",
            Fate::Failed(_) => "failed",
            Fate::NotTried => "not-tried",
        };
        format!("{} {fate}", device.choice.device.id)
    });
    told.collect::<Vec<_>>().join(", ")
}

impl SessionCalls for Script {
    async fn list_devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        add(&self.log, "list");
        let list = self
            .lists
            .lock()
            .unwrap()
            .pop_front()
            .expect("one more list than scripted")?;
        let device = |id| SeenDevice {
            id: DeviceId::parse(id).unwrap(),
            name: None,
            uuid: None,
            signed_in_at: None,
        };
        Ok(list.into_iter().map(device).collect())
    }

    async fn offline(&self, _: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        Ok(BTreeSet::new())
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        add(&self.log, "ALL");
        self.acts
            .lock()
            .unwrap()
            .pop_front()
            .expect("one more act than scripted")
    }

    async fn logout_device(&self, _: &UserId, device: &DeviceId) -> Result<Ended, CallError> {
        add(&self.log, device.to_string());
        self.acts
            .lock()
            .unwrap()
            .pop_front()
            .expect("one more act than scripted")
    }
}

fn unknown() -> CallError {
    CallError {
        outcome_unknown: true,
        ..CallError::new("sessions.logout_device", "test")
    }
}

fn ios() -> Order {
    Order {
        selection: Selection {
            platforms: vec!["ios".parse().expect("a platform")],
            ..Selection::default()
        },
        ..Order::default()
    }
}

#[tokio::test]
async fn nothing_online_sends_no_act() {
    let script = Script::new([Ok(vec![])], []);
    assert_eq!(script.run(&all()).await, "");
    assert_eq!(script.sent(), "list");
}

#[tokio::test]
async fn all_devices_take_one_call() {
    let script = Script::new([Ok(vec!["ios_1", "web_1"])], [Ok(YES)]);
    assert_eq!(script.run(&all()).await, "ios_1 ended, web_1 ended");
    assert_eq!(script.sent(), "list + ALL");
}

#[tokio::test]
async fn a_filter_names_each_victim() {
    let script = Script::new([Ok(vec!["ios_1", "ios_2", "web_1"])], [Ok(YES), Ok(YES)]);
    assert_eq!(script.run(&ios()).await, "ios_1 ended, ios_2 ended");
    assert_eq!(script.sent(), "list + ios_1 ios_2");
}

#[tokio::test]
async fn a_device_that_was_not_ended_and_is_still_there_has_failed() {
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec!["ios_1"])], [Ok(Ended::No)]);
    assert_eq!(script.run(&ios()).await, "ios_1 failed");
    assert_eq!(script.sent(), "list + ios_1 list");
}

#[tokio::test]
async fn a_device_that_left_by_itself_counts_as_ended() {
    for (selection, sent) in [(ios(), "list + ios_1 list"), (all(), "list + ALL list")] {
        let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Ok(Ended::No)]);
        assert_eq!(script.run(&selection).await, "ios_1 gone");
        assert_eq!(script.sent(), sent);
    }
}

#[tokio::test]
async fn a_dry_run_only_reads() {
    let script = Script::new([Ok(vec!["ios_1"])], []);
    let said = told(&logout_user(&script, &task(), &all(), Mode::DryRun, &Cap::new(None)).await);
    assert_eq!(
        (said.as_str(), script.sent().as_str()),
        ("ios_1 would-end", "list")
    );
}

#[tokio::test]
async fn the_cap_is_asked_before_the_act() {
    let script = Script::new([Ok(vec!["ios_1", "ios_2"])], []);
    let said = script.run_with(&task(), &all(), &Cap::new(Some(1))).await;
    assert_eq!(
        (said.as_str(), script.sent().as_str()),
        ("ios_1 not-tried, ios_2 not-tried", "list")
    );
}

#[tokio::test]
async fn an_unread_list_sends_no_act() {
    let script = Script::new([Err(CallError::new("devices.list", "test"))], []);
    assert_eq!(script.run(&all()).await, "unread devices.list");
    assert_eq!(script.sent(), "list");
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Err(unknown())]);
    assert_eq!(script.run(&all()).await, "ios_1 gone");
    assert_eq!(script.sent(), "list + ALL list");
}

#[tokio::test]
async fn after_a_lost_answer_newcomers_are_left_alone() {
    let lists = [Ok(vec!["ios_1", "web_1"]), Ok(vec!["web_1", "web_new"])];
    let script = Script::new(lists, [Err(unknown()), Ok(YES)]);
    assert_eq!(script.run(&all()).await, "ios_1 gone, web_1 ended");
    assert_eq!(script.sent(), "list + ALL list web_1");
}

#[tokio::test]
async fn after_a_lost_answer_one_call_is_enough_if_nobody_is_new() {
    let lists = [Ok(vec!["ios_1", "mac_1", "web_1"]), Ok(vec!["mac_1", "web_1"])];
    let script = Script::new(lists, [Err(unknown()), Ok(YES)]);
    assert_eq!(script.run(&all()).await, "ios_1 gone, mac_1 ended, web_1 ended");
    assert_eq!(script.sent(), "list + ALL list ALL");
}

#[tokio::test]
async fn repeats_are_bounded() {
    let lists = std::iter::repeat_with(|| Ok(vec!["ios_1"])).take(4);
    let script = Script::new(lists, [Err(unknown()), Err(unknown()), Err(unknown())]);
    assert_eq!(script.run(&ios()).await, "ios_1 failed");
    assert_eq!(script.sent(), "list + ios_1 list ios_1 list ios_1 list");
}

#[tokio::test]
async fn repeats_after_logout_all_are_bounded_alike() {
    let lists = std::iter::repeat_with(|| Ok(vec!["ios_1"])).take(4);
    let script = Script::new(lists, [Err(unknown()), Err(unknown()), Err(unknown())]);
    assert_eq!(script.run(&all()).await, "ios_1 failed");
    assert_eq!(script.sent(), "list + ALL list ALL list ALL list");
}

#[tokio::test]
async fn an_unreadable_list_leaves_the_outcome_open() {
    let script = Script::new(
        [Ok(vec!["ios_1"]), Err(CallError::new("devices.list", "test"))],
        [Err(unknown())],
    );
    let recorder = script.recorder(false);
    let result = logout_user(&script, &task(), &all(), Mode::Act(&recorder), &Cap::new(None)).await;
    let failure = result.failures().next().unwrap();
    assert!(failure.outcome_unknown && failure.retry_may_help);
    assert!(failure.message.contains("unknown"), "{}", failure.message);
}

#[tokio::test]
async fn a_device_that_just_left_counts_as_ended() {
    let missing = CallError {
        not_found: true,
        ..CallError::new("sessions.logout_device", "test")
    };
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Err(missing)]);
    assert_eq!(script.run(&ios()).await, "ios_1 gone");
}

#[tokio::test]
async fn a_refused_credential_spares_the_other_devices_the_call() {
    let refused = CallError {
        scope: Scope::Run,
        ..CallError::new("sessions.logout_device", "test")
    };
    let script = Script::new([Ok(vec!["ios_1", "ios_2"])], [Err(refused)]);
    assert_eq!(script.run(&ios()).await, "ios_1 failed, ios_2 not-tried");
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_sent() {
    let script = Script::new([Ok(vec!["ios_1"])], []);
    let recorder = script.recorder(true);
    let result = logout_user(&script, &task(), &all(), Mode::Act(&recorder), &Cap::new(None)).await;
    assert_eq!(
        (told(&result).as_str(), script.sent().as_str()),
        ("unrecorded", "list")
    );
}

#[tokio::test]
async fn an_earlier_attempt_is_finished_by_reading_first() {
    let earlier = Task {
        intended: Some(ids(&["ios_1", "web_1"])),
        ..task()
    };
    let script = Script::new([Ok(vec!["web_1", "web_new"])], [Ok(YES)]);
    // The cap is used up: devices that were counted earlier do not count again.
    let said = script.run_with(&earlier, &all(), &Cap::new(Some(0))).await;
    assert_eq!(said, "ios_1 gone, web_1 ended");
    assert_eq!(script.sent(), "list + web_1");
    let script = Script::new([Ok(vec![])], []);
    assert_eq!(
        script.run_with(&earlier, &all(), &Cap::new(None)).await,
        "ios_1 gone, web_1 gone"
    );
    assert_eq!(script.sent(), "list");
}

#[tokio::test]
async fn the_last_device_is_not_ended_although_it_was_planned() {
    let mut planned = task();
    planned.item.planned = Some(Planned {
        end: ids(&["web_1"]),
        keep: ids(&["web_2"]),
    });
    let order = |on_drift| Order {
        selection: Selection {
            min_surviving: 1,
            ..Selection::default()
        },
        on_drift,
    };
    for (on_drift, said) in [(OnDrift::Skip, "web_1 kept"), (OnDrift::Stop, "drifted 1")] {
        let script = Script::new([Ok(vec!["web_1"])], []);
        assert_eq!(
            script.run_with(&planned, &order(on_drift), &Cap::new(None)).await,
            said
        );
        assert_eq!(script.sent(), "list");
    }
}

#[tokio::test]
async fn drift_from_a_plan_stops_before_the_act_if_so_ordered() {
    let mut planned = task();
    planned.item.planned = Some(Planned {
        end: ids(&["ios_1", "web_1"]),
        keep: Vec::new(),
    });
    let stop = Order {
        on_drift: OnDrift::Stop,
        ..Order::default()
    };
    let script = Script::new([Ok(vec!["web_1", "web_new"])], []);
    assert_eq!(
        script.run_with(&planned, &stop, &Cap::new(None)).await,
        "drifted 2"
    );
    assert_eq!(script.sent(), "list");
    let script = Script::new([Ok(vec!["web_1", "web_new"])], [Ok(YES)]);
    let said = script.run_with(&planned, &all(), &Cap::new(None)).await;
    assert_eq!(said, "ios_1 gone-since, web_1 ended, web_new kept");
    assert_eq!(script.sent(), "list + web_1");
}

/// Runs a script, and returns why devices are still there.
async fn failures(script: &Script, order: &Order) -> Vec<CallError> {
    let recorder = script.recorder(false);
    let result = logout_user(script, &task(), order, Mode::Act(&recorder), &Cap::new(None)).await;
    result.failures().cloned().collect()
}

#[tokio::test]
async fn a_refusal_that_is_certain_needs_no_reading() {
    let refused = || CallError::new("sessions.logout_all", "refused");
    for (order, sent) in [(all(), "list + ALL"), (ios(), "list + ios_1")] {
        let script = Script::new([Ok(vec!["ios_1"])], [Err(refused())]);
        let failures = failures(&script, &order).await;
        assert_eq!((failures.len(), failures[0].message.as_str()), (1, "refused"));
        assert_eq!(script.sent(), sent);
    }
}

#[tokio::test]
async fn an_answer_without_effect_is_certain_even_if_the_list_cannot_be_read() {
    for order in [all(), ios()] {
        let unread = CallError::new("devices.list", "test");
        let script = Script::new([Ok(vec!["ios_1"]), Err(unread)], [Ok(Ended::No)]);
        let failure = failures(&script, &order).await.remove(0);
        assert_eq!((failure.status, failure.outcome_unknown), (Some(200), false));
        assert!(
            failure.message.ends_with("(result is false)"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn a_lost_answer_about_a_device_stays_open_if_the_list_cannot_be_read() {
    for order in [all(), ios()] {
        let lost = CallError {
            retry_may_help: false,
            given_up: true,
            ..unknown()
        };
        let unread = CallError {
            server_away: true,
            scope: Scope::Run,
            ..CallError::new("devices.list", "no list")
        };
        let script = Script::new([Ok(vec!["ios_1"]), Err(unread)], [Err(lost)]);
        let failure = failures(&script, &order).await.remove(0);
        assert!(
            failure.outcome_unknown && failure.retry_may_help && !failure.given_up,
            "{failure:?}"
        );
        assert!(failure.message.ends_with("no list"), "{}", failure.message);
        assert!(failure.server_away && failure.scope == Scope::Run, "{failure:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_about_a_device_that_is_gone_is_settled() {
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Err(unknown())]);
    assert_eq!(script.run(&ios()).await, "ios_1 gone");
    assert_eq!(script.sent(), "list + ios_1 list");
}

/// Says which list is asked for.
struct Lists(Log);

impl SessionCalls for Lists {
    async fn list_devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        add(&self.0, "named");
        Ok(Vec::new())
    }

    async fn list_devices_with_nameless(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        add(&self.0, "all");
        Ok(Vec::new())
    }

    async fn offline(&self, _: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        Ok(BTreeSet::new())
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        Ok(YES)
    }

    async fn logout_device(&self, _: &UserId, _: &DeviceId) -> Result<Ended, CallError> {
        Ok(YES)
    }
}

#[tokio::test]
async fn devices_without_a_name_matter_only_to_a_call_that_names_none() {
    let mut planned = task();
    planned.item.planned = Some(Planned {
        end: ids(&["ios_1"]),
        keep: Vec::new(),
    });
    for (task, order, asked) in [
        (task(), all(), "all"),
        (task(), ios(), "named"),
        (planned, all(), "named"),
    ] {
        let lists = Lists(Log::default());
        choose(&lists, &task, &order).await.unwrap();
        assert_eq!(*lists.0.lock().unwrap(), [asked]);
    }
}
