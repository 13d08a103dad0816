use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::rules::limits::UserLimits;

const NOW: u64 = 1_700_000_000_000;

fn app(limits: DeviceLimits) -> App {
    let mut app = App::new("o#a", None);
    app.set_limits(limits).unwrap();
    app.register_for_test("ann");
    app
}

fn enter(app: &mut App, platform: &str) -> SignIn {
    app.sign_in("ann", SignInRequest::on(platform), NOW).unwrap()
}

fn resources(app: &App) -> Vec<String> {
    app.users
        .find("ann")
        .unwrap()
        .devices
        .iter()
        .map(|device| device.resource.clone())
        .collect()
}

#[test]
fn a_full_platform_loses_its_oldest() {
    let mut app = app(DeviceLimits::multi(2));
    let first = enter(&mut app, "ios");
    enter(&mut app, "ios");
    assert_eq!(enter(&mut app, "ios").evicted, [first.resource]);
}

#[test]
fn other_platforms_are_left_alone() {
    let mut app = app(DeviceLimits::multi(1));
    let phone = enter(&mut app, "ios");
    enter(&mut app, "web");
    let evicted = enter(&mut app, "web").evicted;
    assert_eq!(evicted.len(), 1);
    assert!(resources(&app).contains(&phone.resource));
}

#[test]
fn web_and_webim_are_one_platform() {
    let mut app = app(DeviceLimits::multi(1));
    app.sign_in("ann", SignInRequest::with_resource("web_1"), NOW)
        .unwrap();
    assert_eq!(enter(&mut app, "webim").evicted, ["web_1"]);
}

#[test]
fn single_mode_evicts_across_platforms() {
    let mut app = app(DeviceLimits::single());
    let phone = enter(&mut app, "ios");
    assert_eq!(enter(&mut app, "web").evicted, [phone.resource]);
}

#[test]
fn a_custom_platform_may_admit_nobody() {
    let mut app = app(DeviceLimits::multi(4).platform("custom7", 0));
    let refused = app.sign_in("ann", SignInRequest::on("custom7"), NOW);
    assert_eq!(refused, Err(SignInError::TooManyDevices("custom7".into())));
    assert!(enter(&mut app, "custom8").resource.starts_with("custom8_web_"));
}

