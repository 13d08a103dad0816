//! Sources of sign-in times, because the server's device list does not contain them.

use std::fmt::Debug;

use easemob_admin_api::{DeviceId, UnixMillis, UserId};

/// A source of sign-in times. It is called once for each device of a list that was read.
pub trait Ages: Debug + Send + Sync {
    /// Returns when `device` of `user` signed in, if this source knows.
    fn age_of(&self, user: &UserId, device: &DeviceId) -> Option<UnixMillis>;
}

/// The millisecond that the Web SDK puts into its resource ids; other ids have no time stamp.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdStamps;

impl Ages for IdStamps {
    fn age_of(&self, _: &UserId, device: &DeviceId) -> Option<UnixMillis> {
        device.signed_in_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_with_a_stamp_tell() {
        let ann = UserId::parse("ann").unwrap();
        let age = |id: &str| IdStamps.age_of(&ann, &DeviceId::parse(id).unwrap());
        assert_eq!(
            age("webim_random_web_1711929600000"),
            Some(UnixMillis(1_711_929_600_000))
        );
        assert_eq!(age("android_55ab"), None);
    }
}
