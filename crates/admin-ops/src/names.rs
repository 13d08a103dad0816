//! The only check of names and patterns, wherever they come from: a name that could match nobody is refused.
//! Pure.
//!
//! An exemption that matches nobody signs out the person it was to protect, and nobody notices why. So
//! exemptions and policies accept only characters that account names are likely to contain, and `?` stands
//! for any other character. For lists of users there are warnings instead, because old accounts do have odd
//! names.

pub mod characters;
pub mod harmless;

use std::fmt;

use easemob_admin_api::{DeviceId, UserId};

use crate::names::characters::{Class, as_seen, class, first_stranger, named, ordinary, separates, visible};

/// Signs in user ids besides letters and digits.
const OF_USERS: &[char] = &['_', '-', '.', '@', '+'];
/// Signs in platforms.
const OF_PLATFORMS: &[char] = &['_', '-', '.'];
/// Signs that come from a list or a file format, not from a resource id.
const NOT_OF_DEVICES: &[char] = &[
    ',', ';', '"', '\'', '`', '#', '{', '}', '<', '>', '|', '\\', '“', '”', '„', '‘', '’', '«', '»', '、',
    '。',
];
/// Signs around a name that certainly do not belong to it.
const AROUND: &[char] = &[
    ',', ';', '"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '、', '/', ' ', '@',
];
const WILDCARDS: &[char] = &['*', '?'];

/// What a text should name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One user.
    User,
    /// A user, or several users with `*` and `?`.
    UserPattern,
    /// One device, by its resource id.
    Device,
    /// Devices, by resource id.
    DevicePattern,
    /// Devices, by the names that their owners gave them.
    DeviceName,
    /// A platform.
    Platform,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::UserPattern => "user or pattern",
            Self::Device => "device",
            Self::DevicePattern => "device or pattern",
            Self::DeviceName => "device name",
            Self::Platform => "platform",
        }
    }

    fn is_pattern(self) -> bool {
        matches!(self, Self::UserPattern | Self::DevicePattern | Self::DeviceName)
    }

    fn takes(self, sign: char) -> bool {
        let wildcard = WILDCARDS.contains(&sign);
        match self {
            Self::User => OF_USERS.contains(&sign),
            Self::UserPattern => wildcard || OF_USERS.contains(&sign),
            Self::Device => !wildcard && !NOT_OF_DEVICES.contains(&sign),
            Self::DevicePattern => !NOT_OF_DEVICES.contains(&sign),
            Self::DeviceName => true,
            Self::Platform => OF_PLATFORMS.contains(&sign),
        }
    }
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The name is empty.
    Empty,
    /// It starts or ends with a space.
    Surrounded,
    /// It contains a character that is invisible, was damaged, or has no meaning.
    Unseen,
    /// It contains a full-width or otherwise unusual form of a character.
    Unusual,
    /// It contains a letter or digit of another script than the rest.
    Stranger,
    /// It contains a space, or a sign that such names do not contain.
    Sign,
    /// It contains `*` or `?` where one name is expected.
    Wildcard,
    /// It contains `/` where no device can follow, or with nothing on one side of it.
    Slash,
    /// It is a number that a spreadsheet has shortened.
    Shortened,
}

/// A name that would match nobody, whatever was intended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unclear {
    kind: Kind,
    text: String,
    trouble: Trouble,
    /// The position of the first wrong character, counted from 1, and the character.
    at: Option<(usize, char)>,
}

