//! People who sign in to the console with their issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::http::{Method, header};
use easemob_admin_remote::api::Scope;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::browser::{Answer, Browser, Site};
use super::issuer::{Issuer, openid, support};

pub(super) const OVERVIEW: &str = "/console/chat/overview";
const BAN: &str = "/console/chat/users/bob/ban";
const SESSION: &str = "easemob-admin-session";
pub(super) const AWAY: &str = "easemob-admin-sign-in";
pub(super) const PLACE: &str = "/console/sign-in/at/login.example.com-realms-staff";

pub(super) fn staff() -> Arc<Issuer> {
    Issuer::new("https://login.example.com/realms/staff")
}

pub(super) async fn site(issuer: &Arc<Issuer>) -> Site {
    let openid = openid(&[Arc::clone(issuer)], &support(), &json!({"name": "Staff"}));
    let site = Site::start_with(Timestamp::now, Some(openid)).await;
    site.sandbox.register("bob");
    site
}

/// Presses the button of an issuer, and returns where the browser is sent.
pub(super) async fn leave(browser: &mut Browser, place: &str, query: &str) -> String {
    let answer = browser.get(&format!("{place}/begin?{query}")).await.expect(303);
    answer.place().to_owned()
}

/// Signs somebody in.
pub(super) async fn sign_in(browser: &mut Browser, issuer: &Issuer, query: &str) -> Answer {
    let address = leave(browser, PLACE, query).await;
    browser.get(&issuer.visit(&address)).await
}

