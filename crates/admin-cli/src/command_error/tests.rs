use easemob_admin_api::transport::retry::RetryPolicy;
use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
use easemob_admin_ops::server::calls::{CallError, Scope};
use easemob_admin_sandbox::{Fault, Rates, Sandbox};

use super::*;

#[test]
fn the_first_error_teaches_the_way() {
    let error = CommandError::from(NoTarget::Nothing);
    assert_eq!(error.exit(), exit::CONFIG);
    let hints = error.hints().join("\n");
    assert!(
        hints.contains("profile add") && hints.contains("--sandbox"),
        "{hints}"
    );
}

#[test]
fn causes_are_told_once_each() {
    let io = std::io::Error::other("disk on fire");
    let error = CommandError::from(ListError::Spool(io));
    assert_eq!(error.source().unwrap().to_string(), "disk on fire");
    assert!(!error.to_string().contains("disk on fire"));
}

const PAGE: &str = "<html><body>not the service</body></html>";
const FOREIGN: &str = r#"{"title":"not found","detail":"no route"}"#;

/// A server and a client that sends every request once.
async fn server() -> (Sandbox, Client) {
    let rates = Rates::unlimited();
    let sandbox = Sandbox::builder().rates(rates).start().await.unwrap();
    let credentials = Credentials::client_secret(sandbox.client_id(), sandbox.client_secret());
    let client = client(&sandbox, credentials);
    (sandbox, client)
}

