//! Users in the console: the list, one user, and the overview.

use easemob_admin_sandbox::DeviceEvent;
use serde_json::json;

use super::console::World;

#[test]
fn a_user_is_found_and_the_device_of_a_click_is_kicked() {
    let mut world = World::start(70);
    world.env.online("kicked", &["webim_1"]);
    let device = world.connect("kicked", "android_live");
    world.person("reader", &["devices:read"], &[]);
    // The console knows users by a scan.
    let scan = world.ask("POST", "logins/scans", &json!({"limits": true}));
    let path = format!("logins/scans/{}", scan["id"].as_str().unwrap());
    while world.ask("GET", &path, &json!(null))["state"] != "complete" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    if world.play("users", 8) {
        assert!(matches!(
            world.kicked(device),
            DeviceEvent::SignedOut { code: 217, .. }
        ));
    }
}
