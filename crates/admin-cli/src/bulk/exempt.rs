//! Users and devices that a run must never touch.

use std::collections::BTreeSet;

use easemob_admin_api::{DeviceId, UserId};
use serde::{Deserialize, Serialize};

use super::pattern::Pattern;

/// Characters that no line needs, and that another file format or a remark behind a name would bring along.
const FOREIGN: [char; 8] = [',', ';', ' ', '\t', '"', '\'', '{', '}'];

/// A line that would exempt nobody, whatever was meant by it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number} is not a user, user/device or pattern: {text}")]
pub struct UnclearLine {
    /// The line, counted from 1.
    pub number: usize,
    /// The line.
    pub text: String,
}

/// The content of an exemption file: one user, `user/resource` or pattern per line.
///
/// A line without a slash exempts the whole user, a line with one exempts a device, as SDKs write login ids.
/// Both halves may hold `*` and `?`. Blank lines and lines that start with `#` do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Exemptions {
    users: BTreeSet<String>,
    user_patterns: Vec<Pattern>,
    devices: Vec<(Pattern, Pattern)>,
}

impl Exemptions {
    /// Reads the lines of an exemption file that an operator wrote.
    ///
    /// # Errors
    /// When a line holds what no name does: taken as a name it would exempt nobody, and nobody would notice.
    pub fn read(text: &str) -> Result<Self, UnclearLine> {
        let unclear = |line: &str| line.contains(FOREIGN) || line.contains(char::is_control);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let entries = text.lines().map(str::trim).enumerate();
        let mut entries = entries.filter(|(_, line)| !line.starts_with('#'));
        match entries.find(|(_, line)| unclear(line)) {
            Some((index, line)) => Err(UnclearLine {
                number: index + 1,
                text: line.escape_debug().to_string(),
            }),
            None => Ok(Self::parse(text)),
        }
    }

    /// Reads the lines of an exemption file as they are.
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
        // The server compares user names without case, so an exemption must not depend on it either.
        match line.split_once('/') {
            Some((user, device)) => self
                .devices
                .push((user.to_lowercase().as_str().into(), device.into())),
            None if line.contains(['*', '?']) => self.user_patterns.push(line.to_lowercase().as_str().into()),
            None => {
                self.users.insert(line.to_lowercase());
            }
        }
    }

    /// Returns true if nobody is exempt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.user_patterns.is_empty() && self.devices.is_empty()
    }

    /// Returns true if no device of `user` may be touched.
    #[must_use]
    pub fn cover_user(&self, user: &UserId) -> bool {
        let user = user.as_str().to_lowercase();
        self.users.contains(&user) || self.user_patterns.iter().any(|pattern| pattern.matches(&user))
    }

    /// Returns true if this device of `user` may not be touched.
    #[must_use]
    pub fn cover_device(&self, user: &UserId, device: &DeviceId) -> bool {
        if self.devices.is_empty() {
            return false;
        }
        let user = user.as_str().to_lowercase();
        self.devices
            .iter()
            .any(|(users, devices)| users.matches(&user) && devices.matches(device.as_str()))
    }
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
    fn a_line_that_would_exempt_nobody_is_refused() {
        for line in [
            "ann # the CEO",
            "eve,VIP",
            "eve;VIP",
            "\"eve\"",
            "'eve'",
            "eve\tVIP",
            "a b",
        ] {
            let error = Exemptions::read(&format!("# staff, all\r\n\n{line}\nbob\n")).unwrap_err();
            assert_eq!(error.number, 3, "{line}");
        }
        let text = "\u{feff}# ann, \"eve\"\r\n ceo \r\nbot-*\nann/ios_1\n";
        assert_eq!(Exemptions::read(text), Ok(Exemptions::parse(text)));
    }

    #[test]
    fn survives_being_written_down() {
        let exempt = Exemptions::parse("ceo\nbot-*\nann/ios_1\n");
        let json = serde_json::to_string(&exempt).unwrap();
        assert_eq!(serde_json::from_str::<Exemptions>(&json).unwrap(), exempt);
    }
}