pub(super) fn set_cookies(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all(header::SET_COOKIE).into_iter();
    cookies
        .map(|cookie| cookie.to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_their_issuer_and_come_back_to_their_page() {
    let issuer = staff();
    let site = site(&issuer).await;
    let mut browser = site.browser();
    let asked = browser.get("/console/chat/users?q=a&sort=user").await.expect(303);
    let page = browser.get(asked.place()).await.expect(200);
    let button = page.text.split(&format!("href=\"{PLACE}/begin?")).nth(1);
    let query = button
        .unwrap_or_else(|| panic!("{page:?}"))
        .split('"')
        .next()
        .unwrap();
    assert!(page.text.contains("<bdi>Staff</bdi>"), "{page:?}");
    let address = leave(&mut browser, PLACE, &query.replace("&amp;", "&")).await;
    assert!(!browser.cookies.contains_key(SESSION));
    let answer = browser.get(&issuer.visit(&address)).await.expect(200);
    // A redirect would be that of the other site, to which the cookie of the session is not sent.
    assert_eq!(
        answer.headers["refresh"].to_str().unwrap(),
        "0; url=/console/chat/users?q=a&sort=user"
    );
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let cookies = set_cookies(&answer);
    assert!(cookies[0].contains("Max-Age=0"), "{cookies:?}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookies[1].contains(attribute), "{cookies:?}");
    }
    let overview = browser.get(OVERVIEW).await.expect(200);
    assert!(
        overview.text.contains("<bdi>ann@example.com</bdi>"),
        "{overview:?}"
    );
    let visited = issuer.visited();
    assert_eq!(visited["redirect_uri"], format!("http://127.0.0.1:7300{PLACE}"));
    assert_eq!(
        [
            &visited["response_type"],
            &visited["scope"],
            &visited["code_challenge_method"],
            &visited["max_age"]
        ],
        ["code", "openid profile email", "S256", "43200"]
    );
    assert!(!visited.contains_key("prompt"));
    // Who acts is on record under the name that the issuer gives.
    site.sandbox.sign_in("bob", "ios").unwrap();
    let act = [("all", "1"), ("reason", "lost")];
    browser
        .post("/console/chat/users/bob/sign-out", &act)
        .await
        .expect(303);
    loop {
        let trail = site
            .api(Method::GET, "/v1/apps/chat/audit?all=true", Value::Null)
            .await;
        if trail["items"]
            .as_array()
            .is_some_and(|entries| !entries.is_empty())
        {
            assert!(trail.to_string().contains("ann@example.com"), "{trail}");
            break;
        }
        tokio::task::yield_now().await;
    }
    // What the issuer gave is nowhere: only who it was.
    let secret = &browser.cookies[SESSION];
    assert!(!secret.contains("token") && secret.len() < 100, "{secret}");
}

#[tokio::test]
async fn the_cookie_of_a_sign_in_lives_shortly_and_comes_along_from_the_other_site() {
    let issuer = staff();
    let site = site(&issuer).await;
    let mut browser = site.browser();
    let begin = format!("{PLACE}/begin?next=%2Fconsole");
    let cookie = set_cookies(&browser.get(&begin).await.expect(303)).remove(0);
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let mut over_tls = Browser::of(easemob_admin_console::routes(&site.service, true));
    let cookie = set_cookies(&over_tls.get(&begin).await.expect(303)).remove(0);
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("Secure"),
        "{cookie}"
    );
    // Another site begins no sign-in: the person says so.
    let headers = [("sec-fetch-site", "cross-site")];
    let answer = browser
        .send_with(Method::GET, &begin, &[], &headers)
        .await
        .expect(303);
    assert_eq!(answer.place(), "/console/sign-in?next=%2Fconsole");
    assert!(set_cookies(&answer).is_empty());
    // No page is so long that browsers would drop the cookie.
    let long = format!(
        "{PLACE}/begin?next=%2Fconsole%2Fchat%2Fusers%3Fq%3D{}",
        "a".repeat(5_000)
    );
    let address = browser.get(&long).await.expect(303).place().to_owned();
    let answer = browser.get(&issuer.visit(&address)).await.expect(200);
    assert_eq!(answer.headers["refresh"].to_str().unwrap(), "0; url=/console");
}

#[tokio::test]
async fn nobody_comes_back_to_another_site() {
    let issuer = staff();
    let site = site(&issuer).await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/console//evil.example",
        "/console\\@evil.example",
        "/console/%0d%0aset-cookie:x",
        "javascript:alert(1)",
    ] {
        let mut browser = site.browser();
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("next", next)
            .finish();
        let answer = sign_in(&mut browser, &issuer, &query).await.expect(200);
        let goes = answer.headers["refresh"].to_str().unwrap();
        assert!(
            goes == "0; url=/console" || goes == "0; url=/console/%0d%0aset-cookie:x",
            "{next}: {goes}"
        );
        // What the browser keeps is the browser's: what it says is checked again.
        let address = leave(&mut browser, PLACE, "next=%2Fconsole").await;
        let kept = browser.cookies.get_mut(AWAY).unwrap();
        *kept = kept.replace("%2Fconsole", "https%3A%2F%2Fevil.example");
        let answer = browser.get(&issuer.visit(&address)).await.expect(200);
        assert_eq!(answer.headers["refresh"].to_str().unwrap(), "0; url=/console");
    }
}

#[tokio::test]
async fn the_console_knows_its_address_or_says_so() {
    let issuer = staff();
    let mut site = site(&issuer).await;
    let mut browser = site.browser();
    let host = [("host", "ops.example.com")];
    let begin = format!("{PLACE}/begin");
    for headers in [
        &host[..],
        &[("host", "evil.example.com"), ("x-forwarded-host", "127.0.0.1")],
    ] {
        let answer = browser
            .send_with(Method::GET, &begin, &[], headers)
            .await
            .expect(500);
        assert!(
            answer.text.contains("does not know its own address"),
            "{answer:?}"
        );
    }
    let console = json!({"address": "https://ops.example.com/"});
    site.restart(Some(openid(&[Arc::clone(&issuer)], &support(), &console)));
    site.go_on_with(&mut browser);
    let answer = browser
        .send_with(Method::GET, &begin, &[], &host)
        .await
        .expect(303);
    let address = url::Url::parse(answer.place()).unwrap();
    let mut pairs = address.query_pairs();
    let (_, comes_back_to) = pairs.find(|(name, _)| name == "redirect_uri").unwrap();
    assert_eq!(comes_back_to, format!("https://ops.example.com{PLACE}"));
}