impl Unclear {
    /// Returns what is wrong.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// Returns true if the problem is invisible on a screen.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::Unseen | Trouble::Unusual | Trouble::Stranger
        )
    }

    /// Describes the first wrong character and its position: `U+200B (zero width space) as character 4`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.at {
            Some((place, character)) => format!("{} as character {place}", named(character)),
            None => "nothing".into(),
        }
    }

    /// Returns the first wrong character and its position, counted from 1.
    #[must_use]
    pub fn at(&self) -> Option<(usize, char)> {
        self.at
    }

    /// Returns the name that was probably intended, if it can be guessed.
    #[must_use]
    pub fn meant(&self) -> Option<String> {
        let exact = matches!(self.trouble, Trouble::Stranger | Trouble::Wildcard);
        if self.text.trim_matches(separates).contains(separates) {
            // Two names, or a name and a comment.
            return None;
        }
        let seen = as_seen(&self.text);
        let meant = seen.trim_matches(AROUND);
        let (user, device) = meant.split_once('/').unwrap_or((meant, ""));
        let clear = match self.kind {
            Kind::UserPattern if !device.is_empty() => {
                check(user, Kind::UserPattern).and_then(|()| check(device, Kind::DevicePattern))
            }
            // The user part of a login id is the intended user.
            Kind::User if !device.is_empty() => {
                return check(user, Kind::User).ok().map(|()| user.to_owned());
            }
            kind => check(meant, kind),
        };
        (!exact && clear.is_ok() && meant != self.text).then(|| meant.to_owned())
    }

    /// Returns the advice for the user.
    fn advice(&self) -> String {
        let any = "`?` for a character that the name really contains";
        match (self.trouble, self.kind) {
            (Trouble::Empty, _) => "remove it".into(),
            (Trouble::Shortened, _) => "format the column as text, and export it again".into(),
            (Trouble::Wildcard, Kind::Device) => {
                "name one device, or pass the pattern with --resource or in a file with --exempt".into()
            }
            (Trouble::Wildcard, _) => "name the users one by one".into(),
            (Trouble::Slash, Kind::UserPattern) if self.text.starts_with('/') => {
                format!("write `*{}` for this device of every user", visible(&self.text))
            }
            _ => match (self.meant(), self.kind) {
                (Some(meant), kind) if kind.is_pattern() => format!("write `{meant}`, or {any}"),
                (Some(meant), _) => format!("write `{meant}`"),
                (None, kind) if kind.is_pattern() => {
                    format!("write one name with nothing before or after it, and {any}")
                }
                (None, Kind::Device) => {
                    "write one id, or pass a pattern with `?` for this character with --resource or in a file with --exempt"
                        .into()
                }
                (None, _) => "write the name again with nothing before or after it".into(),
            },
        }
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.words();
        let text: String = self.text.chars().take(80).collect();
        let text = visible(&text);
        let place = self.place();
        match self.trouble {
            Trouble::Empty => write!(f, "the {kind} is empty")?,
            Trouble::Surrounded => write!(f, "the {kind} `{text}` starts or ends with a space")?,
            Trouble::Unusual => write!(
                f,
                "the {kind} `{text}` contains {place}, an unusual form of another character"
            )?,
            Trouble::Stranger => write!(
                f,
                "the {kind} `{text}` contains {place}, which is not a Latin letter or digit"
            )?,
            Trouble::Shortened => write!(
                f,
                "the {kind} `{text}` is a number that a spreadsheet has shortened, and its digits are lost"
            )?,
            Trouble::Wildcard => write!(f, "the {kind} `{text}` is a pattern")?,
            Trouble::Unseen | Trouble::Sign | Trouble::Slash => {
                write!(f, "the {kind} `{text}` contains {place}")?;
            }
        }
        write!(f, "; {}", self.advice())
    }
}

/// Checks character by character that `text` may be a name of this kind.
///
/// # Errors
/// When it contains characters that such names do not contain: it would match nobody, and nobody would
/// notice.
pub fn check(text: &str, kind: Kind) -> Result<(), Unclear> {
    let unclear = |trouble, at: Option<(usize, char)>| Unclear {
        kind,
        text: text.to_owned(),
        trouble,
        at: at.map(|(index, character)| (index + 1, character)),
    };
    let first =
        |wrong: &dyn Fn(char) -> bool| text.chars().enumerate().find(|(_, character)| wrong(*character));
    let Some(beginning) = text.chars().next() else {
        return Err(unclear(Trouble::Empty, None));
    };
    let unseen = |character| {
        matches!(
            class(character),
            Class::Control | Class::Invisible | Class::OddBlank | Class::Damaged | Class::Meaningless
        )
    };
    if let Some(at) = first(&unseen) {
        return Err(unclear(Trouble::Unseen, Some(at)));
    }
    if text.trim() != text {
        return Err(unclear(Trouble::Surrounded, None));
    }
    if class(beginning) == Class::Mark {
        return Err(unclear(Trouble::Unseen, Some((0, beginning))));
    }
    if kind == Kind::DeviceName {
        return Ok(());
    }
    let usual = ordinary(text);
    if usual != text {
        let unusual = |character: char| {
            let mut bytes = [0; 4];
            let single: &str = character.encode_utf8(&mut bytes);
            ordinary(single) != single
        };
        // A letter and its mark are unusual only together.
        let pair = text.chars().zip(usual.chars()).enumerate();
        let differs = || {
            pair.clone()
                .find(|(_, (is, usual))| is != usual)
                .map(|(at, (is, _))| (at, is))
        };
        return Err(unclear(Trouble::Unusual, first(&unusual).or_else(differs)));
    }
    if let Some(at) = first_stranger(text) {
        return Err(unclear(Trouble::Stranger, Some(at)));
    }
    let of_user = matches!(kind, Kind::User | Kind::UserPattern);
    if of_user && is_shortened_number(text) {
        return Err(unclear(Trouble::Shortened, None));
    }
    // People are mentioned like this, but no user id starts with `@`.
    if of_user && text.starts_with('@') {
        return Err(unclear(Trouble::Sign, Some((0, '@'))));
    }
    let wrong = |character| match class(character) {
        Class::Blank => true,
        Class::Sign => !kind.takes(character),
        _ => false,
    };
    let device = matches!(kind, Kind::Device | Kind::DevicePattern);
    let outer = |at: usize| at == 0 || at + 1 == text.chars().count();
    let slash = text
        .chars()
        .enumerate()
        .find(|(at, character)| *character == '/' && (!device || outer(*at)));
    match (first(&wrong), slash) {
        (Some((at, sign)), slash) if slash.is_none_or(|(slash, _)| at < slash) => {
            let wildcard = WILDCARDS.contains(&sign);
            let trouble = if wildcard {
                Trouble::Wildcard
            } else {
                Trouble::Sign
            };
            Err(unclear(trouble, Some((at, sign))))
        }
        (_, Some(at)) => Err(unclear(Trouble::Slash, Some(at))),
        (_, None) => Ok(()),
    }
}

