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

/// Lists pages that a scripted server gives one after the other, the last for ever; returns the users and the error.
async fn listed(pages: &[&str]) -> (Vec<String>, Option<easemob_admin_api::Error>, usize) {
    let sandbox = with_users(0).await;
    let (last, before) = pages.split_last().unwrap();
    for page in before {
        sandbox.inject(Fault::raw_body("users.list", "application/json", page).times(1));
    }
    sandbox.inject(Fault::raw_body("users.list", "application/json", last));
    let mut stream = Box::pin(client(&sandbox).list_users(UserQuery::new().page_size(2)));
    let (mut users, mut failure) = (Vec::new(), None);
    while let Some(next) = stream.next().await {
        assert!(failure.is_none(), "nothing follows an error");
        match next {
            Ok(user) => users.push(user.username.to_string()),
            Err(error) => failure = Some(error),
        }
    }
    (users, failure, sandbox.call_count("users.list"))
}

fn page(users: &[&str], cursor: &str) -> String {
    let users: Vec<_> = users
        .iter()
        .map(|user| serde_json::json!({"username": user}))
        .collect();
    let mut page = serde_json::json!({"entities": users});
    if !cursor.is_empty() {
        page["cursor"] = cursor.into();
    }
    page.to_string()
}

#[tokio::test]
async fn a_listing_is_whole_or_an_error() {
    for (pages, users, whole, calls) in [
        // An empty page with a new cursor is not the end.
        (
            vec![page(&["a", "b"], "1"), page(&[], "2"), page(&["c"], "")],
            3,
            true,
            3,
        ),
        (
            vec![page(&[], "1"), page(&[], "2"), page(&["a", "b"], "")],
            2,
            true,
            3,
        ),
        // A short page with the cursor that was sent is.
        (vec![page(&["a", "b"], "1"), page(&["c"], "1")], 3, true, 2),
        (vec![page(&["a", "b"], "1"), page(&[], "1")], 2, true, 2),
        (vec![page(&["a"], "1"), page(&["b"], "1")], 2, true, 2),
        // A full one goes round in circles, and so does any other that comes back.
        (vec![page(&["a", "b"], "1"), page(&["c", "d"], "1")], 2, false, 2),
        (
            vec![
                page(&["a", "b"], "1"),
                page(&["c", "d"], "2"),
                page(&["e", "f"], "1"),
            ],
            6,
            false,
            3,
        ),
        (
            vec![
                page(&["a"], "1"),
                page(&["b"], "2"),
                page(&["c"], "3"),
                page(&["d"], "1"),
            ],
            4,
            false,
            4,
        ),
        (
            vec![page(&[], "1"), page(&["a"], "2"), page(&[], "1")],
            1,
            false,
            3,
        ),
        // An absent list is not the end, on whichever page.
        (vec!["{}".to_owned()], 0, false, 1),
        (vec![r#"{"code":0,"message":"ok"}"#.to_owned()], 0, false, 1),
        (
            vec![page(&["a", "b"], "1"), r#"{"count":0}"#.to_owned()],
            2,
            false,
            2,
        ),
        (
            vec![page(&["a", "b"], "1"), r#"{"cursor":"2"}"#.to_owned()],
            2,
            false,
            2,
        ),
        // An entry that cannot be read hides nobody else of its page, and is told.
        (
            vec![r#"{"entities":[null,{"username":"a"},{"username":7}]}"#.to_owned()],
            1,
            false,
            1,
        ),
    ] {
        let bodies: Vec<&str> = pages.iter().map(String::as_str).collect();
        let (found, failure, sent) = listed(&bodies).await;
        assert_eq!(
            (found.len(), failure.is_none(), sent),
            (users, whole, calls),
            "{pages:?}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn empty_pages_end_a_listing_in_the_end() {
    let sandbox = with_users(0).await;
    for number in 0..150 {
        let body = page(&[], &number.to_string());
        sandbox.inject(Fault::raw_body("users.list", "application/json", &body).times(1));
    }
    let results: Vec<_> = client(&sandbox).list_users(UserQuery::new()).collect().await;
    assert!(results.len() == 1 && results[0].as_ref().unwrap_err().is_incomplete_listing());
    assert_eq!(sandbox.call_count("users.list"), 100);
}

#[tokio::test]
async fn an_unreadable_device_is_an_error_or_told_and_never_nothing() {
    let ann = super::setup::user("ann");
    for (entries, good, odd) in [
        (r#"{"res":"ios_1"},{"res":"web_1"}"#, 2, vec![]),
        ("", 0, vec![]),
        ("{}", 0, vec![0]),
        (r#"null,{"res":"ios_1"}"#, 1, vec![0]),
        (
            r#"{"res":"ios_1"},{"res":7},{"device_name":"Pixel"},{"res":null}"#,
            1,
            vec![1, 2, 3],
        ),
        (r#""ios_1",[],5"#, 0, vec![0, 1, 2]),
        // What does not keep a device from being named is as good as none.
        (r#"{"res":"ios_1","device_uuid":7,"device_name":{}}"#, 1, vec![]),
    ] {
        let sandbox = with_users(0).await;
        let body = format!(r#"{{"data":[{entries}]}}"#);
        sandbox.inject(Fault::raw_body("devices.list", "application/json", &body));
        let client = client(&sandbox);
        let list = client.read_devices(&ann).await.unwrap();
        let places: Vec<usize> = list.odd.iter().map(|odd| odd.index).collect();
        assert_eq!((list.devices.len(), &places), (good, &odd), "{entries}");
        assert_eq!(list.is_nothing(), good == 0 && odd.is_empty());
        assert_eq!(
            client.list_devices(&ann).await.is_ok(),
            odd.is_empty(),
            "{entries}"
        );
    }
}
