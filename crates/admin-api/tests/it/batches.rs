//! Calls about many users are cut by bytes as well as by number.

use easemob_admin_api::{NewUser, OnlineStatus, RegisterOutcome, UserId};
use easemob_admin_sandbox::{Fault, Rates, Sandbox};

use super::setup::{client, user};

async fn taking(bytes: usize) -> Sandbox {
    Sandbox::builder()
        .rates(Rates::unlimited())
        .max_body(bytes)
        .start()
        .await
        .unwrap()
}

fn names(count: usize, length: usize) -> Vec<UserId> {
    (0..count)
        .map(|number| user(&format!("{number:0length$}")))
        .collect()
}

#[tokio::test]
async fn as_many_calls_as_the_bytes_need_and_no_more() {
    for (count, length, calls) in [
        (1, 1, 1),
        (100, 1, 1),
        (100, 46, 1),
        (100, 47, 2),
        (100, 49, 2),
        (100, 64, 2),
        (100, 120, 3),
    ] {
        let sandbox = Sandbox::builder()
            .rates(Rates::unlimited())
            .start()
            .await
            .unwrap();
        let users = names(count, length);
        sandbox.register(users[0].as_str());
        sandbox.sign_in(users[0].as_str(), "ios").unwrap();
        let statuses = client(&sandbox).status_batch(&users).await.unwrap();
        assert_eq!(
            sandbox.call_count("status.batch"),
            calls,
            "{count} names of {length} bytes"
        );
        let asked: Vec<UserId> = statuses.iter().map(|(user, _)| user.clone()).collect();
        assert_eq!(asked, users, "in the order asked");
        assert_eq!(statuses[0].1, OnlineStatus::Online);
        assert!(
            statuses[1..]
                .iter()
                .all(|(_, status)| *status == OnlineStatus::Offline)
        );
    }
}

#[tokio::test]
async fn any_number_of_users_is_cut_by_number_too() {
    let sandbox = taking(5 * 1024).await;
    let statuses = client(&sandbox).statuses(&names(250, 4)).await;
    assert_eq!((statuses.len(), sandbox.call_count("status.batch")), (250, 3));
    assert!(client(&sandbox).statuses(&[]).await.is_empty());
}

#[tokio::test]
async fn a_413_is_halved_and_the_size_remembered() {
    let sandbox = taking(1_000).await;
    let client = client(&sandbox);
    let users = names(100, 49);
    client.status_batch(&users).await.unwrap();
    // 95, 47 and 23 names are refused; 11 fit.
    assert_eq!(sandbox.call_count("status.batch"), 3 + 10);
    sandbox.reset_calls();
    client.clone().status_batch(&users).await.unwrap();
    assert_eq!(sandbox.call_count("status.batch"), 10, "for the clones as well");
}

#[tokio::test]
async fn a_gateways_413_is_halved_too() {
    let sandbox = taking(5 * 1024).await;
    let page = Fault::raw_body("status.batch", "text/html", "<html>413</html>").answer_status(413);
    sandbox.inject(page.times(1));
    client(&sandbox).status_batch(&names(100, 10)).await.unwrap();
    assert_eq!(sandbox.call_count("status.batch"), 1 + 2 + 1);
}

#[tokio::test]
async fn what_is_too_large_alone_is_the_error_of_that_user() {
    let sandbox = taking(200).await;
    let client = client(&sandbox);
    let users = [user("ann"), user(&"x".repeat(250)), user("bob")];
    let statuses = client.statuses(&users).await;
    let told: Vec<bool> = statuses.iter().map(|(_, status)| status.is_ok()).collect();
    assert_eq!(told, [true, false, true]);
    let error = statuses[1].1.as_ref().unwrap_err();
    assert!(error.is_too_large() && !error.is_retryable(), "{error:?}");
    assert!(client.status_batch(&users).await.unwrap_err().is_too_large());
}

#[tokio::test]
async fn a_call_that_fails_is_the_error_of_its_users() {
    let sandbox = taking(5 * 1024).await;
    sandbox.inject(Fault::status("status.batch", 400).skip(1).times(1));
    let statuses = client(&sandbox).statuses(&names(300, 4)).await;
    let told: Vec<bool> = statuses.iter().map(|(_, status)| status.is_ok()).collect();
    assert_eq!(
        told,
        [vec![true; 100], vec![false; 100], vec![true; 100]].concat()
    );
}

#[tokio::test]
async fn registrations_are_cut_and_told_one_by_one() {
    let sandbox = taking(5 * 1024).await;
    let client = client(&sandbox);
    let batch: Vec<NewUser> = names(60, 60)
        .into_iter()
        .map(|name| NewUser::new(name, "p".repeat(60)))
        .collect();
    let outcomes = client.register_users(batch.clone()).await.unwrap();
    assert!(
        outcomes
            .iter()
            .all(|(_, outcome)| matches!(outcome, RegisterOutcome::Registered(_)))
    );
    assert_eq!(
        (outcomes.len(), sandbox.call_count("users.register_batch")),
        (60, 2)
    );

    // The second call fails: of those it was about nobody knows, of the others all is known.
    sandbox.reset_calls();
    sandbox.inject(Fault::cut_after("users.register_batch").skip(1).times(1));
    let outcomes = client.register_users(batch).await.unwrap();
    let (told, failed): (Vec<_>, Vec<_>) = outcomes
        .iter()
        .partition(|(_, outcome)| matches!(outcome, RegisterOutcome::Refused { .. }));
    assert!(!told.is_empty() && !failed.is_empty() && told.len() + failed.len() == 60);
    assert!(failed.iter().all(|(_, outcome)| {
        matches!(outcome, RegisterOutcome::Failed(error) if error.is_outcome_unknown())
    }));
    assert_eq!(
        sandbox.call_count("users.register_batch"),
        2,
        "no registration is repeated blindly"
    );
}
