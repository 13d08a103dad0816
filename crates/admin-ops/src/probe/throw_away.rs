//! The users that a probe creates and deletes.

use std::fmt;
use std::io;
use std::path::Path;

use easemob_admin_api::SecretString;
use serde::{Deserialize, Serialize};

/// The format of the list of users.
const FORMAT: u32 = 1;

/// How many random digits are in a name.
const DIGITS: usize = 12;

/// A user that exists only during a probe.
#[derive(Clone)]
pub struct ThrowAway {
    /// The name, such as `probe-0a1b2c3d4e5f-1`.
    pub name: String,
    /// A random password.
    pub password: SecretString,
}

impl fmt::Debug for ThrowAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrowAway")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ThrowAway {
    /// Invents `count` users, and a name that belongs to nobody.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn invent(count: usize) -> io::Result<(Vec<Self>, String)> {
        let random = hex(DIGITS)?;
        let user = |number| {
            Ok(Self {
                name: format!("probe-{random}-{number}"),
                password: hex(32)?.into(),
            })
        };
        let users: io::Result<_> = (1..=count).map(user).collect();
        Ok((users?, format!("probe-{random}-0")))
    }
}

fn hex(digits: usize) -> io::Result<String> {
    let mut bytes = vec![0; digits.div_ceil(2)];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut text = String::new();
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    Ok(text)
}

/// Returns true if a probe may have invented the name: no other user is ever deleted.
#[must_use]
pub fn is_throw_away(name: &str) -> bool {
    let Some((random, number)) = name.strip_prefix("probe-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    random.len() == DIGITS
        && random.bytes().all(is_hex)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The list of users that a probe has created and not yet deleted, as it is kept in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The format of the file.
    #[serde(rename = "easemob_admin_probe_users")]
    pub format: u32,
    /// The root URL of all calls.
    pub app_root: String,
    /// The names.
    pub users: Vec<String>,
}

impl Left {
    /// Makes the list of an app root.
    #[must_use]
    pub fn of(app_root: &str, users: Vec<String>) -> Self {
        Self {
            format: FORMAT,
            app_root: app_root.to_owned(),
            users,
        }
    }

    /// Reads the names that an earlier probe has left; none if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, is of another form, or contains a name that no probe has invented.
    pub fn read(path: &Path) -> io::Result<Vec<String>> {
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            bytes => bytes?,
        };
        let left: Self = serde_json::from_slice(&bytes)?;
        if left.format != FORMAT {
            return Err(io::Error::other(format!(
                "it has format {}, but this version reads only {FORMAT}",
                left.format
            )));
        }
        match left.users.iter().find(|name| !is_throw_away(name)) {
            Some(name) => Err(io::Error::other(format!(
                "it contains `{}`, which is not the name of a throw-away user",
                name.escape_debug()
            ))),
            None => Ok(left.users),
        }
    }

    /// Returns the content of the file.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a defect.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_invented_names_are_throw_away() {
        let (users, nobody) = ThrowAway::invent(3).unwrap();
        assert_eq!(users.len(), 3);
        assert!(users.iter().all(|user| is_throw_away(&user.name)));
        assert!(is_throw_away(&nobody) && users.iter().all(|user| user.name != nobody));
        for other in [
            "",
            "ann",
            "probe-1",
            "probe-0a1b2c3d4e5f",
            "probe-0a1b2c3d4e5f-",
            "probe-0a1b2c3d4e5f-x",
            "probe-0a1b2c3d4e5-1",
            "probe-0A1B2C3D4E5F-1",
            "probe-0a1b2c3d4e5f-1/../ann",
            "xprobe-0a1b2c3d4e5f-1",
        ] {
            assert!(!is_throw_away(other), "{other}");
        }
    }

    #[test]
    fn a_list_with_any_other_name_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("left.json");
        assert!(Left::read(&path).unwrap().is_empty());
        let names = vec![
            "probe-0a1b2c3d4e5f-1".to_owned(),
            "probe-0a1b2c3d4e5f-2".to_owned(),
        ];
        let list = Left::of("https://im.example.com/a/b", names.clone());
        std::fs::write(&path, list.to_json().unwrap()).unwrap();
        assert_eq!(Left::read(&path).unwrap(), names);
        for text in [
            list.to_json().unwrap().replace("probe-0a1b2c3d4e5f-2", "ann"),
            list.to_json().unwrap().replace(": 1,", ": 2,"),
            "{}".to_owned(),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(Left::read(&path).is_err());
        }
    }

    #[test]
    fn no_password_is_shown() {
        use easemob_admin_api::ExposeSecret as _;
        let (users, _) = ThrowAway::invent(1).unwrap();
        assert!(!format!("{users:?}").contains(users[0].password.expose_secret()));
    }
}
