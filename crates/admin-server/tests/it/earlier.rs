//! What an earlier version of the service has kept is read and gone on with.

use easemob_admin_sandbox::Sandbox;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::records::{Home, Records};
use crate::served::{ADMIN, Served};

/// A key of the documents.
const ANN: &str = "ea_551b1d9c225e_PpA3yJmPDKPRpmR7TYwDlSD5yMlqHzv9-jlAziM9AE4";

/// The documents as the commit in its name left them, killed at work: keys, a schedule, a watch with a lease, a scan of a list, rules,
/// and a request for approval.
const DOCUMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/service-3b2f277.db");

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_of_an_earlier_version_are_read() {
    let home = Home::of(Records::Files);
    std::fs::copy(DOCUMENTS, home.path().join("service.sqlite")).unwrap();
    let served = Served::start_with(Sandbox::start().await.unwrap(), home, Timestamp::now);
    let get = async |path: &str| served.get(path).await.expect(200).json();
    let app = |path: &str| format!("/v1/apps/chat/{path}");
    let known = served
        .ask(Method::GET, "/v1/whoami", Some(ANN), None)
        .await
        .expect(200)
        .json();
    assert_eq!(known["owner"], "ann", "{known}");
    assert_eq!(get("/v1/keys").await["items"].as_array().unwrap().len(), 2);
    let schedule = get(&app("schedules/night")).await;
    assert_eq!(
        (&schedule["cron"], &schedule["missed"]),
        (&json!("0 3 * * *"), &json!("run_once"))
    );
    let watch = get(&app("watches/phones")).await;
    assert_eq!(
        (&watch["owner"], &watch["until"], &watch["ended"]),
        (&json!("administrator"), &Value::Null, &Value::Null)
    );
    let scan = get(&app("logins/scans")).await["items"][0].clone();
    assert_eq!(
        (&scan["users"], &scan["state"]),
        (&json!(2), &json!("complete")),
        "{scan}"
    );
    assert_eq!(get(&app("approval-rules")).await["rules"][0]["over_users"], 1);
    let asked = get(&app("approvals")).await["items"][0].clone();
    assert_eq!(asked["asked_by"], "ann", "{asked}");
    // And they are gone on with.
    let stopped = served
        .post(&app("watches/phones/stop"), json!({"reason": "enough"}))
        .await;
    assert_eq!(
        stopped.expect(200).json()["ended"],
        "administrator has stopped it: enough"
    );
    let again = served
        .post(&app("logins/scans"), json!({"users": ["ann", "bob"]}))
        .await
        .expect(202)
        .json();
    assert_eq!(again["users"], 2);
    let revoked = served
        .ask(Method::DELETE, "/v1/keys/551b1d9c225e", Some(ADMIN), None)
        .await;
    let _ = revoked.expect(200);
    assert_eq!(
        served
            .ask(Method::GET, "/v1/whoami", Some(ANN), None)
            .await
            .status,
        401
    );
}
