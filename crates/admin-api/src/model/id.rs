//! Names of users and of their devices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Platform, UnixMillis};
use crate::app_root::AppKey;

/// The longest name that is sent, in bytes; current servers take 64, old ones took 230.
const LONGEST: usize = 255;

fn check_user(text: &str) -> Result<(), InvalidId> {
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > LONGEST {
        "is longer than 255 bytes"
    } else if text.chars().any(char::is_control) {
        "holds control characters"
    } else if text.trim() != text {
        "begins or ends with white space"
    } else if matches!(text, "." | "..") {
        "cannot be part of an address; name the user by its uuid"
    } else {
        return Ok(());
    };
    let shown: String = text.chars().take(80).collect();
    Err(InvalidId {
        what: "user id",
        text: shown,
        problem,
    })
}

/// A user's id, kept as typed.
///
/// The server compares user ids without case and answers in lower case, while old accounts may hold
/// capitals: compare with [`UserId::is_same`] or by [`UserId::folded`]. Names that the server would refuse
/// but that address a route safely are accepted, so that odd old accounts can still be signed out.
///
/// ```
/// use easemob_admin_api::UserId;
///
/// let ann = UserId::parse("Ann")?;
/// assert_eq!((ann.as_str(), ann.folded().as_str()), ("Ann", "ann"));
/// assert!(ann.is_same(&UserId::parse("ann")?));
/// assert!(UserId::parse("").is_err());
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct UserId(String);

impl<'de> Deserialize<'de> for UserId {
    /// Takes any text, even what [`UserId::parse`] refuses: one odd account must not hide the page that lists it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl UserId {
    /// Checks and keeps a user id.
    ///
    /// # Errors
    /// When the text is empty, longer than 255 bytes, holds control characters, begins or ends with white space, or is `.`
    /// or `..`, which every URL parser takes out of a path.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        check_user(&text)?;
        Ok(Self(text))
    }

    /// Keeps a name that the server wrote, even one that [`UserId::parse`] refuses.
    #[cfg(feature = "webhooks")]
    pub(crate) fn as_listed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns the id as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id in lower case, as the server compares it.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// Takes the app key that is known off a name, before which some servers write it. Names of apps and of users may hold `_`,
    /// so nothing is split at one.
    pub(crate) fn without_app_key(self, key: &AppKey) -> Self {
        let prefix = format!("{key}_");
        // Servers write names of apps in lower case, however the root was typed.
        let bare = self
            .as_str()
            .split_at_checked(prefix.len())
            .filter(|(start, _)| start.eq_ignore_ascii_case(&prefix))
            .and_then(|(_, bare)| Self::parse(bare).ok());
        bare.unwrap_or(self)
    }

    /// Returns true if the server takes both for one user.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

/// A device's resource id, the `res` of the device list, kept raw.
///
/// A custom device id may be any text a client has made up (multi-device page), so nothing the server lists is refused:
/// a device with an odd id must not be safe from being signed out.
///
/// A login id is `{user}/{resource}`; [`DeviceId::from_login_id`] takes the part behind the first `/`.
///
/// ```
/// use easemob_admin_api::{DeviceId, Platform};
///
/// let device = DeviceId::from_login_id("ann/webim_web_1712000000002")?;
/// assert_eq!(device.platform(), Platform::Web);
/// assert_eq!(device.signed_in_at().unwrap().0, 1_712_000_000_002);
/// assert_eq!(DeviceId::parse("android_55ab")?.signed_in_at(), None);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct DeviceId(String);

