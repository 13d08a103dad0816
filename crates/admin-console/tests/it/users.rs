//! The list of users: filters, and a selection that never means more than it says.

use axum::http::Method;
use easemob_admin_ops::logins::store::{LoginEvent, LoginKind};
use easemob_admin_remote::api::Scope;
use serde_json::Value;

use super::browser::{ADMIN, Browser, Site};

const USERS: &str = "/console/chat/users";
const ACT: &str = "/console/chat/users-selected/sign-out";

/// Lets users sign in, so that the service knows them and the sandbox has their devices.
fn sign_in(site: &Site, users: std::ops::Range<u32>, resource: &str) {
    let mut kept = site.stores.logins().of("sandbox").unwrap();
    let mut events = Vec::new();
    for number in users {
        let user = format!("user{number:03}");
        site.sandbox.register(&user);
        site.sandbox.sign_in_as(&user, resource).unwrap();
        events.push(LoginEvent {
            call_id: format!("{user}-{resource}"),
            platform: resource.split('_').next().unwrap().to_owned(),
            user,
            resource: resource.to_owned(),
            kind: LoginKind::Login,
            at_ms: 1_795_827_696_000 + i64::from(number),
            reason: String::new(),
        });
    }
    kept.record_events(&events, 1_795_827_700_000).unwrap();
}

async fn somebody(site: &Site) -> Browser {
    site.signed_in(
        "wei",
        &[Scope::DevicesRead, Scope::SessionsApply, Scope::SessionsPlan],
    )
    .await
}

fn still_online(site: &Site, users: std::ops::Range<u32>) -> Vec<u32> {
    users
        .filter(|number| !site.sandbox.devices(&format!("user{number:03}")).is_empty())
        .collect()
}

