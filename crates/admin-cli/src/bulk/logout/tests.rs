//! The job against scripted calls: what is sent, and what is concluded.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;

/// Answers from a script and writes down what was asked.
#[derive(Default)]
struct Script {
    lists: RefCell<VecDeque<Result<Vec<&'static str>, CallError>>>,
    acts: RefCell<VecDeque<Result<Ended, CallError>>>,
    log: RefCell<Vec<String>>,
}

impl Script {
    fn new(
        lists: impl IntoIterator<Item = Result<Vec<&'static str>, CallError>>,
        acts: impl IntoIterator<Item = Result<Ended, CallError>>,
    ) -> Self {
        Self {
            lists: RefCell::new(lists.into_iter().collect()),
            acts: RefCell::new(acts.into_iter().collect()),
            log: RefCell::default(),
        }
    }

    async fn run(&self, selection: &Selection) -> String {
        self.run_with(selection, Mode::Act, &Cap::new(None)).await
    }

    async fn run_with(&self, selection: &Selection, mode: Mode, cap: &Cap) -> String {
        let user = UserId::parse("ann").unwrap();
        match logout_user(self, &user, selection, mode, cap).await {
            UserResult::Unread(error) => format!("unread {}", error.call),
            UserResult::Read(devices) => devices
                .iter()
                .map(|device| {
                    let fate = match &device.fate {
                        Fate::Ended {
                            confirmed_by_reading: false,
                        } => "ended",
                        Fate::Ended {
                            confirmed_by_reading: true,
                        } => "gone",
                        Fate::WouldEnd => "would-end",
                        Fate::Kept => "kept",
                        Fate::Failed(_) => "failed",
                        Fate::NotTried => "not-tried",
                    };
                    format!("{} {fate}", device.choice.device.id)
                })
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    fn sent(&self) -> String {
        self.log.borrow().join(" ")
    }
}

impl SessionCalls for Script {
    async fn list_devices(&self, _: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        self.log.borrow_mut().push("list".into());
        let list = self
            .lists
            .borrow_mut()
            .pop_front()
            .expect("one more list than scripted")?;
        let device = |id| SeenDevice {
            id: DeviceId::parse(id).unwrap(),
            name: None,
            uuid: None,
        };
        Ok(list.into_iter().map(device).collect())
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        self.log.borrow_mut().push("ALL".into());
        self.acts
            .borrow_mut()
            .pop_front()
            .expect("one more act than scripted")
    }

    async fn logout_device(&self, _: &UserId, device: &DeviceId) -> Result<Ended, CallError> {
        self.log.borrow_mut().push(device.to_string());
        self.acts
            .borrow_mut()
            .pop_front()
            .expect("one more act than scripted")
    }
}

fn unknown() -> CallError {
    CallError {
        outcome_unknown: true,
        ..CallError::for_test("sessions.logout_device")
    }
}

fn ios() -> Selection {
    Selection::Platform("ios".parse().unwrap())
}

#[tokio::test]
async fn nothing_online_sends_no_act() {
    let script = Script::new([Ok(vec![])], []);
    assert_eq!(script.run(&Selection::All).await, "");
    assert_eq!(script.sent(), "list");
}

#[tokio::test]
async fn all_devices_take_one_call() {
    let script = Script::new([Ok(vec!["ios_1", "web_1"])], [Ok(Ended::Yes)]);
    assert_eq!(script.run(&Selection::All).await, "ios_1 ended, web_1 ended");
    assert_eq!(script.sent(), "list ALL");
}

#[tokio::test]
async fn a_filter_names_each_victim() {
    let script = Script::new(
        [Ok(vec!["ios_1", "ios_2", "web_1"])],
        [Ok(Ended::Yes), Ok(Ended::Yes)],
    );
    assert_eq!(script.run(&ios()).await, "ios_1 ended, ios_2 ended, web_1 kept");
    assert_eq!(script.sent(), "list ios_1 ios_2");
}

#[tokio::test]
async fn a_device_that_was_not_ended_and_is_still_there_has_failed() {
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec!["ios_1"])], [Ok(Ended::No)]);
    assert_eq!(script.run(&ios()).await, "ios_1 failed");
    assert_eq!(script.sent(), "list ios_1 list");
}

