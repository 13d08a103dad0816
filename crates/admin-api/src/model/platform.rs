//! Platforms: what device limits are counted by.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A platform, the unit of device limits and of eviction.
///
/// The set is open: the public pages name `android`, `ios` and `web` only; custom platforms are numbered
/// 1-100. The Web SDK signs in as `webim_…`, which is the same platform as `web`.
///
/// ```
/// use easemob_admin_api::Platform;
///
/// assert_eq!(Platform::of_resource("webim_web_1712000000002"), Platform::Web);
/// assert_eq!(Platform::of_resource("custom5_web_1"), Platform::Custom(5));
/// assert_eq!("harmony".parse(), Ok(Platform::Other("harmony".into())));
/// assert_eq!(Platform::Custom(5).to_string(), "custom5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Platform {
    /// Android.
    Android,
    /// iOS.
    Ios,
    /// Browsers and mini-programs, by the Web SDK.
    Web,
    /// A platform of the app's own, 1-100.
    Custom(u8),
    /// One that this version has no name for, as the server writes it.
    Other(String),
}

impl Platform {
    /// Returns the platform of a resource id: what precedes the first `_`.
    #[must_use]
    pub fn of_resource(resource: &str) -> Self {
        Self::of_name(
            resource
                .split_once('_')
                .map_or(resource, |(platform, _)| platform),
        )
    }

    fn of_name(name: &str) -> Self {
        let folded = name.to_ascii_lowercase();
        match folded.as_str() {
            "android" => Self::Android,
            "ios" => Self::Ios,
            "web" | "webim" => Self::Web,
            other => match other.strip_prefix("custom").map(str::parse) {
                Some(Ok(number @ 1..=100)) if folded == format!("custom{number}") => Self::Custom(number),
                _ => Self::Other(name.to_owned()),
            },
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Android => f.pad("android"),
            Self::Ios => f.pad("ios"),
            Self::Web => f.pad("web"),
            Self::Custom(number) => f.pad(&format!("custom{number}")),
            Self::Other(name) => f.pad(name),
        }
    }
}

impl FromStr for Platform {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::of_name(name))
    }
}

impl From<String> for Platform {
    fn from(name: String) -> Self {
        Self::of_name(&name)
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_resources_are_read() {
        for (resource, platform) in [
            ("android_55ab", Platform::Android),
            ("ios_77e1", Platform::Ios),
            ("web_19c", Platform::Web),
            ("webim_random_web_1", Platform::Web),
            ("custom1_x", Platform::Custom(1)),
            ("custom100_x", Platform::Custom(100)),
            ("custom101_x", Platform::Other("custom101".into())),
            ("custom05_x", Platform::Other("custom05".into())),
            ("custom_x", Platform::Other("custom".into())),
            ("Win_x", Platform::Other("Win".into())),
            ("nounderscore", Platform::Other("nounderscore".into())),
        ] {
            assert_eq!(Platform::of_resource(resource), platform, "{resource}");
        }
    }

    #[test]
    fn display_is_read_back() {
        for platform in [
            Platform::Android,
            Platform::Ios,
            Platform::Web,
            Platform::Custom(42),
            Platform::Other("tv".into()),
        ] {
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
    }
}
