//! Attacks on signing in to the console with an issuer: by the issuer, in its name, and by other sites.

use std::sync::Arc;

use axum::http::header;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::browser::{ADMIN, Browser, Site};
use super::issuer::{Issuer, Lies, openid, support};
use super::sign_in_elsewhere::{AWAY, OVERVIEW, PLACE, leave, set_cookies, sign_in, site, staff};

fn one(name: &str, value: Value) -> Map<String, Value> {
    [(name.to_owned(), value)].into_iter().collect()
}

fn claims(name: &str, value: Value) -> Lies {
    Lies {
        claims: one(name, value),
        ..Lies::default()
    }
}

fn answer(status: u16, body: &'static str) -> Lies {
    Lies {
        answer: Some((status, body)),
        ..Lies::default()
    }
}

/// Lies of an issuer, or of somebody in its name, and what the page says.
#[expect(clippy::too_many_lines, reason = "a table")]
fn lies() -> Vec<(&'static str, Lies, &'static str)> {
    let now = Timestamp::now().as_second();
    let unusable = "does not answer, or answers what cannot be used";
    let head = |name, value| Lies {
        head: one(name, value),
        ..Lies::default()
    };
    vec![
        (
            "a token for another client",
            claims("aud", json!("other")),
            "meant for another service",
        ),
        (
            "a token for several clients",
            claims("aud", json!(["console", "other"])),
            "given to another client",
        ),
        (
            "a token that another client asked for",
            claims("azp", json!("other")),
            "given to another client",
        ),
        (
            "a token for the API",
            claims("aud", json!("easemob-admin")),
            "meant for another service",
        ),
        (
            "a token of another sign-in",
            claims("nonce", json!("other")),
            "belongs to another sign-in",
        ),
        (
            "a token of no sign-in",
            claims("nonce", Value::Null),
            "belongs to another sign-in",
        ),
        (
            "another access token",
            claims("at_hash", json!("AAAA")),
            "does not belong to what came with it",
        ),
        (
            "another issuer",
            claims("iss", json!("https://evil.example.com")),
            "tokens of this issuer",
        ),
        (
            "no signature",
            Lies {
                signature: Some(""),
                ..head("alg", json!("none"))
            },
            "not signed with",
        ),
        ("HMAC", head("alg", json!("HS256")), "not signed with"),
        (
            "a signature of nobody",
            Lies {
                signature: Some("AAAA"),
                ..Lies::default()
            },
            "does not hold",
        ),
        ("an unknown key", head("kid", json!("2")), "no key with this id"),
        (
            "a token of yesterday",
            claims("exp", json!(now - 86_400)),
            "clock of the service",
        ),
        (
            "a token of tomorrow",
            claims("iat", json!(now + 86_400)),
            "clock of the service",
        ),
        (
            "a token without a time",
            claims("iat", Value::Null),
            "cannot be read",
        ),
        (
            "a sign-in of tomorrow",
            claims("auth_time", json!(now + 86_400)),
            "clock of the service",
        ),
        (
            "a sign-in at some time",
            claims("auth_time", json!("noon")),
            "cannot be read",
        ),
        ("nobody", claims("email", Value::Null), "does not say whose it is"),
        (
            "a hostile name",
            claims("email", json!("<b>\u{0}")),
            "does not say whose it is",
        ),
        (
            "no group",
            claims("groups", json!(["strangers"])),
            "no group of yours",
        ),
        (
            "no token",
            Lies {
                given: one("id_token", Value::Null),
                ..Lies::default()
            },
            unusable,
        ),
        (
            "a list in place of a token",
            Lies {
                given: one("id_token", json!([1])),
                ..Lies::default()
            },
            unusable,
        ),
        (
            "a word in place of a token",
            Lies {
                given: one("id_token", json!("a.b")),
                ..Lies::default()
            },
            "cannot be read",
        ),
        ("a page", answer(200, "<html>Sign in</html>"), unusable),
        ("nothing", answer(200, ""), unusable),
        ("a refusal in a page", answer(400, "<html>no</html>"), unusable),
        ("somewhere else", answer(302, ""), unusable),
        (
            "out of order",
            answer(503, "{\"error\":\"server_error\"}"),
            unusable,
        ),
        (
            "a wrong secret",
            answer(401, "{\"error\":\"invalid_client\"}"),
            "does not accept the console",
        ),
        (
            "a used code",
            answer(400, "{\"error\":\"invalid_grant\"}"),
            "does not know the code",
        ),
        (
            "a hostile word",
            answer(400, "{\"error\":\"<script>alert(1)</script>\"}"),
            "does not accept the console",
        ),
        (
            "no answer",
            Lies {
                down: true,
                ..Lies::default()
            },
            unusable,
        ),
    ]
}

