//! What is kept of a sign-in: one private file for each service, which processes of this user share.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use easemob_admin_ops::files::private::make_directory;
use easemob_admin_remote::api::SignIn;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::time::sleep;

use super::SignInError;
use super::provider::{Authorities, Provider, Tokens};

/// A token with less than this left is renewed: a command takes a while.
const TOO_SHORT: SignedDuration = SignedDuration::from_mins(2);

/// How long to wait for another process that renews the token.
const LONGEST_WAIT: u32 = 400;
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The form of the file; another one is not read.
const VERSION: u32 = 1;

/// What is kept. It has secrets, so it is never shown.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    /// The address of the service, to which alone the token goes.
    service: String,
    /// The client that signed somebody in.
    pub client: SignIn,
    token: String,
    refresh: Option<String>,
    /// When the token ends, if that is known.
    pub ends: Option<Timestamp>,
}

impl Kept {
    /// Keeps tokens of now.
    #[must_use]
    pub fn new(service: &str, client: SignIn, tokens: &Tokens, now: Timestamp) -> Self {
        let lives = tokens
            .lives
            .and_then(|lives| SignedDuration::try_from(lives).ok());
        Self {
            version: VERSION,
            service: plain(service).to_owned(),
            client,
            token: tokens.token.expose_secret().to_owned(),
            refresh: tokens
                .refresh
                .as_ref()
                .map(|refresh| refresh.expose_secret().to_owned()),
            ends: lives.map(|lives| now + lives),
        }
    }

    /// Returns the token.
    #[must_use]
    pub fn token(&self) -> SecretString {
        self.token.clone().into()
    }

    /// Returns with what another token is got.
    #[must_use]
    pub fn refresh(&self) -> Option<SecretString> {
        self.refresh.clone().map(SecretString::from)
    }

    /// Returns true if the token lives for long enough, and is not the one that was refused.
    fn is_good(&self, now: Timestamp, refused: Option<&SecretString>) -> bool {
        self.ends.is_none_or(|ends| ends.duration_since(now) > TOO_SHORT) && !self.is(refused)
    }

    fn is(&self, refused: Option<&SecretString>) -> bool {
        refused.is_some_and(|refused| refused.expose_secret() == self.token)
    }

    /// Returns how long the token lives, if that is known.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> Option<Duration> {
        let left = self.ends?.duration_since(now);
        Some(left.try_into().unwrap_or_default())
    }
}

fn plain(service: &str) -> &str {
    service.trim_end_matches('/')
}

/// The file of one service.
#[derive(Debug, Clone)]
pub struct SignInFile {
    path: PathBuf,
    service: String,
    authorities: Authorities,
}

impl SignInFile {
    /// Describes the file of a service in a directory; `authorities` are trusted when the issuer is asked.
    #[must_use]
    pub fn of(directory: &Path, service: &str, authorities: Authorities) -> Self {
        let service = plain(service).to_owned();
        let name = format!("{:x}", Sha256::digest(service.as_bytes()));
        Self {
            path: directory.join(format!("{}.json", &name[..32])),
            service,
            authorities,
        }
    }

    fn failed(&self, source: io::Error) -> SignInError {
        SignInError::File {
            path: self.path.clone(),
            source,
        }
    }

