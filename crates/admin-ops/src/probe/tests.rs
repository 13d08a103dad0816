use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use easemob_admin_api::transport::clock::SystemClock;
use easemob_admin_api::{DisconnectVerb, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::calls::{Answer, Call, NoAnswer, Pace, ProbeCalls};
use super::capabilities::{
    BatchPool, BatchStatus, DeviceOrder, Lag, LargestBody, LastPage, LogoutAnswer, LogoutVerbs, RateLimit,
    RateRefusal, Refusal,
};
use super::cleaning::{NotDeleted, delete};
use super::devices::{Devices, NoDevices};
use super::throw_away::ThrowAway;
use super::{Answers, Asked, LONGEST, Probe, Question, USERS};

pub(super) fn ok(body: Value) -> Answer {
    Answer {
        status: 200,
        error: String::new(),
        by_the_service: true,
        retry_after: None,
        body,
    }
}

/// A refusal; the service writes none without an error type.
pub(super) fn no(status: u16, error: &str) -> Answer {
    Answer {
        status,
        error: error.into(),
        by_the_service: !error.is_empty(),
        retry_after: None,
        body: Value::Null,
    }
}

/// A server in memory, which does what its fields say.
struct Server {
    users: Mutex<Vec<String>>,
    /// Devices in the order of their sign-ins, and since when.
    devices: Mutex<Vec<(String, Instant)>>,
    sent: Mutex<Vec<Call>>,
    largest_body: usize,
    status_lag: Duration,
    verbs: LogoutVerbs,
    unknown_device: Answer,
    limit: usize,
    burst: Mutex<BTreeMap<u8, usize>>,
    order: DeviceOrder,
    missing_batch_status: bool,
    broken: bool,
}

impl Server {
    fn new(users: &[ThrowAway]) -> Self {
        Self {
            users: Mutex::new(users.iter().map(|user| user.name.clone()).collect()),
            devices: Mutex::default(),
            sent: Mutex::default(),
            largest_body: 5_000,
            status_lag: Duration::ZERO,
            verbs: LogoutVerbs {
                delete: true,
                get: true,
            },
            unknown_device: ok(json!({"data": {"result": false}})),
            limit: 30,
            burst: Mutex::default(),
            order: DeviceOrder::Other,
            missing_batch_status: false,
            broken: false,
        }
    }

    fn status(&self, user: &str) -> &'static str {
        let of_devices = user.ends_with("-2");
        let devices = self.devices.lock().unwrap();
        let shows = |since: &Instant| since.elapsed() >= self.status_lag;
        if of_devices && devices.iter().any(|(_, since)| shows(since)) {
            "online"
        } else {
            "offline"
        }
    }

    fn answer(&self, call: &Call) -> Answer {
        let result = |result: bool| ok(json!({"data": {"result": result}}));
        match call {
            Call::Statuses(_) if self.missing_batch_status => no(404, "service_resource_not_found"),
            Call::Statuses(names) => {
                if json!({ "usernames": names }).to_string().len() > self.largest_body {
                    return no(413, "");
                }
                let data: Vec<Value> = names
                    .iter()
                    .map(|name| json!({name: self.status(name)}))
                    .collect();
                ok(json!({ "data": data }))
            }
            Call::Status(user) => ok(json!({"data": {user: self.status(user)}})),
            Call::Devices(user) => {
                let devices = self.devices.lock().unwrap();
                let mut names: Vec<&String> = devices.iter().map(|(name, _)| name).collect();
                match self.order {
                    DeviceOrder::OldestFirst => {}
                    DeviceOrder::NewestFirst => names.reverse(),
                    DeviceOrder::Other => names.sort(),
                }
                let data: Vec<Value> = if user.ends_with("-2") {
                    names.iter().map(|name| json!({ "res": name })).collect()
                } else {
                    Vec::new()
                };
                ok(json!({ "data": data }))
            }
            Call::Users { limit, cursor } => {
                let users = self.users.lock().unwrap();
                let start: usize = cursor.as_ref().map_or(0, |cursor| cursor.parse().unwrap());
                let end = (start + usize::try_from(*limit).unwrap()).min(users.len());
                let next = (end < users.len()).then(|| end.to_string());
                ok(json!({"entities": users[start..end], "cursor": next}))
            }
            Call::LogoutAll(user) if self.users.lock().unwrap().contains(user) => result(true),
            Call::LogoutAll(_) => no(404, "service_resource_not_found"),
            Call::LogoutDevice { device, verb, .. } => {
                let known = match verb {
                    DisconnectVerb::Get => self.verbs.get,
                    _ => self.verbs.delete,
                };
                let mut devices = self.devices.lock().unwrap();
                let found = devices.iter().position(|(name, _)| name == device);
                match found {
                    _ if !known && self.unknown_device.status == 404 => self.unknown_device.clone(),
                    _ if !known => no(405, "Method Not Allowed"),
                    Some(index) => {
                        devices.remove(index);
                        result(true)
                    }
                    None => self.unknown_device.clone(),
                }
            }
            Call::Delete(user) => {
                let mut users = self.users.lock().unwrap();
                if self.broken {
                    return no(500, "no_full_text_index");
                }
                match users.iter().position(|name| name == user) {
                    Some(index) => {
                        users.remove(index);
                        ok(json!({}))
                    }
                    None => no(404, "service_resource_not_found"),
                }
            }
        }
    }
}

