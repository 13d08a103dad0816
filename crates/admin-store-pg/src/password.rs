//! Where the password of a database comes from: never from an argument, which other users of the machine can read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use easemob_admin_ops::files::bounded;
use secrecy::SecretString;

use crate::address::DatabaseAddress;

/// Where the password comes from.
#[derive(Debug, Clone)]
pub enum PasswordSource {
    /// There is none: the server trusts the account, or knows it by its certificate or its number.
    Nothing,
    /// A file with nothing else in it. A line end is not part of the password.
    File(PathBuf),
    /// The program that opens the database has it already, such as from a command.
    Given(SecretString),
    /// A password file of PostgreSQL (`PGPASSFILE`), with lines of `host:port:database:user:password`.
    PassFile(PathBuf),
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("cannot read the password of the database from {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Others may read the password file; PostgreSQL's own programs refuse it too.
    #[error("cannot use {}: other users may read it; run `chmod 600` on it", .0.display())]
    Open(PathBuf),
    /// The password file has no line for the database.
    #[error("cannot find a password for {address} in {}", path.display())]
    NoLine {
        /// The file.
        path: PathBuf,
        /// The database.
        address: String,
    },
    /// What was read is empty, or is not text.
    #[error("cannot use the password of the database: it is empty or not UTF-8")]
    Unusable,
}

impl PasswordSource {
    /// Reads the password; `None` if there is none. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, address: &DatabaseAddress) -> Result<Option<SecretString>, PasswordError> {
        match self {
            Self::Nothing => Ok(None),
            Self::File(path) => of_bytes(contents(path)?).map(Some),
            Self::Given(password) => Ok(Some(password.clone())),
            Self::PassFile(path) => {
                let found = fs::metadata(path).map_err(|source| unread(path, source))?;
                if is_open(&found) {
                    return Err(PasswordError::Open(path.clone()));
                }
                let text = String::from_utf8(contents(path)?).map_err(|_| PasswordError::Unusable)?;
                let found = line_for(&text, address).ok_or_else(|| PasswordError::NoLine {
                    path: path.clone(),
                    address: address.to_string(),
                })?;
                Ok(Some(found.into()))
            }
        }
    }
}

/// Returns true if others may read a file, where files have such permissions.
#[cfg(unix)]
fn is_open(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

fn contents(path: &Path) -> Result<Vec<u8>, PasswordError> {
    bounded::whole(path, bounded::WRITTEN_BY_HAND).map_err(|source| unread(path, source))
}

fn unread(path: &Path, source: io::Error) -> PasswordError {
    PasswordError::File {
        path: path.to_owned(),
        source,
    }
}

fn of_bytes(bytes: Vec<u8>) -> Result<SecretString, PasswordError> {
    let text = String::from_utf8(bytes).map_err(|_| PasswordError::Unusable)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(PasswordError::Unusable);
    }
    Ok(text.into())
}

/// Finds the password in the text of a password file, by the rules of libpq: the first line that matches counts.
fn line_for(text: &str, address: &DatabaseAddress) -> Option<String> {
    let port = address.port.to_string();
    let host = if address.host.starts_with('/') {
        "localhost"
    } else {
        &address.host
    };
    let wanted = [host, &port, &address.database, &address.user];
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut fields = fields(line);
            if fields.len() < 5 {
                return None;
            }
            let password = fields.split_off(4).remove(0);
            let fits = |(field, wanted): (&String, &str)| field == "*" || field == wanted;
            fields.iter().zip(wanted).all(fits).then_some(password)
        })
}

/// Splits a line at colons; `\` takes the special meaning from the character after it. The password is the fifth field.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut().expect("one at least").extend(characters.next()),
            other => fields.last_mut().expect("one at least").push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn address() -> DatabaseAddress {
        DatabaseAddress::parse("postgres://ann@db:7/team").unwrap()
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        for (text, expected) in [
            ("db:7:team:ann:s3cret", Some("s3cret")),
            ("# db:7:team:ann:no\n*:*:*:ann:s3:c\\:ret\\\\", Some("s3:c:ret\\")),
            (
                "db:8:team:ann:no\ndb:*:team:*:first\n*:*:*:*:second",
                Some("first"),
            ),
            ("db:7:team:bob:no", None),
            ("db:7:team:ann", None),
            ("", None),
        ] {
            assert_eq!(line_for(text, &address()).as_deref(), expected, "{text}");
        }
        let socket = DatabaseAddress::parse("postgres://ann@/team?host=/run/pg").unwrap();
        assert_eq!(line_for("localhost:5432:*:*:x", &socket).as_deref(), Some("x"));
    }

    #[test]
    fn a_password_is_read_and_never_shown() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("password");
        fs::write(&file, "s3cret\n").unwrap();
        for source in [PasswordSource::File(file), PasswordSource::Given("s3cret".into())] {
            assert!(!format!("{source:?}").contains("s3cret"), "{source:?}");
            let password = source.read(&address()).unwrap().unwrap();
            assert_eq!(password.expose_secret(), "s3cret");
            assert!(!format!("{password:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_password_that_cannot_be_read_says_why_without_it() {
        let home = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str, mode: u32| {
            let path = home.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        for (source, expected) in [
            (PasswordSource::File(home.path().join("none")), "cannot read"),
            (PasswordSource::File(put("empty", "\n", 0o600)), "empty"),
            (
                PasswordSource::PassFile(put("open", "*:*:*:*:s3cret", 0o644)),
                "chmod 600",
            ),
            (
                PasswordSource::PassFile(put("other", "x:*:*:*:s3cret", 0o600)),
                "cannot find a password",
            ),
        ] {
            let error = source.read(&address()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
