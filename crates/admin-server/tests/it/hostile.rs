//! Clients that send what no client should, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::served::{ADMIN, Served};

/// Sends bytes, and returns what was answered.
fn raw(served: &Served, bytes: &[u8]) -> String {
    sent(served, bytes, false)
}

/// Sends bytes, says that nothing more comes if it is so, and returns what was answered.
fn sent(served: &Served, bytes: &[u8], is_all: bool) -> String {
    let mut stream = TcpStream::connect(served.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may have been refused, and closed, before all was sent.
    let _ = stream.write_all(bytes);
    if is_all {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(method: &str, target: &str, more: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN}\r\nconnection: close\r\n{more}\r\n"
    )
}

/// Sends a body that ends before its length.
pub(crate) fn cut_off(served: &Served, path: &str, form: &str, body: &str) -> String {
    let length = body.len() + 100;
    let head = head(
        "POST",
        path,
        &format!("content-type: {form}\r\ncontent-length: {length}\r\n"),
    );
    sent(served, format!("{head}{body}").as_bytes(), true)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_breaks_off_is_never_a_shorter_list() {
    let served = Served::start().await;
    for user in ["ann", "bob"] {
        served.sandbox.register(user);
        served.sandbox.sign_in(user, "ios").unwrap();
    }
    let lines = "{\"action\":{\"kind\":\"logout\",\"selection\":{}},\"reason\":\"leak\"}\n\"ann\"\n\"bo";
    for form in ["application/x-ndjson", "application/json"] {
        let answer = cut_off(&served, "/v1/apps/chat/runs", form, lines);
        assert!(["400", "none"].contains(&status(&answer)), "{answer}");
    }
    // In pieces, without the last one.
    let head = head(
        "POST",
        "/v1/apps/chat/runs",
        "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n",
    );
    let pieces = format!("{head}{:x}\r\n{lines}\r\n", lines.len());
    let answer = sent(&served, pieces.as_bytes(), true);
    assert!(["400", "none"].contains(&status(&answer)), "{answer}");
    let runs = served.get("/v1/apps/chat/runs").await.expect(200).json();
    assert_eq!(runs["items"], serde_json::json!([]));
    assert_eq!(served.sandbox.devices("ann").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_can_mean_two_things_are_refused() {
    let served = Served::start().await;
    served.sandbox.register("ann");
    served.sandbox.sign_in("ann", "ios").unwrap();
    let logout = |users: &str| {
        format!("{{\"action\":{{\"kind\":\"logout\",\"selection\":{{}}}},\"reason\":\"r\",{users}}}")
    };
    // The same field twice: another reader takes the other one.
    for body in [
        logout("\"users\":[\"bob\"],\"users\":[\"ann\"]"),
        logout("\"users\":[\"ann\"],\"dry_run\":true,\"dry_run\":false"),
        "{\"action\":{\"kind\":\"logout\",\"selection\":{\"platforms\":[\"web\"],\"platforms\":[\"ios\"]}},\"reason\":\"r\",\"users\":[\"ann\"]}".to_owned(),
        "{\"action\":{\"kind\":\"ban\",\"kind\":\"logout\",\"selection\":{}},\"reason\":\"r\",\"users\":[\"ann\"]}".to_owned(),
        logout("\"users\":[\"ann\"]") + "{}",
    ] {
        let answer = served.sent_as("/v1/apps/chat/runs", "application/json", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    for query in ["limit=1&limit=2", "after=&limit=1&after="] {
        let answer = served.get(&format!("/v1/apps/chat/runs?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
    }
    // Two lengths, and a length beside pieces.
    let body = logout("\"users\":[\"ann\"]");
    for lengths in [
        format!("content-length: {}\r\ncontent-length: 5\r\n", body.len()),
        format!(
            "content-length: {}\r\ncontent-length: +{}\r\n",
            body.len(),
            body.len()
        ),
    ] {
        let head = head(
            "POST",
            "/v1/apps/chat/runs",
            &format!("content-type: application/json\r\n{lengths}"),
        );
        let answer = raw(&served, format!("{head}{body}").as_bytes());
        assert!(["400", "none"].contains(&status(&answer)), "{answer}");
    }
    assert_eq!(served.sandbox.devices("ann").len(), 1);
    assert_eq!(served.sandbox.call_count("sessions.logout_all"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_paths_reach_nothing_else() {
    let served = Served::start().await;
    let odd = [
        "..",
        "%2e%2e",
        "%2E%2E%2F..%2F",
        "..%2fservice.sqlite",
        "%00",
        "a%00b",
        "%ff%fe",
        "%E2%80%AE",
        "%0d%0aset-cookie:x",
        "a%2Fb",
        "%25",
        "+",
        "%F0%9F%92%A9",
        "-",
        "--help",
        "*",
        "last",
    ];
    let long = "x".repeat(8_000);
    for name in odd.iter().copied().chain([long.as_str()]) {
        for path in [
            format!("/v1/apps/{name}/runs"),
            format!("/v1/apps/chat/runs/{name}"),
            format!("/v1/apps/chat/runs/{name}/items"),
            format!("/v1/apps/chat/users/{name}/devices"),
            format!("/v1/apps/chat/users/{name}/lock"),
            format!("/v1/apps/chat/users/{name}/timeline"),
            format!("/v1/apps/chat/schedules/{name}"),
            format!("/v1/apps/chat/watches/{name}"),
            format!("/v1/apps/chat/logins/scans/{name}"),
            format!("/v1/apps/chat/operations/{name}"),
            format!("/v1/apps/chat/approvals/{name}"),
            format!("/v1/apps/chat/audit/entries/{name}"),
            format!("/v1/keys/{name}"),
            format!("/callbacks/{name}"),
        ] {
            let answer = raw(&served, head("GET", &path, "").as_bytes());
            let status: u16 = status(&answer).parse().unwrap_or_default();
            assert!(
                (400..500).contains(&status) || path.contains("/timeline"),
                "{path}: {answer}"
            );
            assert!(
                !answer.to_lowercase().contains("\nset-cookie"),
                "{path}: {answer}"
            );
        }
    }
    for name in ["..", "%2e%2e", "a%2fb", "%00", "", "UP", "%E4%B8%8A"] {
        for (kind, body) in [
            ("schedules", "{\"cron\":\"0 3 * * *\",\"job\":\"due_unlocks\"}"),
            (
                "watches",
                "{\"policy\":\"default = 1\",\"max_logouts_per_hour\":1}",
            ),
        ] {
            let more = format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
            let head = head("PUT", &format!("/v1/apps/chat/{kind}/{name}"), &more);
            let answer = raw(&served, format!("{head}{body}").as_bytes());
            assert!(status(&answer).starts_with('4'), "{kind}/{name}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_and_the_service_goes_on() {
    let served = Served::start().await;
    let huge = "x".repeat(1024 * 1024);
    for request in [
        head("GET", "/v1/apps", &format!("x-huge: {huge}\r\n")),
        head("GET", &format!("/v1/apps?{huge}"), ""),
        head("GET", "/v1/apps", &"x-many: 1\r\n".repeat(20_000)),
        format!("GET /v1/apps HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {huge}\r\n\r\n"),
    ] {
        let answer = raw(&served, request.as_bytes());
        let status = status(&answer);
        assert!(
            status.starts_with('4') || status == "none",
            "{}",
            &answer[..answer.len().min(200)]
        );
    }
    // As deep as a stack is not.
    let deep = "[".repeat(200_000);
    for form in ["application/json", "application/x-ndjson"] {
        let answer = served.sent_as("/v1/apps/chat/runs", form, deep.clone()).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    let policy = serde_json::json!({"policy": format!("a = {deep}"), "users": ["ann"]});
    assert_eq!(
        served.post("/v1/apps/chat/limits/check", policy).await.status,
        400
    );
    // A line that does not end, of a list.
    let first = "{\"action\":{\"kind\":\"logout\",\"selection\":{}},\"reason\":\"r\"}\n\"";
    let endless = format!("{first}{}", "a".repeat(3 * 1024 * 1024));
    let answer = served
        .sent_as("/v1/apps/chat/runs", "application/x-ndjson", endless)
        .await;
    assert_eq!(answer.expect(413).problem(), "too-large");
    // Whoever is refused before the end of a body learns that the connection ends.
    let unread = "x".repeat(100_000);
    let request = format!(
        "POST /v1/apps/chat/runs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{unread}",
        unread.len()
    );
    let answer = raw(&served, request.as_bytes());
    assert!(
        status(&answer) == "401" && answer.contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
    let _ = served.get("/v1/apps").await.expect(200);
}
