//! The OpenAPI document that is checked in, so that a change of the interface shows in a review.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use easemob_admin_server::{openapi, table};

/// Set to write the document anew.
const RENEW: &str = "EASEMOB_RENEW_OPENAPI";

#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut now = serde_json::to_string_pretty(&openapi()).unwrap();
    now.push('\n');
    if std::env::var_os(RENEW).is_some() {
        fs::write(&path, &now).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "the interface changed; look at the difference after: {RENEW}=1 cargo test -p easemob-admin-server --test service openapi"
    );
}

#[test]
fn the_document_has_every_route_and_names_each_operation_once() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut operations = BTreeSet::new();
    for (method, path, _) in table() {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty(), "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path}");
        operations.insert((path.clone(), method, id.to_owned()));
    }
    assert_eq!(operations.len(), table().len());
}
