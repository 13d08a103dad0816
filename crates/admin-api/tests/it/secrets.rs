//! No secret is ever shown.

use easemob_admin_api::{Credentials, JwtSigner, NewUser, UserId};
use easemob_admin_sandbox::Fault;

use super::setup::{builder, client, sandbox, user};

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text} {next:?} {next}");
        cause = next.source();
    }
    text
}

#[test]
fn debug_of_every_credential_is_redacted() {
    for credentials in [
        Credentials::client_secret("YXA6id", "hunter2"),
        Credentials::fixed_token("hunter2"),
        Credentials::signed_jwt(JwtSigner::hs256("hunter2")),
    ] {
        assert!(!format!("{credentials:?} {credentials:#?}").contains("hunter2"));
    }
    let new = NewUser::new(UserId::parse("ann").unwrap(), "hunter2");
    assert!(!format!("{new:?}").contains("hunter2"));
}

#[tokio::test]
async fn errors_of_every_kind_show_no_secret() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let secret = sandbox.client_secret().to_owned();
    let token = client(&sandbox)
        .inherit_user_token(&user("ann"), false, None)
        .await
        .unwrap();

    let mut texts = Vec::new();
    for fault in [
        Fault::status("token", 503),
        Fault::raw_body("token", "text/html", "<html>"),
        Fault::raw_body("token", "application/json", r#"{"access_token":["YWMtleaked"]}"#),
        // A byte order mark, a missing end, and an array: not JSON of the documented form.
        Fault::raw_body(
            "token",
            "application/json",
            "\u{feff}{\"access_token\":\"YWMtleaked\"}",
        ),
        Fault::raw_body(
            "token",
            "application/json",
            r#"{"access_token":"YWMtleaked","expires_in""#,
        ),
        Fault::raw_body("token", "application/json", r#"["YWMtleaked"]"#),
        Fault::raw_body("token", "application/json", r#""YWMtleaked""#),
        Fault::raw_body(
            "token",
            "application/json",
            r#"{"access_token":5,"expires_in":"YWMtleaked"}"#,
        ),
        // A gateway that sends the request back, as a page and as an error of the documented form.
        Fault::raw_body(
            "token",
            "text/html",
            &format!("<pre>{{\"client_secret\":\"{secret}\"}}"),
        )
        .answer_status(403),
        Fault::raw_body(
            "token",
            "application/json",
            &format!(r#"{{"error":"{secret}","error_description":"refused: {secret}"}}"#),
        )
        .answer_status(403),
        Fault::cut_after("token"),
    ] {
        sandbox.clear_faults();
        sandbox.inject(fault);
        let client = builder(&sandbox)
            .retry(easemob_admin_api::RetryPolicy::none())
            .build()
            .unwrap();
        texts.push(format!("{client:?}"));
        texts.push(chain(&client.list_devices(&user("ann")).await.unwrap_err()));
    }
    sandbox.clear_faults();
    let stale = builder(&sandbox)
        .credentials(Credentials::fixed_token("YWMtleaked"))
        .build()
        .unwrap();
    texts.push(format!("{stale:?}"));
    texts.push(chain(&stale.list_devices(&user("ann")).await.unwrap_err()));
    texts.push(chain(
        &client(&sandbox)
            .user_token(&user("ann"), "hunter2")
            .await
            .unwrap_err(),
    ));
    texts.push(format!("{token:?}"));
    for call in ["users.set_password", "users.register"] {
        let echo = r#"{"newpassword":"hunter2","password":"hunter2"}"#;
        sandbox.inject(Fault::raw_body(call, "text/html", echo).answer_status(403));
    }
    let client = client(&sandbox);
    texts.push(chain(
        &client.set_password(&user("ann"), "hunter2").await.unwrap_err(),
    ));
    let bob = NewUser::new(user("bob"), "hunter2");
    texts.push(chain(&client.register_user(bob).await.unwrap_err()));
    let echo = "bad key: k3y-of-one-job".to_owned();
    sandbox.inject(Fault::raw_body("devices.list", "text/plain", &echo).answer_status(403));
    let keyed = client.with_header("X-Gateway-Key", "k3y-of-one-job").unwrap();
    texts.push(format!("{keyed:?}"));
    texts.push(chain(&keyed.list_devices(&user("ann")).await.unwrap_err()));
    for text in texts {
        for hidden in [
            secret.as_str(),
            token.expose(),
            "YWMtleaked",
            "hunter2",
            "pw-ann",
            "k3y-of-one-job",
        ] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}
