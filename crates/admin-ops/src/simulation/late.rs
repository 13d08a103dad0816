//! Users who sign in after the server reported them as offline.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_signs_in_while_others_are_locked_is_signed_out_and_on_record() {
    NOW.set(1_767_225_600_000);
    let directory = tempfile::tempdir().unwrap();
    let home = Home::at(directory.path());
    // More than the sample, which is read whatever the status.
    let users: Vec<UserId> = (0..150)
        .map(|number| UserId::parse(format!("user{number}")).unwrap())
        .collect();
    let accounts = users.iter().map(|user| (user.to_string(), Account::default()));
    let until = Timestamp::from_millisecond(clock() + 1_000_000_000).unwrap();
    // This seed asks for the status first, and not again.
    let mut story = Story::begin(&home, accounts.collect(), &users, &Action::Lock { until }, 2);
    story.server.late.store(true, Ordering::Relaxed);
    story.attempt(Which::Unfinished, i64::MAX / 2, None).await;
    let ended = records(home.stores.runs(), &story.id)
        .into_iter()
        .filter_map(|record| match record {
            Record::Outcome(outcome) => Some(outcome.ended),
            _ => None,
        });
    let ended: Vec<Vec<DeviceId>> = ended.collect();
    assert_eq!(ended, vec![vec![device(FIRST)]; users.len()]);
}
