//! Says what a policy allows one user, and why: which entry applies, and on which line it is. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use easemob_admin_api::{DeviceLimits, LimitMode, Platform, UserId};
use serde::Deserialize;
use toml::Spanned;

use super::toml_words::line_of;
use super::{PolicyError, PolicyOnDisk};
use crate::select::exemptions::Exemptions;
use crate::select::pattern::Pattern;

/// What a policy says about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfUser {
    /// How many devices the user may have; nothing is enforced if the user is exempt.
    pub limits: DeviceLimits,
    /// The entry with limits of the user's own.
    pub entry: Option<Because>,
    /// The entry that exempts the user.
    pub exempt: Option<Because>,
    mode: Option<usize>,
    default: Option<usize>,
    platforms: BTreeMap<Platform, usize>,
}

/// An entry of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// The user or pattern that it names.
    pub name: String,
    /// Its line, counted from 1.
    pub line: usize,
}

/// Where the limit of a platform comes from; lines are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The platform is named on this line.
    Platform(usize),
    /// The number of all platforms that are not named, on this line.
    Default(usize),
    /// One device in all, by this line.
    Single(usize),
}

impl OfUser {
    /// Reads what the text of a policy says about a user.
    ///
    /// # Errors
    /// When the policy cannot be used.
    pub fn read(text: &str, user: &UserId) -> Result<Self, PolicyError> {
        let name = Path::new("policy");
        let policy = PolicyOnDisk::read(text.as_bytes(), name)?.policy;
        // What could be read once can be read again, with the places.
        let file: Places = toml::from_str(text).unwrap_or_default();
        let line = |span| line_of(text, Some(span));
        let folded = user.folded();
        let own = file.user.iter().find(|entry| {
            let pattern: Pattern = entry.name.get_ref().to_lowercase().into();
            pattern.matches(&folded)
        });
        let exempts = |entry: &&Spanned<String>| {
            let one: Exemptions = vec![entry.get_ref().clone()].into();
            one.cover_user(user)
        };
        let because = |name: &Spanned<String>| Because {
            name: name.get_ref().clone(),
            line: line(name.span()),
        };
        let default = own.and_then(|own| own.default.as_ref());
        let mode = own.and_then(|own| own.mode.as_ref());
        // A number of the user's own replaces those of the rest of the file.
        let of_all = default.is_none().then_some(&file.platforms);
        let of_user = own.map(|own| &own.platforms);
        let mut platforms = BTreeMap::new();
        for (platform, limit) in of_user.into_iter().chain(of_all).flatten() {
            let Ok(platform) = platform.parse();
            platforms.entry(platform).or_insert_with(|| line(limit.span()));
        }
        Ok(Self {
            limits: policy.allowed(user).clone(),
            entry: own.map(|own| because(&own.name)),
            exempt: file.exempt.users.iter().find(exempts).map(because),
            mode: mode.or(file.mode.as_ref()).map(|mode| line(mode.span())),
            default: default
                .or(file.default.as_ref())
                .map(|default| line(default.span())),
            platforms,
        })
    }

    /// Returns where the limit of a platform comes from; nothing if it has none.
    #[must_use]
    pub fn source(&self, platform: &Platform) -> Option<Source> {
        if self.limits.mode == Some(LimitMode::Single) {
            return self.mode.map(Source::Single);
        }
        let named = self.platforms.get(platform).copied().map(Source::Platform);
        named.or_else(|| self.default.map(Source::Default))
    }
}

/// Where things are in a policy that can be read.
#[derive(Debug, Default, Deserialize)]
struct Places {
    mode: Option<Spanned<String>>,
    default: Option<Spanned<u32>>,
    #[serde(default)]
    platforms: BTreeMap<String, Spanned<u32>>,
    #[serde(default)]
    exempt: ExemptPlaces,
    #[serde(default)]
    user: Vec<UserPlaces>,
}

#[derive(Debug, Default, Deserialize)]
struct ExemptPlaces {
    #[serde(default)]
    users: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
struct UserPlaces {
    name: Spanned<String>,
    mode: Option<Spanned<String>>,
    default: Option<Spanned<u32>>,
    #[serde(default)]
    platforms: BTreeMap<String, Spanned<u32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"# two browsers are enough
default = 4

[platforms]
web = 2
android = 1

[exempt]
users = ["bot-*",
  "CEO"]

[[user]]
name = "VIP-*"
platforms = { web = 5 }

[[user]]
name = "kiosk"
default = 1

[[user]]
name = "one"
mode = "single"
"#;

    fn of(user: &str) -> OfUser {
        OfUser::read(POLICY, &UserId::parse(user).unwrap()).unwrap()
    }

    #[test]
    fn a_limit_says_on_which_line_it_is() {
        let ann = of("ann");
        assert_eq!((&ann.entry, &ann.exempt), (&None, &None));
        assert_eq!(ann.source(&Platform::Web), Some(Source::Platform(5)));
        assert_eq!(ann.source(&Platform::Ios), Some(Source::Default(2)));
        let vip = of("vip-7");
        let entry = Because {
            name: "VIP-*".into(),
            line: 13,
        };
        assert_eq!(vip.entry, Some(entry));
        assert_eq!(vip.source(&Platform::Web), Some(Source::Platform(14)));
        assert_eq!(vip.source(&Platform::Android), Some(Source::Platform(6)));
        assert_eq!(vip.limits.limit_of(&Platform::Web), Some(5));
    }

    #[test]
    fn a_number_of_ones_own_replaces_the_others() {
        let kiosk = of("Kiosk");
        assert_eq!(kiosk.source(&Platform::Web), Some(Source::Default(18)));
        assert_eq!(kiosk.limits.limit_of(&Platform::Web), Some(1));
        assert_eq!(of("one").source(&Platform::Web), Some(Source::Single(22)));
    }

    #[test]
    fn an_exemption_is_named() {
        let line = |user: &str| of(user).exempt.map(|because| because.line);
        assert_eq!(
            (line("bot-1"), line("ceo"), line("ann")),
            (Some(9), Some(10), None)
        );
        assert!(OfUser::read("default = -1", &UserId::parse("ann").unwrap()).is_err());
    }
}
