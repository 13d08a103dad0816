//! Users in the console: the list, one user, and the overview.

use easemob_admin_sandbox::DeviceEvent;
use serde_json::json;

use super::console::World;
use super::env::TestEnv;

/// Configures a second app, which nobody acts on.
fn other_app(env: &TestEnv) {
    let sandbox = env.sandbox();
    let settings = format!(
        "[profiles.other]\napp_root = \"{}-other\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n",
        sandbox.app_root(),
        sandbox.client_id(),
        sandbox.client_secret()
    );
    let file = env.file("config/config.toml", settings);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(file, mode).unwrap();
}

#[test]
fn a_user_is_found_and_the_device_of_a_click_is_kicked() {
    let mut world = World::start_with(70, |env| {
        other_app(env);
        Vec::new()
    });
    world.env.online("kicked", &["webim_1"]);
    let device = world.connect("kicked", "android_live");
    world.person("reader", &["devices:read"], &[]);
    // The console knows users by a scan.
    let scan = world.ask("POST", "logins/scans", &json!({"limits": true}));
    let path = format!("logins/scans/{}", scan["id"].as_str().unwrap());
    while world.ask("GET", &path, &json!(null))["state"] != "complete" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    if world.play("users", 11) {
        assert!(matches!(
            world.kicked(device),
            DeviceEvent::SignedOut { code: 217, .. }
        ));
    }
}