    /// Reads what is kept; nothing if nobody is signed in. A file that others could have written or read is refused.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<Option<Kept>, SignInError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| self.failed(error))?,
        };
        let metadata = file.metadata().map_err(|error| self.failed(error))?;
        if !is_private(&metadata) {
            let why = io::Error::other("other accounts can read it; remove it, and sign in again");
            return Err(self.failed(why));
        }
        let kept: Kept =
            serde_json::from_reader(io::BufReader::new(file)).map_err(|error| self.failed(error.into()))?;
        // A name is a digest, and a token belongs to its service.
        Ok(Some(kept).filter(|kept| kept.version == VERSION && kept.service == self.service))
    }

    /// Replaces what is kept, as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, kept: &Kept) -> Result<(), SignInError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let written = || -> io::Result<()> {
            make_directory(directory)?;
            // Readable by its owner only, from the beginning.
            let mut file = NamedTempFile::new_in(directory)?;
            serde_json::to_writer(&mut file, kept)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        written().map_err(|error| self.failed(error))
    }

    /// Forgets the sign-in.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(&self) -> Result<(), SignInError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// Returns a sign-in whose token lives for a while, and is not the one that the service has `refused`; nothing if nobody is
    /// signed in. One process renews it at a time, because an issuer may take a second use of the same token for theft.
    ///
    /// # Errors
    /// When it cannot be renewed.
    pub async fn renewed(
        &self,
        now: Timestamp,
        refused: Option<&SecretString>,
    ) -> Result<Option<Kept>, SignInError> {
        let Some(kept) = self.read()? else { return Ok(None) };
        if kept.is_good(now, refused) {
            return Ok(Some(kept));
        }
        let _lock = self.lock().await?;
        let Some(kept) = self.read()? else { return Ok(None) };
        if kept.is_good(now, refused) {
            return Ok(Some(kept));
        }
        let lives = kept.ends.is_none_or(|ends| ends > now) && !kept.is(refused);
        match self.renew(&kept, now).await {
            Ok(renewed) => Ok(Some(renewed)),
            // It is good for a moment yet.
            Err(_) if lives => Ok(Some(kept)),
            Err(SignInError::Refused(_)) => Err(SignInError::Ended(self.service.clone())),
            Err(error) => Err(error),
        }
    }

    async fn renew(&self, kept: &Kept, now: Timestamp) -> Result<Kept, SignInError> {
        let refresh = kept
            .refresh()
            .ok_or_else(|| SignInError::Ended(self.service.clone()))?;
        let provider = Provider::discover(&kept.client.issuer, &self.authorities).await?;
        let mut tokens = provider.refreshed(&kept.client, &refresh).await?;
        // An issuer that does not give another one goes on with this one.
        tokens.refresh.get_or_insert(refresh);
        let renewed = Kept::new(&self.service, kept.client.clone(), &tokens, now);
        self.write(&renewed)?;
        Ok(renewed)
    }

    async fn lock(&self) -> Result<File, SignInError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let lock = options
            .open(self.path.with_extension("lock"))
            .map_err(|error| self.failed(error))?;
        for _ in 0..LONGEST_WAIT {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => sleep(LOOK_AGAIN).await,
                Err(TryLockError::Error(error)) => return Err(self.failed(error)),
            }
        }
        Err(self.failed(io::Error::other(
            "another process renews the sign-in, and does not end",
        )))
    }
}

#[cfg(unix)]
fn is_private(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.mode().trailing_zeros() >= 6 && metadata.is_file()
}

#[cfg(not(unix))]
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(service: &str) -> Kept {
        let tokens = Tokens {
            token: "secret".to_owned().into(),
            lives: Some(Duration::from_secs(600)),
            refresh: None,
        };
        let client = SignIn {
            issuer: "https://login.example.com".into(),
            client_id: "cli".into(),
            audience: "easemob-admin".into(),
            scope: "openid".into(),
        };
        Kept::new(service, client, &tokens, Timestamp::from_second(0).unwrap())
    }

    #[tokio::test]
    async fn a_token_is_used_while_it_lives_and_for_its_own_service_only() {
        let home = tempfile::tempdir().unwrap();
        let file = SignInFile::of(home.path(), "https://ops.example.com/", Authorities::default());
        assert!(
            file.renewed(Timestamp::from_second(0).unwrap(), None)
                .await
                .unwrap()
                .is_none()
        );
        file.write(&kept("https://ops.example.com")).unwrap();
        let at = |second| file.renewed(Timestamp::from_second(second).unwrap(), None);
        assert_eq!(at(1).await.unwrap().unwrap().token().expose_secret(), "secret");
        assert!(matches!(at(601).await, Err(SignInError::Ended(_))));
        let now = Timestamp::from_second(1).unwrap();
        let (refused, another) = (SecretString::from("secret"), SecretString::from("older"));
        let not_good = file.renewed(now, Some(&refused)).await;
        assert!(matches!(not_good, Err(SignInError::Ended(_))), "it was refused");
        // Another process was faster.
        let good = file.renewed(now, Some(&another)).await.unwrap().unwrap();
        assert_eq!(good.token().expose_secret(), "secret");
        let other = SignInFile::of(home.path(), "https://evil.example.com", Authorities::default());
        assert!(other.read().unwrap().is_none());
        fs::copy(&file.path, &other.path).unwrap();
        assert!(other.read().unwrap().is_none(), "the token of another service");
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(file.read().unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let file = SignInFile::of(home.path(), "https://ops.example.com", Authorities::default());
        file.write(&kept("https://ops.example.com")).unwrap();
        let mode = fs::metadata(&file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.read(), Err(SignInError::File { .. })));
    }
}
