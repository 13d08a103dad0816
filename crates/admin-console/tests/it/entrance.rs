//! Who gets in, and what other sites can make a browser do.

use axum::http::{Method, header};
use easemob_admin_remote::api::Scope;
use jiff::{SignedDuration, Timestamp};

use super::browser::{ADMIN, Site};

const OVERVIEW: &str = "/console/chat/overview";

#[tokio::test]
async fn whoever_is_not_signed_in_is_asked_to_and_comes_back() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let answer = browser.get("/console/chat/settings/keys?a=b").await.expect(303);
    assert_eq!(
        answer.place(),
        "/console/sign-in?next=%2Fconsole%2Fchat%2Fsettings%2Fkeys%3Fa%3Db"
    );
    let place = answer.place().to_owned();
    let form = browser.get(&place).await.expect(200);
    assert!(
        form.text.contains(r#"value="/console/chat/settings/keys?a=b""#),
        "{form:?}"
    );
    let fields = [("key", ADMIN), ("next", "/console/chat/settings/keys?a=b")];
    let answer = browser
        .send(Method::POST, "/console/sign-in", &fields)
        .await
        .expect(303);
    assert_eq!(answer.place(), "/console/chat/settings/keys?a=b");
    // A part of a page cannot be replaced by a form to sign in.
    let part = [("hx-request", "true")];
    let answer = site
        .browser()
        .send_with(Method::GET, OVERVIEW, &[], &part)
        .await
        .expect(401);
    assert!(answer.headers.contains_key("hx-redirect"));
}

#[tokio::test]
async fn a_cookie_is_for_this_site_only_and_no_script_reads_it() {
    let site = Site::start().await;
    let mut browser = site.browser();
    let answer = browser
        .send(Method::POST, "/console/sign-in", &[("key", ADMIN)])
        .await;
    let cookie = answer.headers.get(header::SET_COOKIE).unwrap().to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains(ADMIN.rsplit('_').next().unwrap()), "{cookie}");
    let over_tls = easemob_admin_console::routes(&site.service, true);
    let mut browser = super::browser::Browser::of(over_tls);
    let answer = browser
        .send(Method::POST, "/console/sign-in", &[("key", ADMIN)])
        .await;
    let cookie = answer.headers.get(header::SET_COOKIE).unwrap().to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure"),
        "{cookie}"
    );
}

#[tokio::test]
async fn what_is_no_key_signs_nobody_in() {
    let site = Site::start().await;
    for key in [
        "",
        "ea_admin_0123456789abcdef0123456789abcdeg",
        "ea_nobody_0123456789abcdef0123456789abcdef",
        "<b>",
    ] {
        let mut browser = site.browser();
        let answer = browser
            .send(Method::POST, "/console/sign-in", &[("key", key)])
            .await
            .expect(401);
        assert!(!answer.headers.contains_key(header::SET_COOKIE), "{key}");
        assert!(!answer.text.contains("<i>x"), "{answer:?}");
        browser.get(OVERVIEW).await.expect(303);
    }
    // A cookie that somebody made up, or a key in the place of one, is none.
    for secret in ["x", ADMIN, "ea_0_00000000000000000000000000000000", "%00"] {
        let mut browser = site.browser();
        browser
            .cookies
            .insert("easemob-admin-session".into(), secret.into());
        browser.get(OVERVIEW).await.expect(303);
    }
}

#[tokio::test]
async fn a_session_ends_with_its_key_and_when_somebody_signs_out() {
    let site = Site::start().await;
    let mut ann = site.signed_in("ann", &[Scope::DevicesRead]).await;
    ann.get(OVERVIEW).await.expect(200);
    let mut copy = ann.clone();
    let answer = ann.post("/console/sign-out", &[]).await.expect(303);
    assert_eq!(answer.place(), "/console/sign-in");
    copy.get(OVERVIEW).await.expect(303);

    let mut bob = site.signed_in("bob", &[Scope::DevicesRead]).await;
    bob.get(OVERVIEW).await.expect(200);
    let keys = site.api(Method::GET, "/v1/keys", serde_json::Value::Null).await;
    let of_bob = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["owner"] == "bob")
        .unwrap();
    let address = format!("/v1/keys/{}", of_bob["id"].as_str().unwrap());
    site.api(Method::DELETE, &address, serde_json::Value::Null).await;
    bob.get(OVERVIEW).await.expect(303);
}