#[tokio::test]
async fn acts_want_somebody_who_has_just_shown_the_issuer_who_it_is() {
    let issuer = staff();
    let site = site(&issuer).await;
    let ago = |minutes| Some(Timestamp::now() - SignedDuration::from_mins(minutes));
    // The issuer knows the browser since this morning.
    issuer.proved(ago(60));
    let mut browser = site.browser();
    sign_in(&mut browser, &issuer, "next=%2Fconsole")
        .await
        .expect(200);
    browser.get(OVERVIEW).await.expect(200);
    let before = browser.clone();
    let place = browser.get(BAN).await.expect(303).place().to_owned();
    assert!(place.starts_with("/console/sign-in?again=1&next="), "{place}");
    let page = browser.get(&place).await.expect(200);
    let query = page
        .text
        .split("/begin?")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let query = query.replace("&amp;", "&");
    // An issuer that lets people in as they are, or does not say when they came, proves nothing.
    for proved in [ago(16), None] {
        issuer.proved(proved);
        let answer = sign_in(&mut browser, &issuer, &query).await.expect(401);
        assert_eq!(issuer.visited()["prompt"], "login");
        assert_eq!(issuer.visited()["max_age"], "60");
        assert!(
            answer.text.contains("did not ask who you are again"),
            "{answer:?}"
        );
        browser.get(OVERVIEW).await.expect(200);
        browser.get(BAN).await.expect(303);
    }
    issuer.proved(ago(1));
    let answer = sign_in(&mut browser, &issuer, &query).await.expect(200);
    assert_eq!(
        answer.headers["refresh"].to_str().unwrap(),
        format!("0; url={BAN}")
    );
    let page = browser.get(BAN).await.expect(200);
    assert!(page.text.contains("Ban 1 user"), "{page:?}");
    // The session before has ended, and whoever has its cookie has nothing.
    let mut before = before;
    before.get(OVERVIEW).await.expect(303);
    // Whoever the issuer says nothing of is let in, and acts after a sign-in that it does say.
    issuer.proved(None);
    let mut other = site.browser();
    sign_in(&mut other, &issuer, "next=%2Fconsole").await.expect(200);
    other.get(OVERVIEW).await.expect(200);
    other.get(BAN).await.expect(303);
}

#[tokio::test]
async fn a_session_ends_with_the_roles_and_by_itself() {
    static LATER: AtomicI64 = AtomicI64::new(0);
    fn clock() -> Timestamp {
        Timestamp::now() + SignedDuration::from_mins(LATER.load(Ordering::Relaxed))
    }
    let issuer = staff();
    let with =
        |roles: &Value, hours: u8| openid(&[Arc::clone(&issuer)], roles, &json!({"session_hours": hours}));
    let mut site = Site::start_with(clock, Some(with(&support(), 12))).await;
    site.sandbox.register("bob");
    let mut ann = site.browser();
    sign_in(&mut ann, &issuer, "").await.expect(200);
    ann.get(OVERVIEW).await.expect(200);
    // What the role gives now counts, not what it gave.
    let reads = json!([{"group": "support", "scopes": ["devices:read"], "apps": ["chat"]}]);
    site.restart(Some(with(&reads, 12)));
    site.go_on_with(&mut ann);
    let page = ann.get(OVERVIEW).await.expect(200);
    assert!(page.text.contains("data-live-every"), "{page:?}");
    ann.get("/console/live").await.expect(403);
    // A page from before shows the button still, which does nothing now.
    let form = ann.get("/console/apps").await.expect(200).form_secret();
    let app = site.sandbox.app_key().to_owned();
    let act = [
        ("form", form.as_str()),
        ("reason", "spam"),
        ("typed", app.as_str()),
    ];
    ann.send(Method::POST, BAN, &act).await.expect(403);
    // Another group has the role now.
    let others = json!([{"group": "leads", "scopes": ["devices:read"], "apps": ["chat"]}]);
    for roles in [Some(with(&others, 12)), None] {
        site.restart(roles);
        site.go_on_with(&mut ann);
        ann.get(OVERVIEW).await.expect(303);
    }
    site.restart(Some(with(&support(), 2)));
    let mut bob = site.browser();
    sign_in(&mut bob, &issuer, "").await.expect(200);
    LATER.store(119, Ordering::Relaxed);
    bob.get(OVERVIEW).await.expect(200);
    assert!(bob.get(BAN).await.status == 303, "15 minutes are over");
    LATER.store(121, Ordering::Relaxed);
    bob.get(OVERVIEW).await.expect(303);
    site.go_on_with(&mut ann);
    ann.get(OVERVIEW).await.expect(200);
    LATER.store(12 * 60 + 1, Ordering::Relaxed);
    ann.get(OVERVIEW).await.expect(303);
}

