use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::App;
use super::platform::{custom_number, normalize};

/// The most devices one platform may be given (the highest number a console page allows).
const MOST_DEVICES: u32 = 10;
/// Custom platforms are numbered from 1 to this.
const LAST_CUSTOM_PLATFORM: u32 = 100;

/// Whether a user may be online on one device or on several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitMode {
    /// Several devices, counted per platform; the default.
    #[default]
    Multi,
    /// One device in all: a new sign-in replaces the device that is online, whatever its platform.
    Single,
}

/// How many devices a user may have online at once.
///
/// The default is that of the service: 4 per platform.
///
/// ```
/// use easemob_admin_sandbox::DeviceLimits;
///
/// let limits = DeviceLimits::multi(4).platform("web", 2);
/// assert_eq!(limits.platforms["web"], 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceLimits {
    /// One device, or several.
    pub mode: LimitMode,
    /// Devices per platform that `platforms` does not name, 0–10.
    pub default: u32,
    /// Devices on a named platform, 0–10; none may sign in where it is 0.
    pub platforms: BTreeMap<String, u32>,
}

impl DeviceLimits {
    /// Allows `default` devices on each platform.
    #[must_use]
    pub fn multi(default: u32) -> Self {
        Self {
            default,
            ..Self::default()
        }
    }

    /// Allows one device in all.
    #[must_use]
    pub fn single() -> Self {
        Self {
            mode: LimitMode::Single,
            ..Self::default()
        }
    }

    /// Allows `devices` on the named platform (`android`, `ios`, `web`, `custom1` to `custom100`, …).
    #[must_use]
    pub fn platform(mut self, platform: &str, devices: u32) -> Self {
        self.platforms.insert(normalize(platform), devices);
        self
    }
}

impl Default for DeviceLimits {
    fn default() -> Self {
        Self {
            mode: LimitMode::Multi,
            default: 4,
            platforms: BTreeMap::new(),
        }
    }
}

/// One user's own limits; what is left out follows the app's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserLimits {
    /// One device, or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<LimitMode>,
    /// Devices per platform that `platforms` does not name, 0–10; it hides the app's numbers altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<u32>,
    /// Devices on a named platform, 0–10.
    pub platforms: BTreeMap<String, u32>,
}

impl UserLimits {
    /// Returns the limits with platform names in their one spelling, if they are in range.
    pub(crate) fn check(self) -> Result<Self, LimitError> {
        if let Some(default) = self.default {
            check_count("default", default)?;
        }
        Ok(Self {
            platforms: checked(self.platforms)?,
            ..self
        })
    }
}

impl From<DeviceLimits> for UserLimits {
    fn from(limits: DeviceLimits) -> Self {
        Self {
            mode: Some(limits.mode),
            default: Some(limits.default),
            platforms: limits.platforms,
        }
    }
}

/// Why limits were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// A platform, or the default, was given more devices than the service allows.
    #[error("device limit of {platform} must be between 0 and {MOST_DEVICES}, not {given}")]
    TooMany {
        /// The platform, or `default`.
        platform: String,
        /// The number that was given.
        given: u32,
    },
    /// A custom platform's number is out of range.
    #[error("custom platforms are numbered 1 to {LAST_CUSTOM_PLATFORM}; {0} is not one of them")]
    NoSuchCustomPlatform(String),
    /// A platform has no name, or one that could not precede the `_` of a resource id.
    #[error("platform name [{0}] is not legal")]
    PlatformName(String),
    /// There is no user of that name.
    #[error("user {0} does not exist")]
    UnknownUser(String),
}

impl App {
    /// Sets the app's limits; whoever is online above them stays until the next sign-in on that platform.
    pub(crate) fn set_limits(&mut self, limits: DeviceLimits) -> Result<&DeviceLimits, LimitError> {
        check_count("default", limits.default)?;
        self.limits = DeviceLimits {
            platforms: checked(limits.platforms)?,
            ..limits
        };
        Ok(&self.limits)
    }