#[tokio::test]
async fn a_link_signs_in_once_and_only_when_somebody_says_so() {
    let site = Site::start().await;
    let code = site.service.offer_sign_in("root").unwrap();
    let link = format!("/console/enter?code={code}");
    let mut browser = site.browser();
    // Whatever looks at links before people do uses nothing up.
    for _ in 0..2 {
        assert!(
            !browser
                .get(&link)
                .await
                .expect(200)
                .headers
                .contains_key(header::SET_COOKIE)
        );
    }
    browser
        .send(Method::POST, "/console/enter", &[("code", &code)])
        .await
        .expect(303);
    let page = browser.get(OVERVIEW).await.expect(200);
    assert!(page.text.contains("root"), "{page:?}");
    site.browser()
        .send(Method::POST, "/console/enter", &[("code", &code)])
        .await
        .expect(401);
    // It is no key.
    site.browser()
        .send(Method::POST, "/console/sign-in", &[("key", &code)])
        .await
        .expect(401);
}

#[tokio::test]
async fn a_session_and_a_code_end_by_themselves() {
    use std::sync::atomic::{AtomicI64, Ordering};
    static LATER: AtomicI64 = AtomicI64::new(0);
    fn clock() -> Timestamp {
        Timestamp::now() + SignedDuration::from_mins(LATER.load(Ordering::Relaxed))
    }
    let site = Site::start_at(clock).await;
    let code = site.service.offer_sign_in("root").unwrap();
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let secret = browser.cookies["easemob-admin-session"].clone();
    let fresh = async || {
        site.service
            .signed_in(&secret)
            .await
            .unwrap()
            .map(|somebody| somebody.is_fresh())
    };
    assert_eq!(fresh().await, Some(true));
    LATER.store(16, Ordering::Relaxed);
    assert_eq!(fresh().await, Some(false));
    LATER.store(61, Ordering::Relaxed);
    site.browser()
        .send(Method::POST, "/console/enter", &[("code", &code)])
        .await
        .expect(401);
    browser.get(OVERVIEW).await.expect(200);
    LATER.store(12 * 60 + 1, Ordering::Relaxed);
    browser.get(OVERVIEW).await.expect(303);
}

#[tokio::test]
async fn no_form_of_another_site_does_anything() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let secret = browser.get(OVERVIEW).await.form_secret();
    let mut other = site.browser();
    other.sign_in(ADMIN).await;
    let of_another = other.get(OVERVIEW).await.form_secret();
    for forms in [
        "/console/sign-out",
        "/console/look",
        "/console/chat/settings/keys",
        "/console/chat/settings/keys/x/revoke",
        "/console/chat/settings/rules",
        "/console/chat/settings/rules/remove",
        "/console/chat/settings/service/test-notice",
        "/console/chat/settings/schedules",
        "/console/chat/settings/schedules/x/remove",
        "/console/chat/users/ann/sign-out",
        "/console/chat/users/ann/ban",
        "/console/chat/users-selected/sign-out",
        "/console/chat/bulk",
        "/console/chat/runs/x/resume",
        "/console/chat/approvals/x",
        "/console/chat/limits",
        "/console/chat/limits/watches/x/end",
        "/console/chat/audit/verify",
        "/console/chat/logins/scans",
    ] {
        for fields in [
            &[][..],
            &[("form", "")],
            &[("form", "x")],
            &[("form", of_another.as_str())],
        ] {
            browser.send(Method::POST, forms, fields).await.expect(403);
        }
        let good = [("form", secret.as_str())];
        for headers in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:7301"),
        ] {
            browser
                .send_with(Method::POST, forms, &good, &[headers])
                .await
                .expect(403);
        }
    }
    browser.get(OVERVIEW).await.expect(200);
    let ours = [
        ("origin", "http://127.0.0.1:7300"),
        ("sec-fetch-site", "same-origin"),
    ];
    let good = [("form", secret.as_str()), ("theme", "dark")];
    browser
        .send_with(Method::POST, "/console/look", &good, &ours)
        .await
        .expect(303);
}

#[tokio::test]
async fn an_app_that_is_not_for_somebody_is_not_there() {
    let site = Site::start().await;
    let mut ann = site.signed_in("ann", &[Scope::DevicesRead]).await;
    let answer = ann.get("/console").await.expect(303);
    assert_eq!(answer.place(), OVERVIEW, "the only app");
    for path in [
        "/console/other/overview",
        "/console/other/settings/rules",
        "/console/%2e%2e/overview",
    ] {
        let answer = ann.get(path).await.expect(404);
        assert!(!answer.text.contains("other#"), "{answer:?}");
    }
    let refused = ann.get("/console/chat/settings/keys").await.expect(403);
    assert!(refused.text.contains("<code>devices:read</code>"), "{refused:?}");
    ann.language = "zh-CN";
    let refused = ann.get("/console/chat/settings/keys").await.expect(403);
    assert!(refused.text.contains("您没有执行此操作的权限"), "{refused:?}");
}

