use std::time::{Duration, Instant};

use easemob_admin_sandbox::Fault;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, finish, refused};

async fn online() -> Api {
    let api = Api::start().await;
    api.sandbox.register("ann");
    api.sandbox.sign_in("ann", "ios").unwrap();
    api
}

#[tokio::test]
async fn a_status_comes_with_its_error_and_headers() {
    let api = online().await;
    api.sandbox.inject(
        Fault::status("sessions.logout_all", 503)
            .header("retry-after", "2")
            .times(1),
    );
    let request = api
        .request(Method::GET, "/users/ann/disconnect")
        .bearer_auth(&api.token);
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"2".parse().unwrap())
    );
    assert_eq!(api.sandbox.devices("ann").len(), 1);
    assert_eq!(api.get("/users/ann/disconnect").await.status, 200);
    api.sandbox.inject(Fault::status("*", 429));
    assert_eq!(api.get("/users/ann").await.error(), refused(429, "reach_limit"));
    api.sandbox.clear_faults();
    assert_eq!(api.get("/users/ann").await.status, 200);
}

#[tokio::test]
async fn a_gateway_answers_html() {
    let api = online().await;
    api.sandbox.inject(
        Fault::raw_body("*", "text/html", "<h1>Bad gateway</h1>")
            .answer_status(502)
            .times(1),
    );
    let answer = api.get("/users/ann").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (502, "<h1>Bad gateway</h1>")
    );
}

#[tokio::test]
async fn a_cut_before_has_no_effect() {
    let api = online().await;
    api.sandbox
        .inject(Fault::cut_before("sessions.logout_all").times(1));
    let request = api
        .request(Method::GET, "/users/ann/disconnect")
        .bearer_auth(&api.token);
    assert!(request.send().await.is_err());
    assert_eq!(api.sandbox.devices("ann").len(), 1);
    assert_eq!(api.sandbox.calls().last().unwrap().status, 0);
    assert_eq!(api.sandbox.call_count("sessions.logout_all"), 1);
    assert_eq!(api.get("/users/ann/disconnect").await.status, 200);
}

#[tokio::test]
async fn a_cut_after_has_taken_effect() {
    let api = online().await;
    api.sandbox
        .inject(Fault::cut_after("sessions.logout_all").times(1));
    let request = api
        .request(Method::GET, "/users/ann/disconnect")
        .bearer_auth(&api.token);
    assert!(request.send().await.is_err());
    assert!(api.sandbox.devices("ann").is_empty());
    assert_eq!(api.sandbox.call_count("sessions.logout_all"), 1);
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_in_its_body() {
    let api = online().await;
    api.sandbox.inject(Fault::truncated("devices.list").times(1));
    let request = api
        .request(Method::GET, "/users/ann/resources")
        .bearer_auth(&api.token);
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.text().await.is_err());
    assert_eq!(api.get("/users/ann/resources").await.status, 200);
}

#[tokio::test]
async fn a_token_expires_for_one_call() {
    let api = online().await;
    api.sandbox.inject(Fault::expired_token("devices.list").times(1));
    let answer = api.get("/users/ann/resources").await;
    assert_eq!(
        answer.description(),
        "Unable to authenticate due to expired access token"
    );
    assert_eq!(api.get("/users/ann/resources").await.status, 200);
}

#[tokio::test]
async fn a_logout_may_not_happen() {
    let api = online().await;
    api.sandbox
        .inject(Fault::result_false("sessions.logout_all").times(1));
    assert_eq!(
        api.get("/users/ann/disconnect").await.data(),
        json!({"result": false})
    );
    assert_eq!(api.sandbox.devices("ann").len(), 1);
}

#[tokio::test]
async fn a_delay_holds_the_call_up() {
    let api = online().await;
    api.sandbox
        .inject(Fault::delay("*", Duration::from_millis(30)).on("GET", "/users/*/status"));
    let start = Instant::now();
    assert_eq!(api.get("/users/ann/status").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn faults_are_set_over_http() {
    let api = online().await;
    let fault = json!({"endpoint": "users.get", "kind": "status", "status": 500, "skip": 1, "times": 1});
    assert_eq!(api.control(Method::POST, "faults", Some(fault)).await.status, 200);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(api.get("/users/ann").await.status);
    }
    assert_eq!(statuses, [200, 500, 200]);
    let bad = api
        .control(Method::POST, "faults", Some(json!({"kind": "meteor"})))
        .await;
    assert_eq!(bad.status, 400);
    let nobody = json!({"endpoint": "user.get", "kind": "status", "status": 500});
    let nobody = api.control(Method::POST, "faults", Some(nobody)).await;
    assert_eq!(nobody.status, 400);
    let why = "the sandbox has no call `user.get`; did you mean `users.get`?";
    assert!(nobody.json().to_string().contains(why), "{}", nobody.json());
    api.sandbox.inject(Fault::cut_before("*"));
    assert_eq!(
        api.control(Method::DELETE, "faults", None).await.json(),
        json!({"faults": []})
    );
    assert_eq!(
        finish(api.request(Method::GET, "/users/ann").bearer_auth(&api.token))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn headers_that_would_break_the_connection_are_ignored() {
    let api = online().await;
    api.sandbox.inject(
        Fault::raw_body("users.get", "text/plain", "hello")
            .header("content-length", "7")
            .header("transfer-encoding", "chunked"),
    );
    for _ in 0..2 {
        let answer = api.get("/users/ann").await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "hello"));
    }
}

#[tokio::test]
async fn calls_that_are_held_up_are_seen_and_released() {
    const LONG: Duration = Duration::from_secs(60 * 60);
    let api = online().await;
    api.sandbox.inject(Fault::delay("users.get", LONG).times(1));
    api.sandbox
        .inject(Fault::delay_answer("sessions.logout_all", LONG).times(1));
    let held_are = async |count: usize| {
        while api.sandbox.held_calls() != count {
            tokio::task::yield_now().await;
        }
    };
    let both = async { tokio::join!(api.get("/users/ann"), api.get("/users/ann/disconnect")) };
    let released = async {
        held_are(2).await;
        assert_eq!(api.sandbox.call_count("users.get"), 0, "it has no effect yet");
        assert_eq!(api.sandbox.call_count("sessions.logout_all"), 1);
        assert!(
            api.sandbox.devices("ann").is_empty(),
            "only its answer is missing"
        );
        api.sandbox.release_calls();
        held_are(0).await;
    };
    let ((shown, ended), ()) = tokio::join!(both, released);
    assert_eq!((shown.status, ended.status), (200, 200));
    // A client that does not wait any longer holds nothing up.
    api.sandbox.inject(Fault::delay("users.get", LONG));
    tokio::select! {
        _ = api.get("/users/ann") => panic!("it is held up"),
        () = held_are(1) => {}
    }
    held_are(0).await;
}
