//! Forms that are sent twice, at once and later, as by somebody who clicks twice or reloads what a form answered.

use axum::http::Method;
use serde_json::Value;

use super::browser::{ADMIN, Answer, Browser, Site};

async fn runs(site: &Site) -> Vec<String> {
    let page = site.api(Method::GET, "/v1/apps/chat/runs", Value::Null).await;
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    items.iter().map(|run| run["id"].to_string()).collect()
}

/// Returns the hidden fields of the form of a page that is sent to this address.
fn hidden(page: &str, action: &str) -> Vec<(String, String)> {
    let (_, rest) = page
        .split_once(&format!("action=\"{}\"", action.replace('&', "&amp;")))
        .unwrap_or_else(|| panic!("{action}: {page}"));
    let form = rest.split("</form>").next().unwrap();
    let field = |text: &str| {
        let (name, rest) = text.split_once("\" value=\"")?;
        let value = rest.split('"').next()?;
        Some((name.to_owned(), value.replace("&amp;", "&")))
    };
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1);
    fields.filter_map(field).collect()
}

/// Sends the form of a page three times, twice of it at once, and returns the answers.
async fn thrice(browser: &Browser, page: &str, action: &str, more: &[(&str, &str)]) -> Vec<Answer> {
    let shown = browser.clone().get(page).await.expect(200).text;
    let fields = hidden(&shown, action);
    assert!(
        fields.iter().any(|(name, _)| name == "run"),
        "{action}: {fields:?}"
    );
    let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (first, second) = tokio::join!(
        one.send(Method::POST, action, &fields),
        two.send(Method::POST, action, &fields)
    );
    let third = one.send(Method::POST, action, &fields).await;
    vec![first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_again_makes_no_other_run() {
    let site = Site::start().await;
    let users: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    for user in &users {
        site.sandbox.register(user);
        for device in ["ios_1", "ios_2", "webim_1"] {
            site.sandbox.sign_in_as(user, device).unwrap();
        }
    }
    let mut browser = site.browser();
    browser.sign_in(ADMIN).await;
    let app = site.sandbox.app_key().to_owned();
    let reason = ("reason", "leak");
    let of = |user: usize, act: &str| format!("/console/chat/users/user{user}/{act}");
    let selected = |act: &str| format!("/console/chat/users-selected/{act}");
    let bulk = "/console/chat/bulk".to_owned();
    let limits = "/console/chat/limits".to_owned();
    let list = [("list", "user8\nuser9"), reason, ("step", "plan")];
    let with = |field: (&'static str, &'static str)| [&list[..], &[field]].concat();
    let policy = "default = 1\nunknown_age = \"oldest\"\n";
    let forms = [
        (
            "/console/chat/users/user0?ask=ios_1".to_owned(),
            of(0, "sign-out"),
            vec![reason],
        ),
        (of(1, "sign-out?all=1"), of(1, "sign-out"), vec![reason]),
        (of(2, "sign-out?platform=ios"), of(2, "sign-out"), vec![reason]),
        (of(3, "sign-out?keep=1"), of(3, "sign-out"), vec![reason]),
        (of(4, "lock"), of(4, "lock"), vec![reason, ("hours", "10")]),
        (of(4, "unlock"), of(4, "unlock"), vec![reason]),
        (of(5, "ban"), of(5, "ban"), vec![reason, ("typed", app.as_str())]),
        (of(5, "unban"), of(5, "unban"), vec![reason]),
        (
            selected("sign-out?u=user6&u=user7"),
            selected("sign-out"),
            vec![reason],
        ),
        (
            selected("lock?u=user6&u=user7"),
            selected("lock"),
            vec![reason, ("hours", "10")],
        ),
        (selected("plan?u=user8&u=user9"), selected("plan"), vec![reason]),
        (bulk.clone(), bulk.clone(), with(("verb", "logout"))),
        (bulk.clone(), bulk.clone(), with(("verb", "lock"))),
        (bulk.clone(), bulk.clone(), with(("verb", "ban"))),
        (
            limits.clone(),
            limits.clone(),
            vec![
                ("policy", policy),
                ("users", "user10 user11"),
                reason,
                ("step", "enforce"),
            ],
        ),
    ];
    for (page, action, more) in &forms {
        let before = runs(&site).await;
        let answers = thrice(&browser, page, action, more).await;
        let after = runs(&site).await;
        assert_eq!(after.len(), before.len() + 1, "{page} {more:?}: {answers:?}");
        for answer in &answers {
            assert_eq!(answer.status, 303, "{page}: {answer:?}");
            assert_eq!(answer.place(), answers[0].place(), "{page}");
        }
        until_quiet(&site).await;
    }
    // A form that was filled in anew under the same id is told so, and does nothing.
    let shown = browser.get(&bulk).await.expect(200).text;
    let own = hidden(&shown, &bulk);
    let own: Vec<(&str, &str)> = own
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let ban = |list: &'static str| {
        [
            &own[..],
            &[("list", list), reason, ("verb", "ban"), ("step", "plan")],
        ]
        .concat()
    };
    browser.send(Method::POST, &bulk, &ban("user8")).await.expect(303);
    let before = runs(&site).await;
    let other = browser.send(Method::POST, &bulk, &ban("user9")).await.expect(303);
    let other = browser.get(other.place()).await.expect(200);
    assert!(
        other
            .text
            .contains("There is a run with this id and other content"),
        "{other:?}"
    );
    assert_eq!(runs(&site).await, before);
}

/// Waits until no run goes on.
async fn until_quiet(site: &Site) {
    loop {
        let page = site.api(Method::GET, "/v1/apps/chat/runs", Value::Null).await;
        let goes_on = |run: &Value| run["state"] == "running" || run["state"] == "waiting";
        if !page["items"].as_array().unwrap().iter().any(goes_on) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