fn client(sandbox: &Sandbox, credentials: Credentials) -> Client {
    Client::builder(AppRoot::parse(&sandbox.app_root()).unwrap())
        .credentials(credentials)
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

/// Every status that an intermediary may answer with.
const STATUSES: [u16; 19] = [
    200, 204, 301, 302, 400, 401, 403, 404, 405, 407, 418, 429, 451, 500, 501, 502, 503, 511, 524,
];

#[tokio::test]
async fn whatever_comes_in_place_of_a_token_is_no_verdict_on_anybody() {
    let ann = UserId::parse("ann").unwrap();
    for status in STATUSES {
        for (content_type, body) in [
            ("text/html", PAGE),
            ("application/json", FOREIGN),
            ("text/plain", ""),
        ] {
            let (sandbox, client) = server().await;
            sandbox.inject(Fault::raw_body("token", content_type, body).answer_status(status));
            for error in [
                client.list_devices(&ann).await.unwrap_err(),
                client.logout_all(&ann).await.unwrap_err(),
                client.ban(&ann).await.unwrap_err(),
            ] {
                let row = format!("{status} {content_type}: {error}");
                let reduced = CallError::from(&error);
                assert_eq!(reduced.scope, Scope::Token, "{row}");
                assert!(reduced.was_not_sent() && reduced.retry_may_help, "{row}");
                assert!(!reduced.not_found && !reduced.outcome_unknown, "{row}");
                let fatal = CommandError::from(Fatal::NoToken(reduced));
                assert_eq!(fatal.exit(), exit::UNREACHABLE, "{row}");
                assert!(!fatal.hints().is_empty(), "{row}");
            }
            assert_eq!(
                sandbox.call_count("devices.list") + sandbox.call_count("users.ban"),
                0
            );
        }
    }
}

#[tokio::test]
async fn the_exit_code_says_whose_fault_a_missing_token_is() {
    let (sandbox, _) = server().await;
    let ann = UserId::parse("ann").unwrap();
    let wrong = Credentials::client_secret(sandbox.client_id(), "YXA6wrong");
    let no_app = AppRoot::parse(&format!("{}/no/app", sandbox.rest_url())).unwrap();
    let right = Credentials::client_secret(sandbox.client_id(), sandbox.client_secret());
    let elsewhere = Client::builder(no_app)
        .credentials(right)
        .retry(RetryPolicy::none());
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let closed = AppRoot::parse(&format!("http://{port}/acme/chat")).unwrap();
    let any = Credentials::client_secret("id", "secret");
    let nobody = Client::builder(closed)
        .credentials(any)
        .retry(RetryPolicy::none());
    for (client, expected) in [
        (client(&sandbox, wrong), exit::REFUSED),
        (elsewhere.build().unwrap(), exit::REFUSED),
        (nobody.build().unwrap(), exit::UNREACHABLE),
    ] {
        let error = client.list_devices(&ann).await.unwrap_err();
        let reduced = CallError::from(&error);
        assert!(reduced.was_not_sent() && reduced.retry_may_help, "{error}");
        assert_eq!(
            CommandError::from(Fatal::NoToken(reduced)).exit(),
            expected,
            "{error}"
        );
        assert_eq!(CommandError::from(error).exit(), expected);
    }
}

#[tokio::test]
async fn an_answer_that_the_service_did_not_write_says_nothing_about_a_user() {
    let ann = UserId::parse("ann").unwrap();
    for status in STATUSES.into_iter().filter(|status| ![204, 429].contains(status)) {
        let (sandbox, client) = server().await;
        for call in ["devices.list", "sessions.logout_all", "users.ban"] {
            sandbox.inject(Fault::raw_body(call, "text/html", PAGE).answer_status(status));
        }
        for error in [
            client.list_devices(&ann).await.unwrap_err(),
            client.logout_all(&ann).await.unwrap_err(),
            client.ban(&ann).await.unwrap_err(),
        ] {
            let row = format!("{status}: {error}");
            let reduced = CallError::from(&error);
            assert_eq!(reduced.scope, Scope::Network, "{row}");
            assert!(reduced.retry_may_help && !reduced.not_found, "{row}");
            assert_eq!(CommandError::from(error).exit(), exit::UNREACHABLE, "{row}");
        }
    }
}

#[tokio::test]
async fn the_words_of_the_service_are_a_verdict() {
    let (sandbox, client) = server().await;
    let nobody = UserId::parse("nobody").unwrap();
    let unknown = CallError::from(&client.get_user(&nobody).await.unwrap_err());
    assert_eq!(
        (unknown.scope, unknown.not_found, unknown.retry_may_help),
        (Scope::Item, true, false)
    );
    for (status, scope, retry, expected) in [
        (400, Scope::Item, false, exit::REFUSED),
        // A missing permission can be granted later.
        (401, Scope::Run, true, exit::REFUSED),
        (403, Scope::Item, false, exit::REFUSED),
        (429, Scope::Item, true, exit::UNREACHABLE),
        // The sandbox reports a permanent reason.
        (500, Scope::Item, false, exit::REFUSED),
        (503, Scope::Network, true, exit::UNREACHABLE),
    ] {
        sandbox.inject(Fault::status("devices.list", status).times(2));
        let error = client.list_devices(&nobody).await.unwrap_err();
        let reduced = CallError::from(&error);
        assert_eq!(
            (reduced.scope, reduced.retry_may_help),
            (scope, retry),
            "{status} {error}"
        );
        assert_eq!(CommandError::from(error).exit(), expected, "{status}");
        sandbox.clear_faults();
    }
}

#[tokio::test]
async fn a_server_of_many_words_does_not_fill_the_record() {
    let (sandbox, client) = server().await;
    let description = "说".repeat(2_000_000);
    let body = format!(r#"{{"error":"illegal_argument","error_description":"{description}"}}"#);
    sandbox.inject(Fault::raw_body("devices.list", "application/json", &body).answer_status(400));
    let error = client
        .list_devices(&UserId::parse("ann").unwrap())
        .await
        .unwrap_err();
    let message = CallError::from(&error).message;
    assert!(
        message.len() < 5_000 && message.ends_with("说…"),
        "{} bytes",
        message.len()
    );
    assert!(message.contains("illegal_argument"), "{message}");
}

#[test]
fn commands_in_hints_are_about_the_same_server() {
    for (hint, expected) in [
        (
            "list all runs: easemob-admin runs list",
            "list all runs: easemob-admin --sandbox runs list",
        ),
        (
            "with `easemob-admin users unban`, or: easemob-admin profile doctor",
            "with `easemob-admin --sandbox users unban`, or: easemob-admin --sandbox profile doctor",
        ),
        (
            "add one: easemob-admin profile add prod",
            "add one: easemob-admin profile add prod",
        ),
        (
            "try: easemob-admin --sandbox users list",
            "try: easemob-admin --sandbox users list",
        ),
        (
            "use the newer version of easemob-admin that wrote it",
            "use the newer version of easemob-admin that wrote it",
        ),
    ] {
        let error = CommandError::new(exit::USAGE, "test")
            .hint(hint)
            .aimed("--sandbox ");
        assert_eq!(error.hints(), [expected]);
    }
}
