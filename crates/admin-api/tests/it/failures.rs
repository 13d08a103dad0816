//! What answers of the wrong kind become.

use easemob_admin_api::endpoint::{Effect, Endpoint, Method, Path, Request};
use easemob_admin_api::endpoints::devices::ListDevices;
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{AppRoot, BuildError, Client, Credentials, DecodeError, DeviceId, LogoutOutcome};
use easemob_admin_sandbox::{Fault, Sandbox};

use super::setup::{client, hasty_client, sandbox, user};

#[tokio::test]
async fn a_portals_page_is_no_success_of_a_call_that_returns_nothing() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.inject(Fault::raw_body(
        "users.ban",
        "text/html",
        "<html>Please sign in</html>",
    ));
    let error = client(&sandbox).ban(&user("ann")).await.unwrap_err();
    let answer = &error.undecoded().unwrap().answer;
    assert_eq!(answer.content_type.as_deref(), Some("text/html"));
    assert_eq!(answer.text, "<html>Please sign in</html>");
    assert!(error.is_outcome_unknown() && !error.is_retryable());
}

#[tokio::test]
async fn truncated_json_keeps_what_came() {
    let sandbox = sandbox().await;
    let body = r#"{"data":[{"res":"ios_"#;
    sandbox.inject(Fault::raw_body("devices.list", "application/json", body));
    let error = client(&sandbox).list_devices(&user("ann")).await.unwrap_err();
    assert_eq!(error.undecoded().unwrap().answer.text, body);
    assert_eq!(sandbox.call_count("devices.list"), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_read_again() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios").unwrap();
    sandbox.inject(Fault::truncated("devices.list").times(1));
    let (client, _) = hasty_client(&sandbox);
    assert_eq!(client.list_devices(&user("ann")).await.unwrap().len(), 1);
    assert_eq!(sandbox.call_count("devices.list"), 2);
}

#[tokio::test]
async fn not_logged_out_is_told_from_logged_out() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios").unwrap();
    sandbox.inject(Fault::result_false("sessions.logout_all").times(1));
    let client = client(&sandbox);
    assert_eq!(
        client.logout_all(&user("ann")).await.unwrap(),
        LogoutOutcome::NotLoggedOut
    );
    let gone = DeviceId::parse("ios_gone").unwrap();
    assert_eq!(
        client.logout_device(&user("ann"), &gone).await.unwrap(),
        LogoutOutcome::NotLoggedOut
    );
}

#[tokio::test]
async fn a_success_status_with_an_error_in_it_is_an_error() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let body = r#"{"error":"illegal_argument","error_description":"no","data":{"result":true}}"#;
    sandbox.inject(Fault::raw_body("sessions.logout_all", "application/json", body));
    let error = client(&sandbox).logout_all(&user("ann")).await.unwrap_err();
    assert_eq!(
        (error.status(), error.api_error().unwrap().error.as_str()),
        (Some(200), "illegal_argument")
    );
}

#[tokio::test]
async fn a_server_without_limits_is_said_to_be_one() {
    let sandbox = Sandbox::builder()
        .server_managed_limits(false)
        .start()
        .await
        .unwrap();
    sandbox.register("ann");
    let client = client(&sandbox);
    assert!(client.app_limits().await.unwrap_err().is_unsupported());
    assert!(
        client
            .user_limits(&user("ann"))
            .await
            .unwrap_err()
            .is_unsupported()
    );
    assert!(
        !client
            .get_user(&user("nobody"))
            .await
            .unwrap_err()
            .is_unsupported()
    );
    for (status, kind) in [
        (405, "x"),
        (500, "web_application"),
        (500, "unsupported_service_operation"),
    ] {
        let body = format!(r#"{{"error":"{kind}","error_description":"no","timestamp":1}}"#);
        sandbox.clear_faults();
        sandbox.inject(Fault::raw_body("limits.get", "application/json", &body).answer_status(status));
        assert!(
            client.app_limits().await.unwrap_err().is_unsupported(),
            "{status} {kind}"
        );
    }
}

#[tokio::test]
async fn a_wrong_app_is_told_from_a_missing_user() {
    let sandbox = sandbox().await;
    let root = AppRoot::parse(&format!("{}/other/app", sandbox.rest_url())).unwrap();
    let other = Client::builder(root)
        .transport(crate::transport())
        .credentials(Credentials::fixed_token("YWMtx"))
        .build()
        .unwrap();
    let error = other.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_wrong_app() && !error.is_not_found(), "{error:?}");
    let error = client(&sandbox).list_devices(&user("nobody")).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_wrong_app(), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let elsewhere = format!("{}/users/ann/disconnect", sandbox.app_root());
    sandbox.inject(
        Fault::status("sessions.logout_all", 302)
            .header("Location", &elsewhere)
            .times(1),
    );
    let (client, _) = hasty_client(&sandbox);
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert_eq!(
        (error.status(), sandbox.call_count("sessions.logout_all")),
        (Some(302), 1)
    );
}

#[tokio::test]
async fn a_portals_page_in_place_of_a_token_does_not_blame_the_credentials() {
    for status in [200, 404] {
        let sandbox = sandbox().await;
        sandbox.inject(Fault::raw_body("token", "text/html", "<html>Sign in</html>").answer_status(status));
        let error = client(&sandbox).list_devices(&user("ann")).await.unwrap_err();
        assert!(!error.is_unauthorized(), "{error:?}");
        assert_eq!(error.undecoded().is_some(), status == 200, "{error:?}");
        assert_eq!(sandbox.call_count("devices.list"), 0);
    }
}

#[tokio::test]
async fn a_user_that_mutes_do_not_know_is_not_found() {
    let sandbox = sandbox().await;
    let body = r#"{"error":"required_property_not_found","error_description":"no","timestamp":1}"#;
    sandbox.inject(Fault::raw_body("mutes.get", "application/json", body).answer_status(400));
    let error = client(&sandbox).mutes(&user("nobody")).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_retryable(), "{error:?}");
    assert_eq!(sandbox.call_count("mutes.get"), 1);
}

/// Leaves the server of the app root.
struct Elsewhere;

impl Endpoint for Elsewhere {
    const NAME: &'static str = "elsewhere";
    const EFFECT: Effect = Effect::Read;
    type Output = ();

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn request(&self, _: &AppRoot) -> Result<Request, BuildError> {
        let other = AppRoot::parse("http://other.invalid/acme/chat").unwrap();
        ListDevices { user: user("ann") }.request(&other)
    }

    fn decode(&self, _: &Envelope<'_>) -> Result<(), DecodeError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_made_does_not_blame_the_network() {
    let sandbox = sandbox().await;
    let error = client(&sandbox).execute(&Elsewhere).await.unwrap_err();
    assert!(!error.is_unreachable() && !error.is_retryable(), "{error:?}");
    assert_eq!(error.attempts(), 1);
}
