//! The engine as a service uses it: in memory, against the sandbox.

use std::pin::pin;
use std::sync::Arc;

use easemob_admin_api::{AppRoot, Client, Credentials};
use easemob_admin_audit::{Event as AuditEvent, Kind, Outcome, Verifier};
use easemob_admin_sandbox::Sandbox;
use futures_util::{StreamExt as _, stream};

use super::*;
use crate::locks::memory::MemoryLockStores;
use crate::logins::store::memory::MemoryLoginStores;
use crate::run::job::Action;
use crate::run::memory::MemoryRuns;
use crate::run::new::Mandate;
use crate::select::ages::IdStamps;
use crate::select::selection::Selection;
use crate::server::client::Server;

const USERS: [&str; 3] = ["ann", "bob", "eve"];

struct Service {
    sandbox: Sandbox,
    client: Client,
    runs: MemoryRuns,
    target: Target,
    ops: Operations<Server>,
}

async fn service() -> Service {
    let sandbox = Sandbox::start().await.unwrap();
    for user in USERS {
        sandbox.register(user);
        sandbox.sign_in(user, "ios").unwrap();
    }
    let credentials = Credentials::client_secret(sandbox.client_id(), sandbox.client_secret());
    let client = Client::builder(AppRoot::parse(&sandbox.app_root()).unwrap())
        .credentials(credentials)
        .build()
        .unwrap();
    let runs = MemoryRuns::default();
    let target = Target::of(client.app_root());
    let ops = Operations::new(
        Server::new(client.clone(), Arc::new(IdStamps)),
        Stores::new(
            runs.clone(),
            MemoryLockStores::default(),
            MemoryLoginStores::default(),
        ),
        target.clone(),
        Operator::named("a-service", "here"),
    );
    Service {
        sandbox,
        client,
        runs,
        target,
        ops,
    }
}

fn logout() -> NewRun {
    let selection = Selection::default();
    let reason = Some("a test".to_owned());
    NewRun::new(
        Action::Logout { selection },
        Mandate {
            reason,
            ..Mandate::default()
        },
    )
}

fn users() -> impl Stream<Item = io::Result<UserId>> {
    stream::iter(USERS.map(|name| UserId::parse(name).map_err(io::Error::other)))
}

fn one_at_a_time() -> Options {
    Options {
        concurrency: Concurrency::Fixed(1),
        ..Options::default()
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn a_run_that_was_drained_is_gone_on_with_and_everybody_is_logged_out_once() {
    let Service {
        sandbox,
        client,
        runs,
        target,
        ops,
    } = service().await;
    let run = is_send(ops.new_run(logout(), users())).await.unwrap();
    let id = RunId::parse(&run.header.run).unwrap();
    assert_eq!(
        sandbox.call_count("sessions.logout_all"),
        0,
        "nothing is sent yet"
    );
    let (events, stop) = ops.execute(run, one_at_a_time());
    let mut events = pin!(is_send(events));
    let Some(Ok(Event::Item(_))) = events.next().await else {
        panic!("the first user is reported")
    };
    stop.drain();
    let mut ended = None;
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
        if let Event::Ended(report) = event {
            ended = Some(report);
        }
    }
    let ended = ended.unwrap();
    assert!(!ended.is_complete() && ended.not_started > 0, "{ended:?}");
    assert_eq!(ended.stopped.unwrap().reason, "interrupted");

    // Requests of the service outside the run are not cancelled.
    assert!(
        client
            .list_devices(&UserId::parse("ann").unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    let run = ops.open(&id).unwrap();
    assert!(matches!(ops.open(&id), Err(RunError::Busy(..))));
    let report = is_send(ops.work_to_the_end(run, one_at_a_time())).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.users, ended.not_started);
    assert_eq!(sandbox.call_count("sessions.logout_all"), 3);

    let outcomes = runs.trail(&target, |trail| {
        let mut verifier = Verifier::new("memory", trail.key(), trail.heads());
        for (segment, line) in trail.lines() {
            assert!(verifier.line(segment, line).is_continue());
        }
        let found = verifier.finish();
        assert!(found.holds(), "{:?}", found.problems);
        let events = trail
            .lines()
            .filter_map(|(_, line)| serde_json::from_slice::<AuditEvent>(line).ok());
        // An attempt that was given up before it was sent is on record, too.
        let outcomes =
            events.filter(|event| event.kind == Kind::Outcome && event.outcome == Some(Outcome::Ended));
        outcomes.filter_map(|event| event.user).collect::<Vec<_>>()
    });
    let mut outcomes = outcomes.unwrap();
    outcomes.sort();
    assert_eq!(outcomes, USERS);
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_a_run_to_go_on_with() {
    let Service { sandbox, ops, .. } = service().await;
    let run = ops.new_run(logout(), users()).await.unwrap();
    let id = RunId::parse(&run.header.run).unwrap();
    {
        let (events, _stop) = ops.execute(run, one_at_a_time());
        let _ = pin!(events).next().await;
    }
    // The recorder releases the run when its thread has ended.
    let run = loop {
        match ops.open(&id) {
            Err(RunError::Busy(..)) => tokio::task::yield_now().await,
            opened => break opened.unwrap(),
        }
    };
    let report = ops.work_to_the_end(run, Options::default()).await.unwrap();
    assert_eq!(report.tally.done, report.users);
    for user in USERS {
        assert!(sandbox.devices(user).is_empty(), "{user}");
    }
    assert_eq!(sandbox.call_count("sessions.logout_all"), 3);
}

#[tokio::test]
async fn users_that_cannot_be_read_leave_no_run() {
    let Service { sandbox, ops, .. } = service().await;
    let broken = users().chain(stream::iter([Err(io::Error::other("the queue is gone"))]));
    let error = ops.new_run(logout(), broken).await.unwrap_err();
    assert!(matches!(error, RunError::Io { .. }), "{error:?}");
    assert!(ops.stores.runs().list().unwrap().is_empty());
    assert_eq!(sandbox.call_count("devices.list"), 0);
}