#[test]
fn one_millisecond_makes_distinct_login_ids() {
    let mut app = app(DeviceLimits::multi(1));
    let ids: std::collections::BTreeSet<_> = (0..5).map(|_| enter(&mut app, "web").login_id).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_new_device_never_takes_an_id_that_is_online() {
    let mut app = app(DeviceLimits::multi(4));
    let brought = format!("webim_random_web_{NOW}");
    app.sign_in("ann", SignInRequest::with_resource(&brought), NOW)
        .unwrap();
    assert_ne!(enter(&mut app, "web").resource, brought);
    assert_eq!(resources(&app).len(), 2);
}

#[test]
fn the_same_login_id_replaces_its_own_session() {
    let mut app = app(DeviceLimits::multi(2));
    for resource in ["web_a", "web_b", "web_a"] {
        let evicted = app
            .sign_in("ann", SignInRequest::with_resource(resource), NOW)
            .unwrap()
            .evicted;
        assert!(evicted.is_empty(), "{resource}");
    }
    // The second sign-in of `web_a` made `web_b` the oldest.
    assert_eq!(resources(&app), ["web_b", "web_a"]);
}

#[test]
fn refuse_keeps_who_is_online() {
    let mut app = app(DeviceLimits::multi(1));
    app.policy = SignInPolicy::Refuse;
    let first = enter(&mut app, "ios");
    assert!(app.sign_in("ann", SignInRequest::on("ios"), NOW).is_err());
    assert!(
        app.sign_in("ann", SignInRequest::with_resource(&first.resource), NOW)
            .is_ok()
    );
    assert_eq!(resources(&app), [first.resource]);
}

#[test]
fn in_single_mode_the_one_device_keeps_its_place_and_a_platform_may_admit_nobody() {
    let mut app = app(DeviceLimits::single().platform("custom7", 0));
    let refused = app.sign_in("ann", SignInRequest::on("custom7"), NOW);
    assert_eq!(refused, Err(SignInError::TooManyDevices("custom7".into())));
    app.policy = SignInPolicy::Refuse;
    let first = enter(&mut app, "ios");
    let refused = app.sign_in("ann", SignInRequest::on("web"), NOW);
    assert_eq!(refused, Err(SignInError::OtherDevice("ann".into())));
    assert_eq!(resources(&app), [first.resource]);
}

#[test]
fn a_lowered_limit_takes_hold_at_the_next_sign_in() {
    let mut app = app(DeviceLimits::multi(4));
    let online: Vec<_> = (0..4).map(|_| enter(&mut app, "android").resource).collect();
    app.set_limits(DeviceLimits::multi(2)).unwrap();
    assert_eq!(resources(&app).len(), 4);
    assert_eq!(enter(&mut app, "android").evicted, online[..3]);
}

#[test]
fn a_users_own_limit_wins() {
    let mut app = app(DeviceLimits::multi(4));
    app.set_user_limits(
        "ann",
        UserLimits {
            default: Some(1),
            ..UserLimits::default()
        },
    )
    .unwrap();
    enter(&mut app, "ios");
    assert_eq!(enter(&mut app, "ios").evicted.len(), 1);
}

#[test]
fn passwords_are_checked_when_given() {
    let mut app = app(DeviceLimits::default());
    let wrong = app.sign_in("ann", SignInRequest::on("ios").password("nope"), NOW);
    assert_eq!(wrong, Err(SignInError::WrongPassword("ann".into())));
    assert!(
        app.sign_in("Ann", SignInRequest::on("ios").password("pw-ann"), NOW)
            .is_ok()
    );
    assert!(matches!(
        app.sign_in("bob", SignInRequest::on("ios"), NOW),
        Err(SignInError::UnknownUser(_))
    ));
}

const PLATFORMS: [&str; 4] = ["android", "ios", "web", "custom5"];

#[derive(Debug, Clone)]
enum Step {
    New(usize),
    Again(usize),
    Out(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..PLATFORMS.len()).prop_map(Step::New),
        1 => any::<usize>().prop_map(Step::Again),
        1 => any::<usize>().prop_map(Step::Out),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn sign_ins_keep_the_limits(steps in steps(), limits in prop::array::uniform4(1_u32..4)) {
        let wanted = PLATFORMS.iter().zip(limits).fold(DeviceLimits::multi(4), |all, (platform, devices)| {
            all.platform(platform, devices)
        });
        let mut app = app(wanted);
        // What should be online per platform, oldest first, kept apart from the code under test.
        let mut model: BTreeMap<String, Vec<String>> = BTreeMap::new();

        for step in steps {
            let online = resources(&app);
            let request = match step {
                Step::New(platform) => SignInRequest::on(PLATFORMS[platform]),
                Step::Again(_) | Step::Out(_) if online.is_empty() => continue,
                Step::Again(index) => SignInRequest::with_resource(&online[index % online.len()]),
                Step::Out(index) => {
                    let resource = &online[index % online.len()];
                    prop_assert!(app.sign_out("ann", resource).is_some());
                    for devices in model.values_mut() {
                        devices.retain(|device| device != resource);
                    }
                    continue;
                }
            };
            let platform = request.platform.clone();
            let limit = limits[PLATFORMS.iter().position(|name| *name == platform).unwrap()] as usize;
            let result = app.sign_in("ann", request, NOW).unwrap();

            let devices = model.entry(platform).or_default();
            devices.retain(|device| *device != result.resource);
            devices.push(result.resource.clone());
            let surplus = devices.len().saturating_sub(limit);
            let gone: Vec<_> = devices.drain(..surplus).collect();
            prop_assert_eq!(result.evicted, gone);

            let mut expected: Vec<_> = model.values().flatten().cloned().collect();
            let mut actual = resources(&app);
            expected.sort();
            actual.sort();
            prop_assert_eq!(actual, expected);
        }
    }
}