impl ProbeCalls for Server {
    async fn send(&self, call: &Call, pace: Pace) -> Result<Answer, NoAnswer> {
        self.sent.lock().unwrap().push(call.clone());
        if pace != Pace::Calm {
            let mut burst = self.burst.lock().unwrap();
            let count = burst.entry(pace as u8).or_default();
            *count += 1;
            if *count > self.limit {
                return Ok(Answer {
                    retry_after: Some(1),
                    ..no(429, "reach_limit")
                });
            }
        }
        Ok(self.answer(call))
    }

    async fn register(&self, name: &str, _: &SecretString) -> Result<(), NoAnswer> {
        self.users.lock().unwrap().push(name.to_owned());
        Ok(())
    }
}

struct Hands<'a>(&'a Server);

impl Devices for Hands<'_> {
    async fn sign_in(&mut self, _: &ThrowAway, resource: &str) -> Result<(), String> {
        let mut devices = self.0.devices.lock().unwrap();
        devices.push((resource.to_owned(), Instant::now()));
        Ok(())
    }

    async fn sign_out(&mut self) -> Result<(), String> {
        self.0.devices.lock().unwrap().clear();
        Ok(())
    }

    fn most(&self) -> usize {
        3
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

async fn ask_all<D: Devices>(server: &Server, users: &[ThrowAway], devices: D) -> (Vec<Asked>, Answers) {
    let count = server.users.lock().unwrap().len() as u64;
    let clock = SystemClock;
    let mut probe = Probe::new(
        server,
        &clock,
        devices,
        users,
        "probe-0a1b2c3d4e5f-0",
        Some(count),
    );
    let mut asked = Vec::new();
    for question in Question::ALL {
        asked.push(probe.ask(question).await);
    }
    let answers = probe.answers().clone();
    (asked, answers)
}

#[tokio::test(start_paused = true)]
async fn every_question_is_answered_within_its_time() {
    let (users, _) = ThrowAway::invent(USERS).unwrap();
    let server = Server::new(&users);
    let (asked, answers) = ask_all(&server, &users, Hands(&server)).await;
    for one in &asked {
        assert!(one.answer.is_some(), "{one:?}");
        assert!(one.elapsed < LONGEST, "{one:?}");
    }
    let expected = Answers {
        batch_status: Some(BatchStatus::Offline),
        largest_body: Some(LargestBody {
            accepted: 5_000,
            refused: Some(5_001),
        }),
        rate_limit: Some(RateLimit {
            passed: 30,
            refusal: Some(RateRefusal {
                status: 429,
                error: "reach_limit".into(),
                retry_after: Some(1),
            }),
            batch_status: Some(BatchPool {
                own: true,
                passed: 29,
                limited: true,
            }),
        }),
        logout_offline: Some(LogoutAnswer::Result(true)),
        logout_unknown_user: Some(LogoutAnswer::Refused(Refusal {
            status: 404,
            error: "service_resource_not_found".into(),
        })),
        logout_unknown_device: Some(LogoutAnswer::Result(false)),
        logout_verbs: Some(LogoutVerbs {
            delete: true,
            get: true,
        }),
        last_page: Some(LastPage::NoCursor),
        device_order: Some(DeviceOrder::Other),
        single_logout_ends: Some(true),
        sign_in_lag: answers.sign_in_lag,
        sign_out_lag: answers.sign_out_lag,
    };
    assert_eq!(answers, expected);
    let prompt = |lag: Option<Lag>| lag.is_some_and(|lag| !lag.is_longer_than(Duration::from_secs(1)));
    assert!(
        prompt(answers.sign_in_lag) && prompt(answers.sign_out_lag),
        "{answers:?}"
    );
    let sent = server.sent.lock().unwrap();
    let bursts = server.burst.lock().unwrap().values().sum::<usize>();
    assert!(
        sent.len() - bursts < 60,
        "{} calls besides the bursts",
        sent.len() - bursts
    );
}

#[tokio::test(start_paused = true)]
async fn without_devices_only_their_questions_stay_open() {
    let (users, _) = ThrowAway::invent(USERS).unwrap();
    let server = Server::new(&users);
    let (asked, answers) = ask_all(&server, &users, NoDevices("no devices".into())).await;
    let open: Vec<Question> = asked
        .iter()
        .filter(|one| one.answer.is_none())
        .map(|one| one.question)
        .collect();
    assert_eq!(
        open,
        [
            Question::SignInLag,
            Question::DeviceOrder,
            Question::SingleLogout,
            Question::SignOutLag
        ]
    );
    assert_eq!(answers.sign_in_lag, None);
    assert!(asked.iter().any(|one| one.basis == "no devices"));
}

#[tokio::test(start_paused = true)]
async fn a_lag_is_measured_and_not_waited_out() {
    for (lag, longer) in [(70, false), (5_000, true)] {
        let (users, _) = ThrowAway::invent(USERS).unwrap();
        let server = Server {
            status_lag: Duration::from_secs(lag),
            ..Server::new(&users)
        };
        let (asked, answers) = ask_all(&server, &users, Hands(&server)).await;
        match answers.sign_in_lag {
            Some(Lag::WithinMs(found)) => assert!(!longer && (69_000..72_000).contains(&found), "{found}"),
            Some(Lag::LongerThanMs(found)) => assert!(longer && found >= 100_000, "{found}"),
            None => panic!("{asked:?}"),
        }
        assert!(asked.iter().all(|one| one.elapsed < LONGEST), "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_tells_what_404_leaves_open() {
    let (users, _) = ThrowAway::invent(USERS).unwrap();
    let verbs = LogoutVerbs {
        delete: false,
        get: true,
    };
    let server = Server {
        verbs,
        unknown_device: no(404, "service_resource_not_found"),
        ..Server::new(&users)
    };
    let (asked, answers) = ask_all(&server, &users, Hands(&server)).await;
    let first = asked
        .iter()
        .find(|one| one.question == Question::LogoutVerbs)
        .unwrap();
    assert!(first.answer.is_none(), "{first:?}");
    assert_eq!(answers.logout_verbs, Some(verbs));
    assert_eq!(answers.single_logout_ends, Some(true));
}

#[tokio::test(start_paused = true)]
async fn missing_statuses_of_many_leave_two_questions_open_and_no_more() {
    let (users, _) = ThrowAway::invent(USERS).unwrap();
    let server = Server {
        missing_batch_status: true,
        order: DeviceOrder::NewestFirst,
        ..Server::new(&users)
    };
    let (_, answers) = ask_all(&server, &users, Hands(&server)).await;
    assert_eq!(answers.batch_status, Some(BatchStatus::Missing));
    assert_eq!(answers.largest_body, None);
    assert_eq!(answers.rate_limit.unwrap().batch_status, None);
    assert!(answers.sign_in_lag.is_some());
    assert_eq!(answers.device_order, Some(DeviceOrder::NewestFirst));
}

#[tokio::test(start_paused = true)]
async fn users_are_deleted_and_nobody_else_is() {
    let (users, _) = ThrowAway::invent(USERS).unwrap();
    let mut names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
    let server = Server::new(&users);
    server.users.lock().unwrap().push("ann".into());
    names.push("ann".into());
    let left = delete(&server, &SystemClock, &names).await;
    let left: Vec<&str> = left.iter().map(|NotDeleted { name, .. }| name.as_str()).collect();
    assert_eq!(left, ["ann"]);
    assert_eq!(*server.users.lock().unwrap(), ["ann"]);
    assert!(!server.sent.lock().unwrap().contains(&Call::Delete("ann".into())));
    assert!(delete(&server, &SystemClock, &names[..USERS]).await.is_empty());

    let broken = Server {
        broken: true,
        ..Server::new(&users)
    };
    let left = delete(&broken, &SystemClock, &names[..1]).await;
    assert_eq!(left[0].why, "500 no_full_text_index");
}
