//! One token for all tasks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use easemob_admin_api::endpoints::token::AppToken;
use easemob_admin_api::{BroughtToken, Client, Credentials, ExposeSecret as _, NoToken, UserQuery};
use easemob_admin_sandbox::{Fault, Sandbox};

use super::setup::{builder, client, sandbox, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_calls_cause_one_token_request() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.list_devices(&user("ann")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(sandbox.call_count("devices.list"), 100);
    assert_eq!(sandbox.call_count("token"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_expired_token_is_renewed_once_for_all() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    client.fetch_token().await.unwrap();
    // Only the server's clock moves: the client believes the token to be good.
    sandbox.advance(Duration::from_secs(24 * 365 * 60 * 60));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.list_devices(&user("ann")).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(sandbox.call_count("token"), 2);
    assert!(sandbox.call_count("devices.list") <= 200);
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_succeeds() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let client = client(&sandbox);
    client.fetch_token().await.unwrap();
    sandbox.inject(Fault::expired_token("devices.list").times(1));
    client.list_devices(&user("ann")).await.unwrap();
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (2, 2)
    );
}

#[tokio::test]
async fn a_second_401_is_final() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.inject(Fault::expired_token("devices.list"));
    let client = client(&sandbox);
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_retryable(), "{error:?}");
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (2, 2)
    );

    // A right that is missing is a 401 too: it must not cost a token per call.
    for _ in 0..20 {
        client.list_devices(&user("ann")).await.unwrap_err();
    }
    assert_eq!(sandbox.call_count("token"), 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let sandbox = easemob_admin_sandbox::Sandbox::builder()
        .token_ttl(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    sandbox.register("ann");
    let clock: std::sync::Arc<super::setup::Hasty> = std::sync::Arc::default();
    let shared: std::sync::Arc<dyn easemob_admin_api::transport::clock::Clock> = clock.clone();
    let client = builder(&sandbox).clock(shared.clone()).build().unwrap();
    client.list_devices(&user("ann")).await.unwrap();
    shared
        .sleep_until(shared.now() + Duration::from_millis(950))
        .await;
    client.list_devices(&user("ann")).await.unwrap();
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (2, 2)
    );
}

#[tokio::test]
async fn wrong_credentials_are_said_once_and_plainly() {
    let sandbox = sandbox().await;
    let client = builder(&sandbox)
        .credentials(Credentials::client_secret(sandbox.client_id(), "YXA6wrong"))
        .build()
        .unwrap();
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_retryable(), "{error:?}");
    assert_eq!(sandbox.call_count("token"), 1);
    assert_eq!(sandbox.call_count("devices.list"), 0);
}

#[tokio::test]
async fn a_fixed_token_is_never_renewed() {
    let sandbox = sandbox().await;
    let client = builder(&sandbox)
        .credentials(Credentials::fixed_token("YWMtstale"))
        .build()
        .unwrap();
    let error = client.list_devices(&user("ann")).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error:?}");
    assert_eq!(
        (sandbox.call_count("token"), sandbox.call_count("devices.list")),
        (0, 1)
    );
}

/// A client whose tokens somebody else gets, and what that one was asked with.
fn with_brought_tokens(sandbox: &Sandbox) -> (Client, Arc<Mutex<Vec<Option<String>>>>) {
    let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let (told, elsewhere) = (Arc::clone(&asked), client(sandbox));
    let token = AppToken::new(sandbox.client_id(), sandbox.client_secret());
    let credentials = Credentials::brought(move |refused| {
        let refused = refused.map(|token| token.expose_secret().to_owned());
        told.lock().unwrap().push(refused);
        let (elsewhere, token) = (elsewhere.clone(), token.clone());
        async move {
            let got = elsewhere.execute(&token).await;
            let got = got.map_err(|error| NoToken::refused(error.to_string()))?;
            Ok(BroughtToken {
                token: got.access_token,
                lives: None,
            })
        }
    });
    let client = builder(sandbox).credentials(credentials).build().unwrap();
    (client, asked)
}

#[tokio::test]
async fn a_token_that_ends_within_a_listing_is_brought_anew_and_only_its_page_is_read_again() {
    let sandbox = sandbox().await;
    for number in 0..25 {
        sandbox.register(&format!("user{number:02}"));
    }
    let (client, asked) = with_brought_tokens(&sandbox);
    let query = UserQuery::new().page_size(10);
    let first = client.list_users_page(&query, None).await.unwrap();
    sandbox.inject(Fault::expired_token("users.list").times(1));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (client, query, next) = (client.clone(), query.clone(), first.next.clone());
            tokio::spawn(async move { client.list_users_page(&query, next.as_ref()).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().items.len(), 10);
    }
    let asked = asked.lock().unwrap();
    let refused: Vec<bool> = asked.iter().map(Option::is_some).collect();
    assert_eq!(refused, [false, true], "all wait for the same one");
    assert_eq!(sandbox.call_count("users.list"), 22);
}

#[tokio::test]
async fn an_act_is_repeated_after_a_refused_token_and_not_after_a_lost_answer() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.sign_in("ann", "ios").unwrap();
    let (client, asked) = with_brought_tokens(&sandbox);
    sandbox.inject(Fault::expired_token("sessions.logout_all").times(1));
    let _ = client.logout_all(&user("ann")).await.unwrap();
    assert_eq!(sandbox.call_count("sessions.logout_all"), 2);
    sandbox.inject(Fault::cut_after("sessions.logout_all").times(1));
    let lost = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(lost.is_outcome_unknown());
    assert_eq!(sandbox.call_count("sessions.logout_all"), 3);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn where_nobody_brings_a_token_nothing_is_sent() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    for (why, is_final) in [
        (NoToken::refused("the sign-in has expired"), true),
        (NoToken::away("the issuer is away"), false),
    ] {
        let said = why.to_string();
        let credentials = Credentials::brought(move |_| {
            let why = why.clone();
            async move { Err(why) }
        });
        let client = builder(&sandbox).credentials(credentials).build().unwrap();
        let error = client.list_devices(&user("ann")).await.unwrap_err();
        assert!(error.is_without_token());
        assert_eq!(
            (error.is_unauthorized(), error.is_transient()),
            (is_final, !is_final)
        );
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), said);
    }
    assert_eq!(sandbox.call_count("devices.list"), 0);
}

#[tokio::test]
async fn user_tokens_open_the_users_own_calls() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.register("bob");
    let admin = client(&sandbox);
    for token in [
        admin.user_token(&user("ann"), "pw-ann").await.unwrap(),
        admin.inherit_user_token(&user("ann"), false, None).await.unwrap(),
    ] {
        let ann = builder(&sandbox)
            .credentials(Credentials::fixed_token(token.expose()))
            .build()
            .unwrap();
        ann.list_devices(&user("ann")).await.unwrap();
        assert!(
            ann.list_devices(&user("bob"))
                .await
                .unwrap_err()
                .is_unauthorized()
        );
    }
    let made = admin
        .inherit_user_token(&user("new"), true, Some(Duration::from_secs(60)))
        .await
        .unwrap();
    assert_eq!(made.lifetime, Some(Duration::from_secs(60)));
    admin.get_user(&user("new")).await.unwrap();
}
