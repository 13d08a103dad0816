//! Phases against a server in memory: which calls they make, and whom they leave out.

use crate::schedule::concurrency::Traffic;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use easemob_admin_api::{DeviceId, UserId};
use proptest::prelude::*;
use tokio::sync::watch;

use super::*;
use crate::run::basis::Basis;
use crate::schedule::concurrency::Concurrency;
use crate::schedule::pipeline::{Cause, Wish};
use crate::schedule::tally::Settled;
use crate::server::calls::{CallError, Ended, Scope, SeenDevice};

/// What a user is on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Online,
    Offline,
    /// Online, and reported as offline whenever it is asked.
    Hidden,
    /// Offline when it is asked first, and online afterwards.
    Late,
    Missing,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Sent {
    statuses: u64,
    /// How often each device list was read.
    lists: BTreeMap<String, u64>,
    pages: u64,
}

impl Sent {
    fn reads(&self) -> u64 {
        self.lists.values().sum()
    }
}

/// How the server answers a call for statuses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Statuses {
    #[default]
    Answered,
    NotThere,
    /// Every second call fails.
    EverySecondFails,
}

struct Server {
    users: BTreeMap<String, Is>,
    statuses: Statuses,
    sent: Mutex<Sent>,
    asked: Mutex<BTreeMap<String, u64>>,
}

