//! The audit trail over HTTP.

use std::collections::BTreeSet;

use easemob_admin_audit::{PublicKey, Verifier};
use serde_json::Value;

use crate::served::Served;

const RUN: &str = "20261129-120000-00000a";
const OTHER: &str = "20261129-120000-00000b";

fn numbers(page: &Value) -> Vec<u64> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_through_all_entries_in_both_directions() {
    let served = Served::start().await;
    // Making a key is recorded, too.
    served.append(0..40, RUN);
    served.append(40..55, OTHER);
    for (order, query) in [
        ("oldest", ""),
        ("newest", ""),
        ("oldest", "&run=20261129-120000-00000b"),
        ("newest", "&user=USER7"),
    ] {
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = served
                .get(&format!(
                    "/v1/apps/chat/audit?order={order}&limit=7{query}{after}"
                ))
                .await
                .expect(200)
                .json();
            let found = numbers(&page);
            assert!(found.len() <= 7);
            seen.extend(found);
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
            // Entries that are added meanwhile do not move the pages.
            if order == "newest" {
                served.append(100..101, "20261129-120000-00000c");
            }
        }
        let distinct: BTreeSet<u64> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len());
        assert!(seen.is_sorted_by(|a, b| (a < b) == (order == "oldest")));
        let expected = match query {
            "" => 55,
            "&user=USER7" => 1,
            _ => 15,
        };
        assert!(
            seen.len() >= expected && seen.len() < expected + 10,
            "{order}{query}: {}",
            seen.len()
        );
    }
    let one = served
        .get("/v1/apps/chat/audit/entries/3")
        .await
        .expect(200)
        .json();
    assert_eq!(one["seq"], 3);
    for missing in [
        "4000",
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "x",
        "%00",
    ] {
        let answer = served
            .get(&format!("/v1/apps/chat/audit/entries/{missing}"))
            .await
            .expect(404);
        assert_eq!(answer.problem(), "no-such-entry");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_is_not_known_or_empty_is_refused() {
    let served = Served::start().await;
    served.append(0..3, RUN);
    for (query, problem) in [
        ("usr=ann", "unknown-field"),
        ("newest=3", "unknown-field"),
        ("format=cef", "unknown-field"),
        ("run=", "bad-request"),
        ("user=", "bad-name"),
        ("operator=", "bad-request"),
        ("ticket=", "bad-request"),
        ("since=yesterday", "bad-request"),
        ("outcome=fine", "bad-request"),
        ("limit=0", "bad-request"),
        ("limit=1001", "bad-request"),
        ("after=-1", "bad-request"),
        ("after=18446744073709551616", "bad-request"),
        ("all=perhaps", "bad-request"),
        ("user=a&user=b", "bad-request"),
    ] {
        let answer = served
            .get(&format!("/v1/apps/chat/audit?{query}"))
            .await
            .expect(400);
        assert_eq!(answer.problem(), problem, "{query}");
    }
    for query in ["", "?format=xml", "?format=cef&all=true"] {
        served
            .get(&format!("/v1/apps/chat/audit/export{query}"))
            .await
            .expect(400);
    }
    let all = served
        .get("/v1/apps/chat/audit?after=18446744073709551615")
        .await
        .expect(200)
        .json();
    assert!(numbers(&all).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_trust_the_service_verifies_the_lines() {
    let served = Served::start().await;
    for path in [
        "audit",
        "audit/verify",
        "audit/lines",
        "audit/heads",
        "audit/key",
        "audit/head",
        "audit/export?format=cef",
    ] {
        let answer = served.get(&format!("/v1/apps/chat/{path}")).await.expect(404);
        assert_eq!(answer.problem(), "nothing-kept");
    }
    served.append(0..500, RUN);
    let heads = served.get("/v1/apps/chat/audit/heads").await.expect(200).json();
    let key = served.get("/v1/apps/chat/audit/key").await.expect(200).json();
    assert_eq!((&heads["key"], &heads["keys"][0]), (&key, &key["id"]));
    let key = PublicKey::from_pem(key["pem"].as_str().unwrap()).unwrap();
    let signed: Vec<&str> = heads["heads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| head.as_str().unwrap())
        .collect();
    let lines = served.get("/v1/apps/chat/audit/lines").await.expect(200).text;
    let verified = |lines: &str| {
        let mut verifier = Verifier::new("sandbox", &key, signed.join("\n") + "\n");
        let mut segment = 0;
        for line in lines.lines() {
            let header: Value = serde_json::from_str(line).unwrap();
            segment = header["first"].as_u64().unwrap_or(segment);
            if verifier.line(segment, line.as_bytes()).is_break() {
                break;
            }
        }
        verifier.finish()
    };
    let found = verified(&lines);
    assert!(
        found.holds() && found.size == 500 && found.unsigned() == 0,
        "{found:?}"
    );
    assert!(!verified(&lines.replacen("user250", "user251", 1)).holds());
    let head = served.get("/v1/apps/chat/audit/head").await.expect(200).json();
    assert_eq!(
        (head["size"].as_u64(), head["head"].as_str()),
        (Some(500), signed.last().copied())
    );
    let rest = served
        .get("/v1/apps/chat/audit/lines?from=498")
        .await
        .expect(200)
        .text;
    assert!(lines.ends_with(&rest) && rest.lines().count() == 2);
    let none = served
        .get("/v1/apps/chat/audit/lines?from=18446744073709551615")
        .await
        .expect(200)
        .text;
    assert!(none.is_empty());
    served.get("/v1/apps/chat/audit/heads?key=x").await.expect(404);

    let found = served.get("/v1/apps/chat/audit/verify").await.expect(200).json();
    assert_eq!(
        (&found["summary"]["ok"], &found["summary"]["entries"]),
        (&Value::from(true), &Value::from(500))
    );
    let entries = served.trail().join("entries-000000000000.jsonl");
    let text = std::fs::read_to_string(&entries).unwrap();
    std::fs::write(&entries, text.replacen("user250", "user251", 1)).unwrap();
    let found = served.get("/v1/apps/chat/audit/verify").await.expect(200).json();
    assert_eq!(
        (&found["summary"]["ok"], &found["problems"][0]["seq"]),
        (&Value::from(false), &Value::from(250))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_have_a_line_per_act() {
    let served = Served::start().await;
    served.append(0..2_000, RUN);
    for (format, form) in [
        ("jsonl", "application/x-ndjson"),
        ("ocsf", "application/x-ndjson"),
        ("ecs", "application/x-ndjson"),
        ("cef", "text/plain; charset=utf-8"),
    ] {
        let export = served
            .get(&format!("/v1/apps/chat/audit/export?format={format}"))
            .await
            .expect(200);
        assert_eq!((export.form.as_str(), export.text.lines().count()), (form, 2_000));
        assert!(
            export
                .text
                .lines()
                .all(|line| line.contains("user") && !line.is_empty()),
            "{format}"
        );
        let one = served
            .get(&format!("/v1/apps/chat/audit/export?format={format}&user=user7"))
            .await
            .expect(200);
        assert_eq!(one.text.lines().count(), 1);
    }
}