/// Checks an exemption: a user or pattern, or both halves of `user/device`.
///
/// # Errors
/// As [`check`].
pub fn check_exemption(text: &str) -> Result<(), Unclear> {
    let whole = |error: Unclear| Unclear {
        at: error.at.map(|(_, character)| {
            let place = text.chars().position(|other| other == character);
            (place.map_or(1, |place| place + 1), character)
        }),
        kind: Kind::UserPattern,
        text: text.to_owned(),
        ..error
    };
    match text.split_once('/') {
        Some((user, device)) if !user.is_empty() && !device.is_empty() => {
            check(user, Kind::UserPattern).map_err(whole)?;
            check(device, Kind::DevicePattern).map_err(whole)
        }
        _ => check(text, Kind::UserPattern),
    }
}

/// Parses a user from an argument.
///
/// # Errors
/// When it cannot be a user, or contains what nobody types: pasted text, or an invisible character.
pub fn user(text: &str) -> Result<UserId, String> {
    match check(text, Kind::User) {
        Err(unclear) if unclear.is_hidden() || unclear.trouble == Trouble::Surrounded => {
            Err(unclear.to_string())
        }
        _ => UserId::parse(text).map_err(|error| error.to_string()),
    }
}

/// Parses a device from an argument.
///
/// # Errors
/// As [`check`].
pub fn device(text: &str) -> Result<DeviceId, String> {
    // In a login id, the user is before the first slash.
    let resource = text.split_once('/').map_or(text, |(_, resource)| resource);
    check(text, Kind::Device)
        .and_then(|()| check(resource, Kind::Device))
        .map_err(|unclear| unclear.to_string())?;
    DeviceId::parse(text).map_err(|error| error.to_string())
}

/// Returns the key for comparing exemptions with users: names that differ only in case have the same key.
///
/// Some letters have two lower-case forms; converting to upper case first makes them equal.
#[must_use]
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.to_uppercase().to_lowercase()
}

/// Returns the key of the name that `user` looks like, if it differs from its own key.
#[must_use]
pub fn key_as_seen(user: &str) -> Option<String> {
    let seen = as_seen(user);
    (seen != user).then(|| key(&seen))
}

/// Returns true for a number that a spreadsheet has shortened, such as `1.38E+10`: its digits are lost.
#[must_use]
pub fn is_shortened_number(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'', '=']);
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = mantissa.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once(['.', ',']).unwrap_or((unsigned, "0"));
    let signed = exponent.starts_with(['+', '-']);
    // `1e5` and `1e-5` may be users; no user id has a plus sign, and none has a dot before such an exponent.
    let certain = exponent.starts_with('+') || (signed && unsigned.len() > whole.len());
    certain && digits(whole) && digits(fraction) && digits(exponent.trim_start_matches(['+', '-']))
}

#[cfg(test)]
mod tests;