impl<'de> Deserialize<'de> for DeviceId {
    /// Takes any text, even none: a list that has such a device is still the list.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// 2010 to 2100: a number outside is no millisecond stamp of a sign-in.
const PLAUSIBLE_MILLIS: std::ops::Range<u64> = 1_262_304_000_000..4_102_444_800_000;

impl DeviceId {
    /// Keeps a resource id.
    ///
    /// # Errors
    /// When the text is empty.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidId {
                what: "device id",
                text,
                problem: "is empty",
            });
        }
        Ok(Self(text))
    }

    /// Takes the resource id out of a login id; a text without `/` is taken as a resource id.
    ///
    /// # Errors
    /// As [`DeviceId::parse`].
    pub fn from_login_id(login_id: &str) -> Result<Self, InvalidId> {
        Self::parse(
            login_id
                .split_once('/')
                .map_or(login_id, |(_, resource)| resource),
        )
    }

    /// Returns the id as the server gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the platform, told by what precedes the first `_`.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform::of_resource(&self.0)
    }

    /// Returns the time of sign-in, if the id tells it.
    ///
    /// The Web SDK ends its ids with the millisecond of their making: of this sign-in when ids are random
    /// (`webim_random_web_…`), of the first sign-in of this browser when the id is fixed (`webim_web_…`).
    /// Ids of other SDKs carry no time.
    #[must_use]
    pub fn signed_in_at(&self) -> Option<UnixMillis> {
        let (rest, stamp) = self.0.rsplit_once('_')?;
        let of_the_web_sdk = rest == "web" || rest.ends_with("_web");
        let digits = stamp.len() == 13 && stamp.bytes().all(|b| b.is_ascii_digit());
        let millis = stamp
            .parse()
            .ok()
            .filter(|millis| PLAUSIBLE_MILLIS.contains(millis))?;
        (of_the_web_sdk && digits).then_some(UnixMillis(millis))
    }
}

macro_rules! string_conversions {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $id {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $id {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> String {
                id.0
            }
        }
    };
}

string_conversions!(UserId);
string_conversions!(DeviceId);

/// A user or device id that cannot be one.
///
/// ```
/// use easemob_admin_api::UserId;
///
/// let error = UserId::parse("ann\n").unwrap_err();
/// assert_eq!(error.to_string(), r"user id `ann\n` holds control characters");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    what: &'static str,
    text: String,
    problem: &'static str,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` {}", self.what, self.text.escape_debug(), self.problem)
    }
}

impl std::error::Error for InvalidId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_but_addressable_names_are_kept() {
        for name in ["a/b", "a%2fb", "批量", "...", ".a", "Ann", "x y", "#"] {
            assert_eq!(UserId::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn impossible_names_are_refused() {
        let long = "x".repeat(256);
        for name in ["", " ann", "ann ", "a\0b", "ann\r", ".", "..", long.as_str()] {
            assert!(UserId::parse(name).is_err(), "{name:?}");
            // A server that lists one is believed.
            let listed: UserId = serde_json::from_value(name.into()).unwrap();
            assert_eq!(listed.as_str(), name);
        }
    }

    #[test]
    fn a_device_may_have_any_id_that_the_server_lists() {
        for id in ["android_evil ", "a\0b", "\n", &"x".repeat(300), "."] {
            assert_eq!(DeviceId::parse(id).unwrap().as_str(), id);
        }
        assert!(DeviceId::parse("").is_err());
        assert_eq!(serde_json::from_str::<DeviceId>(r#""""#).unwrap().as_str(), "");
    }

    #[test]
    fn only_web_stamps_tell_the_time_of_sign_in() {
        for (resource, expected) in [
            ("webim_web_1795407390911", Some(1_795_407_390_911)),
            ("webim_random_web_1795407390911", Some(1_795_407_390_911)),
            ("custom5_web_1795407390911", Some(1_795_407_390_911)),
            ("web_1795407390911", Some(1_795_407_390_911)),
            ("webim_web_kiosk", None),
            ("webim_web_0000000000001", None),
            ("android_1795407390911", None),
            ("webim_web_+795407390911", None),
        ] {
            let stamp = DeviceId::parse(resource).unwrap().signed_in_at();
            assert_eq!(stamp.map(|millis| millis.0), expected, "{resource}");
        }
    }

    #[test]
    fn a_login_id_is_cut_at_the_first_slash() {
        assert_eq!(DeviceId::from_login_id("ann/a/b").unwrap().as_str(), "a/b");
        assert_eq!(DeviceId::from_login_id("ios_1").unwrap().as_str(), "ios_1");
        assert!(DeviceId::from_login_id("ann/").is_err());
    }

    #[test]
    fn only_the_own_app_key_before_the_name_is_taken_off() {
        let key = AppKey::parse("acme#my_chat").unwrap();
        for (name, bare) in [
            ("acme#my_chat_ann", "ann"),
            ("acme#my_chat_a_b", "a_b"),
            ("acme#my_chat_", "acme#my_chat_"),
            ("acme#my_ann", "acme#my_ann"),
            ("ann", "ann"),
            ("a_b", "a_b"),
        ] {
            let user = UserId::parse(name).unwrap();
            assert_eq!(user.without_app_key(&key).as_str(), bare);
        }
    }
}
