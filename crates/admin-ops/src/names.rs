//! The one check of names and patterns, wherever they come from: a name matches somebody or is refused. Pure.
//!
//! An exemption that matches nobody signs out the person it was to protect, and nobody sees why. So exemptions and
//! policies take only what the name of an account is likely to hold, and `?` stands for any other character. Lists of
//! users are warned about instead, because old accounts do have odd names.

pub mod characters;
pub mod harmless;

use std::fmt;

use easemob_admin_api::{DeviceId, UserId};

use crate::names::characters::{Class, as_seen, class, first_stranger, named, ordinary, separates, visible};

/// Signs that user ids are made of besides letters and digits.
const OF_USERS: &[char] = &['_', '-', '.', '@', '+'];
/// Signs that platforms are made of.
const OF_PLATFORMS: &[char] = &['_', '-', '.'];
/// Signs that come with a list or a file format and not with a resource id.
const NOT_OF_DEVICES: &[char] = &[
    ',', ';', '"', '\'', '`', '#', '{', '}', '<', '>', '|', '\\', '“', '”', '„', '‘', '’', '«', '»', '、',
    '。',
];
/// Signs around a name that certainly do not belong to it.
const AROUND: &[char] = &[
    ',', ';', '"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '、', '/', ' ', '@',
];
const WILDCARDS: &[char] = &['*', '?'];

/// What a text is to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One user.
    User,
    /// A user, or several by `*` and `?`.
    UserPattern,
    /// One device, by its resource id.
    Device,
    /// Devices, by their resource ids.
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
    /// There is nothing.
    Empty,
    /// A blank at the beginning or the end.
    Surrounded,
    /// A character that cannot be seen, was damaged, or means nothing.
    Unseen,
    /// A full-width or otherwise unusual form of a character.
    Unusual,
    /// A letter or digit of another script than the rest.
    Stranger,
    /// A blank, or a sign that such names do not hold.
    Sign,
    /// `*` or `?` where one name is expected.
    Wildcard,
    /// `/` where no device can follow, or with nothing on one side of it.
    Slash,
    /// A number that a spreadsheet has shortened.
    Shortened,
}

/// A name that would match nobody, whatever was meant by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unclear {
    kind: Kind,
    text: String,
    trouble: Trouble,
    /// The place of the first character that is wrong, counted from 1, and the character.
    at: Option<(usize, char)>,
}

impl Unclear {
    /// Returns what is wrong.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.trouble
    }

    /// Returns true if nobody can see on a screen what is wrong.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::Unseen | Trouble::Unusual | Trouble::Stranger
        )
    }

    /// Names the first character that is wrong and its place: `U+200B (zero width space) as character 4`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.at {
            Some((place, character)) => format!("{} as character {place}", named(character)),
            None => "nothing".into(),
        }
    }

    /// Returns what was probably meant, if that can be told.
    fn meant(&self) -> Option<String> {
        let exact = matches!(self.trouble, Trouble::Stranger | Trouble::Wildcard);
        if self.text.trim_matches(separates).contains(separates) {
            // These are two names, or a name and a remark.
            return None;
        }
        let seen = as_seen(&self.text);
        let meant = seen.trim_matches(AROUND);
        let (user, device) = meant.split_once('/').unwrap_or((meant, ""));
        let clear = match self.kind {
            Kind::UserPattern if !device.is_empty() => {
                check(user, Kind::UserPattern).and_then(|()| check(device, Kind::DevicePattern))
            }
            // The user of a login id is who is meant.
            Kind::User if !device.is_empty() => {
                return check(user, Kind::User).ok().map(|()| user.to_owned());
            }
            kind => check(meant, kind),
        };
        (!exact && clear.is_ok() && meant != self.text).then(|| meant.to_owned())
    }

    /// Returns what to type.
    fn advice(&self) -> String {
        let any = "`?` for a character that the name really has";
        match (self.trouble, self.kind) {
            (Trouble::Empty, _) => "leave it out".into(),
            (Trouble::Shortened, _) => "format the column as text, and export it again".into(),
            (Trouble::Wildcard, Kind::Device) => {
                "name one device, or give the pattern to --resource or to a file for --exempt".into()
            }
            (Trouble::Wildcard, _) => "name one user after the other".into(),
            (Trouble::Slash, Kind::UserPattern) if self.text.starts_with('/') => {
                format!("write `*{}` for this device of every user", visible(&self.text))
            }
            _ => match (self.meant(), self.kind) {
                (Some(meant), kind) if kind.is_pattern() => format!("write `{meant}`, or {any}"),
                (Some(meant), _) => format!("write `{meant}`"),
                (None, kind) if kind.is_pattern() => {
                    format!("write one name, with nothing around or behind it, and {any}")
                }
                (None, Kind::Device) => {
                    "write one id, or give a pattern with `?` for this character to --resource or to a file for --exempt"
                        .into()
                }
                (None, _) => "write the name again, with nothing around or behind it".into(),
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
            Trouble::Surrounded => write!(f, "the {kind} `{text}` begins or ends with a blank")?,
            Trouble::Unusual => write!(
                f,
                "the {kind} `{text}` holds {place}, an unusual form of another character"
            )?,
            Trouble::Stranger => write!(
                f,
                "the {kind} `{text}` holds {place}, which is no Latin letter or digit"
            )?,
            Trouble::Shortened => write!(
                f,
                "the {kind} `{text}` is a number that a spreadsheet has shortened, and its digits are lost"
            )?,
            Trouble::Wildcard => write!(f, "the {kind} `{text}` is a pattern")?,
            Trouble::Unseen | Trouble::Sign | Trouble::Slash => {
                write!(f, "the {kind} `{text}` holds {place}")?;
            }
        }
        write!(f, "; {}", self.advice())
    }
}

/// Checks that `text` may name what it is to name, character by character.
///
/// # Errors
/// When it holds what such names do not: it would match nobody, and nobody would notice.
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
    // Somebody is mentioned like this, and nobody is called so.
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

/// Reads a user from an argument.
///
/// # Errors
/// When it cannot be one, or holds what nobody types: a text that was pasted with it, or a character that cannot be
/// seen.
pub fn user(text: &str) -> Result<UserId, String> {
    match check(text, Kind::User) {
        Err(unclear) if unclear.is_hidden() || unclear.trouble == Trouble::Surrounded => {
            Err(unclear.to_string())
        }
        _ => UserId::parse(text).map_err(|error| error.to_string()),
    }
}

/// Reads a device from an argument.
///
/// # Errors
/// As [`check`].
pub fn device(text: &str) -> Result<DeviceId, String> {
    // A login id has the user before the first slash.
    let resource = text.split_once('/').map_or(text, |(_, resource)| resource);
    check(text, Kind::Device)
        .and_then(|()| check(resource, Kind::Device))
        .map_err(|unclear| unclear.to_string())?;
    DeviceId::parse(text).map_err(|error| error.to_string())
}

/// Returns the key by which exemptions are compared with users: names that differ in case only are one.
///
/// Some letters have two lower-case forms; going through the upper case makes them one.
#[must_use]
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.to_uppercase().to_lowercase()
}

/// Returns the key of the name that `user` looks like, if that is another than its own.
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