#[tokio::test]
async fn a_device_that_left_by_itself_counts_as_ended() {
    for (selection, sent) in [(ios(), "list ios_1 list"), (Selection::All, "list ALL list")] {
        let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Ok(Ended::No)]);
        assert_eq!(script.run(&selection).await, "ios_1 gone");
        assert_eq!(script.sent(), sent);
    }
}

#[tokio::test]
async fn a_dry_run_only_reads() {
    let script = Script::new([Ok(vec!["ios_1"])], []);
    let said = script
        .run_with(&Selection::All, Mode::DryRun, &Cap::new(None))
        .await;
    assert_eq!(
        (said.as_str(), script.sent().as_str()),
        ("ios_1 would-end", "list")
    );
}

#[tokio::test]
async fn the_cap_is_asked_before_the_act() {
    let script = Script::new([Ok(vec!["ios_1", "ios_2"])], []);
    let said = script
        .run_with(&Selection::All, Mode::Act, &Cap::new(Some(1)))
        .await;
    assert_eq!(
        (said.as_str(), script.sent().as_str()),
        ("ios_1 not-tried, ios_2 not-tried", "list")
    );
}

#[tokio::test]
async fn an_unread_list_sends_no_act() {
    let script = Script::new([Err(CallError::for_test("devices.list"))], []);
    assert_eq!(script.run(&Selection::All).await, "unread devices.list");
    assert_eq!(script.sent(), "list");
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Err(unknown())]);
    assert_eq!(script.run(&Selection::All).await, "ios_1 gone");
    assert_eq!(script.sent(), "list ALL list");
}

#[tokio::test]
async fn after_a_lost_answer_newcomers_are_left_alone() {
    let lists = [Ok(vec!["ios_1", "web_1"]), Ok(vec!["web_1", "web_new"])];
    let script = Script::new(lists, [Err(unknown()), Ok(Ended::Yes)]);
    assert_eq!(script.run(&Selection::All).await, "ios_1 gone, web_1 ended");
    assert_eq!(script.sent(), "list ALL list web_1");
}

#[tokio::test]
async fn repeats_are_bounded() {
    let lists = std::iter::repeat_with(|| Ok(vec!["ios_1"])).take(4);
    let script = Script::new(lists, [Err(unknown()), Err(unknown()), Err(unknown())]);
    assert_eq!(script.run(&ios()).await, "ios_1 failed");
    assert_eq!(script.sent(), "list ios_1 list ios_1 list ios_1 list");
}

#[tokio::test]
async fn repeats_after_logout_all_are_bounded_alike() {
    let lists = std::iter::repeat_with(|| Ok(vec!["ios_1"])).take(4);
    let script = Script::new(lists, [Err(unknown()), Err(unknown()), Err(unknown())]);
    assert_eq!(script.run(&Selection::All).await, "ios_1 failed");
    assert_eq!(script.sent(), "list ALL list ios_1 list ios_1 list");
}

#[tokio::test]
async fn an_unreadable_list_leaves_the_outcome_open() {
    let script = Script::new(
        [Ok(vec!["ios_1"]), Err(CallError::for_test("devices.list"))],
        [Err(unknown())],
    );
    let user = UserId::parse("ann").unwrap();
    let result = logout_user(&script, &user, &Selection::All, Mode::Act, &Cap::new(None)).await;
    let failure = result.failures().next().unwrap();
    assert!(failure.outcome_unknown && failure.retry_may_help);
    assert!(failure.message.contains("unknown"), "{}", failure.message);
}

#[tokio::test]
async fn a_device_that_just_left_counts_as_ended() {
    let missing = CallError {
        not_found: true,
        ..CallError::for_test("sessions.logout_device")
    };
    let script = Script::new([Ok(vec!["ios_1"]), Ok(vec![])], [Err(missing)]);
    assert_eq!(script.run(&ios()).await, "ios_1 gone");
}

#[tokio::test]
async fn a_refused_credential_spares_the_other_devices_the_call() {
    let refused = CallError {
        scope: Scope::Run,
        ..CallError::for_test("sessions.logout_device")
    };
    let script = Script::new([Ok(vec!["ios_1", "ios_2"])], [Err(refused)]);
    assert_eq!(script.run(&ios()).await, "ios_1 failed, ios_2 not-tried");
}
