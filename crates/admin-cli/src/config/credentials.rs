//! Finds out who asks, and fetches the secret only when it is needed.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use easemob_admin_api::{Credentials, JwtAlgorithm, JwtSigner};
use secrecy::{ExposeSecret, SecretString};

use super::environment::Environment;
use super::profile::{JwtKey, JwtKind, Profile};
use super::secret_file;

/// How long a command may take to print a secret: time enough to unlock a password store by hand.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// The life of a signed token unless the profile says otherwise: short, because the key is at hand.
const JWT_LIFETIME: Duration = Duration::from_mins(5);

/// How a command will prove who asks, before any secret was read.
#[derive(Debug, Clone)]
pub enum Plan {
    /// With a ready token.
    Token(SecretPlace),
    /// With id and secret of the app.
    ClientSecret {
        /// The client id, which is no secret.
        id: String,
        /// Where the secret is.
        secret: SecretPlace,
    },
    /// With tokens signed by the operator's own key.
    Jwt(JwtKey),
}

/// Where a secret is.
#[derive(Clone)]
pub enum SecretPlace {
    /// At hand, with the words that say where it came from.
    Value(SecretString, &'static str),
    /// In a file.
    File(PathBuf),
    /// A command prints it.
    Command(String),
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Nothing names any.
    #[error("no credentials are configured")]
    Nothing,
    /// There is a secret without an id.
    #[error("there is a client secret, but no client id")]
    NoId,
    /// There is an id without a secret.
    #[error("there is a client id, but no client secret")]
    NoSecret,
    /// A file cannot be read.
    #[error("cannot read the secret from {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command cannot be run.
    #[error("cannot run the secret command")]
    Run(#[source] io::Error),
    /// A command failed.
    #[error("the secret command failed ({0})")]
    Failed(std::process::ExitStatus),
    /// A command did not end.
    #[error("the secret command did not end within {} seconds", COMMAND_TIMEOUT.as_secs())]
    Slow,
    /// There is nothing where the secret should be.
    #[error("{0} is empty")]
    Empty(String),
    /// A key cannot be used.
    #[error("cannot use the key in {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Decides where credentials come from: environment before profile.
///
/// # Errors
/// When there are none, or only half of them.
pub fn plan(environment: &Environment, profile: Option<&Profile>) -> Result<Plan, CredentialError> {
    let empty = Profile::default();
    let profile = profile.unwrap_or(&empty);
    let from_environment = |name: &'static str| {
        environment
            .get(name)
            .map(|value| SecretPlace::Value(SecretString::from(value), name))
    };
    if let Some(token) = from_environment("EASEMOB_TOKEN") {
        return Ok(Plan::Token(token));
    }
    let id = environment
        .get("EASEMOB_CLIENT_ID")
        .map(str::to_owned)
        .or_else(|| profile.client_id.clone());
    if let Some(secret) = from_environment("EASEMOB_CLIENT_SECRET") {
        return Ok(Plan::ClientSecret {
            id: id.ok_or(CredentialError::NoId)?,
            secret,
        });
    }
    if let Some(jwt) = &profile.jwt {
        let key_file = environment.at_home(&jwt.key_file);
        return Ok(Plan::Jwt(JwtKey {
            key_file,
            ..jwt.clone()
        }));
    }
    if let Some(path) = &profile.token_file {
        return Ok(Plan::Token(SecretPlace::File(environment.at_home(path))));
    }
    if let Some(command) = &profile.token_command {
        return Ok(Plan::Token(SecretPlace::Command(command.clone())));
    }
    let secret = if let Some(path) = &profile.client_secret_file {
        Some(SecretPlace::File(environment.at_home(path)))
    } else if let Some(command) = &profile.client_secret_command {
        Some(SecretPlace::Command(command.clone()))
    } else {
        profile
            .client_secret
            .clone()
            .map(|secret| SecretPlace::Value(secret, "the profile"))
    };
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Plan::ClientSecret { id, secret }),
        (Some(_), None) => Err(CredentialError::NoSecret),
        (None, Some(_)) => Err(CredentialError::NoId),
        (None, None) => Err(CredentialError::Nothing),
    }
}

impl Plan {
    /// Returns in words where the credentials come from.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Token(place) => format!("token from {place}"),
            Self::ClientSecret { id, secret } => format!("client id {id}, secret from {secret}"),
            Self::Jwt(key) => format!(
                "tokens signed for `{}` with {}",
                key.subject,
                key.key_file.display()
            ),
        }
    }

    /// Returns whom the signed tokens name, if tokens are signed.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Jwt(key) => Some(&key.subject),
            Self::Token(_) | Self::ClientSecret { .. } => None,
        }
    }

    /// Returns a warning if others can read the file that holds the secret.
    #[must_use]
    pub fn exposed(&self) -> Option<String> {
        let file = match self {
            Self::Token(SecretPlace::File(path))
            | Self::ClientSecret {
                secret: SecretPlace::File(path),
                ..
            } => path,
            Self::Jwt(key) => &key.key_file,
            _ => return None,
        };
        secret_file::readers(file)
    }

    /// Fetches the secret.
    ///
    /// # Errors
    /// When a file cannot be read, a command fails, or a key cannot be used.
    pub async fn fetch(&self) -> Result<Credentials, CredentialError> {
        match self {
            Self::Token(place) => Ok(Credentials::fixed_token(place.fetch().await?.expose_secret())),
            Self::ClientSecret { id, secret } => Ok(Credentials::client_secret(
                id.as_str(),
                secret.fetch().await?.expose_secret(),
            )),
            Self::Jwt(key) => Ok(Credentials::signed_jwt(signer(key)?)),
        }
    }
}

