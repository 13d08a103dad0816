//! Signing in as the vendor's programs do: what the token is worth, and how long.

use std::sync::atomic::{AtomicI64, Ordering};

use easemob_admin_sandbox::Sandbox;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::records::{Home, Records, on_both_stores};
use crate::served::{Answer, Served};

on_both_stores!(
    a_token_stands_for_its_key_and_is_worth_no_more,
    whoever_is_not_the_key_gets_no_token,
    a_token_ends_after_a_day_and_never_after_its_key,
);

const ROOT: &str = "/easemob-demo/sandbox";

async fn sign_in(served: &Served, id: &str, secret: &str, more: Value) -> Answer {
    let mut body = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    served
        .ask(Method::POST, &format!("{ROOT}/token"), None, Some(body))
        .await
}

async fn key(served: &Served, more: Value) -> (String, String) {
    let mut body = json!({"owner": "backend", "scopes": ["devices:read", "sessions:apply"], "apps": ["chat"], "reason": "nightly"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = served.post("/v1/keys", body).await.expect(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["key"]["id"]), text(&made["secret"]))
}

fn token(answer: Answer) -> String {
    answer.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn reads(served: &Served, token: &str) -> u16 {
    let path = format!("{ROOT}/users/ann/resources");
    served.ask(Method::GET, &path, Some(token), None).await.status
}

async fn a_token_stands_for_its_key_and_is_worth_no_more(records: Records) {
    let served = Served::start_in(records).await;
    served.sandbox.register("ann");
    let (id, secret) = key(&served, json!({})).await;
    let signed_in = sign_in(&served, &id, &secret, json!({"ttl": "3600"}))
        .await
        .expect(200);
    assert_eq!(signed_in.json()["expires_in"], 3600);
    let token = token(signed_in);
    assert_eq!(
        served.sandbox.call_count("token"),
        0,
        "the app's token is not asked for"
    );
    assert_eq!(reads(&served, &token).await, 200);
    let act = |path: &str, method: Method| {
        let (path, token) = (format!("{ROOT}{path}"), token.clone());
        let served = &served;
        async move { served.ask(method, &path, Some(&token), None).await.status }
    };
    assert_eq!(act("/users/ann/disconnect", Method::GET).await, 200);
    assert_eq!(
        act("/users/ann/deactivate", Method::POST).await,
        401,
        "a scope that the key has not"
    );
    // It is for the calls of the vendor to this app, and for nothing else.
    for path in ["/v1/apps", "/v1/apps/chat/users/ann/devices", "/v1/keys"] {
        let refused = served.ask(Method::GET, path, Some(&token), None).await;
        assert_eq!(refused.status, 401, "{path}");
    }
    let elsewhere = served
        .ask(
            Method::GET,
            "/easemob-demo/sandbox-other/users/ann",
            Some(&token),
            None,
        )
        .await;
    assert_eq!(elsewhere.status, 404);
    let revoked = served
        .ask(
            Method::DELETE,
            &format!("/v1/keys/{id}"),
            Some(crate::served::ADMIN),
            None,
        )
        .await;
    let _ = revoked.expect(200);
    assert_eq!(reads(&served, &token).await, 401, "it dies with its key");
    assert_eq!(sign_in(&served, &id, &secret, json!({})).await.status, 400);
    let kept = match &served.home.records {
        Records::Files => std::fs::read(served.home.path().join("service.sqlite")).unwrap(),
        Records::Database(database) => database
            .run("SELECT string_agg(body::text, ' ') FROM easemob_admin.document")
            .concat()
            .into_bytes(),
    };
    let secret_part = token.splitn(3, '_').last().unwrap();
    assert!(
        !kept
            .windows(secret_part.len())
            .any(|part| part == secret_part.as_bytes())
    );
}

async fn whoever_is_not_the_key_gets_no_token(records: Records) {
    let served = Served::start_in(records).await;
    let (id, secret) = key(&served, json!({})).await;
    let (other, other_secret) = key(&served, json!({"apps": ["other"]})).await;
    let app = (
        served.sandbox.client_id().to_owned(),
        served.sandbox.client_secret().to_owned(),
    );
    for (client, secret) in [
        (id.as_str(), "ea_x_0123456789abcdef0123456789abcdef"),
        (other.as_str(), secret.as_str()),
        (id.as_str(), other_secret.as_str()),
        (id.as_str(), ""),
        ("", ""),
        (app.0.as_str(), app.1.as_str()),
    ] {
        let refused = sign_in(&served, client, secret, json!({})).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]),
            (400, &json!("invalid_grant")),
            "{client}"
        );
        assert!(secret.is_empty() || !refused.text.contains(secret));
    }
    assert_eq!(
        sign_in(&served, &other, &other_secret, json!({})).await.status,
        404,
        "a key for another app"
    );
    // Tokens of users would work without the service.
    for grant in ["inherit", "password", "agora"] {
        let more = json!({"grant_type": grant, "username": "ann", "autoCreateUser": true, "password": "x"});
        let refused = sign_in(&served, &id, &secret, more).await;
        assert_eq!(
            (refused.status, &refused.json()["error"]),
            (400, &json!("invalid_grant")),
            "{grant}"
        );
    }
    for ttl in [json!("soon"), json!(-1), json!([])] {
        assert_eq!(
            sign_in(&served, &id, &secret, json!({"ttl": ttl})).await.status,
            400
        );
    }
    assert_eq!(served.sandbox.total_calls(), 0);
}

/// The time of the tests in each kind of store, which run at once.
static NOW: [AtomicI64; 2] = [const { AtomicI64::new(1_800_000_000) }; 2];

fn clock_of(records: &Records) -> (&'static AtomicI64, fn() -> Timestamp) {
    fn clock<const INDEX: usize>() -> Timestamp {
        Timestamp::from_second(NOW[INDEX].load(Ordering::SeqCst)).unwrap()
    }
    match records.index() {
        0 => (&NOW[0], clock::<0>),
        _ => (&NOW[1], clock::<1>),
    }
}

async fn a_token_ends_after_a_day_and_never_after_its_key(records: Records) {
    let (now, clock) = clock_of(&records);
    let served = Served::start_with(Sandbox::start().await.unwrap(), Home::of(records), clock);
    served.sandbox.register("ann");
    let lives = |answer: &Answer| answer.json()["expires_in"].as_u64().unwrap();
    let (id, secret) = key(&served, json!({})).await;
    // The vendor's tokens with 0 live for ever.
    for ttl in [json!({}), json!({"ttl": 0}), json!({"ttl": 10_000_000})] {
        assert_eq!(
            lives(&sign_in(&served, &id, &secret, ttl).await.expect(200)),
            86_400
        );
    }
    let short = token(sign_in(&served, &id, &secret, json!({"ttl": 60})).await);
    let long = token(sign_in(&served, &id, &secret, json!({})).await);
    let ends = (clock() + SignedDuration::from_secs(90)).to_string();
    let (mortal, mortal_secret) = key(&served, json!({"expires": ends})).await;
    let of_mortal = sign_in(&served, &mortal, &mortal_secret, json!({}))
        .await
        .expect(200);
    assert!(lives(&of_mortal) <= 90);
    now.fetch_add(61, Ordering::SeqCst);
    assert_eq!(
        (reads(&served, &short).await, reads(&served, &long).await),
        (401, 200)
    );
    now.fetch_add(86_400, Ordering::SeqCst);
    assert_eq!(reads(&served, &long).await, 401);
}
