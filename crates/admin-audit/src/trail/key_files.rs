//! The key of a trail as files in its directory.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::key::{PublicKey, SigningKey};
use crate::naming::{PRIVATE_KEY, PUBLIC_KEY};
use crate::trail::access::{self, Closed};

/// The largest key file that is read; real ones are far smaller.
const LARGEST_FILE: u64 = 16 * 1024;

impl SigningKey {
    /// Reads the key of the trail, or returns `None` if there is none.
    pub(super) fn load(directory: &Path) -> Result<Option<Self>, AuditError> {
        let path = private_file(directory);
        let mut options = access::private();
        options.read(true);
        let file = match access::open(&path, &options, Closed::Entirely) {
            Ok(file) => file,
            Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let text = text_of(file).map_err(AuditError::io("read", &path))?;
        Self::from_pem(&text).map(Some).map_err(unusable(&path))
    }

    /// Creates a key, readable only by this account, and its public half beside it.
    pub(super) fn create(directory: &Path) -> Result<Self, AuditError> {
        let path = private_file(directory);
        let pem = Self::generate_pem().map_err(unusable(&path))?;
        let key = Self::from_pem(&pem).map_err(unusable(&path))?;
        write_whole(&directory.join(PUBLIC_KEY), &key.public().pem())?;
        write_whole(&path, &pem)?;
        access::sync_directory(directory)?;
        Ok(key)
    }
}

impl PublicKey {
    /// Reads a key in PEM form (`BEGIN PUBLIC KEY`) from a file.
    ///
    /// # Errors
    /// When the file cannot be read or does not contain an Ed25519 public key.
    pub fn read(path: &Path) -> Result<Self, AuditError> {
        let text = fs::File::open(path).and_then(text_of);
        let text = text.map_err(AuditError::io("read", path))?;
        Self::from_pem(&text).map_err(unusable(path))
    }

    /// Reads the key in the directory of a trail.
    ///
    /// # Errors
    /// When it does not exist, or cannot be used.
    pub fn of_trail(directory: &Path) -> Result<Self, AuditError> {
        Self::read(&directory.join(PUBLIC_KEY))
    }
}

/// Returns the path of a trail's private key.
pub(super) fn private_file(directory: &Path) -> PathBuf {
    directory.join(PRIVATE_KEY)
}

fn text_of(file: fs::File) -> io::Result<String> {
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn unusable(path: &Path) -> impl FnOnce(String) -> AuditError {
    let path = path.to_owned();
    move |problem| AuditError::Key { path, problem }
}

/// Writes a file atomically.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<(), AuditError> {
    let temporary = path.with_extension("new");
    let mut options = access::private();
    options.write(true).create(true).truncate(true);
    let mut file = access::open(&temporary, &options, Closed::Entirely)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(AuditError::io("written", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_trail_stays_what_it_was_made() {
        let home = tempfile::tempdir().unwrap();
        assert!(SigningKey::load(home.path()).unwrap().is_none());
        let made = SigningKey::create(home.path()).unwrap();
        let loaded = SigningKey::load(home.path()).unwrap().unwrap();
        let public = PublicKey::of_trail(home.path()).unwrap();
        assert_eq!(loaded.public().id(), made.public().id());
        assert_eq!(public.id(), made.public().id());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        SigningKey::create(home.path()).unwrap();
        let path = private_file(home.path());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SigningKey::load(home.path()).unwrap_err();
        assert!(error.hint().contains("chmod"), "{error}");
    }
}
