//! What happens on the wire: which connections are used again, and what is known when one fails.

use std::time::Duration;

use easemob_admin_api::{Client, Error, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::scripted::Step::{Forever, Pause, Request, Trickle, Write};
use super::scripted::{Seen, Step, answer, builder, counts, logged_out, serve};
use super::setup::user;

const SOON: Duration = Duration::from_millis(60);

async fn client_of(scripts: Vec<Vec<Step>>) -> (Client, Seen) {
    let (address, seen) = serve(scripts).await;
    (builder("http", "127.0.0.1", address).build().unwrap(), seen)
}

async fn impatient_client_of(scripts: Vec<Vec<Step>>, timeouts: Timeouts) -> (Client, Seen) {
    let (address, seen) = serve(scripts).await;
    let client = builder("http", "127.0.0.1", address).timeouts(timeouts);
    (client.build().unwrap(), seen)
}

async fn log_out(client: &Client) -> Result<bool, Error> {
    let outcome = client.logout_all(&user("ann")).await?;
    Ok(outcome.is_logged_out())
}

/// A logout of which nobody knows whether it happened, and which was therefore sent once.
async fn assert_unknown(client: &Client, words: &str) {
    let error = log_out(client).await.unwrap_err();
    assert!(error.is_outcome_unknown() && !error.is_unreachable(), "{error:?}");
    assert_eq!(error.attempts(), 1);
    assert!(error.to_string().contains(words), "{error}");
}

/// Returns the header lines of one request, in lower case.
async fn head_of(call: impl AsyncFnOnce(&Client)) -> Vec<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = builder("http", "127.0.0.1", listener.local_addr().unwrap())
        .build()
        .unwrap();
    let head = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&logged_out()).await.unwrap();
        String::from_utf8(head).unwrap().to_lowercase()
    });
    call(&client).await;
    head.await.unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_post_without_a_body_says_so_and_a_get_says_nothing() {
    let ban = head_of(async |client| client.ban(&user("ann")).await.unwrap()).await;
    assert_eq!(ban[0], "post /acme/chat/users/ann/deactivate http/1.1");
    for line in ["content-length: 0", "content-type: application/json"] {
        assert_eq!(ban.iter().filter(|found| *found == line).count(), 1, "{ban:?}");
    }
    let logout = head_of(async |client| {
        let _ = client.logout_all(&user("ann")).await.unwrap();
    })
    .await;
    assert!(
        logout.iter().all(|line| !line.starts_with("content-")),
        "{logout:?}"
    );
}

#[tokio::test]
async fn one_connection_carries_one_call_after_the_other() {
    let (client, seen) = client_of(vec![vec![Forever(logged_out())]]).await;
    for _ in 0..20 {
        assert!(log_out(&client).await.unwrap());
    }
    assert_eq!(counts(&seen), [20]);
}

