//! What somebody tries who is left to act alone on two users a day, and wants more; every attempt fails in both stores.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::approvals::{Ruled, id, ruled, ruled_at};
use crate::records::{Records, on_both_stores};
use crate::served::{ADMIN, Answer, read};

on_both_stores!(
    two_processes_that_race_leave_no_more_to_one_person,
    an_approval_that_is_used_twice_at_once_is_used_once,
    runs_that_wait_for_another_day_count_on_that_day,
    what_was_done_by_breaking_the_glass_counts,
    rights_that_were_taken_away_are_gone_between_request_and_decision,
    other_spellings_of_a_user_are_that_user,
    a_number_that_is_written_in_another_way_is_the_same_number,
    a_clock_that_goes_back_gives_no_second_day,
);

/// Sends a request to any process.
async fn ask(url: &str, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = http
        .request(method, format!("{url}{path}"))
        .header("authorization", format!("Bearer {key}"))
        .header("x-reason", "leak");
    let sent = match body {
        Some(body) => sent
            .header("content-type", "application/json")
            .body(body.to_string()),
        None => sent,
    };
    read(sent.send().await.unwrap()).await
}

async fn revoke(ruled: &Ruled, key: &str) {
    let id = key
        .trim_start_matches("ea_")
        .split('_')
        .next()
        .unwrap()
        .to_owned();
    let path = format!("/v1/keys/{id}");
    let _ = ruled
        .served
        .ask(Method::DELETE, &path, Some(ADMIN), None)
        .await
        .expect(200);
}

async fn two_processes_that_race_leave_no_more_to_one_person(records: Records) {
    // Two processes never share files.
    let shares = matches!(records, Records::Database(_));
    let ruled = ruled(records).await;
    let second_key = ruled.key(" ANN", json!(["sessions:apply"])).await;
    let replica = shares.then(|| ruled.served.replica(Timestamp::now));
    let other = replica.as_ref().map_or(&ruled.served.url, |replica| &replica.url);
    let calls = (0..12).map(|number| {
        let url = if number % 2 == 0 { &ruled.served.url } else { other };
        let key = if number % 3 == 0 { &second_key } else { &ruled.ann };
        let path = format!("/easemob-demo/sandbox/users/u{}/disconnect", number % 6 + 1);
        async move { ask(url, Method::GET, &path, key, None).await.status }
    });
    let mut statuses = join_all(calls).await;
    statuses.sort_unstable();
    assert_eq!(statuses[..3], [200, 200, 403], "{statuses:?}");
    assert_eq!(ruled.served.sandbox.call_count("sessions.logout_all"), 2);
    if let Some(replica) = replica {
        replica.stop().await;
    }
}

async fn an_approval_that_is_used_twice_at_once_is_used_once(records: Records) {
    let shares = matches!(records, Records::Database(_));
    let ruled = ruled(records).await;
    let replica = shares.then(|| ruled.served.replica(Timestamp::now));
    let other = replica.as_ref().map_or(&ruled.served.url, |replica| &replica.url);
    let held =
        json!({"action": {"kind": "ban"}, "users": ["u1", "u2", "u3"], "reason": "leak", "hold": true});
    let run = id(&ruled.post(&ruled.ann, "runs", held).await.expect(201));
    let start = format!("/v1/apps/chat/runs/{run}/start");
    let waits = ask(other, Method::POST, &start, &ruled.ann, Some(json!({}))).await;
    assert_eq!(waits.expect(409).problem(), "needs-approval");
    // Two decide at once, where one is needed.
    let approve = format!("/v1/apps/chat/approvals/{run}/approve");
    let decisions = [(&ruled.served.url, &ruled.bob), (other, &ruled.eve)].map(|(url, key)| {
        let approve = approve.clone();
        async move {
            let reason = Some(json!({"reason": "checked"}));
            ask(url, Method::POST, &approve, key, reason).await.status
        }
    });
    let mut decided = join_all(decisions).await;
    decided.sort_unstable();
    assert_eq!(decided, [200, 409], "one of them came too late");
    let starts = (0..6).map(|number| {
        let url = if number % 2 == 0 { &ruled.served.url } else { other };
        let (start, key) = (start.clone(), &ruled.ann);
        async move { ask(url, Method::POST, &start, key, Some(json!({}))).await.status }
    });
    let started = join_all(starts).await;
    assert!(started.contains(&202), "{started:?}");
    let ended = ruled.ended(&run).await;
    assert_eq!(ended["done"], 3, "{ended}");
    assert_eq!(ruled.served.sandbox.call_count("users.ban"), 3);
    if let Some(replica) = replica {
        replica.stop().await;
    }
}

