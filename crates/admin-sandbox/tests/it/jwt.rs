use easemob_admin_sandbox::JwtKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, START_MS, builder, refused};

// Made for these tests and used nowhere else.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIPR8wTuUzkdSxDeuyVXkmZzeSMXcCgXrcCP0G8U3ZoHm
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAhCbZyVyJYRoa8Dc4cVNdtuMJuu7Qvq5Mhn0AfwX9qEQ=
-----END PUBLIC KEY-----
";

fn signed(scope: &Value) -> String {
    let claims = json!({"sub": "ops", "scope": scope, "exp": START_MS / 1_000 + 60});
    let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
}

async fn trusting() -> Api {
    let api = Api::with(builder().jwt_key(JwtKey::ed25519(PUBLIC))).await;
    api.sandbox.register("ann");
    api
}

#[tokio::test]
async fn a_scope_opens_its_calls() {
    let api = trusting().await;
    for (scope, method, path, body) in [
        ("devices:read", Method::GET, "/users/ann/resources", None),
        ("devices:read", Method::GET, "/devices/limits", None),
        ("sessions:logout", Method::GET, "/users/ann/disconnect", None),
        (
            "sessions:logout",
            Method::DELETE,
            "/users/ann/disconnect/ios_1",
            None,
        ),
        (
            "limits:write",
            Method::PUT,
            "/devices/limits",
            Some(json!({"default": 4})),
        ),
        ("users:read", Method::GET, "/users/ann", None),
        ("users:write", Method::POST, "/users/ann/activate", None),
        (
            "users:write",
            Method::POST,
            "/mutes",
            Some(json!({"username": "ann", "chat": 1})),
        ),
    ] {
        for scope in [json!(scope), json!(["other", scope])] {
            let answer = api
                .as_holder(&signed(&scope), method.clone(), path, body.clone())
                .await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        let answer = api.as_holder(&signed(&json!("other")), method, path, body).await;
        assert_eq!(answer.error(), refused(401, "unauthorized"), "{path}");
        let text = format!("Subject does not have permission [ops:{scope}]");
        assert_eq!(answer.description(), text);
    }
}

#[tokio::test]
async fn a_signed_token_expires() {
    let api = trusting().await;
    let token = signed(&json!("users:read"));
    api.sandbox.advance(std::time::Duration::from_secs(60));
    let answer = api.as_holder(&token, Method::GET, "/users/ann", None).await;
    assert_eq!(
        answer.description(),
        "Unable to authenticate due to expired access token"
    );
}

#[tokio::test]
async fn a_key_must_be_trusted_first() {
    let api = Api::start().await;
    api.sandbox.register("ann");
    let token = signed(&json!("users:read"));
    let read = || api.as_holder(&token, Method::GET, "/users/ann", None);
    assert_eq!(read().await.error(), refused(401, "auth_bad_access_token"));
    let bad = json!({"algorithm": "EdDSA", "key": "rubbish"});
    assert_eq!(api.control(Method::POST, "jwt-keys", Some(bad)).await.status, 400);
    let key = json!({"algorithm": "EdDSA", "key": PUBLIC, "kid": "ops-1"});
    assert_eq!(
        api.control(Method::POST, "jwt-keys", Some(key)).await.json(),
        json!({"trusted": true})
    );
    assert_eq!(read().await.status, 200);
}

#[tokio::test]
async fn inherit_needs_the_scope_to_write() {
    let api = trusting().await;
    let body = json!({"grant_type": "inherit", "username": "ann", "autoCreateUser": false});
    for (scope, status) in [("users:read", 401), ("users:write", 200)] {
        let token = signed(&json!(scope));
        let answer = api
            .as_holder(&token, Method::POST, "/token", Some(body.clone()))
            .await;
        assert_eq!(answer.status, status);
    }
}