#[tokio::test]
async fn calls_at_the_same_time_share_no_connection() {
    let (client, seen) = client_of(vec![vec![
        Request,
        Pause(SOON),
        Write(logged_out()),
        Forever(logged_out()),
    ]])
    .await;
    let (first, second) = tokio::join!(log_out(&client), log_out(&client));
    assert!(first.unwrap() && second.unwrap());
    assert_eq!(counts(&seen), [1, 1]);
    assert!(log_out(&client).await.unwrap());
    assert_eq!(
        counts(&seen).iter().sum::<usize>(),
        3,
        "and are used again after that"
    );
    assert_eq!(counts(&seen).len(), 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_known_not_to_have_carried_the_call() {
    let answered_once = vec![Request, Write(logged_out())];
    let (client, seen) = client_of(vec![
        answered_once.clone(),
        answered_once,
        vec![Forever(logged_out())],
    ])
    .await;
    for _ in 0..3 {
        assert!(log_out(&client).await.unwrap());
        tokio::time::sleep(SOON).await;
    }
    assert_eq!(counts(&seen), [1, 1, 1]);
}

#[tokio::test]
async fn so_is_one_that_was_closed_after_a_while() {
    let script = vec![Request, Write(logged_out()), Pause(SOON)];
    let (client, seen) = client_of(vec![script, vec![Forever(logged_out())]]).await;
    for _ in 0..3 {
        assert!(log_out(&client).await.unwrap());
        tokio::time::sleep(SOON * 2).await;
    }
    assert_eq!(counts(&seen), [1, 2]);
}

#[test]
fn a_client_outlives_the_runtime_that_its_connections_began_in() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let server = runtime();
    let (address, seen) = server.block_on(serve(vec![vec![Forever(logged_out())]]));
    let client = builder("http", "127.0.0.1", address).build().unwrap();
    let (done, wait) = tokio::sync::oneshot::channel();
    let serving = std::thread::spawn(move || server.block_on(wait));
    for _ in 0..3 {
        // Each is dropped at once, and with it what drives its connections.
        assert!(runtime().block_on(log_out(&client)).unwrap());
    }
    assert_eq!(counts(&seen), [1, 1, 1]);
    done.send(()).unwrap();
    serving.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_time_out_that_never_comes_is_none() {
    let never = Timeouts::default()
        .connect(Duration::MAX)
        .read(Duration::MAX)
        .total(Duration::MAX);
    let (client, _) = impatient_client_of(vec![vec![Forever(logged_out())]], never).await;
    assert!(log_out(&client).await.unwrap());
}

#[test]
fn a_runtime_that_is_driven_for_one_call_at_a_time_notices_what_was_closed_in_between() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (server, calling) = (runtime(), runtime());
    let script = vec![Request, Write(logged_out()), Pause(SOON)];
    let (address, seen) = server.block_on(serve(vec![script.clone(), script.clone(), script]));
    let client = builder("http", "127.0.0.1", address).build().unwrap();
    let (done, wait) = tokio::sync::oneshot::channel();
    let serving = std::thread::spawn(move || server.block_on(wait));
    for _ in 0..3 {
        assert!(calling.block_on(log_out(&client)).unwrap());
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(counts(&seen), [1, 1, 1]);
    done.send(()).unwrap();
    serving.join().unwrap().unwrap();
}

#[tokio::test]
async fn many_connections_that_were_closed_while_idle_are_all_passed_over() {
    let mut scripts = vec![vec![Request, Pause(SOON), Write(logged_out()), Pause(SOON)]; 8];
    scripts.push(vec![Forever(logged_out())]);
    let (client, seen) = client_of(scripts).await;
    let all = futures_util::future::join_all((0..8).map(|_| log_out(&client))).await;
    assert!(all.into_iter().all(|outcome| outcome.unwrap()));
    tokio::time::sleep(SOON * 2).await;
    assert!(log_out(&client).await.unwrap());
    assert_eq!(counts(&seen), [1; 9]);
}

#[tokio::test]
async fn a_server_that_wants_no_second_request_gets_none() {
    let closing =
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 24\r\n\r\n{\"data\":{\"result\":true}}";
    let (client, seen) = client_of(vec![vec![Request, Write(closing.to_vec()), Pause(SOON * 10)]]).await;
    for _ in 0..3 {
        assert!(log_out(&client).await.unwrap());
    }
    assert_eq!(counts(&seen), [1, 1, 1]);
}

#[tokio::test]
async fn a_connection_that_was_cut_before_the_answer_leaves_the_outcome_unknown() {
    let (client, seen) = client_of(vec![vec![Request]]).await;
    assert_unknown(&client, "the connection broke before the answer").await;
    assert_eq!(counts(&seen), [1]);
}

#[tokio::test]
async fn so_does_one_that_had_been_used_before() {
    let (client, seen) = client_of(vec![vec![Request, Write(logged_out()), Request]]).await;
    assert!(log_out(&client).await.unwrap());
    assert_unknown(&client, "the connection broke before the answer").await;
    assert_eq!(counts(&seen), [2]);
}

#[tokio::test]
async fn what_is_no_answer_at_all_leaves_the_outcome_unknown() {
    let (client, _) = client_of(vec![vec![
        Request,
        Write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
    ]])
    .await;
    assert_unknown(&client, "the connection broke before the answer").await;
}

#[tokio::test]
async fn an_answer_that_is_shorter_than_it_says_has_broken_off() {
    let short = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"data\":{\"result\":true}}".to_vec();
    let (client, _) = client_of(vec![vec![Request, Write(short)]]).await;
    assert_unknown(&client, "the answer broke off").await;
}

#[tokio::test]
async fn an_answer_may_come_in_pieces() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n10\r\n{\"result\":true}}\r\n0\r\nX-Late: 1\r\n\r\n";
    let byte = Duration::from_millis(1);
    let (client, seen) = client_of(vec![vec![
        Request,
        Trickle(chunked.to_vec(), byte),
        Request,
        Trickle(logged_out(), byte),
        Forever(logged_out()),
    ]])
    .await;
    for _ in 0..3 {
        assert!(log_out(&client).await.unwrap());
    }
    assert_eq!(counts(&seen), [3]);
}

#[tokio::test]
async fn an_answer_without_a_body_is_whole() {
    let empty = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let (client, seen) = client_of(vec![vec![Forever(empty)]]).await;
    for _ in 0..2 {
        let error = log_out(&client).await.unwrap_err();
        assert!(error.undecoded().is_some(), "{error:?}");
    }
    assert_eq!(counts(&seen), [2]);
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 20971520\r\n\r\n".to_vec();
    let (client, _) = client_of(vec![vec![
        Request,
        Write(head),
        Write(vec![b' '; 20 * 1024 * 1024]),
    ]])
    .await;
    let error = log_out(&client).await.unwrap_err();
    assert!(error.to_string().contains("larger than 16 MiB"), "{error}");
    assert!(error.is_outcome_unknown() && !error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_waited_for_only_so_long() {
    let timeouts = Timeouts::default().read(SOON);
    let half = answer(r#"{"data":{"result":true}}"#)[..70].to_vec();
    for script in [
        vec![Request, Pause(SOON * 100)],
        vec![Request, Write(half), Pause(SOON * 100)],
    ] {
        let (client, seen) = impatient_client_of(vec![script, vec![Forever(logged_out())]], timeouts).await;
        assert_unknown(&client, "no answer within the time-out").await;
        // The answer that was given up must not be taken for that of the next call.
        assert!(log_out(&client).await.unwrap());
        assert_eq!(counts(&seen), [1, 1]);
    }
}

#[tokio::test]
async fn a_trickling_answer_is_waited_for_only_so_long() {
    let timeouts = Timeouts::default().total(SOON * 3);
    let body = format!("{{{}", " ".repeat(10_000));
    let script = vec![Request, Trickle(answer(&body), SOON / 10)];
    let (client, seen) = impatient_client_of(vec![script], timeouts).await;
    assert_unknown(&client, "no answer within the time-out").await;
    assert_eq!(counts(&seen), [1]);
}

#[tokio::test]
async fn a_slow_answer_that_keeps_coming_is_read() {
    let timeouts = Timeouts::default().read(SOON * 2);
    let pieces = logged_out();
    let script = vec![
        Request,
        Pause(SOON),
        Write(pieces[..80].to_vec()),
        Pause(SOON),
        Write(pieces[80..90].to_vec()),
        Pause(SOON),
        Write(pieces[90..].to_vec()),
        Pause(SOON * 10),
    ];
    let (client, _) = impatient_client_of(vec![script], timeouts).await;
    assert!(log_out(&client).await.unwrap());
}

#[tokio::test]
async fn the_answer_to_a_call_that_was_dropped_goes_to_nobody() {
    let other = answer(r#"{"data":[{"res":"ios_of_somebody_else"}]}"#);
    let own = answer(r#"{"data":[{"res":"ios_1"}]}"#);
    let (client, seen) = client_of(vec![
        vec![
            Request,
            Write(own.clone()),
            Request,
            Pause(SOON),
            Write(other),
            Pause(SOON * 10),
        ],
        vec![Forever(own)],
    ])
    .await;
    client.list_devices(&user("ann")).await.unwrap();
    let bob = user("bob");
    let dropped = tokio::time::timeout(SOON / 2, client.list_devices(&bob));
    dropped.await.unwrap_err();
    tokio::time::sleep(SOON * 2).await;
    let devices = client.list_devices(&user("ann")).await.unwrap();
    assert_eq!(devices[0].id.as_str(), "ios_1");
    assert_eq!(counts(&seen), [2, 1]);
}

#[tokio::test]
async fn nobody_there_is_known_not_to_have_got_the_call() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = builder("http", "127.0.0.1", address).build().unwrap();
    let error = log_out(&client).await.unwrap_err();
    assert!(error.is_unreachable() && !error.is_outcome_unknown(), "{error:?}");
    assert!(
        error.to_string().contains("no connection to the server"),
        "{error}"
    );
}

#[tokio::test]
async fn a_name_that_nobody_has_is_known_not_to_have_got_the_call() {
    let address = "127.0.0.1:80".parse().unwrap();
    let timeouts = Timeouts::default().connect(SOON * 20);
    let client = builder("http", "nowhere.invalid", address)
        .timeouts(timeouts)
        .no_proxy();
    let error = log_out(&client.build().unwrap()).await.unwrap_err();
    assert!(error.is_unreachable() && !error.is_outcome_unknown(), "{error:?}");
}
