//! Users, devices and limits to begin with.

mod demo;

use serde::{Deserialize, Serialize};

use crate::rules::App;
use crate::rules::clock::LATEST_MS;
use crate::rules::limits::{DeviceLimits, LimitError, UserLimits};
use crate::rules::login_id::{unused_device, uuid_of};
use crate::rules::platform::{normalize, platform_of};
use crate::rules::sign_in::{SandboxDevice, default_name};
use crate::rules::users::{NewUser, User};

/// What a sandbox holds at the start.
///
/// Devices are put online as written, even above the limits: that is how such states come about when a
/// limit is lowered.
///
/// ```
/// use easemob_admin_sandbox::Seed;
///
/// let seed = Seed::from_json(r#"{
///     "limits": {"mode": "multi", "default": 4, "platforms": {"web": 2}},
///     "users": [{"username": "ann", "devices": [{"platform": "ios", "device_name": "Phone"}]}]
/// }"#)?;
/// assert_eq!(seed.users.len(), 1);
/// assert_eq!(Seed::demo().users.len(), 1_000);
/// # Ok::<(), easemob_admin_sandbox::SeedError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The app's limits; left out, they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<DeviceLimits>,
    /// The users; one that exists already is replaced.
    #[serde(default)]
    pub users: Vec<SeedUser>,
}

/// A user of a [`Seed`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUser {
    /// The name; stored in lower case.
    pub username: String,
    /// The password; the default is `pw-` and the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The nickname shown in push messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The devices that are online, put in the order of their times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<SeedDevice>,
    /// Limits of this user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<UserLimits>,
    /// Whether the user is banned.
    #[serde(default)]
    pub banned: bool,
    /// How many messages wait for the user.
    #[serde(default)]
    pub offline_messages: u64,
}

/// A device of a [`SeedUser`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedDevice {
    /// The platform; may be left out if `resource` is given, which says it too.
    #[serde(default)]
    pub platform: String,
    /// The device's name; the default is the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The resource id; the default is a new one of the platform's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The id of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_uuid: Option<String>,
    /// When it signed in, in milliseconds since 1970; the default is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_in_ms: Option<u64>,
}

/// Why a seed was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// It is not JSON of the documented form.
    #[error("the seed does not have the documented form")]
    Form(#[from] serde_json::Error),
    /// A user has no name.
    #[error("user number {0} of the seed has no name")]
    NoName(usize),
    /// A device has neither platform nor resource.
    #[error("a device of user {0} has neither platform nor resource")]
    NoPlatform(String),
    /// A device signed in at a time that is too late to be one.
    #[error("a device of user {0} signed in after the year 287396")]
    Time(String),
    /// Limits of the app or of a user are out of range.
    #[error("cannot use the limits of the seed")]
    Limits(#[from] LimitError),
}

impl Seed {
    /// Returns 1,000 users, `user0001` to `user1000`, the same on every call.
    ///
    /// They are online on android, ios, web and two custom platforms; about one in ten has more than two
    /// devices on web or android, and every hundredth is banned.
    #[must_use]
    pub fn demo() -> Self {
        demo::demo()
    }

    /// Reads a seed file's text.
    ///
    /// # Errors
    /// When it is not JSON of this form, a user has no name, a device has no platform or no possible time, or limits
    /// are out of range.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        let seed: Self = serde_json::from_str(text)?;
        seed.check()?;
        Ok(seed)
    }

    pub(crate) fn check(&self) -> Result<(), SeedError> {
        for (index, user) in self.users.iter().enumerate() {
            if user.username.is_empty() {
                return Err(SeedError::NoName(index + 1));
            }
            if user
                .devices
                .iter()
                .any(|device| device.platform.is_empty() && device.resource.is_none())
            {
                return Err(SeedError::NoPlatform(user.username.clone()));
            }
            let mut times = user.devices.iter().filter_map(|device| device.signed_in_ms);
            if times.any(|at_ms| at_ms > LATEST_MS) {
                return Err(SeedError::Time(user.username.clone()));
            }
        }
        Ok(self.check_limits()?)
    }

    fn check_limits(&self) -> Result<(), LimitError> {
        let app = self.limits.clone().map(UserLimits::from);
        let users = self.users.iter().filter_map(|user| user.limits.clone());
        app.into_iter()
            .chain(users)
            .try_for_each(|limits| limits.check().map(|_| ()))
    }
}

impl App {
    /// Puts a seed's users and limits in place.
    pub(crate) fn import(&mut self, seed: Seed, now_ms: u64) -> Result<(), LimitError> {
        // All limits are checked before anything changes.
        seed.check_limits()?;
        if let Some(limits) = seed.limits {
            self.set_limits(limits)?;
        }
        seed.users
            .into_iter()
            .try_for_each(|user| self.import_user(user, now_ms))
    }

