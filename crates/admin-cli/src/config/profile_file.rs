//! Reads the profile file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use easemob_admin_ops::files::bounded;
use easemob_admin_ops::policy::toml_words::{in_words, line_of, nearest};
use easemob_admin_words::t;
use serde::Deserialize;

use super::precedence::NoTarget;
use super::profile::Profile;

/// The profile file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    /// The profile to use if none is named.
    pub default: Option<String>,
    /// All profiles by name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFileError {
    /// The file cannot be read.
    #[error("{}", t!("cannot read {}", path.display()))]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("{}", t!("cannot write {}", path.display()))]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another process has been changing it for too long.
    #[error("{}", t!("another process is changing {}", path.display()))]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Its content is wrong.
    #[error("{}", t!("{}, line {line}: {message}", path.display()))]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The problem, without values, because one of them may be a secret.
        message: String,
    },
    /// A profile contradicts itself.
    #[error("{}", t!("{}, profile `{profile}`: {message}", path.display()))]
    Profile {
        /// The file.
        path: PathBuf,
        /// The profile.
        profile: String,
        /// The problem.
        message: String,
    },
}

impl ProfileFile {
    /// Reads the file; a file that does not exist counts as empty.
    ///
    /// # Errors
    /// When the file cannot be read or contains unknown keys.
    pub fn load(path: &Path) -> Result<Self, ProfileFileError> {
        Self::parse(path, &read(path)?)
    }

    /// Reads the content of the file.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ProfileFileError> {
        let file: Self = toml::from_str(text).map_err(|error| content_error(path, text, &error))?;
        for (name, profile) in &file.profiles {
            if let Some(message) = profile.contradiction() {
                return Err(ProfileFileError::Profile {
                    path: path.to_owned(),
                    profile: name.clone(),
                    message,
                });
            }
        }
        Ok(file)
    }

    /// Finds a profile by its name.
    ///
    /// # Errors
    /// When it does not exist; the error names the most similar one.
    pub fn find(&self, name: &str) -> Result<&Profile, NoTarget> {
        self.profiles.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            NoTarget::NoSuchProfile {
                name: name.to_owned(),
                nearest: nearest(name, &names).map(str::to_owned),
                known: self.profiles.keys().cloned().collect(),
            }
        })
    }
}

pub(super) fn read(path: &Path) -> Result<String, ProfileFileError> {
    let read = bounded::whole(path, bounded::WRITTEN_BY_HAND).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|source| ProfileFileError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn content_error(path: &Path, text: &str, error: &toml::de::Error) -> ProfileFileError {
    ProfileFileError::Content {
        path: path.to_owned(),
        line: line_of(text, error.span()),
        message: in_words(text, error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(text: &str) -> Result<ProfileFile, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, text).unwrap();
        let shown = path.display().to_string();
        ProfileFile::load(&path).map_err(|error| error.to_string().replace(&shown, "config.toml"))
    }

    #[test]
    fn a_typo_is_named_with_its_line_and_the_nearest_key() {
        let error = load("default = \"a\"\n\n[profiles.a]\nsever = \"https://x\"\n").unwrap_err();
        assert_eq!(
            error,
            "config.toml, line 4: unknown key `sever`; did you mean `server`?"
        );
        let error = load("[profiles.a]\nclient_secert_file = \"x\"\n").unwrap_err();
        assert_eq!(
            error,
            "config.toml, line 2: unknown key `client_secert_file`; did you mean `client_secret_file`?"
        );
    }

    #[test]
    fn every_key_is_documented() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let page = fs::read_to_string(page).unwrap();
        let known_to = |text: &str| {
            let error = toml::from_str::<ProfileFile>(text).unwrap_err();
            let words: Vec<String> = error.message().split('`').map(str::to_owned).collect();
            words.into_iter().skip(3).step_by(2).collect::<Vec<_>>()
        };
        let profile = known_to("[profiles.a]\nunknown = 1\n");
        let jwt = known_to("[profiles.a.jwt]\nunknown = 1\n");
        assert!(profile.len() > 10 && jwt.len() > 5, "{profile:?} {jwt:?}");
        for key in profile.into_iter().chain(jwt).filter(|key| key != "jwt") {
            assert!(page.contains(&format!("\n{key} = ")), "`{key}` is not documented");
        }
        assert!(page.contains(".jwt]"));
    }

    #[test]
    fn no_error_shows_a_value() {
        for text in [
            "[profiles.a]\nclient_secret = [\"s3cret\"]\n",
            "[profiles.a]\nclient_secret = \"s3cret\" x\n",
            "[profiles.a]\nclient_secret = s3cret\n",
            "[profiles.a]\nserver = 5\nclient_secret = \"s3cret\n",
            "[profiles]\na = \"s3cret\"\n",
        ] {
            let error = load(text).unwrap_err();
            assert!(error.starts_with("config.toml, line "), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_file_holds_it_is_read_or_refused(
            at in proptest::prelude::any::<proptest::sample::Index>(),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..4),
        ) {
            let whole = "default = \"a\"\n[profiles.a]\nserver = \"https://x\"\napp = \"o#a\"\nclient_secret = \"hunter2\"\n";
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("config.toml");
            let mut content = whole.as_bytes().to_vec();
            let at = at.index(content.len());
            let until = (at + bytes.len()).min(content.len());
            content.splice(at..until, bytes);
            fs::write(&path, &content).unwrap();
            if let Err(error) = ProfileFile::load(&path) {
                let mut said = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    said.push_str(&error.to_string());
                    cause = error.source();
                }
                proptest::prop_assert!(!said.contains("hunter2"), "{}", said);
            }
        }
    }

    #[test]
    fn two_forms_of_one_thing_are_refused() {
        let error = load("[profiles.a]\napp_root = \"https://x/o/a\"\nserver = \"https://x\"\n").unwrap_err();
        assert!(
            error.contains("profile `a`") && error.contains("keep one of the two forms"),
            "{error}"
        );
        let error = load("[profiles.a]\nclient_secret_file = \"a\"\ntoken_file = \"b\"\n").unwrap_err();
        assert!(
            error.contains("`client_secret_file` and `token_file` cannot be combined"),
            "{error}"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let file = load("[profiles.a]\nclient_secret = \"s3cret\"\n").unwrap();
        assert!(!format!("{file:?}").contains("s3cret"));
    }
}
