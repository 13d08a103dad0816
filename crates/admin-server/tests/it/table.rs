//! Every route with every scope, generated from the routes.

use easemob_admin_remote::api::Scope;
use easemob_admin_server::{Rule, table};
use reqwest::Method;
use serde_json::json;

use crate::served::Served;

/// Fills the parameters of an address.
fn address(path: &str, app: &str) -> String {
    path.replace("{app}", app)
        .replace("{org}/{name}", "easemob-demo/sandbox")
        .split('/')
        .map(|part| if part.starts_with('{') { "7" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_do_what_its_scopes_say_and_nothing_else() {
    let served = Served::start().await;
    let mut keys = Vec::new();
    for scope in Scope::ALL {
        keys.push((
            *scope,
            served.key(&[scope.as_str()], &["chat"]).await,
            served.key(&[scope.as_str()], &["other"]).await,
        ));
    }
    let mut wrong = Vec::new();
    for (method, path, rule) in table() {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let here = address(&path, "chat");
        // A body that no endpoint takes: whoever gets through is refused for it, so nothing is changed.
        let body = || (method != Method::GET && method != Method::DELETE).then(|| json!({"not a field": 1}));
        let status = async |path: &str, key: Option<&str>| {
            let answer = served.send(method.clone(), path, key, body()).await;
            answer.status().as_u16()
        };
        let mut check = |who: &str, found: u16, gets_through: bool, refused: u16| {
            let is_right = if gets_through {
                ![401, 403].contains(&found)
            } else {
                found == refused
            };
            if !is_right {
                wrong.push(format!("{method} {here} {who}: {found}"));
            }
        };
        let is_open = rule == Rule::Anybody;
        // The vendor's answers have the vendor's statuses.
        let is_vendors = matches!(rule, Rule::HasForVendorApp(_));
        check("without a key", status(&here, None).await, is_open, 401);
        check(
            "with a wrong key",
            status(&here, Some("ea_x_0123456789abcdef0123456789abcdef")).await,
            is_open,
            401,
        );
        for (scope, key, key_of_other) in &keys {
            let may = match rule {
                Rule::Anybody | Rule::AnyKey => true,
                Rule::Has(scopes) | Rule::HasForApp(scopes) | Rule::HasForVendorApp(scopes) => {
                    scopes.contains(scope)
                }
            };
            // Following everything needs more than following one run.
            let asked = if path.ends_with("/events") {
                format!("{here}?run=20261129-120000-00000a")
            } else {
                here.clone()
            };
            check(
                &format!("with {scope}"),
                status(&asked, Some(key)).await,
                may,
                if is_vendors { 401 } else { 403 },
            );
            let may = may && !matches!(rule, Rule::HasForApp(_) | Rule::HasForVendorApp(_));
            check(
                &format!("with {scope} of another app"),
                status(&here, Some(key_of_other)).await,
                may,
                if is_vendors { 404 } else { 403 },
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table().len() > 30);
}

#[test]
fn the_calls_that_are_passed_on_are_those_of_the_document() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/service.md")).unwrap();
    let mut documented: Vec<String> = document
        .lines()
        .filter(|line| {
            ["| `GET /", "| `POST /", "| `PUT /", "| `DELETE /"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" | "))
        .collect();
    let mut passed_on: Vec<String> = table()
        .into_iter()
        .filter_map(|(method, path, rule)| {
            let Rule::HasForVendorApp([scope]) = rule else {
                return None;
            };
            let path = path.strip_prefix("/{org}/{name}").unwrap();
            Some(format!("| `{method} {path}` | `{scope}`"))
        })
        .collect();
    documented.sort();
    passed_on.sort();
    assert_eq!(passed_on, documented);
}

#[test]
fn rules_name_scopes_that_exist_for_an_app_in_the_path() {
    // Whoever signs in as the vendor's programs do sends a key in the body.
    let signs_in = |path: &str| path.ends_with("/token");
    for (method, path, rule) in table() {
        if signs_in(&path) {
            assert_eq!(rule, Rule::Anybody);
            continue;
        }
        assert_eq!(
            (
                matches!(rule, Rule::HasForApp(_)),
                matches!(rule, Rule::HasForVendorApp(_))
            ),
            (path.contains("{app}"), path.starts_with("/{org}/{name}/")),
            "{method} {path}"
        );
        if let Rule::Has(scopes) | Rule::HasForApp(scopes) | Rule::HasForVendorApp(scopes) = rule {
            assert!(!scopes.is_empty(), "{method} {path}");
        }
    }
}