fn signer(key: &JwtKey) -> Result<JwtSigner, CredentialError> {
    let path = &key.key_file;
    let bytes = fs::read(path).map_err(|source| CredentialError::File {
        path: path.clone(),
        source,
    })?;
    let signer = match key.algorithm {
        JwtKind::Hs256 => Ok(JwtSigner::hs256(bytes.trim_ascii_end())),
        JwtKind::EdDsa => JwtSigner::from_pem(JwtAlgorithm::EdDsa, &bytes),
        JwtKind::Es256 => JwtSigner::from_pem(JwtAlgorithm::Es256, &bytes),
        JwtKind::Rs256 => JwtSigner::from_pem(JwtAlgorithm::Rs256, &bytes),
    };
    let mut signer = signer
        .map_err(|error| CredentialError::Key {
            path: path.clone(),
            source: error.into(),
        })?
        .subject(key.subject.as_str())
        .lifetime(key.lifetime_seconds.map_or(JWT_LIFETIME, Duration::from_secs));
    if let Some(scope) = &key.scope {
        signer = signer.scope(scope.as_str());
    }
    if let Some(id) = &key.key_id {
        signer = signer.key_id(id.as_str());
    }
    Ok(signer)
}

impl SecretPlace {
    async fn fetch(&self) -> Result<SecretString, CredentialError> {
        match self {
            Self::Value(secret, _) => Ok(secret.clone()),
            Self::File(path) => from_file(path),
            Self::Command(command) => trimmed(&output(command).await?, || {
                "the output of the secret command".into()
            }),
        }
    }
}

/// Reads a secret from a file.
///
/// # Errors
/// When the file cannot be read or holds nothing.
pub fn from_file(path: &Path) -> Result<SecretString, CredentialError> {
    let text = fs::read_to_string(path).map_err(|source| CredentialError::File {
        path: path.to_owned(),
        source,
    })?;
    trimmed(&text, || path.display().to_string())
}

fn trimmed(text: &str, from: impl FnOnce() -> String) -> Result<SecretString, CredentialError> {
    let secret = text.trim();
    if secret.is_empty() {
        Err(CredentialError::Empty(from()))
    } else {
        Ok(SecretString::from(secret))
    }
}

async fn output(command: &str) -> Result<String, CredentialError> {
    let (shell, flag) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let child = tokio::process::Command::new(shell)
        .args([flag, command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_TIMEOUT, child)
        .await
        .map_err(|_| CredentialError::Slow)?
        .map_err(CredentialError::Run)?;
    if !output.status.success() {
        return Err(CredentialError::Failed(output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads a secret that `profile add` was given on stdin.
///
/// # Errors
/// When nothing comes.
pub fn from_stdin(text: &str) -> Result<SecretString, CredentialError> {
    trimmed(text, || "standard input".into())
}

/// Returns true if the path is where a file can be read.
#[must_use]
pub fn is_readable(path: &Path) -> bool {
    fs::File::open(path).is_ok()
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_, from) => f.write_str(from),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Command(_) => f.write_str("a command"),
        }
    }
}

impl fmt::Debug for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretPlace({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(environment: &[(&str, &str)], profile: &str) -> String {
        let environment: Environment = environment.iter().copied().collect();
        let profile: Profile = toml::from_str(profile).unwrap();
        match plan(&environment, Some(&profile)) {
            Ok(plan) => {
                assert!(!format!("{plan:?}").contains("s3cret"));
                plan.describe()
            }
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn environment_wins_over_profile() {
        let file = "client_id = \"p\"\nclient_secret_file = \"/f\"\n";
        let id = ("EASEMOB_CLIENT_ID", "e");
        let secret = ("EASEMOB_CLIENT_SECRET", "s3cret");
        let token = ("EASEMOB_TOKEN", "s3cret");
        for (environment, profile, expected) in [
            (&[][..], file, "client id p, secret from /f"),
            (
                &[id, secret],
                file,
                "client id e, secret from EASEMOB_CLIENT_SECRET",
            ),
            (&[secret], file, "client id p, secret from EASEMOB_CLIENT_SECRET"),
            (&[id, secret, token], file, "token from EASEMOB_TOKEN"),
            (&[token], "", "token from EASEMOB_TOKEN"),
            (&[id], "", "error: there is a client id, but no client secret"),
            (&[secret], "", "error: there is a client secret, but no client id"),
            (&[], "", "error: no credentials are configured"),
            (
                &[],
                "client_id = \"p\"\nclient_secret = \"s3cret\"\n",
                "client id p, secret from the profile",
            ),
            (
                &[],
                "client_id = \"p\"\nclient_secret_command = \"pass x\"\n",
                "client id p, secret from a command",
            ),
            (&[], "token_file = \"/t\"\n", "token from /t"),
        ] {
            assert_eq!(decide(environment, profile), expected, "{profile}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn commands_print_secrets_or_say_why_not() {
        let fetch = async |command: &str| SecretPlace::Command(command.into()).fetch().await;
        assert_eq!(fetch("echo ' s3cret '").await.unwrap().expose_secret(), "s3cret");
        assert!(matches!(fetch("exit 3").await, Err(CredentialError::Failed(_))));
        assert!(matches!(fetch("true").await, Err(CredentialError::Empty(_))));
    }
}
