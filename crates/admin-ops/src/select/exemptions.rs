//! Users and devices that a run must never touch.

use std::collections::BTreeSet;
use std::io;

use easemob_admin_api::{DeviceId, UserId};
use serde::{Deserialize, Serialize};

use crate::names::{Unclear, check_exemption, key, key_as_seen};
use crate::select::pattern::Pattern;

/// How many exemptions without a user are named.
const EXAMPLES: usize = 5;

/// A line that would exempt nobody, whatever was intended.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {unclear}")]
pub struct UnclearLine {
    /// The line, counted from 1.
    pub number: usize,
    /// What is wrong with it.
    pub unclear: Unclear,
}

/// Exemptions that match none of the users of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// How many there are.
    pub count: u64,
    /// The first few, as they are compared.
    pub first: Vec<String>,
}

/// The content of an exemption file: one user, `user/resource` or pattern per line.
///
/// A line without a slash exempts the whole user; a line with a slash exempts a device, as SDKs write login
/// ids. Both halves may contain `*` and `?`. Blank lines and lines that start with `#` are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Exemptions {
    users: BTreeSet<String>,
    user_patterns: Vec<Pattern>,
    devices: Vec<(Pattern, Pattern)>,
}

impl Exemptions {
    /// Parses the lines of an exemption file that an operator wrote.
    ///
    /// # Errors
    /// When a line contains what no name contains: as a name it would exempt nobody, and nobody would notice.
    pub fn read(text: &str) -> Result<Self, UnclearLine> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let entries = text.lines().map(str::trim).zip(1..);
        for (line, number) in entries.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')) {
            check_exemption(line).map_err(|unclear| UnclearLine { number, unclear })?;
        }
        Ok(Self::parse(text))
    }

    /// Parses the lines of an exemption file without checking them.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut exemptions = Self::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for line in text.lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                exemptions.add(line);
            }
        }
        exemptions
    }

    fn add(&mut self, line: &str) {
        // The server ignores case in user names, so an exemption must do so too. Case is ignored for devices
        // too: a device that is spared by mistake can still be signed out later.
        match line.split_once('/') {
            Some((user, device)) => self.devices.push((key(user).into(), key(device).into())),
            None if line.contains(['*', '?']) => self.user_patterns.push(key(line).into()),
            None => {
                self.users.insert(key(line));
            }
        }
    }

    /// Returns true if nobody is exempt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.user_patterns.is_empty() && self.devices.is_empty()
    }

    /// Returns true if no device of `user` may be signed out.
    #[must_use]
    pub fn cover_user(&self, user: &UserId) -> bool {
        keys(user).any(|user| {
            self.users.contains(&user) || self.user_patterns.iter().any(|pattern| pattern.matches(&user))
        })
    }

    /// Returns true if this device of `user` may not be signed out.
    #[must_use]
    pub fn cover_device(&self, user: &UserId, device: &DeviceId) -> bool {
        if self.devices.is_empty() {
            return false;
        }
        let device = key(device.as_str());
        keys(user).any(|user| {
            self.devices
                .iter()
                .any(|(users, devices)| users.matches(&user) && devices.matches(&device))
        })
    }

    /// Returns the exemptions that match none of `users`; the names that they should protect may be spelled
    /// differently.
    ///
    /// # Errors
    /// When the users cannot be read.
    pub fn unmatched(&self, users: impl Iterator<Item = io::Result<UserId>>) -> io::Result<Unmatched> {
        let mut names: BTreeSet<&str> = self.users.iter().map(String::as_str).collect();
        let mut patterns: Vec<&Pattern> = self.user_patterns.iter().collect();
        let mut devices: Vec<&(Pattern, Pattern)> = self.devices.iter().collect();
        for user in users {
            if names.is_empty() && patterns.is_empty() && devices.is_empty() {
                break;
            }
            for user in keys(&user?) {
                names.remove(user.as_str());
                patterns.retain(|pattern| !pattern.matches(&user));
                devices.retain(|(users, _)| !users.matches(&user));
            }
        }
        let patterns = patterns.into_iter().map(ToString::to_string);
        let devices = devices
            .into_iter()
            .map(|(user, device)| format!("{user}/{device}"));
        let all = names
            .into_iter()
            .map(str::to_owned)
            .chain(patterns)
            .chain(devices);
        let mut unmatched = Unmatched::default();
        for exemption in all {
            unmatched.count += 1;
            if unmatched.first.len() < EXAMPLES {
                unmatched.first.push(exemption);
            }
        }
        Ok(unmatched)
    }

    /// Checks every line as [`read`](Self::read) does.
    ///
    /// # Errors
    /// When a line contains what no name contains.
    pub fn check(&self) -> Result<(), Unclear> {
        self.lines().try_for_each(|line| check_exemption(&line))
    }

    /// Returns the exemptions as lines.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        Vec::from(self.clone()).into_iter()
    }
}

/// The keys for comparing a user: an odd spelling of an exempt name is exempt too.
fn keys(user: &UserId) -> impl Iterator<Item = String> {
    std::iter::once(key(user.as_str())).chain(key_as_seen(user.as_str()))
}

impl From<Vec<String>> for Exemptions {
    fn from(lines: Vec<String>) -> Self {
        let mut exemptions = Self::default();
        for line in &lines {
            exemptions.add(line);
        }
        exemptions
    }
}

