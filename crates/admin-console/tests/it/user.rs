//! The page of one user: what it shows, and what its forms do to devices.

use axum::http::Method;
use easemob_admin_remote::api::Scope;
use easemob_admin_sandbox::{Fault, Seed, SeedDevice, SeedUser};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::browser::{ADMIN, Site};

const ANN: &str = "/console/chat/users/ann";
const NEW: &str = "webim_random_web_1795827696348";
const OLD: &str = "webim_random_web_1795568980159";

/// A service whose user ann has two web devices and a phone.
async fn site() -> Site {
    let site = Site::start().await;
    site.sandbox.register("ann");
    for device in [OLD, NEW, "ios_1"] {
        site.sandbox.sign_in_as("ann", device).unwrap();
    }
    site
}

fn online(site: &Site, user: &str) -> Vec<String> {
    let mut devices: Vec<_> = site
        .sandbox
        .devices(user)
        .into_iter()
        .map(|one| one.resource)
        .collect();
    devices.sort();
    devices
}

/// Returns a field of a form on a page.
fn field(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!(r#"name="{name}" value=""#))
        .unwrap_or_else(|| panic!("{name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

async fn runs(site: &Site) -> Vec<Value> {
    let page = site.api(Method::GET, "/v1/apps/chat/runs", Value::Null).await;
    page["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_is_signed_out_in_its_row_and_the_others_stay() {
    let site = site().await;
    let mut browser = site
        .signed_in("wei", &[Scope::DevicesRead, Scope::SessionsApply])
        .await;
    let page = browser.get(ANN).await.expect(200).text;
    assert!(
        page.contains("3 devices are online") && page.contains(NEW) && !page.contains("data-ask"),
        "{page}"
    );
    let asked = browser.get(&format!("{ANN}?ask={OLD}")).await.expect(200).text;
    assert!(asked.contains("data-ask"), "{asked}");
    let fields = [
        ("run", field(&asked, "run")),
        ("device", field(&asked, "device")),
        ("reason", "lost".into()),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = browser
        .post(&format!("{ANN}/sign-out"), &fields)
        .await
        .expect(303);
    let place = answer.place().to_owned();
    let after = browser.get(&place).await.expect(200).text;
    assert_eq!(online(&site, "ann"), ["ios_1", NEW]);
    assert!(
        after.contains("Signed out: 1 devices.") && after.contains("2 devices are online"),
        "{after}"
    );
    assert!(after.contains(OLD), "the row stays, with what became of it");
    // Whoever presses twice, or loads the page again, means one act.
    site.sandbox.sign_in_as("ann", OLD).unwrap();
    assert_eq!(
        browser
            .post(&format!("{ANN}/sign-out"), &fields)
            .await
            .expect(303)
            .place(),
        place
    );
    assert_eq!(
        online(&site, "ann"),
        ["ios_1", OLD, NEW],
        "it has signed in again since"
    );
    let runs = runs(&site).await;
    assert_eq!(
        (runs.len(), &runs[0]["reason"], &runs[0]["operator"]),
        (1, &"lost".into(), &"wei".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_devices_signs_nobody_out() {
    let site = site().await;
    let mut browser = site
        .signed_in("wei", &[Scope::DevicesRead, Scope::SessionsApply])
        .await;
    for fields in [
        &[("reason", "x")][..],
        &[("device", "")],
        &[("platform", "")],
        &[("keep", "0")],
        &[("all", "")],
        &[("all", "1"), ("device", OLD)],
        &[("platform", "no such platform!")],
    ] {
        let answer = browser.post(&format!("{ANN}/sign-out"), fields).await;
        assert!(answer.status == 400, "{fields:?}: {answer:?}");
    }
    assert_eq!(online(&site, "ann").len(), 3);
    assert!(runs(&site).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_and_all_but_the_newest_are_signed_out() {
    let site = site().await;
    let mut browser = site
        .signed_in("wei", &[Scope::DevicesRead, Scope::SessionsApply])
        .await;
    let question = browser
        .get(&format!("{ANN}/sign-out?keep=1"))
        .await
        .expect(200)
        .text;
    assert!(
        question.contains("<dialog") && question.contains("autofocus"),
        "{question}"
    );
    let act = format!("{ANN}/sign-out");
    let place = browser
        .post(&act, &[("keep", "1")])
        .await
        .expect(303)
        .place()
        .to_owned();
    browser.get(&place).await.expect(200);
    assert_eq!(online(&site, "ann"), ["ios_1", NEW]);
    let question = browser
        .get(&format!("{ANN}/sign-out?platform=ios"))
        .await
        .expect(200)
        .text;
    assert!(question.contains("Sign out all 1 devices on iOS?"), "{question}");
    let place = browser
        .post(&act, &[("platform", "ios")])
        .await
        .expect(303)
        .place()
        .to_owned();
    browser.get(&place).await.expect(200);
    assert_eq!(online(&site, "ann"), [NEW]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_reads_sees_no_act_and_can_do_none() {
    let site = site().await;
    let mut browser = site.signed_in("li", &[Scope::DevicesRead]).await;
    let page = browser.get(&format!("{ANN}?ask={OLD}")).await.expect(200).text;
    for act in ["sign-out", "/lock", "/ban", "data-ask"] {
        assert!(!page.contains(act), "{act}: {page}");
    }
    for (act, fields) in [
        ("sign-out", &[("all", "1")][..]),
        ("lock", &[("hours", "1")]),
        ("unlock", &[]),
        ("unban", &[]),
        ("ban", &[("typed", site.sandbox.app_key())]),
    ] {
        browser.post(&format!("{ANN}/{act}"), fields).await.expect(403);
    }
    assert_eq!(online(&site, "ann").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_has_an_end_and_can_be_lifted() {
    let site = site().await;
    let mut browser = site
        .signed_in("wei", &[Scope::DevicesRead, Scope::SessionsApply])
        .await;
    for hours in ["", "0", "-1", "9999", "x"] {
        browser
            .post(&format!("{ANN}/lock"), &[("hours", hours)])
            .await
            .expect(400);
    }
    let place = browser
        .post(&format!("{ANN}/lock"), &[("hours", "10")])
        .await
        .expect(303)
        .place()
        .to_owned();
    let page = browser.get(&place).await.expect(200).text;
    assert!(
        page.contains("Locked until") && page.contains("No device is online"),
        "{page}"
    );
    assert!(site.sandbox.sign_in("ann", "ios").is_err());
    let place = browser
        .post(&format!("{ANN}/unlock"), &[])
        .await
        .expect(303)
        .place()
        .to_owned();
    let page = browser.get(&place).await.expect(200).text;
    assert!(page.contains("Active, not locked, not banned"), "{page}");
    assert!(site.sandbox.sign_in("ann", "ios").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_wants_the_name_of_the_app() {
    let site = site().await;
    let app = site.sandbox.app_key().to_owned();
    let mut browser = site
        .signed_in("wei", &[Scope::DevicesRead, Scope::UsersWrite])
        .await;
    let question = browser.get(&format!("{ANN}/ban")).await.expect(200).text;
    assert!(question.contains("data-typed"), "{question}");
    for typed in ["", "wrong", &app.to_uppercase()] {
        browser
            .post(&format!("{ANN}/ban"), &[("typed", typed)])
            .await
            .expect(400);
    }
    assert_eq!(online(&site, "ann").len(), 3);
    let place = browser
        .post(&format!("{ANN}/ban"), &[("typed", &app)])
        .await
        .expect(303)
        .place()
        .to_owned();
    let page = browser.get(&place).await.expect(200).text;
    assert!(page.contains("Banned, without an end"), "{page}");
    assert!(online(&site, "ann").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_wants_somebody_who_has_just_signed_in() {
    static LATER: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
    fn clock() -> Timestamp {
        Timestamp::now() + SignedDuration::from_mins(LATER.load(std::sync::atomic::Ordering::Relaxed))
    }
    let site = Site::start_at(clock).await;
    site.sandbox.register("ann");
    let app = site.sandbox.app_key().to_owned();
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    LATER.store(16, std::sync::atomic::Ordering::Relaxed);
    let answer = browser.get(&format!("{ANN}/ban")).await.expect(303);
    assert!(
        answer.place().starts_with("/console/sign-in?again=1&next="),
        "{answer:?}"
    );
    browser
        .post(&format!("{ANN}/ban"), &[("typed", &app)])
        .await
        .expect(403);
    assert!(site.sandbox.sign_in("ann", "ios").is_ok(), "nobody is banned");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_text_whatever_is_in_them() {
    let site = Site::start().await;
    let device = SeedDevice {
        platform: "ios".into(),
        device_name: Some("<img src=x onerror=alert(1)>\u{202e}txt".into()),
        resource: Some("ios_1".into()),
        ..SeedDevice::default()
    };
    let user = SeedUser {
        username: "ann".into(),
        nickname: Some("\"><script>alert(1)</script>".into()),
        devices: vec![device],
        ..SeedUser::default()
    };
    site.sandbox
        .import(Seed {
            limits: None,
            users: vec![user],
        })
        .unwrap();
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let page = browser.get(ANN).await.expect(200).text;
    assert!(
        page.contains("&lt;img src=x onerror=alert(1)&gt;") && page.contains("U+202E"),
        "{page}"
    );
    assert!(
        !page.contains("<img") && !page.contains("<script>alert"),
        "{page}"
    );
    let asked = browser.get(&format!("{ANN}?ask=ios_1")).await.expect(200).text;
    assert!(!asked.contains("<img"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_devices_are_not_no_devices() {
    let site = site().await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    site.sandbox.inject(Fault::status("devices.list", 403));
    let page = browser.get(ANN).await.expect(200).text;
    assert!(
        page.contains("Unread is not offline") && !page.contains("No device is online"),
        "{page}"
    );
    assert!(!page.contains("0 devices are online"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_does_not_exist_has_no_page() {
    let site = site().await;
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let page = browser.get("/console/chat/users/nobody").await.expect(404).text;
    assert!(page.contains("The app has no such user"), "{page}");
    let mut chinese = site.browser();
    chinese.language = "zh-CN";
    chinese.sign_in(ADMIN).await;
    assert!(chinese.get(ANN).await.expect(200).text.contains("适用的登录上限"));
}
