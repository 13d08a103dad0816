//! Processes of the service that are killed while they send a call of the vendor: what became of it is unknown, and on record.

use std::thread;

use easemob_admin_sandbox::Fault;
use serde_json::{Value, json};

use super::env::{STUCK, TestEnv, until};
use super::service::{Service, ask_with};
use super::vendor_calls::key;
use crate::cluster::TestDatabase;

const CALL: &str = "sessions.logout_all";

/// Signs a user out by the vendor's call, and does not wait for the answer.
fn sign_out(service: &Service, key: &str, user: &str) {
    let (address, user) = (service.address.clone(), user.to_owned());
    let head = format!("authorization: Bearer {key}\r\nx-reason: leak\r\n");
    thread::spawn(move || {
        let path = format!("/acme/chat/users/{user}/disconnect");
        let _ = ask_with(&address, "GET", &path, &head, "");
    });
}

/// Starts a service that can be asked as often as a test asks that waits for something.
fn serve(env: &TestEnv, data: &str) -> Service {
    Service::start(env, data, &["--key-rate", "0"])
}

fn entries(service: &Service) -> Vec<Value> {
    let page = service.ask("GET", "/v1/apps/default/audit?all=true&limit=1000", &Value::Null);
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["items"].as_array().unwrap().clone()
}

/// Returns the id of the operation that is on record last, if there is one.
fn last_operation(service: &Service) -> Option<String> {
    let all = entries(service);
    let mut ids = all
        .iter()
        .filter_map(|entry| entry["details"]["operation"].as_str());
    ids.next_back().map(str::to_owned)
}

fn operation(service: &Service, id: &str) -> Value {
    service
        .ask("GET", &format!("/v1/apps/default/operations/{id}"), &Value::Null)
        .json()
}

/// What the trail has of an operation, as kinds and outcomes.
fn recorded(service: &Service, id: &str) -> Vec<String> {
    let all = entries(service);
    let of_it = all.iter().filter(|entry| entry["details"]["operation"] == id);
    of_it
        .map(|entry| {
            let outcome = entry["outcome"].as_str().unwrap_or_default();
            format!("{} {outcome}", entry["kind"].as_str().unwrap())
        })
        .collect()
}

fn ruled(service: &Service) -> String {
    let rules =
        json!({"rules": [{"verbs": ["logout"], "over_users": 1, "needs": [{"group": "leads", "count": 1}]}]});
    let put = service.ask("PUT", "/v1/apps/default/approval-rules", &rules);
    assert_eq!(put.status, 200, "{put:?}");
    key(service, "ann", &json!({"scopes": ["sessions:apply"]})).1
}

fn refused(service: &Service, key: &str) -> u16 {
    let head = format!("authorization: Bearer {key}\r\nx-reason: leak\r\n");
    let again = ask_with(
        &service.address,
        "GET",
        "/acme/chat/users/bob/disconnect",
        &head,
        "",
    );
    again.unwrap().status
}

#[test]
fn after_a_restart_the_call_of_a_killed_process_is_unknown() {
    let env = TestEnv::new();
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    let mut service = serve(&env, "service-data");
    let key = ruled(&service);
    env.sandbox().inject(Fault::delay(CALL, STUCK).times(1));
    sign_out(&service, &key, "ann");
    until("a call that is held up", || env.sandbox().held_calls() > 0);
    let id = last_operation(&service).unwrap();
    assert_eq!(operation(&service, &id)["state"], "sent");
    service.process.kill().unwrap();
    let _ = service.process.wait();
    env.sandbox().release_calls();
    let service = serve(&env, "service-data");
    until("the call is unknown", || {
        operation(&service, &id)["state"] == "unknown"
    });
    assert_eq!(recorded(&service, &id), ["intent ", "outcome unknown"]);
    // Whoever sends it again finds that the day is used up.
    assert_eq!(refused(&service, &key), 403);
    // The one that was held up was given up before it counted.
    assert_eq!(env.sandbox().call_count(CALL), 0, "nothing is sent again");
    // A second restart has nothing to settle.
    drop(service);
    let service = serve(&env, "service-data");
    assert_eq!(recorded(&service, &id), ["intent ", "outcome unknown"]);
}

#[test]
fn another_process_answers_for_a_killed_one() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::new();
    env.set("EASEMOB_STORE", &database.url());
    let _ = env.run(&["store", "init"]).expect(0);
    for user in ["ann", "bob"] {
        env.online(user, &["ios_1"]);
    }
    let (mut first, second) = (serve(&env, "first"), serve(&env, "second"));
    let key = ruled(&first);
    env.sandbox().inject(Fault::delay(CALL, STUCK).times(1));
    sign_out(&first, &key, "ann");
    until("a call that is held up", || env.sandbox().held_calls() > 0);
    // It is asked for where it was not sent, while it is sent.
    let id = last_operation(&second).unwrap();
    let seen = operation(&second, &id);
    assert_eq!((&seen["state"], &seen["by"]), (&json!("sent"), &json!("ann")));
    assert_eq!(
        refused(&second, &key),
        403,
        "the day is counted for all processes"
    );
    first.process.kill().unwrap();
    let _ = first.process.wait();
    env.sandbox().release_calls();
    assert_eq!(operation(&second, &id)["state"], "sent", "it may live");
    // As if the time had passed in which it would have been heard of.
    let over = "DELETE FROM easemob_admin.document WHERE kind = 'lease' AND id LIKE 'process/%'";
    database.run(over);
    until("the call is unknown", || {
        operation(&second, &id)["state"] == "unknown"
    });
    assert_eq!(recorded(&second, &id), ["intent ", "outcome unknown"]);
    assert_eq!(refused(&second, &key), 403);
    assert_eq!(env.sandbox().call_count(CALL), 0, "nothing is sent again");
    let data = env.path("second");
    let variables = [("EASEMOB_DATA_DIR", data.to_str().unwrap())];
    let _ = TestEnv::finish(env.spawn_with(&variables, &["audit", "verify"])).expect(0);
}

#[test]
fn a_call_that_was_killed_while_it_waited_is_not_sent_and_not_forgotten() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::new();
    env.set("EASEMOB_STORE", &database.url());
    let _ = env.run(&["store", "init"]).expect(0);
    env.online("ann", &["ios_1"]);
    let (mut first, second) = (serve(&env, "first"), serve(&env, "second"));
    let key = ruled(&first);
    // The server asks for a pause, which is as long as a call waits for its turn.
    let pause = Fault::status("devices.list", 429)
        .header("retry-after", "2")
        .times(1);
    env.sandbox().inject(pause);
    let paused = first.ask("GET", "/acme/chat/users/ann/resources", &Value::Null);
    assert_eq!(paused.status, 429, "{paused:?}");
    sign_out(&first, &key, "ann");
    until("it is known", || last_operation(&second).is_some());
    let id = last_operation(&second).unwrap();
    until("it is on record", || !recorded(&second, &id).is_empty());
    first.process.kill().unwrap();
    let _ = first.process.wait();
    database.run("DELETE FROM easemob_admin.document WHERE kind = 'lease' AND id LIKE 'process/%'");
    until("it is known that nothing is known", || {
        operation(&second, &id)["state"] != "sent"
    });
    assert_eq!(recorded(&second, &id).len(), 2);
    assert_eq!(env.sandbox().call_count(CALL), 0, "nobody sends it");
    // On a machine that is slow, it had given up before it was killed, and does not count then.
    let (state, counts) = (
        operation(&second, &id)["state"].clone(),
        refused(&second, &key) == 403,
    );
    assert!(state == "not_sent" || (state == "unknown" && counts), "{state}");
}
