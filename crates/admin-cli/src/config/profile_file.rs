//! Reads and writes the profile file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use easemob_admin_ops::files::private::make_directory;
use easemob_admin_ops::policy::toml_words::{in_words, line_of, nearest};
use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, value};

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
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Its content is wrong.
    #[error("{}, line {line}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The problem, without values, because one of them may be a secret.
        message: String,
    },
    /// A profile contradicts itself.
    #[error("{}, profile `{profile}`: {message}", path.display())]
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
        let text = read(path)?;
        let file: Self = toml::from_str(&text).map_err(|error| content_error(path, &text, &error))?;
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

/// Removes a profile and leaves the rest of the file as it is. If it was the default, there is no default any
/// more.
///
/// # Errors
/// When the file cannot be read, parsed or written.
pub fn remove_profile(path: &Path, name: &str) -> Result<(), ProfileFileError> {
    edit(path, |document| {
        if let Some(profiles) = document.get_mut("profiles").and_then(Item::as_table_like_mut) {
            profiles.remove(name);
        }
        if document.get("default").and_then(Item::as_str) == Some(name) {
            document.remove("default");
        }
    })
}

/// Adds or replaces a profile and leaves the rest of the file as it is.
///
/// # Errors
/// When the file cannot be read, parsed or written.
pub fn put_profile(
    path: &Path,
    name: &str,
    keys: &[(&str, String)],
    allow_plain_http: bool,
) -> Result<(), ProfileFileError> {
    edit(path, |document| {
        let mut profile = Table::new();
        for (key, text) in keys {
            profile.insert(key, value(text));
        }
        if allow_plain_http {
            profile.insert("allow_plain_http", value(true));
        }
        let profiles = document.entry("profiles").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        if let Some(profiles) = profiles.as_table_like_mut() {
            profiles.insert(name, Item::Table(profile));
        }
        if document.get("default").is_none() {
            document.insert("default", value(name));
        }
    })
}

/// Makes `name` the profile that is used if none is named.
///
/// # Errors
/// When the file cannot be read, parsed or written.
pub fn set_default(path: &Path, name: &str) -> Result<(), ProfileFileError> {
    edit(path, |document| {
        // Replacing only the value keeps comments above the key.
        match document.get_mut("default") {
            Some(default) => *default = value(name),
            None => drop(document.insert("default", value(name))),
        }
    })
}

fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut)) -> Result<(), ProfileFileError> {
    let text = read(path)?;
    let mut document: DocumentMut =
        text.parse()
            .map_err(|error: toml_edit::TomlError| ProfileFileError::Content {
                path: path.to_owned(),
                line: line_of(&text, error.span()),
                message: error.message().to_owned(),
            })?;
    change(&mut document);
    write_private(path, document.to_string().as_bytes()).map_err(|source| ProfileFileError::Write {
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<String, ProfileFileError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|source| ProfileFileError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Atomically writes a file that only its owner can read.
///
/// # Errors
/// When the directory cannot be created or the file cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    make_directory(directory)?;
    // Temporary files are created with mode 0600, and renaming keeps it.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
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
            let whole = "default = \"a\"\n[profiles.a]\nserver = \"https://x\"\napp = \"o#a\"\nclient_secret = \"s3cret\"\n";
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
                proptest::prop_assert!(!said.contains("s3cret"), "{}", said);
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

    #[test]
    fn editing_keeps_comments_and_makes_the_file_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/config.toml");
        put_profile(
            &path,
            "a",
            &[("server", "https://x".into()), ("app", "o#a".into())],
            false,
        )
        .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "default = \"a\"\n\n[profiles.a]\nserver = \"https://x\"\napp = \"o#a\"\n"
        );
        fs::write(&path, format!("# mine\n{text}")).unwrap();
        put_profile(&path, "b", &[("app_root", "https://y/o/b".into())], false).unwrap();
        set_default(&path, "b").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\n"), "{text}");
        let file = ProfileFile::load(&path).unwrap();
        assert_eq!((file.default.as_deref(), file.profiles.len()), (Some("b"), 2));
        #[cfg(unix)]
        assert!(super::super::secret_file::readers(&path).is_none());
    }
}
