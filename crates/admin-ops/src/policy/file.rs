//! The policy file: TOML in which every key must be known, and every contradiction is reported with its line.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use easemob_admin_api::{DeviceLimits, LimitMode, Platform};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::names::{Kind, check, check_exemption};
use crate::policy::Policy;
use crate::policy::toml_words::{in_words, line_of};
use crate::select::exemptions::Exemptions;
use crate::select::limits::{Limits, UserLimits};
use crate::select::selection::UnknownAge;

/// Platforms with a name of their own; custom platforms are numbered.
const NAMED: &[&str] = &["android", "ios", "web"];

/// How many devices each user may have online at once, as `limits check` and `limits enforce` read it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "Device limits policy"))]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    /// Several devices, counted per platform, or one in all; `multi` if left out.
    #[cfg_attr(test, schemars(with = "Option<Mode>"))]
    mode: Option<Spanned<Mode>>,
    /// Devices on each platform that `platforms` does not name; unlimited if left out.
    default: Option<u32>,
    /// Devices on single platforms: android, ios, web, custom1 to custom100, or as the server writes it.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, u32>"))]
    platforms: Platforms,
    /// The fewest devices that every user keeps, whatever the limits say.
    #[serde(default)]
    min_surviving: usize,
    /// What happens to devices of unknown age that exceed a limit; `never` if left out.
    #[serde(default)]
    unknown_age: Chosen,
    /// Users and devices that are exempt from the limits: they are neither counted nor logged out.
    #[serde(default)]
    exempt: Exempt,
    /// Users with limits of their own; the first matching entry counts.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<UserEntry>"))]
    user: Vec<Spanned<UserEntry>>,
}

/// Users with limits of their own; keys that are left out follow the rest of the file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct UserEntry {
    /// A user, or a pattern with * and ?; capitals do not matter.
    #[cfg_attr(test, schemars(with = "String", length(min = 1)))]
    name: Spanned<String>,
    /// Several devices, counted per platform, or one in all.
    mode: Option<Mode>,
    /// Devices on each platform that `platforms` does not name; replaces the numbers of the rest of the file.
    default: Option<u32>,
    /// Devices on single platforms.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, u32>"))]
    platforms: Platforms,
}

/// Users and devices that are exempt from the limits.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Exempt {
    /// Users, or patterns with * and ?; capitals do not matter.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    users: Vec<Spanned<String>>,
    /// Devices of all users by resource id, or patterns with * and ?; `ann/ios_*` selects those of one user.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    resources: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Several devices, counted per platform.
    Multi,
    /// One device in all.
    Single,
}

impl From<Mode> for LimitMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Multi => Self::Multi,
            Mode::Single => Self::Single,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Chosen {
    /// Never log them out.
    #[default]
    Never,
    /// Treat them as older than all others.
    Oldest,
}

/// Numbers by platform.
#[derive(Debug, Default)]
struct Platforms(BTreeMap<Platform, u32>);

impl<'de> Deserialize<'de> for Platforms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl<'de> Visitor<'de> for Numbers {
            type Value = Platforms;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number for each platform")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Platforms, A::Error> {
                let mut platforms = BTreeMap::new();
                while let Some((PlatformName(platform), limit)) = map.next_entry()? {
                    if platforms.insert(platform.clone(), limit).is_some() {
                        return Err(A::Error::custom(format!(
                            "the platform `{platform}` is named twice"
                        )));
                    }
                }
                Ok(Platforms(platforms))
            }
        }
        deserializer.deserialize_map(Numbers)
    }
}

/// A platform whose name is not a typo of a known one: a limit that applies to nobody would look as if it
/// were enforced.
struct PlatformName(Platform);

impl<'de> Deserialize<'de> for PlatformName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        platform(&name).map(Self).map_err(D::Error::custom)
    }
}

fn platform(name: &str) -> Result<Platform, String> {
    check(name, Kind::Platform).map_err(|unclear| unclear.to_string())?;
    let Ok(platform) = name.parse();
    match &platform {
        Platform::Other(other) if other.contains('_') => Err(format!(
            "`{other}` is not a platform: a platform is the part of a resource id before the first `_`"
        )),
        Platform::Other(other) if other.to_lowercase().starts_with("custom") => Err(format!(
            "`{other}` is not a platform; custom platforms are custom1 to custom100"
        )),
        // With more than one different letter, it may be a platform of its own.
        Platform::Other(other) => match NAMED.iter().find(|near| one_letter_off(other, near)) {
            Some(near) => Err(format!(
                "`{other}` is not a known platform; did you mean `{near}`?"
            )),
            None => Ok(platform),
        },
        _ => Ok(platform),
    }
}

