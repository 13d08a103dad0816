//! Changes the profile file, one process at a time. Comments and the order of the file stay.

use std::path::{Path, PathBuf};
use std::time::Duration;

use easemob_admin_ops::files::lock_file::{LockFile, NotLocked};
use easemob_admin_ops::policy::toml_words::line_of;
use toml_edit::{DocumentMut, Item, Table, value};

use super::private_file::{remove_left_overs, target_of, write_private};
use super::profile_file::{ProfileFile, ProfileFileError, read};

/// How long to wait for another process; each takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The profile file while no other process can change it, which is until this value is dropped.
#[derive(Debug)]
pub struct ProfileEdit {
    path: PathBuf,
    profiles: ProfileFile,
    document: DocumentMut,
    _lock: LockFile,
}

impl ProfileEdit {
    /// Waits until no other process changes the file, and reads it; a file that does not exist counts as empty.
    ///
    /// # Errors
    /// When the file cannot be locked or read, contains unknown keys, or another process holds it for 10 s.
    pub fn begin(path: &Path) -> Result<Self, ProfileFileError> {
        Self::begin_within(path, PATIENCE)
    }

    fn begin_within(path: &Path, patience: Duration) -> Result<Self, ProfileFileError> {
        let write = |source| ProfileFileError::Write {
            path: path.to_owned(),
            source,
        };
        // All links to one file share one lock.
        let mut lock = target_of(path).map_err(write)?.into_os_string();
        lock.push(".lock");
        let lock = LockFile::take(Path::new(&lock), patience).map_err(|error| match error {
            NotLocked::Held => ProfileFileError::Busy {
                path: path.to_owned(),
            },
            NotLocked::Io(source) => write(source),
        })?;
        let own = path.parent().unwrap_or(Path::new("."));
        remove_left_overs(path, own).map_err(write)?;
        let text = read(path)?;
        let document = text
            .parse()
            .map_err(|error: toml_edit::TomlError| ProfileFileError::Content {
                path: path.to_owned(),
                line: line_of(&text, error.span()),
                message: error.message().to_owned(),
            })?;
        Ok(Self {
            profiles: ProfileFile::parse(path, &text)?,
            path: path.to_owned(),
            document,
            _lock: lock,
        })
    }

    /// Returns the content of the file at the beginning.
    #[must_use]
    pub fn profiles(&self) -> &ProfileFile {
        &self.profiles
    }

    /// Adds or replaces a profile. The first one becomes the default.
    pub fn put(&mut self, name: &str, keys: &[(&str, String)], allow_plain_http: bool) {
        let mut profile = Table::new();
        for (key, text) in keys {
            profile.insert(key, value(text));
        }
        if allow_plain_http {
            profile.insert("allow_plain_http", value(true));
        }
        let profiles = self.document.entry("profiles").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        if let Some(profiles) = profiles.as_table_like_mut() {
            profiles.insert(name, Item::Table(profile));
        }
        if self.document.get("default").is_none() {
            self.document.insert("default", value(name));
        }
    }

    /// Removes a profile. If it was the default, there is no default any more.
    pub fn remove(&mut self, name: &str) {
        let profiles = self.document.get_mut("profiles");
        if let Some(profiles) = profiles.and_then(Item::as_table_like_mut) {
            profiles.remove(name);
        }
        if self.document.get("default").and_then(Item::as_str) == Some(name) {
            self.document.remove("default");
        }
    }

    /// Makes `name` the profile that is used if none is named.
    pub fn set_default(&mut self, name: &str) {
        // Replacing only the value keeps comments above the key.
        match self.document.get_mut("default") {
            Some(default) => *default = value(name),
            None => drop(self.document.insert("default", value(name))),
        }
    }

    /// Writes a secret to a file of its own, for a profile that names the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_secret(&self, file: &Path, secret: &str) -> Result<(), ProfileFileError> {
        let own = file.parent().unwrap_or(Path::new("."));
        let written =
            remove_left_overs(file, own).and_then(|()| write_private(file, format!("{secret}\n").as_bytes()));
        written.map_err(|source| ProfileFileError::Write {
            path: file.to_owned(),
            source,
        })
    }

    /// Writes the file. Other processes still wait until this value is dropped.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> Result<(), ProfileFileError> {
        write_private(&self.path, self.document.to_string().as_bytes()).map_err(|source| {
            ProfileFileError::Write {
                path: self.path.clone(),
                source,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn editing_keeps_comments_and_makes_the_file_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/config.toml");
        let mut edit = ProfileEdit::begin(&path).unwrap();
        let keys = [("server", "https://x".into()), ("app", "o#a".into())];
        edit.put("a", &keys, false);
        edit.save().unwrap();
        drop(edit);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "default = \"a\"\n\n[profiles.a]\nserver = \"https://x\"\napp = \"o#a\"\n"
        );
        fs::write(&path, format!("# mine\n{text}")).unwrap();
        let mut edit = ProfileEdit::begin(&path).unwrap();
        edit.put("b", &[("app_root", "https://y/o/b".into())], false);
        edit.set_default("b");
        edit.save().unwrap();
        drop(edit);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\n"), "{text}");
        let file = ProfileFile::load(&path).unwrap();
        assert_eq!((file.default.as_deref(), file.profiles.len()), (Some("b"), 2));
        #[cfg(unix)]
        assert!(super::super::secret_file::readers(&path).is_none());

        let mut edit = ProfileEdit::begin(&path).unwrap();
        edit.remove("b");
        edit.save().unwrap();
        let file = ProfileFile::load(&path).unwrap();
        assert_eq!((file.default, file.profiles.len()), (None, 1));
    }

    #[test]
    fn nobody_changes_what_another_one_is_changing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::thread::scope(|scope| {
            for number in 0..20 {
                let path = &path;
                scope.spawn(move || {
                    let mut edit = ProfileEdit::begin(path).unwrap();
                    edit.put(&format!("p{number}"), &[("app", "o#a".into())], false);
                    edit.save().unwrap();
                });
            }
        });
        assert_eq!(ProfileFile::load(&path).unwrap().profiles.len(), 20);

        let _held = ProfileEdit::begin(&path).unwrap();
        let second = ProfileEdit::begin_within(&path, Duration::ZERO);
        assert!(matches!(second, Err(ProfileFileError::Busy { .. })), "{second:?}");
    }

    #[cfg(unix)]
    #[test]
    fn all_links_to_a_file_share_its_lock() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("a")).unwrap();
        std::os::unix::fs::symlink("../config.toml", at("a/config.toml")).unwrap();
        let _held = ProfileEdit::begin(&at("config.toml")).unwrap();
        let second = ProfileEdit::begin_within(&at("a/config.toml"), Duration::ZERO);
        assert!(matches!(second, Err(ProfileFileError::Busy { .. })), "{second:?}");
    }
}
