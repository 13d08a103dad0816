//! Device limits per platform.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Platform;

/// How many devices may be online at once, per platform.
///
/// The service's default is multi-device mode with 4 on each platform (multi-device page). When a platform
/// is full, a new sign-in evicts the oldest of that platform; platforms never evict each other.
///
/// ```
/// use easemob_admin_api::{DeviceLimits, LimitMode, Platform};
///
/// let limits = DeviceLimits::multi(4).with(Platform::Web, 2);
/// assert_eq!((limits.limit_of(&Platform::Web), limits.limit_of(&Platform::Ios)), (Some(2), Some(4)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(expecting = "an object")]
pub struct DeviceLimits {
    /// Single- or multi-device mode; `None` if the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LimitMode>,
    /// The limit of every platform that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<u32>,
    /// Limits of single platforms.
    #[serde(default)]
    pub platforms: BTreeMap<Platform, u32>,
}

impl DeviceLimits {
    /// Multi-device mode with `default` devices on every platform.
    #[must_use]
    pub fn multi(default: u32) -> Self {
        Self {
            mode: Some(LimitMode::Multi),
            default: Some(default),
            platforms: BTreeMap::new(),
        }
    }

    /// Single-device mode: a new sign-in evicts the one online.
    #[must_use]
    pub fn single() -> Self {
        Self {
            mode: Some(LimitMode::Single),
            default: None,
            platforms: BTreeMap::new(),
        }
    }

    /// Sets the limit of one platform.
    #[must_use]
    pub fn with(mut self, platform: Platform, limit: u32) -> Self {
        self.platforms.insert(platform, limit);
        self
    }

    /// Returns the limit of a platform, or `None` if the server does not say.
    ///
    /// In single-device mode it is 1 for all platforms together.
    #[must_use]
    pub fn limit_of(&self, platform: &Platform) -> Option<u32> {
        if self.mode == Some(LimitMode::Single) {
            return Some(1);
        }
        self.platforms.get(platform).copied().or(self.default)
    }
}

/// Whether an account may be online on several devices.
///
/// ```
/// use easemob_admin_api::LimitMode;
///
/// assert_eq!("single".parse(), Ok(LimitMode::Single));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum LimitMode {
    /// Several devices, limited per platform.
    Multi,
    /// One device in all.
    Single,
    /// A mode this version does not know, as the server writes it.
    Other(String),
}

impl fmt::Display for LimitMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Multi => "multi",
            Self::Single => "single",
            Self::Other(mode) => mode,
        })
    }
}

impl FromStr for LimitMode {
    type Err = std::convert::Infallible;

    fn from_str(mode: &str) -> Result<Self, Self::Err> {
        Ok(match mode {
            "multi" => Self::Multi,
            "single" => Self::Single,
            other => Self::Other(other.to_owned()),
        })
    }
}

impl From<String> for LimitMode {
    fn from(mode: String) -> Self {
        let Ok(mode) = mode.parse();
        mode
    }
}

impl From<LimitMode> for String {
    fn from(mode: LimitMode) -> Self {
        mode.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_body_is_read_and_written() {
        let body = r#"{"mode":"multi","default":4,"platforms":{"custom5":0,"web":2}}"#;
        let limits: DeviceLimits = serde_json::from_str(body).unwrap();
        assert_eq!(
            limits,
            DeviceLimits::multi(4)
                .with(Platform::Web, 2)
                .with(Platform::Custom(5), 0)
        );
        let written = serde_json::to_value(&limits).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(body).unwrap());
    }

    #[test]
    fn an_empty_object_says_nothing() {
        let limits: DeviceLimits = serde_json::from_str("{}").unwrap();
        assert_eq!(limits.limit_of(&Platform::Web), None);
    }

    #[test]
    fn single_mode_is_one_device() {
        assert_eq!(
            DeviceLimits::single()
                .with(Platform::Web, 3)
                .limit_of(&Platform::Web),
            Some(1)
        );
    }
}