    fn import_user(&mut self, mut seed: SeedUser, now_ms: u64) -> Result<(), LimitError> {
        for device in &mut seed.devices {
            device.signed_in_ms = device.signed_in_ms.map(|at_ms| at_ms.min(LATEST_MS));
        }
        self.delete(&seed.username);
        let name = seed.username;
        let password = seed.password.unwrap_or_else(|| format!("pw-{name}"));
        let new = NewUser {
            name: name.clone(),
            password: Some(password),
            nickname: seed.nickname,
        };
        // The name was freed above, so this cannot be refused.
        let _ = self.register(new, None, now_ms);
        if let Some(user) = self.users.find_mut(&name) {
            user.activated = !seed.banned;
            user.offline_messages = seed.offline_messages;
            put_online(user, seed.devices, now_ms);
        }
        seed.limits
            .map_or(Ok(()), |limits| self.set_user_limits(&name, limits))
    }
}

fn put_online(user: &mut User, mut devices: Vec<SeedDevice>, now_ms: u64) {
    devices.sort_by_key(|device| device.signed_in_ms.unwrap_or(now_ms));
    for device in devices {
        let (resource, made_uuid) = if let Some(resource) = device.resource {
            let uuid = uuid_of(&resource);
            (resource, uuid)
        } else {
            let (last, at_ms) = (&mut user.last_stamp_ms, device.signed_in_ms.unwrap_or(now_ms));
            let ids = unused_device(&device.platform, &user.devices, last, at_ms);
            (ids.resource, ids.device_uuid)
        };
        let platform = if device.platform.is_empty() {
            platform_of(&resource)
        } else {
            normalize(&device.platform)
        };
        // Two sessions cannot share one login id: the later one replaces the earlier.
        user.devices.retain(|online| online.resource != resource);
        user.devices.push(SandboxDevice {
            device_uuid: device.device_uuid.unwrap_or(made_uuid),
            device_name: device.device_name.unwrap_or_else(|| default_name(&platform)),
            signed_in_ms: device.signed_in_ms.unwrap_or(now_ms),
            resource,
            platform,
            ext: None,
            live: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_ordered_by_sign_in() {
        let mut app = App::new("o#a", None);
        let device = |resource: &str, at| SeedDevice {
            resource: Some(resource.into()),
            signed_in_ms: Some(at),
            ..SeedDevice::default()
        };
        let ann = SeedUser {
            username: "Ann".into(),
            devices: vec![device("web_2", 20), device("ios_1", 10)],
            ..SeedUser::default()
        };
        app.import(
            Seed {
                limits: None,
                users: vec![ann],
            },
            30,
        )
        .unwrap();
        let ann = app.users.find("ann").unwrap();
        assert_eq!(ann.password.as_deref(), Some("pw-Ann"));
        let order: Vec<_> = ann
            .devices
            .iter()
            .map(|device| device.resource.as_str())
            .collect();
        assert_eq!(order, ["ios_1", "web_2"]);
        assert_eq!(ann.devices[0].platform, "ios");
    }

    #[test]
    fn a_second_import_replaces_users() {
        let mut app = App::new("o#a", None);
        for banned in [true, false] {
            let ann = SeedUser {
                username: "ann".into(),
                banned,
                ..SeedUser::default()
            };
            app.import(
                Seed {
                    limits: None,
                    users: vec![ann],
                },
                1,
            )
            .unwrap();
        }
        assert_eq!(app.users.len(), 1);
        assert!(app.users.find("ann").unwrap().activated);
    }

    #[test]
    fn limits_out_of_range_leave_everything_as_it_was() {
        let mut app = App::new("o#a", None);
        let ann = SeedUser {
            username: "ann".into(),
            limits: Some(DeviceLimits::multi(99).into()),
            ..SeedUser::default()
        };
        let seed = Seed {
            limits: Some(DeviceLimits::multi(1)),
            users: vec![ann],
        };
        assert!(app.import(seed, 1).is_err());
        assert!(app.users.is_empty());
        assert_eq!(app.limits, DeviceLimits::default());
    }

    #[test]
    fn bad_seeds_are_refused() {
        for text in [
            "{",
            r#"{"user": []}"#,
            r#"{"users": [{"username": ""}]}"#,
            r#"{"users": [{"username": "ann", "devices": [{}]}]}"#,
            r#"{"limits": {"mode": "multi", "default": 99}}"#,
            r#"{"users": [{"username": "ann", "devices": [{"platform": "web", "signed_in_ms": 18446744073709551615}]}]}"#,
            r#"{"users": [{"username": "ann", "limits": {"platforms": {"web": 99}}}]}"#,
        ] {
            assert!(Seed::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn seeds_survive_being_written_down() {
        let text = serde_json::to_string(&Seed::demo()).unwrap();
        assert_eq!(Seed::from_json(&text).unwrap(), Seed::demo());
    }
}
