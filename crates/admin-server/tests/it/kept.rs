//! What the pages of the console keep and ask for: versions of a policy, drafts, locks by their ends, and who is banned.

use reqwest::Method;
use serde_json::{Value, json};

use crate::served::{ADMIN, Answer, Served};

async fn ask(served: &Served, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
    served
        .ask(method, &format!("/v1/apps/chat/{path}"), Some(key), body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_keeps_its_versions_and_nobody_overwrites_one_unseen() {
    let served = Served::start().await;
    let save = async |policy: &str, after: Option<u64>| {
        let new = json!({"policy": policy, "after": after, "reason": "leak", "ticket": "SEC-1"});
        ask(&served, Method::POST, "limits/policies", ADMIN, Some(new)).await
    };
    let read = async |path: &str| ask(&served, Method::GET, path, ADMIN, None).await;
    assert_eq!(
        read("limits/policies/latest").await.expect(404).problem(),
        "no-such-policy"
    );
    assert_eq!(
        read("limits/policies").await.expect(200).json()["items"],
        json!([])
    );
    let first = save("default = 4\n", None).await.expect(201).json();
    assert_eq!(first["version"], 1);
    assert!(first["by"].as_str().is_some_and(|by| !by.is_empty()), "{first}");
    assert_eq!(
        save("default = 4\n", None).await.expect(200).json(),
        first,
        "sent twice"
    );
    assert_eq!(
        save("default = -1\n", Some(1)).await.expect(400).problem(),
        "bad-request"
    );
    assert_eq!(
        save("default = 2\n", None).await.expect(409).problem(),
        "newer-version"
    );
    for version in 2..=12 {
        let _ = save(&format!("default = {version}0\n"), Some(version - 1))
            .await
            .expect(201);
    }
    let page = read("limits/policies?limit=5").await.expect(200).json();
    let numbers = |page: &Value| -> Vec<u64> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["version"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&page), [12, 11, 10, 9, 8], "newest first");
    assert_eq!(page["items"][0]["policy"], Value::Null, "without their texts");
    let path = format!(
        "limits/policies?limit=100&after={}",
        page["next"].as_str().unwrap()
    );
    let rest = read(&path).await.expect(200).json();
    assert_eq!(
        (numbers(&rest), &rest["next"]),
        ((1..=7).rev().collect(), &Value::Null)
    );
    assert_eq!(
        read("limits/policies/1").await.expect(200).json()["policy"],
        "default = 4\n"
    );
    assert_eq!(
        read("limits/policies/latest").await.expect(200).json()["version"],
        12
    );
    assert_eq!(
        read("limits/policies/13").await.expect(404).problem(),
        "no-such-policy"
    );
    // Another app has none of them.
    let other = served
        .ask(Method::GET, "/v1/apps/other/limits/policies", Some(ADMIN), None)
        .await;
    assert_eq!(other.expect(200).json()["items"], json!([]));
    let trail = read("audit?all=true&order=newest&limit=1").await.expect(200).text;
    assert!(
        trail.contains("policy.kept") && trail.contains("SEC-1"),
        "{trail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_keep_a_policy_at_once_one_is_told() {
    let served = Served::start().await;
    let save = |default: u32| {
        let new = json!({"policy": format!("default = {default}\n"), "reason": "x"});
        ask(&served, Method::POST, "limits/policies", ADMIN, Some(new))
    };
    let answers = futures_util::future::join_all((1..=8).map(save)).await;
    let kept = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(kept, 1);
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_of_one_person_and_ends_by_itself() {
    let served = Served::start().await;
    let ann = served.key(&["sessions:plan"], &["chat"]).await;
    let bob = ADMIN;
    let list = "user\n".repeat(400_000);
    let made = ask(
        &served,
        Method::POST,
        "drafts",
        &ann,
        Some(json!({"content": {"list": list}})),
    )
    .await;
    let id = made.expect(201).json()["id"].as_str().unwrap().to_owned();
    let path = format!("drafts/{id}");
    let read = ask(&served, Method::GET, &path, &ann, None)
        .await
        .expect(200)
        .json();
    assert_eq!(read["content"]["list"].as_str().unwrap().len(), list.len());
    let until: jiff::Timestamp = read["until"].as_str().unwrap().parse().unwrap();
    let changed = ask(&served, Method::PUT, &path, &ann, Some(json!({"content": 7}))).await;
    let changed = changed.expect(200).json();
    assert_eq!(
        (&changed["content"], &changed["until"]),
        (&json!(7), &read["until"])
    );
    assert!(until > jiff::Timestamp::now());
    for (method, body) in [(Method::GET, None), (Method::PUT, Some(json!({"content": 8})))] {
        let answer = ask(&served, method, &path, bob, body).await.expect(404);
        assert_eq!(answer.problem(), "no-such-draft", "it is of somebody else");
    }
    let nobody = ask(&served, Method::GET, "drafts/x", &ann, None).await;
    assert_eq!(nobody.expect(404).problem(), "no-such-draft");
    let huge = json!({"content": "x".repeat(17 * 1024 * 1024)});
    let answer = ask(&served, Method::POST, "drafts", &ann, Some(huge)).await;
    assert_eq!(answer.expect(413).problem(), "too-large");
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_come_by_their_ends_and_bans_are_listed() {
    let served = Served::start().await;
    for user in ["ann", "bob", "cat", "dan", "eve"] {
        served.sandbox.register(user);
    }
    let act = async |action: Value, users: &[&str]| {
        let run = json!({"action": action, "users": users, "reason": "spam"});
        let made = ask(&served, Method::POST, "runs", ADMIN, Some(run))
            .await
            .expect(201)
            .json();
        let path = format!("runs/{}", made["id"].as_str().unwrap());
        for _ in 0..600 {
            if ask(&served, Method::GET, &path, ADMIN, None).await.json()["state"] == "done" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the run does not end");
    };
    let hours = |hours: i64| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
    for (user, end) in [("ann", 5), ("bob", 1), ("cat", 3)] {
        act(json!({"kind": "lock", "until": hours(end)}), &[user]).await;
    }
    act(json!({"kind": "ban"}), &["dan"]).await;
    let users = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().unwrap().iter();
        items
            .map(|item| item["user"].as_str().unwrap().to_owned())
            .collect()
    };
    let read = async |path: &str| {
        ask(&served, Method::GET, path, ADMIN, None)
            .await
            .expect(200)
            .json()
    };
    assert_eq!(users(&read("locks").await), ["ann", "bob", "cat"]);
    let page = read("locks?sort=until&limit=2").await;
    assert_eq!(users(&page), ["bob", "cat"]);
    let after = page["next"].as_str().unwrap();
    let rest = read(&format!("locks?sort=until&limit=2&after={after}")).await;
    assert_eq!(
        (users(&rest), &rest["next"]),
        (vec!["ann".to_owned()], &Value::Null)
    );
    let wrong = ask(&served, Method::GET, "locks?sort=until&after=ann", ADMIN, None).await;
    assert_eq!(wrong.expect(400).problem(), "bad-request");
    assert_eq!(
        users(&read("accounts?banned=true").await),
        ["ann", "bob", "cat", "dan"]
    );
    assert_eq!(users(&read("accounts?banned=false").await), ["eve"]);
    // A server that does not know the filter lists everybody: nobody is called banned for that.
    let everybody = json!({"entities": [{"username": "eve", "activated": true}], "count": 1}).to_string();
    let form = "application/json";
    served.sandbox.inject(easemob_admin_sandbox::Fault::raw_body(
        "users.list",
        form,
        &everybody,
    ));
    let answer = ask(&served, Method::GET, "accounts?banned=true", ADMIN, None).await;
    assert_eq!(answer.expect(422).problem(), "unsupported");
    let traffic = read("traffic").await;
    let accounts = traffic["pools"].as_array().unwrap().iter();
    let accounts = accounts.clone().find(|pool| pool["pool"] == "accounts").unwrap();
    assert!(accounts["calls"].as_u64().unwrap() > 5, "{traffic}");
}
