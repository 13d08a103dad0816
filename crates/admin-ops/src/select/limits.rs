//! How many devices each user may have online at once. Pure.

use std::fmt;

use easemob_admin_api::{DeviceId, DeviceLimits, LimitMode, Platform, UserId};
use serde::{Deserialize, Serialize};

use crate::select::pattern::Pattern;

/// The limits of every user: those of the app, and those of users that have their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The limits of all users that `users` does not name.
    pub app: DeviceLimits,
    /// Users with limits of their own; the first match counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserLimits>,
}

/// Users with limits of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLimits {
    /// The users, in lower case, since the server ignores case in names.
    pub user: Pattern,
    /// Their limits, to which the limits of the app add nothing.
    pub limits: DeviceLimits,
}

impl Limits {
    /// Returns the limits of one user.
    #[must_use]
    pub fn of(&self, user: &UserId) -> &DeviceLimits {
        let name = user.folded();
        self.users
            .iter()
            .find(|own| own.user.matches(&name))
            .map_or(&self.app, |own| &own.limits)
    }
}

/// The devices of one user that share one limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The devices of one platform.
    Platform(Platform),
    /// All devices, in single-device mode.
    InAll,
}

impl Group {
    /// Returns the group that `device` counts for and the limit of that group, or `None` if it has no limit.
    #[must_use]
    pub fn of(device: &DeviceId, limits: &DeviceLimits) -> Option<(Self, usize)> {
        let platform = device.platform();
        let limit = limits.limit_of(&platform)?;
        let group = if limits.mode == Some(LimitMode::Single) {
            Self::InAll
        } else {
            Self::Platform(platform)
        };
        Some((group, usize::try_from(limit).unwrap_or(usize::MAX)))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform(platform) => write!(f, "on {platform}"),
            Self::InAll => f.write_str("in total"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    #[test]
    fn the_first_entry_that_fits_counts() {
        let own = |user: &str, default| UserLimits {
            user: user.into(),
            limits: DeviceLimits::multi(default),
        };
        let limits = Limits {
            app: DeviceLimits::multi(4),
            users: vec![own("bot-7", 1), own("bot-*", 9)],
        };
        let default = |name: &str| limits.of(&user(name)).default;
        assert_eq!(default("BOT-7"), Some(1));
        assert_eq!(default("bot-8"), Some(9));
        assert_eq!(default("ann"), Some(4));
    }

    #[test]
    fn single_mode_has_one_group() {
        let group = |limits: &DeviceLimits| Group::of(&DeviceId::parse("webim_1").unwrap(), limits);
        let web = Group::Platform(Platform::Web);
        assert_eq!(group(&DeviceLimits::single()), Some((Group::InAll, 1)));
        assert_eq!(
            group(&DeviceLimits::multi(4).with(Platform::Web, 0)),
            Some((web, 0))
        );
        assert_eq!(group(&DeviceLimits::default()), None);
    }
}
