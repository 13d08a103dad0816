//! Pages and streams fetch what is used, and no more.

use easemob_admin_api::UserQuery;
use easemob_admin_sandbox::{Fault, Sandbox};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::setup::{client, sandbox};

async fn with_users(count: usize) -> Sandbox {
    let sandbox = sandbox().await;
    for number in 0..count {
        sandbox.register(&format!("user{number:04}"));
    }
    sandbox
}

#[tokio::test]
async fn a_stream_lists_every_user_once() {
    let sandbox = with_users(250).await;
    let users: Vec<_> = client(&sandbox)
        .list_users(UserQuery::new())
        .try_collect()
        .await
        .unwrap();
    let mut names: Vec<_> = users.into_iter().map(|user| user.username.to_string()).collect();
    names.dedup();
    assert_eq!(names.len(), 250);
    assert_eq!(sandbox.call_count("users.list"), 3);
}

#[tokio::test]
async fn a_stream_is_lazy() {
    let sandbox = with_users(250).await;
    let client = client(&sandbox);
    let stream = client.list_users(UserQuery::new().page_size(100));
    assert_eq!(sandbox.call_count("users.list"), 0);
    let first: Vec<_> = stream.take(10).try_collect().await.unwrap();
    assert_eq!(first.len(), 10);
    assert_eq!(sandbox.call_count("users.list"), 1);
}

#[tokio::test]
async fn an_error_ends_a_stream() {
    let sandbox = with_users(250).await;
    sandbox.inject(Fault::status("users.list", 404).skip(1));
    let results: Vec<_> = client(&sandbox).list_users(UserQuery::new()).collect().await;
    assert_eq!(results.len(), 101);
    assert!(results.last().unwrap().is_err());
    assert_eq!(sandbox.call_count("users.list"), 2);
}

#[tokio::test]
async fn a_repeated_cursor_ends_a_stream() {
    let sandbox = with_users(1).await;
    let same = r#"{"entities":[{"username":"ann"}],"cursor":"same"}"#;
    sandbox.inject(Fault::raw_body("users.list", "application/json", same));
    let users: Vec<_> = client(&sandbox)
        .list_users(UserQuery::new())
        .try_collect()
        .await
        .unwrap();
    assert_eq!((users.len(), sandbox.call_count("users.list")), (2, 2));
}

#[tokio::test]
async fn page_sizes_out_of_range_are_not_sent() {
    let sandbox = with_users(1).await;
    for size in [0, 101] {
        let query = UserQuery::new().page_size(size);
        assert!(client(&sandbox).list_users_page(&query, None).await.is_err());
    }
    assert_eq!(sandbox.call_count("users.list"), 0);
}