#[tokio::test]
async fn a_page_shows_names_and_obeys_none() {
    let site = Site::start().await;
    let name = "<script>alert(1)</script>\u{202e}\"'";
    let mut browser = site.signed_in(name, Scope::ALL).await;
    for path in [
        OVERVIEW,
        "/console/chat/settings",
        "/console/chat/settings/keys",
        "/console/chat/more",
    ] {
        let page = browser.get(path).await.expect(200);
        assert!(!page.text.contains("<script>alert"), "{path}");
        let policy = page
            .headers
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.headers.get(header::CACHE_CONTROL).unwrap(), "no-store");
        assert_eq!(page.headers.get(header::X_FRAME_OPTIONS).unwrap(), "DENY");
        for forbidden in [" style=", "javascript:", " onclick="] {
            assert!(!page.text.contains(forbidden), "{path}: {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let path = "/console/chat/settings/keys";
    let fields = [
        ("owner", "dora"),
        ("scope", "devices:read"),
        ("scope", "audit:read"),
        ("groups", "support，leads"),
        ("days", "30"),
        ("id", "0123456789abcdef"),
    ];
    let form = browser.get(path).await.expect(200);
    assert!(form.text.contains(r#"type="hidden" name="id" value=""#));
    let made = browser.post(path, &fields).await.expect(200);
    // The form once more, as a reload sends it.
    let again = browser.post(path, &fields).await.expect(409);
    assert!(
        again.text.contains("revoke it if nobody has its secret"),
        "{again:?}"
    );
    let secret = made
        .text
        .split("data-copy=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    assert!(!browser.get(path).await.expect(200).text.contains(&secret));
    let mut dora = site.browser();
    dora.sign_in(&secret).await;
    let keys = site.api(Method::GET, "/v1/keys", serde_json::Value::Null).await;
    let key = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["owner"] == "dora")
        .unwrap()
        .clone();
    assert_eq!(key["scopes"], serde_json::json!(["devices:read", "audit:read"]));
    assert_eq!(key["groups"], serde_json::json!(["leads", "support"]));
    assert_eq!(key["apps"], serde_json::json!(["chat"]));
    let revoke = format!("{path}/{}/revoke", key["id"].as_str().unwrap());
    // Whoever may not do it does not do it by knowing the address.
    dora.post(&revoke, &[]).await.expect(403);
    dora.get(OVERVIEW).await.expect(200);
    assert_eq!(browser.post(&revoke, &[]).await.expect(303).place(), path);
    dora.get(OVERVIEW).await.expect(303);
}

#[tokio::test]
async fn rules_and_schedules_are_added_and_removed() {
    let site = Site::start().await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let rules = "/console/chat/settings/rules";
    let fields = [
        ("verb", "logout"),
        ("verb", "ban"),
        ("over", "20"),
        ("group", "leads"),
        ("count", "2"),
        ("group", ""),
        ("count", "1"),
        ("group", "*"),
        ("count", "1"),
        ("decide", "60"),
        ("execute", "30"),
    ];
    browser.post(rules, &fields).await.expect(303);
    let kept = site
        .api(
            Method::GET,
            "/v1/apps/chat/approval-rules",
            serde_json::Value::Null,
        )
        .await;
    let rule = &kept["rules"][0];
    assert_eq!(
        *rule,
        serde_json::json!({"verbs": ["logout", "ban"], "over_users": 20, "decide_within_minutes": 60, "execute_within_minutes": 30,
            "needs": [{"group": "leads", "count": 2}, {"group": "*", "count": 1}]})
    );
    // What the service refuses is said, and nothing changes.
    let bad = browser
        .post(rules, &[("verb", "logout"), ("over", "1")])
        .await
        .expect(400);
    assert!(bad.text.contains("cannot be understood"), "{bad:?}");
    let text = rule.to_string();
    browser
        .post(&format!("{rules}/remove"), &[("rule", &text)])
        .await
        .expect(303);
    browser
        .post(&format!("{rules}/remove"), &[("rule", &text)])
        .await
        .expect(303);
    let kept = site
        .api(
            Method::GET,
            "/v1/apps/chat/approval-rules",
            serde_json::Value::Null,
        )
        .await;
    assert_eq!(kept["rules"], serde_json::json!([]));

    let schedules = "/console/chat/settings/schedules";
    let fields = [
        ("name", "nightly"),
        ("job", "scan"),
        ("cron", "30 3 * * *"),
        ("zone", "Asia/Shanghai"),
        ("missed", "run_once"),
    ];
    browser.post(schedules, &fields).await.expect(303);
    let page = browser.get(schedules).await.expect(200);
    assert!(
        page.text.contains("30 3 * * *") && page.text.contains("Asia/Shanghai"),
        "{page:?}"
    );
    browser
        .post(&format!("{schedules}/nightly/remove"), &[])
        .await
        .expect(303);
    assert!(!browser.get(schedules).await.expect(200).text.contains("nightly"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_others_have_written_is_text_on_every_page_and_stays_in_no_cache() {
    let site = Site::start().await;
    let evil = "<script>alert(1)</script>\u{202e}\"' onload=x";
    site.sandbox.register("ann");
    site.sandbox.sign_in("ann", "ios").unwrap();
    let run = serde_json::json!({"action": {"kind": "logout", "selection": {}}, "users": ["ann", "bob"], "reason": evil,
        "ticket": evil});
    let run = site.api(Method::POST, "/v1/apps/chat/runs", run).await;
    let run = run["id"].as_str().unwrap_or_else(|| panic!("{run}")).to_owned();
    let plan = serde_json::json!({"users": ["ann"], "reason": evil, "selection": {}});
    site.sandbox.sign_in("ann", "ios").unwrap();
    let plan = site.api(Method::POST, "/v1/apps/chat/plans", plan).await;
    let plan = plan["run"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{plan}"))
        .to_owned();
    let key = serde_json::json!({"owner": evil, "note": evil, "groups": [evil], "scopes": ["audit:read"], "apps": ["chat"]});
    site.api(Method::POST, "/v1/keys", key).await;
    let rules = serde_json::json!({"rules": [{"verbs": ["logout"], "over_users": 1000, "needs": [{"group": evil, "count": 1}]}]});
    site.api(Method::PUT, "/v1/apps/chat/approval-rules", rules).await;
    let mut browser = site.signed_in(evil, Scope::ALL).await;
    let query: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
    let mut pages = [
        "overview",
        "users/ann",
        "users/ann/ban",
        "users/ann/sign-out?all=1",
        "logins",
        "bulk",
        "runs",
        "approvals",
        "approvals?show=all",
        "limits",
        "audit",
        "audit?all=on",
        "audit?e=1",
        "settings",
        "settings/keys",
        "settings/rules",
        "settings/service",
        "settings/schedules",
        "more",
        "no-such-page",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.extend([
        format!("users?q={query}&platform={query}"),
        format!("users/{}", query.replace('+', "%20")),
        format!("audit?q={query}&by=operator"),
        format!("audit?outcome={query}"),
        format!("runs/{run}"),
        format!("runs/{run}/failures.csv"),
        format!("runs/{run}/{}", query.replace('+', "%20")),
        format!("plans/{plan}"),
        format!("plans/{plan}/devices.csv"),
        format!("approvals/{plan}"),
        format!("logins/difference?before={query}&after={query}"),
        "audit/export?format=jsonl".to_owned(),
    ]);
    for page in pages {
        let answer = browser.get(&format!("/console/chat/{page}")).await;
        assert!(answer.status < 500 && answer.status != 303, "{page}: {answer:?}");
        let text = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap());
        let is_page = text("content-type").is_some_and(|form| form.starts_with("text/html"));
        let shows = ["<script>alert", "\u{202e}\"' onload"];
        assert!(
            !is_page || !shows.iter().any(|shown| answer.text.contains(shown)),
            "{page}: {answer:?}"
        );
        // What is no page is a file with a name of ours, or an answer of the API.
        if let Some(file) = text("content-disposition") {
            assert!(
                file.starts_with("attachment; filename=\"") && !file.contains('<'),
                "{file}"
            );
        }
        if page != "no-such-page" {
            assert_eq!(text("cache-control"), Some("no-store"), "{page}");
            let policy = text("content-security-policy").unwrap_or_else(|| panic!("{page}"));
            assert!(
                policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
                "{policy}"
            );
            assert_eq!(text("x-frame-options"), Some("DENY"), "{page}");
            assert_eq!(text("x-content-type-options"), Some("nosniff"), "{page}");
        }
    }
}
