use easemob_admin_sandbox::Webhook;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::api::{Api, builder, refused};

/// Answers posts with these statuses, one connection each, and returns the bodies.
async fn receive(listener: &TcpListener, statuses: &[u16]) -> Vec<Value> {
    let mut bodies = Vec::new();
    for status in statuses {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        while !text.ends_with('}') {
            let mut part = [0; 4_096];
            let read = socket.read(&mut part).await.unwrap();
            text.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
        let answer = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        bodies.push(serde_json::from_str(body).unwrap());
    }
    bodies
}

async fn stored(api: &Api) -> Value {
    api.get("/callbacks/storage/info").await.data()
}

#[tokio::test]
async fn what_a_receiver_did_not_take_is_stored_and_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let api = Api::with(builder().webhook(Webhook::new(&url, "s"))).await;
    api.sandbox.register("ann");
    assert_eq!(stored(&api).await, json!([]));
    api.sandbox.sign_in_as("ann", "ios_1").unwrap();
    // Once, and once more; then it is stored.
    let refused_posts = receive(&listener, &[500, 500]).await;
    while stored(&api).await == json!([]) {
        tokio::task::yield_now().await;
    }
    // 14 November 2023, 22:13 UTC.
    assert_eq!(
        stored(&api).await,
        json!([{"date": "202311142210", "size": 1, "retry": 0}])
    );
    let retry = json!({"date": "202311142210", "retry": 0});
    assert_eq!(
        api.post("/callbacks/storage/retry", retry.clone()).await.data(),
        "success"
    );
    let taken = receive(&listener, &[500]).await;
    assert_eq!(taken[0], refused_posts[0]);
    while stored(&api).await[0]["size"] != 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stored(&api).await[0]["retry"], 1);
    let elsewhere = json!({"date": "202311142210", "targetUrl": url});
    assert_eq!(
        api.post("/callbacks/storage/retry", elsewhere).await.data(),
        "success"
    );
    receive(&listener, &[200]).await;
    while stored(&api).await != json!([]) {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        api.post("/callbacks/storage/retry", retry).await.error(),
        refused(400, "illegal_argument")
    );
}

#[tokio::test]
async fn nothing_is_stored_where_that_is_not_bought() {
    let api = Api::with(builder().callback_storage(false)).await;
    assert_eq!(
        api.get("/callbacks/storage/info").await.error(),
        refused(403, "forbidden_op")
    );
    let retry = api
        .post("/callbacks/storage/retry", json!({"date": "202311142210"}))
        .await;
    assert_eq!(retry.error(), refused(403, "forbidden_op"));
}
