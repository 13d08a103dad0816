//! Names of users, devices, apps and servers: what is taken for one is written as it was read.
#![no_main]

use easemob_admin_api::{AppKey, AppRoot, DeviceId, UserId};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(user) = UserId::parse(text) {
        assert_eq!(user.to_string(), text);
        let _ = user.folded();
    }
    if let Ok(device) = DeviceId::parse(text) {
        assert_eq!(device.to_string(), text);
        let _ = (device.platform().to_string(), device.signed_in_at());
    }
    if let Ok(key) = AppKey::parse(text) {
        assert_eq!(AppKey::parse(&key.to_string()).ok(), Some(key));
    }
    if let Ok(root) = AppRoot::parse(text) {
        assert_eq!(AppRoot::parse(&root.to_string()).ok(), Some(root));
    }
});
