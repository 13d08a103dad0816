//! How a resource id is made when a device does not bring its own.
//!
//! A login id is `{user}/{resource}`. The forms are those of the vendor's SDKs.

use uuid::Uuid;

use super::clock::LATEST_MS;
use super::platform::{custom_number, normalize};
use super::sign_in::SandboxDevice;

/// The two ids of a device that signs in without bringing its own.
pub(crate) struct DeviceIds {
    pub(crate) resource: String,
    pub(crate) device_uuid: String,
}

/// Makes the ids of a new device on `platform`.
///
/// `stamp_ms` becomes part of the Web forms, where it is the only thing that tells two devices apart:
/// [`unused_device`] sees to it that none comes twice.
pub(crate) fn new_device(platform: &str, stamp_ms: u64) -> DeviceIds {
    let platform = normalize(platform);
    if platform == "web" {
        DeviceIds {
            resource: format!("webim_random_web_{stamp_ms}"),
            device_uuid: format!("random_web_{stamp_ms}"),
        }
    } else if custom_number(&platform).is_some() {
        DeviceIds {
            resource: format!("{platform}_web_{stamp_ms}"),
            device_uuid: format!("web_{stamp_ms}"),
        }
    } else {
        let uuid = Uuid::new_v4();
        DeviceIds {
            resource: format!("{platform}_{uuid}"),
            device_uuid: uuid.to_string(),
        }
    }
}

/// Returns the device uuid that goes with a resource the device brought along.
pub(crate) fn uuid_of(resource: &str) -> String {
    resource
        .split_once('_')
        .map_or(resource, |(_, tail)| tail)
        .to_owned()
}

/// Makes ids that none of the user's devices has or had, with a stamp as near to `now_ms` as possible.
///
/// `last_stamp_ms` is the user's, so that a busy millisecond of others does not push it into the future.
pub(crate) fn unused_device(
    platform: &str,
    online: &[SandboxDevice],
    last_stamp_ms: &mut u64,
    now_ms: u64,
) -> DeviceIds {
    loop {
        *last_stamp_ms = now_ms.min(LATEST_MS).max(last_stamp_ms.saturating_add(1));
        let ids = new_device(platform, *last_stamp_ms);
        // A device may have brought along an id that looks like one of ours.
        if online.iter().all(|device| device.resource != ids.resource) {
            return ids;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_follow_the_sdks() {
        assert_eq!(new_device("web", 12).resource, "webim_random_web_12");
        assert_eq!(new_device("webim", 12).resource, "webim_random_web_12");
        assert_eq!(new_device("custom3", 12).resource, "custom3_web_12");
        assert!(new_device("ios", 12).resource.starts_with("ios_"));
        assert_eq!(new_device("harmony", 12).resource.len(), "harmony_".len() + 36);
    }

    #[test]
    fn stamps_never_repeat() {
        let mut last = 0;
        let mut made = |now_ms| unused_device("web", &[], &mut last, now_ms).device_uuid;
        assert_eq!(made(50), "random_web_50");
        assert_eq!(made(50), "random_web_51");
        assert_eq!(made(40), "random_web_52");
        assert_eq!(made(60), "random_web_60");
        assert_ne!(made(u64::MAX), made(u64::MAX));
    }
}
