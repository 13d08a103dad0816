//! Policies: whatever one says, no user loses more devices than are beyond a limit.
#![no_main]

use std::io::Write;

use easemob_admin_api::{DeviceId, UnixMillis, UserId};
use easemob_admin_ops::server::calls::SeenDevice;
use easemob_admin_ops::policy::PolicyOnDisk;
use easemob_admin_ops::policy::surplus::surplus;

const DEVICES: [&str; 7] = [
    "ios_1", "ios_2", "android_3", "webim_random_web_1711929600000", "custom5_a", "custom5_b", "unheard_of",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    let Ok(read) = PolicyOnDisk::load(file.path()) else { return };
    let selection = read.policy.selection();
    for name in ["ann", "vip-1", "bot-7"] {
        let Ok(user) = UserId::parse(name) else { return };
        let devices: Vec<SeenDevice> = DEVICES
            .iter()
            .zip(1..)
            .filter_map(|(id, number)| {
                let id = DeviceId::parse(*id).ok()?;
                let signed_in_at = (number % 3 != 0).then_some(UnixMillis(number));
                Some(SeenDevice { id, name: None, uuid: None, signed_in_at })
            })
            .collect();
        for found in surplus(&user, &devices, &selection) {
            assert!(found.victims.len() <= found.over(), "{found:?}");
        }
    }
});