    /// Sets one user's limits over the app's.
    pub(crate) fn set_user_limits(&mut self, name: &str, limits: UserLimits) -> Result<(), LimitError> {
        let limits = limits.check()?;
        let user = self
            .users
            .find_mut(name)
            .ok_or_else(|| LimitError::UnknownUser(name.to_owned()))?;
        user.limits = Some(limits);
        Ok(())
    }
}

/// Returns the limits that hold for a user: the user's own where given, the app's elsewhere.
pub(crate) fn effective(app: &DeviceLimits, user: Option<&UserLimits>) -> DeviceLimits {
    let Some(user) = user else { return app.clone() };
    let mut platforms = if user.default.is_some() {
        BTreeMap::new()
    } else {
        app.platforms.clone()
    };
    platforms.extend(user.platforms.clone());
    DeviceLimits {
        mode: user.mode.unwrap_or(app.mode),
        default: user.default.unwrap_or(app.default),
        platforms,
    }
}

/// Returns how many devices may be online on `platform`.
pub(crate) fn allowed_on(limits: &DeviceLimits, platform: &str) -> usize {
    limits.platforms.get(platform).copied().unwrap_or(limits.default) as usize
}

fn checked(platforms: BTreeMap<String, u32>) -> Result<BTreeMap<String, u32>, LimitError> {
    platforms
        .into_iter()
        .map(|(platform, devices)| {
            let platform = normalize(&platform);
            check_name(&platform)?;
            check_count(&platform, devices)?;
            Ok((platform, devices))
        })
        .collect()
}

fn check_name(platform: &str) -> Result<(), LimitError> {
    if platform.is_empty() || platform.contains(['_', '/']) {
        return Err(LimitError::PlatformName(platform.to_owned()));
    }
    match custom_number(platform) {
        Some(number) if !(1..=LAST_CUSTOM_PLATFORM).contains(&number) => {
            Err(LimitError::NoSuchCustomPlatform(platform.to_owned()))
        }
        _ => Ok(()),
    }
}

fn check_count(platform: &str, given: u32) -> Result<(), LimitError> {
    if given > MOST_DEVICES {
        return Err(LimitError::TooMany {
            platform: platform.to_owned(),
            given,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_without_its_own_number_follows_the_default() {
        let limits = DeviceLimits::multi(3).platform("webim", 1);
        assert_eq!(allowed_on(&limits, "web"), 1);
        assert_eq!(allowed_on(&limits, "ios"), 3);
    }

    #[test]
    fn a_user_overrides_only_what_is_given() {
        let app = DeviceLimits::multi(4).platform("web", 2).platform("ios", 3);
        let user = UserLimits {
            platforms: [("web".to_owned(), 1)].into(),
            ..UserLimits::default()
        };
        let both = effective(&app, Some(&user));
        assert_eq!((allowed_on(&both, "web"), allowed_on(&both, "ios")), (1, 3));
        assert_eq!(effective(&app, None), app);
    }

    #[test]
    fn a_user_default_hides_the_app_platforms() {
        let app = DeviceLimits::multi(4).platform("web", 2);
        let user = UserLimits {
            default: Some(9),
            ..UserLimits::default()
        };
        assert_eq!(allowed_on(&effective(&app, Some(&user)), "web"), 9);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let mut app = App::new("o#a", None);
        assert!(app.set_limits(DeviceLimits::multi(11)).is_err());
        assert!(
            app.set_limits(DeviceLimits::multi(4).platform("web", 11))
                .is_err()
        );
        assert!(
            app.set_limits(DeviceLimits::multi(4).platform("custom0", 1))
                .is_err()
        );
        assert!(
            app.set_limits(DeviceLimits::multi(4).platform("custom101", 1))
                .is_err()
        );
        assert!(app.set_limits(DeviceLimits::multi(4).platform("a_b", 1)).is_err());
        assert_eq!(app.limits, DeviceLimits::default());
        assert!(
            app.set_limits(DeviceLimits::multi(4).platform("custom100", 0))
                .is_ok()
        );
    }

    #[test]
    fn user_limits_need_a_user() {
        let mut app = App::new("o#a", None);
        assert_eq!(
            app.set_user_limits("nobody", UserLimits::default()),
            Err(LimitError::UnknownUser("nobody".into()))
        );
    }
}