impl From<Exemptions> for Vec<String> {
    fn from(exemptions: Exemptions) -> Self {
        let patterns = exemptions.user_patterns.into_iter().map(String::from);
        let devices = exemptions
            .devices
            .into_iter()
            .map(|(user, device)| format!("{user}/{device}"));
        exemptions
            .users
            .into_iter()
            .chain(patterns)
            .chain(devices)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn device(id: &str) -> DeviceId {
        DeviceId::parse(id).unwrap()
    }

    #[test]
    fn users_devices_and_patterns() {
        let exempt = Exemptions::parse("\u{feff}# staff\nCEO\n\n  bot-*  \nann/ios_1\n*/custom9_*\n");
        assert!(exempt.cover_user(&user("ceo")) && exempt.cover_user(&user("Bot-7")));
        assert!(!exempt.cover_user(&user("ann")) && !exempt.cover_user(&user("ceo2")));
        assert!(exempt.cover_device(&user("ann"), &device("ios_1")));
        assert!(exempt.cover_device(&user("bob"), &device("custom9_kiosk")));
        assert!(!exempt.cover_device(&user("ann"), &device("ios_11")));
    }

    #[test]
    fn lines_are_kept_without_comments_and_in_an_order_of_their_own() {
        let exempt = Exemptions::parse("z*\n# staff\n\nzoe\nann\nann/ios_1\n");
        let lines: Vec<String> = exempt.lines().collect();
        assert_eq!(lines, ["ann", "zoe", "z*", "ann/ios_1"]);
        assert!(exempt.check().is_ok());
        assert!(Exemptions::parse("eve;VIP").check().is_err());
    }

    #[test]
    fn only_without_exemptions_is_nobody_exempt() {
        assert!(Exemptions::parse("# none\n").is_empty());
        for line in ["ann", "z*", "ann/ios_1"] {
            let exempt = Exemptions::parse(line);
            assert!(!exempt.is_empty(), "{line}");
            let users = || [Ok(user("bob")), Ok(user("ann")), Ok(user("zoe"))].into_iter();
            assert_eq!(exempt.unmatched(users()).unwrap().count, 0, "{line}");
        }
    }

    #[test]
    fn only_the_first_unmatched_exemptions_are_named() {
        let lines: Vec<String> = (0..EXAMPLES + 2).map(|number| format!("user{number}")).collect();
        let unmatched = Exemptions::from(lines).unmatched(std::iter::empty()).unwrap();
        assert_eq!(
            (unmatched.count, unmatched.first.len()),
            (EXAMPLES as u64 + 2, EXAMPLES)
        );
    }

    #[test]
    fn a_line_that_would_exempt_nobody_is_refused() {
        for line in [
            "ann # the CEO",
            "eve,VIP",
            "eve;VIP",
            "\"eve\"",
            "'eve'",
            "eve\tVIP",
            "a b",
            "eve\u{200b}",
            "\u{feff}eve",
            "eve/",
            "/eve",
            "ｅｖｅ",
            "eve\u{feff}",
            "\u{feff}# a remark",
            "eve\rbob",
            "eve\u{2028}bob",
        ] {
            let error = Exemptions::read(&format!("# staff, all\r\n\n{line}\nbob\n")).unwrap_err();
            assert_eq!(error.number, 3, "{line}");
        }
        let text = "\u{feff}# ann, \"eve\"\r\n ceo \r\nbot-*\nann/ios_1\n";
        assert_eq!(Exemptions::read(text), Ok(Exemptions::parse(text)));
    }

    #[test]
    fn an_odd_spelling_of_an_exempt_name_is_exempt() {
        let exempt = Exemptions::parse("ann\nÄrger\nbob/ios_A");
        for name in [
            "ann",
            "ANN",
            "ａｎｎ",
            "ann\u{200b}",
            "\u{feff}Ann",
            "ärger",
            "A\u{308}RGER",
        ] {
            assert!(exempt.cover_user(&user(name)), "{name:?}");
        }
        assert!(!exempt.cover_user(&user("аnn")) && !exempt.cover_user(&user("anna")));
        assert!(exempt.cover_device(&user("ｂob"), &device("IOS_a")));
    }

    #[test]
    fn exemptions_without_a_user_are_counted() {
        let exempt = Exemptions::parse("ann\nceo\ncep\nbot-*\nvip-?\n*/web_kiosk\neve/ios_1\nbob/ios_1");
        let users = ["Ann", "bot-7", "bob", "ＣＥＯ", "vip-10"].map(|name| Ok(user(name)));
        let unmatched = exempt.unmatched(users.into_iter()).unwrap();
        assert_eq!(unmatched.first, ["cep", "vip-?", "eve/ios_1"]);
        assert_eq!(unmatched.count, 3);
        assert_eq!(exempt.unmatched(std::iter::empty()).unwrap().count, 8);
        assert_eq!(
            Exemptions::default().unmatched(std::iter::empty()).unwrap().count,
            0
        );
    }

    #[test]
    fn what_older_versions_took_is_still_read() {
        let old: Exemptions = serde_json::from_str(r#"["ann\u200b","bob/","Eve/IOS_1"]"#).unwrap();
        assert!(old.cover_user(&user("ann\u{200b}")) && !old.is_empty());
        assert!(old.cover_device(&user("eve"), &device("IOS_1")));
    }

    #[test]
    fn survives_being_written_down() {
        let exempt = Exemptions::parse("ceo\nbot-*\nann/ios_1\n");
        let json = serde_json::to_string(&exempt).unwrap();
        assert_eq!(serde_json::from_str::<Exemptions>(&json).unwrap(), exempt);
    }
}
