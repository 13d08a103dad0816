use super::*;
use crate::{DeviceLimits, Sandbox, SignInPolicy};

async fn sandbox(users: &[&str]) -> Sandbox {
    let sandbox = Sandbox::start().await.unwrap();
    for user in users {
        sandbox.register(user);
    }
    sandbox
}

fn login(sandbox: &Sandbox, user: &str, resource: &str) -> DeviceLogin {
    let token = sandbox.user_token(user).unwrap();
    DeviceLogin::new(&sandbox.ws_url(), sandbox.app_key(), user, &token).resource(resource)
}

async fn device(sandbox: &Sandbox, user: &str, resource: &str) -> SimulatedDevice {
    SimulatedDevice::connect(&login(sandbox, user, resource))
        .await
        .unwrap()
}

async fn next(device: &mut SimulatedDevice) -> Option<DeviceEvent> {
    timeout(Duration::from_secs(5), device.next())
        .await
        .expect("nothing happened")
}

async fn refused(login: &DeviceLogin) -> u16 {
    match SimulatedDevice::connect(login).await.unwrap_err() {
        ConnectError::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_device_is_listed_while_it_is_there() {
    let sandbox = sandbox(&["ann"]).await;
    let device = device(&sandbox, "ann", "ios_1").await;
    assert_eq!(device.login_id(), "ann/ios_1");
    let listed = sandbox.devices("ann");
    assert_eq!((listed.len(), listed[0].platform.as_str()), (1, "ios"));
    device.leave().await;
    while !sandbox.devices("ann").is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_is_not_let_in_learns_why() {
    let sandbox = sandbox(&["ann"]).await;
    let wrong = DeviceLogin::new(&sandbox.ws_url(), sandbox.app_key(), "ann", "YWMtwrong");
    assert_eq!(refused(&wrong).await, 28);
    sandbox.set_limits(DeviceLimits::multi(1)).unwrap();
    sandbox.set_sign_in_policy(SignInPolicy::Refuse);
    let _first = device(&sandbox, "ann", "ios_1").await;
    assert_eq!(refused(&login(&sandbox, "ann", "ios_2")).await, 214);
    sandbox.set_limits(DeviceLimits::single()).unwrap();
    assert_eq!(refused(&login(&sandbox, "ann", "ios_2")).await, 220);
    let nowhere = DeviceLogin::new("ws://127.0.0.1:1/websocket", "o#a", "ann", "x");
    let error = SimulatedDevice::connect(&nowhere).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn the_evicted_device_is_told_by_whom() {
    let sandbox = sandbox(&["ann"]).await;
    sandbox.set_limits(DeviceLimits::multi(1)).unwrap();
    let mut first = device(&sandbox, "ann", "ios_1").await;
    let second = login(&sandbox, "ann", "ios_2").ext("from the new phone");
    let _second = SimulatedDevice::connect(&second).await.unwrap();
    let evicted = DeviceEvent::SignedOut {
        code: 206,
        ext: "from the new phone".into(),
    };
    assert_eq!(next(&mut first).await, Some(evicted));
    assert_eq!(next(&mut first).await, None);
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_delivered_once() {
    let sandbox = sandbox(&["ann", "bob"]).await;
    let mut ann = device(&sandbox, "ann", "ios_1").await;
    let mut bob = device(&sandbox, "bob", "web_1").await;
    let message = ann.send_text("bob", "hello").await;
    let sent = next(&mut ann).await;
    ann.send_again(message, "bob", "hello").await;
    assert_eq!(
        next(&mut ann).await,
        sent,
        "it is acknowledged with the id it has"
    );
    ann.send_text("bob", "bye").await;
    let mut texts = Vec::new();
    while texts.len() < 2 {
        if let Some(DeviceEvent::Message { text, from, .. }) = next(&mut bob).await {
            assert_eq!(from, "ann/ios_1");
            texts.push(text);
        }
    }
    assert_eq!(texts, ["hello", "bye"]);
}

/// The trap of the protocol: a wrong end of a queue makes both sides ask each other without end.
#[tokio::test]
async fn messages_take_a_bounded_number_of_frames() {
    let sandbox = sandbox(&["ann", "bob"]).await;
    let mut ann = device(&sandbox, "ann", "ios_1").await;
    let mut bob = device(&sandbox, "bob", "web_1").await;
    for round in 0..100 {
        ann.send_text("bob", &round.to_string()).await;
        assert!(matches!(next(&mut ann).await, Some(DeviceEvent::Sent { .. })));
    }
    for round in 0..100 {
        let Some(DeviceEvent::Message { text, .. }) = next(&mut bob).await else {
            panic!("no message");
        };
        assert_eq!(text, round.to_string());
    }
    // Each message costs at most a notice, a pull with its answer, and an acknowledgement with the end of the queue.
    let Frames { sent, received } = bob.frames();
    assert!(
        sent <= 2 + 2 * 100 && received <= 2 + 3 * 100,
        "{sent} {received}"
    );
    // A sign-in, a heartbeat, and one frame per message, each with its answer.
    let Frames { sent, received } = ann.frames();
    assert!(sent == 102 && received <= 102, "{sent} {received}");
}

#[tokio::test]
async fn a_device_that_comes_back_sends_new_messages() {
    let sandbox = sandbox(&["ann", "bob"]).await;
    let mut bob = device(&sandbox, "bob", "web_1").await;
    for text in ["hello", "hello again"] {
        let mut ann = device(&sandbox, "ann", "ios_1").await;
        ann.send_text("bob", text).await;
        assert!(matches!(next(&mut ann).await, Some(DeviceEvent::Sent { .. })));
        let arrived = next(&mut bob).await;
        assert!(
            matches!(&arrived, Some(DeviceEvent::Message { text: said, .. }) if said == text),
            "{arrived:?}"
        );
    }
}

#[tokio::test]
async fn a_device_that_is_signed_out_as_its_user_would_is_told_nothing() {
    let sandbox = sandbox(&["ann"]).await;
    let mut ann = device(&sandbox, "ann", "ios_1").await;
    assert!(sandbox.sign_out("ann", "ios_1"));
    assert_eq!(next(&mut ann).await, None, "the connection is closed");
    assert!(sandbox.devices("ann").is_empty());
}

#[tokio::test]
async fn a_message_has_an_end() {
    let sandbox = sandbox(&["ann", "bob"]).await;
    let mut ann = device(&sandbox, "ann", "ios_1").await;
    for (length, taken) in [(16_000, true), (17_000, false)] {
        ann.send_text("bob", &"x".repeat(length)).await;
        let answer = next(&mut ann).await;
        assert_eq!(
            matches!(answer, Some(DeviceEvent::Sent { .. })),
            taken,
            "{length}: {answer:?}"
        );
    }
}