fn one_letter_off(name: &str, known: &str) -> bool {
    strsim::damerau_levenshtein(&name.to_lowercase(), known) == 1
}

/// What is wrong with a policy, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Parses the text of a policy file.
pub(super) fn parse(text: &str) -> Result<Policy, Wrong> {
    let at = |span: Option<Range<usize>>, message: String| Wrong {
        line: line_of(text, span),
        message,
    };
    let file: PolicyFile = toml::from_str(text).map_err(|error| at(error.span(), in_words(text, &error)))?;
    let app = DeviceLimitsOf {
        mode: file.mode.as_ref().map(|mode| *mode.get_ref()),
        default: file.default,
        platforms: &file.platforms,
    };
    let mode_span = file.mode.as_ref().map(Spanned::span);
    if let Some(message) = app.contradiction() {
        return Err(at(mode_span, message));
    }
    let app = app.over(&DeviceLimits::default());
    let mut users: Vec<UserLimits> = Vec::with_capacity(file.user.len());
    for entry in file.user {
        let entry = entry.into_inner();
        let span = Some(entry.name.span());
        let name = entry.name.into_inner().to_lowercase();
        let own = DeviceLimitsOf {
            mode: entry.mode,
            default: entry.default,
            platforms: &entry.platforms,
        };
        let message = if let Err(unclear) = check(&name, Kind::UserPattern) {
            Some(format!("`name`: {unclear}"))
        } else if users.iter().any(|user| user.user.to_string() == name) {
            Some(format!(
                "`{name}` was named before, and only the first entry counts"
            ))
        } else if own.says_nothing() {
            Some(format!("`{name}` has no limits: add mode, default or platforms"))
        } else {
            own.contradiction()
        };
        if let Some(message) = message {
            return Err(at(span, message));
        }
        users.push(UserLimits {
            user: name.into(),
            limits: own.over(&app),
        });
    }
    if app == DeviceLimits::default() && users.is_empty() {
        let message = "the policy has no limits: add mode = \"single\", default, platforms or [[user]]";
        return Err(at(None, message.into()));
    }
    Ok(Policy {
        limits: Limits { app, users },
        exempt: exemptions(file.exempt).map_err(|(span, message)| at(Some(span), message))?,
        min_surviving: file.min_surviving,
        unknown_age: match file.unknown_age {
            Chosen::Never => UnknownAge::Keep,
            Chosen::Oldest => UnknownAge::Oldest,
        },
    })
}

/// The three keys that define limits, of the app or of some users.
struct DeviceLimitsOf<'a> {
    mode: Option<Mode>,
    default: Option<u32>,
    platforms: &'a Platforms,
}

impl DeviceLimitsOf<'_> {
    fn says_nothing(&self) -> bool {
        self.mode.is_none() && self.default.is_none() && self.platforms.0.is_empty()
    }

    fn contradiction(&self) -> Option<String> {
        let numbers = self.default.is_some() || !self.platforms.0.is_empty();
        (self.mode == Some(Mode::Single) && numbers)
            .then(|| "single mode allows one device in total, so leave out default and platforms".into())
    }

    /// Returns these limits, completed from `below`, as the service applies a user's limits over the app's.
    fn over(&self, below: &DeviceLimits) -> DeviceLimits {
        let mut limits = below.clone();
        if self.default.is_some() {
            limits.default = self.default;
            limits.platforms.clear();
        }
        limits.platforms.extend(self.platforms.0.clone());
        // Numbers imply several devices.
        let implied = (self.default.is_some() || !self.platforms.0.is_empty()).then_some(Mode::Multi);
        limits.mode = self.mode.or(implied).map(LimitMode::from).or(limits.mode);
        limits
    }
}

fn exemptions(exempt: Exempt) -> Result<Exemptions, (Range<usize>, String)> {
    let mut lines = Vec::new();
    for user in exempt.users {
        let (span, user) = (user.span(), user.into_inner());
        match check_exemption(&user) {
            Err(unclear) => return Err((span, unclear.to_string())),
            Ok(()) if user.contains('/') => {
                return Err((
                    span,
                    format!("`{user}` is not a user; devices belong under resources"),
                ));
            }
            Ok(()) => lines.push(user),
        }
    }
    for resource in exempt.resources {
        let (span, resource) = (resource.span(), resource.into_inner());
        let device = !resource.contains('/');
        let checked = if device {
            check(&resource, Kind::DevicePattern)
        } else {
            check_exemption(&resource)
        };
        if let Err(unclear) = checked {
            return Err((span, unclear.to_string()));
        }
        lines.push(if device { format!("*/{resource}") } else { resource });
    }
    Ok(lines.into())
}

#[cfg(test)]
mod tests;