/// The time of the tests of each kind of store, which run at once.
macro_rules! clock {
    ($now:ident, $clock_of:ident) => {
        static $now: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];

        fn $clock_of(records: &Records) -> (&'static AtomicI64, fn() -> Timestamp) {
            fn clock<const INDEX: usize>() -> Timestamp {
                Timestamp::from_second($now[INDEX].load(Ordering::SeqCst)).unwrap()
            }
            match records.index() {
                0 => (&$now[0], clock::<0>),
                _ => (&$now[1], clock::<1>),
            }
        }
    };
}

clock!(DAYS, days);
clock!(STEPS, steps);

async fn runs_that_wait_for_another_day_count_on_that_day(records: Records) {
    let (now, clock) = days(&records);
    let ruled = ruled_at(records, clock).await;
    let refused = easemob_admin_sandbox::Fault::status("users.ban", 403);
    ruled.served.sandbox.inject(refused);
    // Each is small enough for its day, and does nothing on it.
    let mut runs = Vec::new();
    for users in [["u1", "u2"], ["u3", "u4"]] {
        let run = id(&ruled.act(&ruled.ann, "ban", &users).await.expect(201));
        assert_eq!(ruled.ended(&run).await["done"], 0);
        runs.push(run);
        now.fetch_add(25 * 3_600, Ordering::SeqCst);
    }
    ruled.served.sandbox.clear_faults();
    let before = ruled.served.sandbox.call_count("users.ban");
    let retry = async |run: &str| {
        let failures = json!({"which": "all_failed"});
        ruled
            .post(&ruled.ann, &format!("runs/{run}/start"), failures)
            .await
    };
    // On a third day, both would be four users.
    let _ = retry(&runs[0]).await.expect(202);
    let refused = retry(&runs[1]).await.expect(409);
    assert_eq!(refused.problem(), "needs-approval", "{refused:?}");
    loop {
        let seen = ruled
            .served
            .get(&format!("/v1/apps/chat/runs/{}", runs[0]))
            .await
            .expect(200)
            .json();
        if seen["done"] == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(ruled.served.sandbox.call_count("users.ban"), before + 2);
}

async fn what_was_done_by_breaking_the_glass_counts(records: Records) {
    let ruled = ruled(records).await;
    let key = ruled
        .key("ann", json!(["users:write", "sessions:apply", "break-glass"]))
        .await;
    let loud = json!({"action": {"kind": "ban"}, "users": ["u1", "u2", "u3"], "reason": "attack", "break_glass": true});
    let broken = id(&ruled.post(&key, "runs", loud).await.expect(201));
    let _ = ruled.ended(&broken).await;
    let next = ruled.act(&ruled.ann, "ban", &["u4"]).await;
    assert_eq!(next.expect(202).json()["state"], "waiting_for_approval");
    let call = ruled.call(&ruled.ann, Method::POST, "/users/u5/deactivate").await;
    assert_eq!(call.status, 403, "{call:?}");
    assert_eq!(ruled.served.sandbox.call_count("users.ban"), 3);
}

async fn rights_that_were_taken_away_are_gone_between_request_and_decision(records: Records) {
    let ruled = ruled(records).await;
    let reason = || json!({"reason": "checked"});
    let asked = async || {
        let asked = ruled.act(&ruled.ann, "ban", &["u1", "u2", "u3"]).await;
        let run = id(&asked.expect(202));
        (format!("approvals/{run}/approve"), run)
    };
    let (approve, run) = asked().await;
    // An approver whose key is gone, or whose key is of another group now.
    revoke(&ruled, &ruled.bob).await;
    let gone = ruled.post(&ruled.bob, &approve, reason()).await;
    assert_eq!(gone.status, 401, "{gone:?}");
    let moved =
        json!({"owner": "bob", "scopes": ["sessions:approve"], "apps": ["chat"], "groups": ["support"]});
    let moved = ruled.served.post("/v1/keys", moved).await.expect(201).json()["secret"].clone();
    let moved = moved.as_str().unwrap();
    let counted = ruled.post(moved, &approve, reason()).await.expect(200);
    assert_eq!(counted.json()["state"], "pending");
    // Whoever asked has no key any more: the act is approved, and begins only when somebody begins it who may.
    revoke(&ruled, &ruled.ann).await;
    let approved = ruled.post(&ruled.eve, &approve, reason()).await.expect(200);
    assert_eq!(approved.json()["state"], "approved");
    let seen = ruled
        .served
        .get(&format!("/v1/apps/chat/runs/{run}"))
        .await
        .expect(200)
        .json();
    assert_ne!(seen["state"], "done", "{seen}");
    assert_eq!(ruled.served.sandbox.call_count("users.ban"), 0);
    let start = format!("runs/{run}/start");
    let gone = ruled.post(&ruled.ann, &start, json!({})).await;
    assert_eq!(gone.status, 401, "{gone:?}");
    let without = ruled.key("joe", json!(["sessions:approve"])).await;
    let refused = ruled.post(&without, &start, json!({})).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let _ = ruled.post(&ruled.joe, &start, json!({})).await.expect(202);
    assert_eq!(ruled.ended(&run).await["done"], 3);
}

async fn other_spellings_of_a_user_are_that_user(records: Records) {
    let ruled = ruled(records).await;
    for path in ["/users/U1/disconnect", "/users/%75%31/disconnect"] {
        let ended = ruled.call(&ruled.ann, Method::GET, path).await;
        assert_eq!(ended.status, 200, "{path}: {ended:?}");
    }
    let third = ruled.call(&ruled.ann, Method::GET, "/users/u1/disconnect").await;
    assert_eq!(third.status, 403, "{third:?}");
    let page = ruled
        .served
        .get("/v1/apps/chat/audit?user=u1&limit=1000")
        .await
        .expect(200)
        .json();
    let found = page["items"].as_array().unwrap().len();
    assert_eq!(found, 2, "both are found under the user's name: {page}");
}

async fn a_number_that_is_written_in_another_way_is_the_same_number(records: Records) {
    let ruled = ruled(records).await;
    let allowed = json!({"rules": [], "mass_deletions_a_day": 5});
    let put = ruled.served.ask(
        Method::PUT,
        "/v1/apps/chat/approval-rules",
        Some(ADMIN),
        Some(allowed),
    );
    let _ = put.await.expect(200);
    let key = ruled.key("eve", json!(["accounts:delete"])).await;
    for (query, status) in [
        ("", 403),
        ("?limit=6", 403),
        ("?limit=%2B6", 403),
        ("?limit=0", 400),
        ("?limit=-1", 400),
        ("?limit=1e0", 400),
        ("?limit=0x1", 400),
        ("?limit=%EF%BC%91", 400),
        ("?limit=", 400),
        ("?limit=18446744073709551616", 400),
        ("?limit=1&limit=100", 400),
        ("?Limit=1", 400),
        ("?limit=%2B0002", 200),
    ] {
        let deleted = ruled.call(&key, Method::DELETE, &format!("/users{query}")).await;
        assert_eq!(deleted.status, status, "{query}: {deleted:?}");
    }
    let left = ruled
        .call(ADMIN, Method::GET, "/users?limit=100")
        .await
        .expect(200)
        .json();
    assert_eq!(left["entities"].as_array().unwrap().len(), 4, "two were deleted");
}

async fn a_clock_that_goes_back_gives_no_second_day(records: Records) {
    let (now, clock) = steps(&records);
    let ruled = ruled_at(records, clock).await;
    for user in ["u1", "u2"] {
        let path = format!("/users/{user}/disconnect");
        let _ = ruled.call(&ruled.ann, Method::GET, &path).await.expect(200);
    }
    for step in [-3_600, -23 * 3_600, 3_600] {
        now.fetch_add(step, Ordering::SeqCst);
        let more = ruled.call(&ruled.ann, Method::GET, "/users/u3/disconnect").await;
        assert_eq!(more.status, 403, "{step}: {more:?}");
    }
    assert_eq!(ruled.served.sandbox.call_count("sessions.logout_all"), 2);
}