/// Waits until a run is done, whose page an act leads to.
async fn done(site: &Site, place: &str) {
    let run = place.rsplit('/').next().unwrap();
    loop {
        let run = site
            .api(Method::GET, &format!("/v1/apps/chat/runs/{run}"), Value::Null)
            .await;
        if run["state"] == "done" {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_in_the_address_and_pages_follow_each_other() {
    let site = Site::start().await;
    sign_in(&site, 0..45, "ios_1");
    sign_in(&site, 0..5, "web_1");
    let mut browser = somebody(&site).await;
    let first = browser.get(&format!("{USERS}?sort=user")).await.expect(200).text;
    assert!(
        first.contains("45 users are known") && first.contains("Rows 1 to 20 of 45."),
        "{first}"
    );
    assert!(
        first.contains(">user000<") && !first.contains(">user020<"),
        "{first}"
    );
    let (_, next) = first
        .split_once("rel=\"next\"")
        .map(|(before, _)| before.rsplit_once("href=\"").unwrap())
        .unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = browser.get(&next).await.expect(200).text;
    assert!(
        second.contains("Rows 21 to 40 of 45.") && second.contains(">user020<"),
        "{second}"
    );
    let web = browser
        .get(&format!("{USERS}?platform=web"))
        .await
        .expect(200)
        .text;
    assert!(
        web.contains("5 users match") && !web.contains(">user007<"),
        "{web}"
    );
    let none = browser.get(&format!("{USERS}?q=nobody")).await.expect(200).text;
    assert!(
        none.contains("No user matches") && none.contains("/console/chat/users/nobody"),
        "{none}"
    );
    let run = browser
        .get(&format!("{USERS}?q=20261123-113720-4f2a9c"))
        .await
        .expect(303);
    assert_eq!(run.place(), "/console/chat/runs/20261123-113720-4f2a9c");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_is_the_filter_and_nobody_else() {
    let site = Site::start().await;
    sign_in(&site, 0..30, "ios_1");
    sign_in(&site, 0..25, "web_1");
    let mut browser = somebody(&site).await;
    let page = browser
        .get(&format!("{USERS}?platform=web"))
        .await
        .expect(200)
        .text;
    assert!(page.contains("Select all 25 that match"), "{page}");
    let all = "select=all&count=25&at=2026-11-28T01%3A42%3A18Z&platform=web";
    let question = browser.get(&format!("{ACT}?{all}")).await.expect(200).text;
    assert!(
        question.contains("Sign out all devices of 25 users?") && question.contains("data-typed"),
        "{question}"
    );
    let app = site.sandbox.app_key().to_owned();
    let fields = |typed| {
        [
            ("select", "all"),
            ("count", "25"),
            ("at", "2026-11-28T01:42:18Z"),
            ("platform", "web"),
            ("typed", typed),
        ]
    };
    browser.post(ACT, &fields("")).await.expect(400);
    assert_eq!(still_online(&site, 0..30).len(), 30);
    let answer = browser.post(ACT, &fields(&app)).await.expect(303);
    done(&site, answer.place()).await;
    assert_eq!(still_online(&site, 0..30), [25, 26, 27, 28, 29]);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_more_match_than_were_counted_it_is_asked_again() {
    let site = Site::start().await;
    sign_in(&site, 0..25, "web_1");
    let mut browser = somebody(&site).await;
    let app = site.sandbox.app_key().to_owned();
    sign_in(&site, 25..27, "web_1");
    let fields = [
        ("select", "all"),
        ("count", "25"),
        ("at", "2026-11-28T01:42:18Z"),
        ("platform", "web"),
        ("typed", &app),
    ];
    let again = browser.post(ACT, &fields).await.expect(200).text;
    assert!(
        again.contains("It was 25, and now it is 27. Nothing was done."),
        "{again}"
    );
    assert_eq!(still_online(&site, 0..27).len(), 27);
    // Fewer is no reason to ask: it never becomes more than was agreed to.
    let fields = [
        ("select", "all"),
        ("count", "99"),
        ("at", "2026-11-28T01:42:18Z"),
        ("platform", "web"),
        ("typed", &app),
    ];
    let answer = browser.post(ACT, &fields).await.expect(303);
    done(&site, answer.place()).await;
    assert!(still_online(&site, 0..27).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_ticked_is_meant_and_nothing_means_nobody() {
    let site = Site::start().await;
    sign_in(&site, 0..5, "ios_1");
    let mut browser = somebody(&site).await;
    for fields in [
        &[("reason", "x")][..],
        &[("platform", "ios")],
        &[("select", "all")],
        &[("select", "page")],
        &[("u", "")],
    ] {
        browser.post(ACT, fields).await.expect(400);
    }
    browser.get(ACT).await.expect(400);
    let answer = browser
        .post(ACT, &[("u", "user001"), ("u", "user003")])
        .await
        .expect(303);
    done(&site, answer.place()).await;
    assert_eq!(still_online(&site, 0..5), [0, 2, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_changes_clears_the_selection_and_says_so() {
    let site = Site::start().await;
    sign_in(&site, 0..25, "ios_1");
    let mut browser = somebody(&site).await;
    let all = browser
        .get(&format!("{USERS}?select=all&count=25&at=2026-11-28T01:42:18Z"))
        .await
        .expect(200)
        .text;
    assert!(
        all.contains("All 25 users that match are selected") && all.contains("5 of them not on this page."),
        "{all}"
    );
    assert!(
        all.contains(r#"name="had" value="25""#),
        "the form of the filter takes the number along: {all}"
    );
    let changed = browser
        .get(&format!("{USERS}?platform=ios&had=25"))
        .await
        .expect(200)
        .text;
    assert!(
        changed.contains("so the selection of 25 users was cleared")
            && !changed.contains("are selected</strong>"),
        "{changed}"
    );
    assert!(!changed.contains(" checked"), "{changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_reads_selects_nobody() {
    let site = Site::start().await;
    sign_in(&site, 0..3, "ios_1");
    let mut browser = site.signed_in("li", &[Scope::DevicesRead]).await;
    let page = browser.get(USERS).await.expect(200).text;
    assert!(
        !page.contains("checkbox\" name=\"u\"") && !page.contains("users-selected/lock"),
        "{page}"
    );
    for act in ["sign-out", "lock", "plan"] {
        let fields = [("u", "user001"), ("hours", "1")];
        browser
            .post(&format!("/console/chat/users-selected/{act}"), &fields)
            .await
            .expect(403);
    }
    assert_eq!(still_online(&site, 0..3).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_links_each_figure_to_what_it_counts() {
    let site = Site::start().await;
    sign_in(&site, 0..7, "ios_1");
    sign_in(&site, 0..2, "web_1");
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let page = browser.get("/console/chat/overview").await.expect(200).text;
    for expected in [
        r#"<a href="/console/chat/users?devices=1">9</a>"#,
        r#"<a href="/console/chat/users?devices=1">7</a>"#,
        r#"<a href="/console/chat/users?over-limit=1">0</a>"#,
        "/console/chat/users?platform=web",
        "compared with 4 on each platform",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_arrive_whole_at_a_browser_that_wants_them_compressed() {
    let site = Site::start().await;
    sign_in(&site, 0..30, "ios_1");
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let place = browser
        .post(ACT, &[("u", "user001"), ("u", "user002"), ("reason", "x")])
        .await
        .expect(303)
        .place()
        .to_owned();
    done(&site, &place).await;
    for file in [
        "/console/chat/users-export".to_owned(),
        "/console/chat/audit/export?format=jsonl".to_owned(),
        format!("{place}/failures.csv"),
        format!("{}/devices.csv", place.replace("/runs/", "/plans/")),
    ] {
        let gzip = [("accept-encoding", "gzip")];
        let answer = browser
            .send_with(Method::GET, &file, &[], &gzip)
            .await
            .expect(200);
        assert_eq!(answer.headers["content-encoding"], "gzip", "{file}");
        assert!(answer.text.len() > 20, "{file}");
    }
}