#[tokio::test]
async fn whoever_lies_signs_nobody_in() {
    let issuer = staff();
    let site = site(&issuer).await;
    for (name, lies, says) in lies() {
        let mut browser = site.browser();
        let address = leave(&mut browser, PLACE, "next=%2Fconsole").await;
        let back = issuer.visit(&address);
        issuer.lies(lies);
        refused(&mut browser, &back, name, says).await;
        issuer.lies(Lies::default());
        // Nothing stands in the way of the next attempt.
        sign_in(&mut browser, &issuer, "next=%2Fconsole")
            .await
            .expect(200);
        browser.get(OVERVIEW).await.expect(200);
    }
}

/// Comes back, and is not let in: the page says why and what to do, and leads there.
async fn refused(browser: &mut Browser, back: &str, name: &str, says: &str) {
    let answer = browser.get(back).await;
    assert!([401, 404, 502].contains(&answer.status), "{name}: {answer:?}");
    assert!(answer.text.contains(says), "{name}: {answer:?}");
    assert!(answer.text.contains("/begin?"), "{name}: {answer:?}");
    assert!(!answer.text.contains("<script>alert"), "{name}: {answer:?}");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    assert!(!answer.headers.contains_key("refresh"), "{name}");
    let cookies = set_cookies(&answer);
    assert!(
        cookies.iter().all(|cookie| cookie.contains("Max-Age=0")),
        "{name}: {cookies:?}"
    );
    assert!(!browser.cookies.contains_key(AWAY), "{name}");
    browser.get(OVERVIEW).await.expect(303);
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_signs_nobody_in() {
    let issuer = staff();
    let site = site(&issuer).await;
    let not_here = "not begun in this browser";
    // The answer for somebody else, opened in this browser (login CSRF): in one that was not sent, and in one that was.
    let mut eve = site.browser();
    let of_eve = issuer.visit(&leave(&mut eve, PLACE, "").await);
    let mut ann = site.browser();
    refused(&mut ann, &of_eve, "without having left", not_here).await;
    leave(&mut ann, PLACE, "").await;
    refused(&mut ann, &of_eve, "having left", not_here).await;
    // The code of somebody else under the state of one's own (code injection).
    let of_ann = issuer.visit(&leave(&mut ann, PLACE, "").await);
    let code_of = |back: &str| {
        back.split("code=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned()
    };
    let injected = of_eve.replace(&code_of(&of_eve), &code_of(&of_ann));
    refused(&mut eve, &injected, "a code of another", "does not know the code").await;
    // What can be wrong with the address.
    for (name, change) in [
        ("no state", ("state=", "s=")),
        ("an empty state", ("state=", "state=&s=")),
        ("another state", ("state=", "state=A")),
        ("no code", ("code=", "c=")),
        ("another code", ("code=", "code=x")),
        ("another issuer", ("iss=https", "iss=http")),
        ("no issuer", ("iss=", "i=")),
        ("two codes", ("code=", "code=a&code=")),
        ("two issuers", ("iss=", "iss=a&iss=")),
    ] {
        let back = issuer.visit(&leave(&mut ann, PLACE, "").await);
        refused(
            &mut ann,
            &back.replace(change.0, change.1),
            name,
            "role=\"alert\"",
        )
        .await;
    }
    let back = issuer.visit(&leave(&mut ann, PLACE, "").await);
    let denied = back.replace("code=", "error=access_denied&x=");
    refused(&mut ann, &denied, "a no", "did not let you in").await;
    let back = issuer.visit(&leave(&mut ann, PLACE, "").await);
    let hostile = back.replace("code=", "error=%3Cscript%3Ealert(1)%3C%2Fscript%3E&x=");
    refused(
        &mut ann,
        &hostile,
        "a hostile word",
        "does not accept the console",
    )
    .await;
    // Whatever a cookie says that nobody set.
    for kept in ["x", "%7B%7D", "%00", "%FF"] {
        let back = issuer.visit(&leave(&mut ann, PLACE, "").await);
        ann.cookies.insert(AWAY.into(), kept.into());
        refused(&mut ann, &back, kept, not_here).await;
    }
    // A state and a code are good once, in this browser and in a copy of it.
    let back = issuer.visit(&leave(&mut ann, PLACE, "").await);
    let mut copy = ann.clone();
    ann.get(&back).await.expect(200);
    let again = ann.get(&back).await.expect(401);
    assert!(again.text.contains(not_here), "{again:?}");
    ann.get(OVERVIEW).await.expect(200);
    refused(&mut copy, &back, "a copy", "does not know the code").await;
}

#[tokio::test]
async fn the_answer_of_one_issuer_is_not_that_of_another() {
    let staff = staff();
    let guests = Issuer::new("https://guests.example.com");
    let issuers = [Arc::clone(&staff), Arc::clone(&guests)];
    let openid = openid(&issuers, &support(), &json!({}));
    let site = Site::start_with(Timestamp::now, Some(openid)).await;
    let at_guests = "/console/sign-in/at/guests.example.com";
    let mut browser = site.browser();
    let page = browser.get("/console/sign-in").await.expect(200);
    for name in ["login.example.com", "guests.example.com"] {
        assert!(page.text.contains(&format!("<bdi>{name}</bdi>")), "{page:?}");
    }
    // Sent to the guests, who pass the browser on to the staff (a mix-up): the staff sends it back to its own address.
    let address = leave(&mut browser, at_guests, "").await;
    let passed_on = address
        .replace(&guests.url, &staff.url)
        .replace("guests.example.com", "login.example.com-realms-staff");
    // It describes itself once.
    let _ = leave(&mut site.browser(), PLACE, "").await;
    let asked = staff.asked();
    refused(
        &mut browser,
        &staff.visit(&passed_on),
        "to its own",
        "not begun in this browser",
    )
    .await;
    // Or to that of the guests, if it knows both: then it says whose answer it is.
    let address = leave(&mut browser, at_guests, "").await;
    let back = staff.visit(&address.replace(&guests.url, &staff.url));
    refused(
        &mut browser,
        &back,
        "to that of the guests",
        "of another identity provider",
    )
    .await;
    assert_eq!(staff.asked(), asked, "no code was passed on");
    // People of the same name are told apart by their issuers.
    let address = leave(&mut browser, at_guests, "").await;
    browser.get(&guests.visit(&address)).await.expect(200);
    let _ = browser.get(OVERVIEW).await.expect(200);
    browser
        .get("/console/sign-in/at/nobody.example.com/begin")
        .await
        .expect(404);
    browser
        .get("/console/sign-in/at/nobody.example.com?code=c&state=s")
        .await
        .expect(404);
}

/// A clock that stands.
fn still() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

#[tokio::test]
async fn an_issuer_that_cannot_be_used_is_said_and_keys_still_work() {
    let unusable = [
        (
            "down",
            Lies {
                down: true,
                ..Lies::default()
            },
        ),
        (
            "another issuer's description",
            Lies {
                description: one("issuer", json!("https://evil.example.com")),
                ..Lies::default()
            },
        ),
        (
            "nowhere to go",
            Lies {
                description: one("authorization_endpoint", Value::Null),
                ..Lies::default()
            },
        ),
        (
            "clear text",
            Lies {
                description: one("authorization_endpoint", json!("http://login.example.com/a")),
                ..Lies::default()
            },
        ),
        (
            "secrets in clear text",
            Lies {
                description: one("token_endpoint", json!("http://login.example.com/t")),
                ..Lies::default()
            },
        ),
        (
            "a script",
            Lies {
                description: one("authorization_endpoint", json!("javascript:alert(1)")),
                ..Lies::default()
            },
        ),
        (
            "other clients",
            Lies {
                description: one(
                    "token_endpoint_auth_methods_supported",
                    json!(["private_key_jwt"]),
                ),
                ..Lies::default()
            },
        ),
        (
            "no description",
            Lies {
                description: one("jwks_uri", Value::Null),
                ..Lies::default()
            },
        ),
    ];
    for (name, lies) in unusable {
        let issuer = staff();
        let openid = openid(&[Arc::clone(&issuer)], &support(), &json!({}));
        let site = Site::start_with(still, Some(openid)).await;
        issuer.lies(lies);
        let mut browser = site.browser();
        for _ in 0..5 {
            let answer = browser
                .get(&format!("{PLACE}/begin?next=%2Fconsole%2Fapps"))
                .await;
            let answer = answer.expect(502);
            assert!(
                answer.text.contains("does not answer, or answers what"),
                "{name}: {answer:?}"
            );
            assert!(
                answer.text.contains("value=\"/console/apps\""),
                "{name}: {answer:?}"
            );
            assert!(set_cookies(&answer).is_empty(), "{name}");
        }
        assert_eq!(issuer.asked(), 1, "{name}: it is left alone for a while");
        browser.sign_in(ADMIN).await;
    }
}
