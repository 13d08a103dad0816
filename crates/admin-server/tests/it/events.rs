//! Events: nobody misses one or gets one twice.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::served::{ADMIN, Served};

const RUN: &str = "20261129-120000-00000a";
const OTHER: &str = "20261129-120000-00000b";

/// A reader of events.
struct Watching {
    response: Response,
    rest: String,
    /// The id of the last event, as a browser keeps it.
    last: Option<u64>,
}

impl Watching {
    async fn begin(served: &Served, query: &str, last: Option<u64>) -> Self {
        Self::begin_with(ADMIN, served, query, last).await
    }

    async fn begin_with(key: &str, served: &Served, query: &str, last: Option<u64>) -> Self {
        let mut request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .request(Method::GET, format!("{}/v1/apps/chat/events{query}", served.url));
        request = request.header("authorization", format!("Bearer {key}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            rest: String::new(),
            last,
        }
    }

    /// Returns the next event; `None` if there is none for a while.
    async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.rest = rest;
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                if let Some(id) = field("id: ") {
                    self.last = Some(id.parse().unwrap());
                }
                if let Some(data) = field("data: ") {
                    let entry: Value = serde_json::from_str(&data).unwrap();
                    return Some((entry["seq"].as_u64().unwrap_or(u64::MAX), entry));
                }
                continue;
            }
            let piece = tokio::time::timeout(Duration::from_secs(3), self.response.chunk())
                .await
                .ok()?
                .unwrap()?;
            self.rest.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn take(&mut self, most: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some((number, _)) = self.next().await else {
                break;
            };
            taken.push(number);
        }
        taken
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_cut_goes_on_without_a_gap_or_a_doubled_event() {
    let served = Served::start().await;
    let mut begun = Watching::begin(&served, "", None).await;
    served.append(0..100, RUN);
    let mut seen = begun.take(30).await;
    let mut last = begun.last;
    drop(begun);
    let mut written = 100;
    // Cut at any place, while another process writes.
    for cut in [1, 40, 7, 100, 3, 250] {
        served.append(written..written + cut, OTHER);
        written += cut;
        let mut again = Watching::begin(&served, "?from=0", last).await;
        seen.extend(again.take(usize::try_from(cut).unwrap()).await);
        last = again.last;
    }
    seen.extend(Watching::begin(&served, "", last).await.take(1_000).await);
    assert_eq!(seen, (0..written).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_no_longer_than_the_key_and_goes_on_with_the_next_one() {
    let served = Served::start().await;
    let key = async |expires: Option<jiff::Timestamp>| {
        let body = serde_json::json!({
            "owner": "ann", "scopes": ["audit:read"], "apps": ["chat"],
            "expires": expires.map(|at| at.to_string()),
        });
        let made = served.post("/v1/keys", body).await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["key"]["id"]), text(&made["secret"]))
    };
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(8);
    let ((_, mortal), (id, revoked)) = (key(Some(soon)).await, key(None).await);
    served.append(0..10, RUN);
    let mut seen = Vec::new();
    for key in [&mortal, &revoked] {
        let mut reading = Watching::begin_with(key, &served, "?from=0", None).await;
        seen.push((reading.take(10).await, reading));
    }
    let path = format!("/v1/keys/{id}");
    let _ = served
        .ask(Method::DELETE, &path, Some(ADMIN), None)
        .await
        .expect(200);
    let mut lasts = Vec::new();
    for (before, mut reading) in seen {
        assert_eq!(before, (0..10).collect::<Vec<_>>());
        // Each ends by itself, as an answer does that is whole. The end of the other key is an entry, too.
        while let Some(piece) = reading.response.chunk().await.unwrap() {
            assert!(!std::str::from_utf8(&piece).unwrap().contains(OTHER));
        }
        lasts.push(reading.last);
    }
    served.append(10..20, OTHER);
    for last in lasts {
        let mut again = Watching::begin(&served, "", last).await;
        let after = again.take(10).await;
        assert_eq!(after[0], 10, "nothing was missed");
        assert_eq!(after.len(), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_sends_its_readers_elsewhere() {
    let served = Served::start().await;
    served.append(0..10, RUN);
    let mut watching = Watching::begin(&served, "?from=0", None).await;
    let mut seen = watching.take(5).await;
    let began = std::time::Instant::now();
    let (sandbox, home) = served.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let other = Served::start_with(sandbox, home, jiff::Timestamp::now);
    other.append(10..20, RUN);
    let mut again = Watching::begin(&other, "", watching.last).await;
    seen.extend(again.take(15).await);
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_one_run_need_not_look_at_the_others_again() {
    let served = Served::start().await;
    served.append(0..5, RUN);
    served.append(5..2_000, OTHER);
    let mut watching = Watching::begin(&served, &format!("?from=0&run={RUN}"), None).await;
    assert_eq!(watching.take(5).await, [0, 1, 2, 3, 4]);
    served.append(2_000..2_002, RUN);
    assert_eq!(watching.take(9).await, [2_000, 2_001]);
    let plan = served.key(&["sessions:plan"], &["chat"]).await;
    for (query, status) in [(format!("?run={RUN}"), 200), (String::new(), 403)] {
        let answer = served
            .send(
                Method::GET,
                &format!("/v1/apps/chat/events{query}"),
                Some(&plan),
                None,
            )
            .await;
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_cannot_be_is_refused() {
    let served = Served::start().await;
    served.append(0..5, RUN);
    for query in [
        "?from=6",
        "?from=18446744073709551615",
        "?from=-1",
        "?run=x",
        "?run=",
        "?user=ann",
    ] {
        served
            .get(&format!("/v1/apps/chat/events{query}"))
            .await
            .expect(400);
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for last in ["x", "-1", "18446744073709551615", "5", ""] {
        let request = http.get(format!("{}/v1/apps/chat/events", served.url));
        let request = request
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("last-event-id", last);
        assert_eq!(request.send().await.unwrap().status(), 400, "{last}");
    }
    let mut at_the_end = Watching::begin(&served, "?from=5", None).await;
    served.append(5..6, RUN);
    assert_eq!(at_the_end.take(1).await, [5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_is_not_left_out_silently() {
    let served = Served::start().await;
    served.append(0..5, RUN);
    let mut watching = Watching::begin(&served, "?from=0", None).await;
    assert_eq!(watching.take(5).await.len(), 5);
    let entries = served.trail().join("entries-000000000000.jsonl");
    let mut text = std::fs::read_to_string(&entries).unwrap();
    text.push_str("{\"v\":1,\"seq\":5}\n");
    std::fs::write(&entries, text).unwrap();
    let (_, problem) = watching.next().await.unwrap();
    assert_eq!(problem["type"], "/problems/broken");
    assert!(watching.next().await.is_none());
}