#[tokio::test]
async fn whoever_signs_out_is_asked_again_and_another_sign_in_ends_the_first() {
    let issuer = staff();
    let site = site(&issuer).await;
    let mut ann = site.browser();
    sign_in(&mut ann, &issuer, "").await.expect(200);
    let mut copy = ann.clone();
    let answer = ann.post("/console/sign-out", &[]).await.expect(303);
    // The issuer may still know the browser, which somebody else may use next.
    assert_eq!(answer.place(), "/console/sign-in?out=1");
    copy.get(OVERVIEW).await.expect(303);
    let page = ann.get(answer.place()).await.expect(200);
    assert!(page.text.contains("/begin?out=1&amp;next="), "{page:?}");
    // Whether it asked or does not say so, the person looks.
    issuer.proved(None);
    sign_in(&mut ann, &issuer, "out=1&next=%2Fconsole")
        .await
        .expect(200);
    assert_eq!(issuer.visited()["prompt"], "login");
    // A key in the place of a person, and a person in the place of a key.
    sign_in(&mut ann, &issuer, "").await.expect(200);
    let mut copy = ann.clone();
    ann.sign_in(&site.key("root", &[Scope::DevicesRead]).await).await;
    copy.get(OVERVIEW).await.expect(303);
    let mut copy = ann.clone();
    issuer.person("li@example.com", &["support"]);
    sign_in(&mut ann, &issuer, "").await.expect(200);
    copy.get(OVERVIEW).await.expect(303);
    let page = ann.get(OVERVIEW).await.expect(200);
    assert!(page.text.contains("li@example.com"), "{page:?}");
    // Only whoever had a session can name it as the one to be replaced.
    let mut eve = site.browser();
    let address = leave(&mut eve, PLACE, "").await;
    let id = ann.cookies[SESSION].split('_').nth(1).unwrap();
    let kept = eve.cookies.get_mut(AWAY).unwrap();
    *kept = kept.replace("null", &format!("%22{id}%20{}%22", "0".repeat(64)));
    eve.get(&issuer.visit(&address)).await.expect(200);
    ann.get(OVERVIEW).await.expect(200);
}

#[tokio::test]
async fn a_hostile_name_is_shown_and_not_obeyed() {
    let issuer = staff();
    let site = site(&issuer).await;
    issuer.person("<script>alert(1)</script>\u{202e}\"'&", &["support"]);
    let mut browser = site.browser();
    sign_in(&mut browser, &issuer, "").await.expect(200);
    for path in [OVERVIEW, "/console/chat/settings", "/console/chat/users/bob"] {
        let page = browser.get(path).await.expect(200);
        assert!(!page.text.contains("<script>alert"), "{path}");
    }
}