impl Server {
    fn new(users: impl IntoIterator<Item = (String, Is)>) -> Self {
        Self {
            users: users.into_iter().collect(),
            statuses: Statuses::Answered,
            sent: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    fn sent(&self) -> Sent {
        self.sent.lock().unwrap().clone()
    }

    fn is(&self, user: &UserId) -> Is {
        self.users[user.as_str()]
    }
}

impl SessionCalls for Server {
    async fn list_devices(&self, user: &UserId) -> Result<Vec<SeenDevice>, CallError> {
        *self
            .sent
            .lock()
            .unwrap()
            .lists
            .entry(user.to_string())
            .or_default() += 1;
        tokio::task::yield_now().await;
        let device = SeenDevice {
            id: DeviceId::parse("ios_1").unwrap(),
            name: None,
            uuid: None,
            signed_in_at: None,
        };
        match self.is(user) {
            Is::Online | Is::Hidden | Is::Late => Ok(vec![device]),
            Is::Offline => Ok(Vec::new()),
            Is::Missing => Err(CallError {
                not_found: true,
                retry_may_help: false,
                ..CallError::new("devices.list", "no such user")
            }),
        }
    }

    async fn offline(&self, users: &[UserId]) -> Result<BTreeSet<UserId>, CallError> {
        let count = {
            let mut sent = self.sent.lock().unwrap();
            sent.statuses += 1;
            sent.statuses
        };
        tokio::task::yield_now().await;
        match self.statuses {
            Statuses::NotThere => {
                return Err(CallError {
                    scope: Scope::Run,
                    ..CallError::new("users.statuses", "there is no such call")
                });
            }
            Statuses::EverySecondFails if count.is_multiple_of(2) => {
                return Err(CallError::new("users.statuses", "busy"));
            }
            Statuses::EverySecondFails | Statuses::Answered => {}
        }
        let mut asked = self.asked.lock().unwrap();
        let mut offline = |user: &&UserId| {
            let before = asked.entry(user.to_string()).or_default();
            *before += 1;
            match self.is(user) {
                Is::Online => false,
                Is::Late => *before == 1,
                Is::Offline | Is::Hidden | Is::Missing => true,
            }
        };
        Ok(users.iter().filter(|user| offline(user)).cloned().collect())
    }

    async fn logout_all(&self, _: &UserId) -> Result<Ended, CallError> {
        unreachable!("these tests only read")
    }

    async fn logout_device(&self, _: &UserId, _: &DeviceId) -> Result<Ended, CallError> {
        unreachable!("these tests only read")
    }
}

impl ListingCalls for Server {
    async fn users_page(&self, cursor: Option<&str>) -> Result<(Vec<UserId>, Option<String>), CallError> {
        self.sent.lock().unwrap().pages += 1;
        let start: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let exist = self.users.iter().filter(|(_, is)| **is != Is::Missing);
        let names: Vec<UserId> = exist
            .map(|(name, _)| UserId::parse(name.as_str()).unwrap())
            .collect();
        let end = (start + 100).min(names.len());
        let next = (end < names.len()).then(|| end.to_string());
        Ok((names[start..end].to_vec(), next))
    }
}

/// What was found about a user: the basis, how many devices, or the error.
type Found = (String, Basis, Result<usize, String>);

#[derive(Default)]
struct Observed {
    found: Vec<Found>,
    advanced: u64,
    again: u64,
    warnings: u64,
    stop_after: Option<(u64, watch::Sender<Wish>)>,
}

impl Observer<Found> for Observed {
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    fn report(&mut self, reports: Vec<Found>) -> ControlFlow<Stop> {
        self.found.extend(reports);
        ControlFlow::Continue(())
    }

    fn advance(&mut self, users: u64) {
        self.advanced += users;
        if let Some((after, wish)) = &self.stop_after
            && self.advanced >= *after
        {
            wish.send_replace(Wish::Drain(Cause::Signal));
        }
    }

    fn again(&mut self, users: u64) {
        self.again += users;
    }

    fn status_is_wrong(&mut self, _: &str, _: u64) {
        self.warnings += 1;
    }

    fn rest(&mut self) -> ControlFlow<Stop> {
        ControlFlow::Continue(())
    }
}

impl Observed {
    /// Returns how many users have this basis.
    fn on(&self, basis: Basis) -> u64 {
        self.found.iter().filter(|(_, found, _)| *found == basis).count() as u64
    }
}

struct Outcome {
    report: Option<StatusReport>,
    observed: Observed,
    ended: crate::schedule::run_loop::Ended,
}

fn name(number: usize) -> String {
    format!("user{number:05}")
}

fn users(all: &[Is]) -> Vec<(String, Is)> {
    all.iter()
        .enumerate()
        .map(|(number, is)| (name(number), *is))
        .collect()
}

const FIRST: Reading = Reading {
    when: When::Always,
    check_names: false,
    again: false,
};

async fn run(server: &Server, reading: Reading, stop_after: Option<u64>) -> Outcome {
    let (wish, wished) = watch::channel(Wish::Run);
    let mut observed = Observed {
        stop_after: stop_after.map(|after| (after, wish.clone())),
        ..Observed::default()
    };
    let mut run_loop = RunLoop::new(wished, Concurrency::Fixed(7));
    let task = |(number, user): (u64, &String)| {
        let user = UserId::parse(user.as_str()).unwrap();
        Ok(Task::fresh(Item::new(number, number + 1, user)))
    };
    let tasks = (0..).zip(server.users.keys()).map(task);
    let work = async |task: Task| {
        let read = crate::server::calls::devices_of(server, &task).await;
        let settled = match &read {
            Ok(devices) if devices.is_empty() => Settled::NothingToDo,
            Ok(_) => Settled::Done,
            Err(error) => Settled::of_error(error),
        };
        let found = read.map(|devices| devices.len()).map_err(|error| error.message);
        Done::settled(
            vec![(task.item.user.to_string(), task.known.basis(), found)],
            settled,
        )
    };
    let users = server.users.len() as u64;
    let status_first = StatusFirst::new(server, reading, users, 7);
    let report = status_first
        .phase(&mut run_loop, tasks, work, |_| Vec::new(), &mut observed)
        .await;
    Outcome {
        report,
        observed,
        ended: run_loop.finish(),
    }
}

/// The most calls that reading takes, by the formula in the documentation of the module.
fn most_calls(users: u64, online: u64) -> u64 {
    let offline = users - online;
    let sample = if users <= 10_000 {
        // One in each block, and completed at the end.
        50 + offline.div_ceil((users / 50).max(1))
    } else {
        50.max(offline.div_ceil(200)) + 1
    };
    users.div_ceil(100) + online + sample.min(offline)
}

#[tokio::test]
async fn calls_are_few_whatever_the_share_online() {
    for share in [0, 5, 50, 100] {
        let is = |number: usize| {
            if number % 100 < share {
                Is::Online
            } else {
                Is::Offline
            }
        };
        let server = Server::new(users(&(0..20_000).map(is).collect::<Vec<_>>()));
        let Outcome {
            report,
            observed,
            ended,
            ..
        } = run(&server, FIRST, None).await;
        let (sent, report) = (server.sent(), report.unwrap());
        let online = 200 * share as u64;
        assert_eq!(
            (ended.tally.done, ended.tally.nothing_to_do),
            (online, 20_000 - online),
            "{share} %"
        );
        assert_eq!(
            (ended.stop.is_none(), observed.found.len()),
            (true, 20_000),
            "{share} %"
        );
        assert_eq!(sent.statuses, 200, "{share} %");
        assert!(
            sent.reads() + 200 <= most_calls(20_000, online),
            "{share} %: {}",
            sent.reads()
        );
        assert!(
            sent.lists.values().all(|times| *times == 1),
            "nobody is read twice"
        );
        assert_eq!(observed.advanced, 20_000, "{share} %");
        assert_eq!(
            observed.on(Basis::Status),
            report.reported_offline - report.sample,
            "{share} %"
        );
        assert_eq!(
            report.names_unchecked,
            report.reported_offline - report.sample,
            "{share} %"
        );
        assert_eq!(report.wrong_about, None);
    }
}

#[tokio::test]
async fn a_status_that_is_wrong_is_noticed_and_everybody_is_read() {
    // Of 20,000 users, 100 are read: a status that is wrong about one in twenty goes unnoticed once in 170 runs.
    for hidden in [50, 100, 500] {
        let is = |number: usize| {
            if number % 1_000 < hidden {
                Is::Hidden
            } else {
                Is::Offline
            }
        };
        let server = Server::new(users(&(0..20_000).map(is).collect::<Vec<_>>()));
        let Outcome {
            report,
            observed,
            ended,
        } = run(&server, FIRST, None).await;
        assert_eq!(
            (ended.tally.done, ended.tally.settled()),
            (20 * hidden as u64, 20_000),
            "{hidden}"
        );
        assert_eq!(observed.on(Basis::Status), 0, "nobody is concluded to be offline");
        assert_eq!((observed.warnings, observed.found.len()), (1, 20_000));
        assert_eq!(observed.advanced, 20_000 + observed.again);
        let wrong = report.unwrap().wrong_about.unwrap();
        assert_eq!(server.users[&wrong], Is::Hidden);
    }
}

#[tokio::test]
async fn who_signs_in_in_between_is_no_proof_of_a_wrong_status() {
    let is = |number: usize| {
        if number.is_multiple_of(2) {
            Is::Late
        } else {
            Is::Offline
        }
    };
    let server = Server::new(users(&(0..1_000).map(is).collect::<Vec<_>>()));
    let Outcome { report, ended, .. } = run(&server, FIRST, None).await;
    let report = report.unwrap();
    assert_eq!(report.wrong_about, None);
    assert!(
        ended.tally.done > 10 && ended.tally.done < 50,
        "those of the sample"
    );
    // Each of them is read again after the status was asked for again.
    assert!(server.sent().lists.values().all(|times| *times <= 2));

    let server = Server::new(users(&(0..1_000).map(is).collect::<Vec<_>>()));
    let again = Reading { again: true, ..FIRST };
    let Outcome {
        report,
        ended,
        observed,
    } = run(&server, again, None).await;
    assert_eq!(ended.tally.done, 500, "all of them have appeared by the end");
    assert_eq!(observed.on(Basis::DevicesAgain), report.unwrap().appeared);
    assert_eq!(observed.advanced, 1_000);
}

#[tokio::test]
async fn a_name_that_does_not_exist_has_all_names_checked() {
    let is = |number: usize| match number % 20 {
        0 => Is::Online,
        1..4 => Is::Missing,
        _ => Is::Offline,
    };
    let server = Server::new(users(&(0..4_000).map(is).collect::<Vec<_>>()));
    let Outcome {
        report,
        ended,
        observed,
    } = run(&server, FIRST, None).await;
    let sent = server.sent();
    assert_eq!((ended.tally.failed_final, ended.tally.done), (600, 200));
    assert_eq!(ended.tally.settled(), 4_000);
    assert_eq!((sent.pages, report.unwrap().names_unchecked), (34, 0));
    // Those online, the sample, and each name that is not in the list.
    assert!(sent.reads() < 200 + 600 + 150, "{}", sent.reads());
    assert_eq!(observed.found.len(), 4_000);
}

#[tokio::test]
async fn a_few_unknown_names_escape_the_sample_unless_all_are_checked() {
    let is = |number: usize| if number == 77 { Is::Missing } else { Is::Offline };
    let all = users(&(0..20_000).map(is).collect::<Vec<_>>());
    let server = Server::new(all.clone());
    let Outcome { report, ended, .. } = run(&server, FIRST, None).await;
    assert_eq!(
        (ended.tally.failed_final, report.unwrap().names_unchecked),
        (0, 19_900)
    );
    let server = Server::new(all);
    let checked = Reading {
        check_names: true,
        ..FIRST
    };
    let Outcome {
        report,
        ended,
        observed,
    } = run(&server, checked, None).await;
    assert_eq!(
        (ended.tally.failed_final, report.unwrap().names_unchecked),
        (1, 0)
    );
    assert_eq!(server.sent().pages, 200);
    let found = observed.found.iter().filter(|(_, _, found)| found.is_err());
    assert_eq!(
        found.map(|(user, ..)| user.as_str()).collect::<Vec<_>>(),
        [name(77)]
    );
}

#[tokio::test]
async fn if_the_app_is_much_larger_than_the_list_the_names_are_read() {
    let mut server = Server::new(users(&[Is::Offline; 60]));
    server
        .users
        .extend((60..10_000).map(|number| (format!("zz{number}"), Is::Online)));
    // Only the first 60 are on the list.
    let listed: Vec<String> = server.users.keys().take(60).cloned().collect();
    let mut listing = Listing::of(listed.iter().zip(0..).map(|(user, number)| {
        Ok(Item::new(
            number,
            number + 1,
            UserId::parse(user.as_str()).unwrap(),
        ))
    }))
    .unwrap();
    let (_wish, wished) = watch::channel(Wish::Run);
    let mut run_loop = RunLoop::new(wished, Concurrency::Fixed(4));
    listing
        .read(&server, &mut run_loop, &mut Observed::default())
        .await;
    assert_eq!((listing.missing(), server.sent().pages), (None, 30));
}

#[tokio::test]
async fn without_statuses_everybody_is_read_once() {
    for (statuses, calls) in [(Statuses::NotThere, 7), (Statuses::EverySecondFails, 12)] {
        let is = |number: usize| {
            if number.is_multiple_of(3) {
                Is::Online
            } else {
                Is::Offline
            }
        };
        let mut server = Server::new(users(&(0..1_200).map(is).collect::<Vec<_>>()));
        server.statuses = statuses;
        let Outcome {
            report,
            ended,
            observed,
        } = run(&server, FIRST, None).await;
        assert_eq!(
            (ended.tally.done, ended.tally.settled()),
            (400, 1_200),
            "{statuses:?}"
        );
        assert!(
            server.sent().statuses <= calls,
            "{statuses:?}: {}",
            server.sent().statuses
        );
        assert!(server.sent().lists.values().all(|times| *times == 1));
        assert_eq!(
            report.unwrap().unavailable.is_some(),
            statuses == Statuses::NotThere
        );
        assert_eq!((observed.found.len(), observed.advanced), (1_200, 1_200));
    }
}

#[tokio::test]
async fn a_short_list_is_read_without_asking() {
    for (users_of_list, statuses) in [(500, 0), (501, 6)] {
        let server = Server::new(users(&vec![Is::Offline; users_of_list]));
        let Outcome { report, .. } = run(&server, Reading::default(), None).await;
        assert_eq!(
            (server.sent().statuses, report.is_some()),
            (statuses, statuses > 0)
        );
    }
}

#[tokio::test]
async fn nothing_is_concluded_about_anybody_if_the_run_stops_early() {
    let is = |number: usize| {
        if number.is_multiple_of(10) {
            Is::Online
        } else {
            Is::Offline
        }
    };
    let server = Server::new(users(&(0..5_000).map(is).collect::<Vec<_>>()));
    let Outcome { ended, observed, .. } = run(&server, FIRST, Some(2_000)).await;
    assert!(
        matches!(ended.stop, Some(Stop::Wished(Cause::Signal))),
        "{:?}",
        ended.stop
    );
    assert_eq!(observed.on(Basis::Status), 0);
    assert!(ended.tally.settled() < 1_000);
    // Line 1 is online and done; somewhere after it is the first who is reported as offline.
    let first = ended.first_line_not_started.unwrap();
    assert!((1..=3).contains(&first), "{first}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whoever is online when it is asked is found, whoever does not exist is never taken for read, everybody has one
    /// result, and no more calls are sent than the formula says if the statuses are right.
    #[test]
    fn everybody_has_one_result(
        mix in proptest::collection::vec(
            prop_oneof![8 => Just(Is::Offline), 3 => Just(Is::Online), 1 => Just(Is::Late), 1 => Just(Is::Hidden), 1 => Just(Is::Missing)],
            1..6,
        ),
        count in 1_usize..1_500,
        check_names: bool,
        again: bool,
    ) {
        let all: Vec<Is> = (0..count).map(|number| mix[number * 7 % mix.len()]).collect();
        let server = Server::new(users(&all));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let reading = Reading { when: When::Always, check_names, again };
        let Outcome { report, observed, ended } = runtime.block_on(run(&server, reading, None));
        let report = report.unwrap();
        prop_assert!(ended.stop.is_none());
        let mut found = BTreeMap::new();
        for (user, basis, result) in observed.found {
            prop_assert!(found.insert(user, (basis, result)).is_none(), "two results");
        }
        prop_assert_eq!(found.len(), count);
        for (user, (basis, result)) in &found {
            match server.users[user] {
                Is::Online => prop_assert_eq!(result, &Ok(1)),
                Is::Offline => prop_assert_eq!(result, &Ok(0)),
                // A sample that large does not miss them all, so everybody is read.
                Is::Hidden => prop_assert_eq!(result, &Ok(1)),
                Is::Late => prop_assert!(*basis == Basis::Status || *result == Ok(1)),
                // The statuses are wrong, and everybody is read; or the sample contains one, and all are checked.
                Is::Missing => prop_assert!(result.is_err()),
            }
        }
        let right = all.iter().all(|is| matches!(is, Is::Online | Is::Offline));
        if right && !check_names && !again {
            let online = all.iter().filter(|is| **is == Is::Online).count() as u64;
            let sent = server.sent();
            prop_assert!(sent.statuses + sent.reads() <= most_calls(count as u64, online));
        }
        prop_assert!(report.sample <= report.reported_offline);
    }
}
