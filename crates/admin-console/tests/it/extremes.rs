//! Addresses and forms with the largest and smallest values there are: a page that cannot show them says so, and none ends the
//! service.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::browser::{ADMIN, Browser, Site};

/// What is in the place of a number, a time or a name.
fn extremes() -> Vec<String> {
    let (first, last) = (Timestamp::MIN.to_string(), Timestamp::MAX.to_string());
    let numbers = [0, 1, i64::MAX, i64::MIN, i64::from(u32::MAX), i64::from(i32::MIN)];
    let words = [
        "",
        "18446744073709551615",
        "99999999999999999999",
        "-0",
        "1e400",
        "NaN",
        "%00",
        "%F0%9F%91%A9%E2%80%8D%F0%9F%9A%80",
        "a%cc%81%e2%80%ae",
    ];
    let all = numbers.map(|number| number.to_string()).into_iter();
    all.chain([first, last]).chain(words.map(str::to_owned)).collect()
}

/// Each address, with its parameter at the end.
const ADDRESSES: [&str; 30] = [
    "audit?days=",
    "audit?all=on&days=",
    "audit?q=",
    "audit?e=",
    "audit?outcome=",
    "audit?after=",
    "audit/export?format=jsonl&days=",
    "users?seen=",
    "users?seen_hours=",
    "users?devices=",
    "users?after=",
    "users?q=",
    "users?columns=",
    "users-export?devices=",
    "users/ann?before=",
    "users/ann?show=",
    "users/ann?platform=",
    "users/",
    "runs/",
    "runs?after=",
    "plans/",
    "approvals/",
    "limits?version=",
    "limits?watch=",
    "bulk?draft=",
    "logins?snapshot=",
    "logins?since=",
    "logins?from=",
    "locks?after=",
    "bans?after=",
];

/// Each form, with fields that have numbers or times.
const FORMS: [(&str, &[&str]); 9] = [
    ("settings/keys", &["days", "owner"]),
    ("settings/rules", &["over", "decide", "execute", "count"]),
    ("settings/schedules", &["cron", "zone", "name"]),
    ("bulk", &["hours", "cap", "keep", "list", "rate"]),
    ("limits", &["hourly", "users", "after", "policy"]),
    ("users/ann/lock", &["hours"]),
    ("users/ann/sign-out", &["keep", "device", "platform"]),
    ("users-selected/lock", &["hours", "u"]),
    ("logins/scans", &["limits"]),
];

async fn answers(browser: &mut Browser) {
    for value in extremes() {
        for address in ADDRESSES {
            let address = format!(
                "/console/chat/{address}{}",
                value.replace(' ', "%20").replace('+', "%2B")
            );
            let answer = browser.get(&address).await;
            assert!(answer.status < 500, "{address}: {answer:?}");
        }
        for (form, fields) in FORMS {
            for field in fields {
                let sent = [(*field, value.as_str()), ("reason", "x"), ("step", "plan")];
                let answer = browser.post(&format!("/console/chat/{form}"), &sent).await;
                assert!(answer.status < 500, "{form} {field}={value}: {answer:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_is_too_large_or_too_small_for_a_page() {
    let site = Site::start().await;
    site.sandbox.register("ann");
    site.sandbox.sign_in("ann", "ios").unwrap();
    let run = json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann"]});
    site.api(Method::POST, "/v1/apps/chat/runs", run).await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    answers(&mut browser).await;
    let alive = site.api(Method::GET, "/v1/apps/chat/runs", Value::Null).await;
    assert!(alive["items"].is_array(), "{alive}");
}
