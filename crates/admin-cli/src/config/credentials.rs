//! Decides which credentials to use, and fetches the secret only when it is needed.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use easemob_admin_api::{Credentials, UnusableSecret, check_secret};
#[cfg(feature = "jwt")]
use easemob_admin_api::{JwtAlgorithm, JwtSigner};
use easemob_admin_words::t;
use secrecy::{ExposeSecret, SecretString};

use super::environment::Environment;
use super::origin::Layer;
#[cfg(feature = "jwt")]
use super::profile::JwtKind;
use super::profile::{JwtKey, Profile};
use super::{secret_command, secret_file};

/// How long reading a file may take: longer than any disk needs, for a pipe that a password manager fills.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes that are read as a secret: ten times the longest token.
pub const LARGEST: usize = 64 * 1024;
/// The life of a signed token unless the profile says otherwise: short, because the key is at hand.
#[cfg(feature = "jwt")]
const JWT_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How a command will authenticate, before any secret is read.
#[derive(Debug, Clone)]
pub enum Plan {
    /// With an existing token.
    Token(SecretPlace),
    /// With the client id and secret of the app.
    ClientSecret {
        /// The client id, which is not secret.
        id: String,
        /// Where the secret is.
        secret: SecretPlace,
    },
    /// With tokens signed by the operator's own key.
    Jwt(JwtKey),
}

/// Where a secret is stored.
#[derive(Clone)]
pub enum SecretPlace {
    /// In memory, with a description of where it came from.
    Value(SecretString, &'static str),
    /// In a file.
    File(PathBuf),
    /// In the output of a command.
    Command(String),
}

/// Why there are no usable credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Nothing configures credentials.
    #[error("{}", t!("no credentials are configured"))]
    Nothing,
    /// There is a client secret without a client id.
    #[error("{}", t!("a client secret is configured, but no client id"))]
    NoId,
    /// There is a client id without a client secret.
    #[error("{}", t!("a client id is configured, but no client secret"))]
    NoSecret,
    /// A file cannot be read.
    #[error("{}", t!("cannot read the secret from {}", path.display()))]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A command cannot be run.
    #[error("{}", t!("cannot run the secret command"))]
    Run(#[source] io::Error),
    /// A command failed.
    #[error("{}", t!("the secret command failed ({0})", _0))]
    Failed(std::process::ExitStatus),
    /// A command did not end.
    #[error("{}", t!("the secret command did not end within {} seconds", secret_command::LONGEST.as_secs()))]
    Slow,
    /// The value cannot be a secret.
    #[error("{from} {problem}")]
    Unusable {
        /// Where it came from.
        from: String,
        /// What is wrong with it.
        problem: UnusableSecret,
    },
    /// The source has far too many bytes for a secret.
    #[error("{}", t!("{0} contains more than {LARGEST} bytes, so it is not a secret", _0))]
    TooLarge(String),
    /// A file returns no data, such as a pipe without a writer.
    #[error("{}", t!("cannot read the secret from {} within {} seconds", _0.display(), FILE_TIMEOUT.as_secs()))]
    Silent(PathBuf),
    /// A key cannot be used.
    #[error("{}", t!("cannot use the key in {}", path.display()))]
    Key {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Decides where credentials come from, within the given layer.
///
/// # Errors
/// When that layer has no credentials, or only half of them.
pub fn plan(
    environment: &Environment,
    profile: Option<&Profile>,
    layer: Layer,
) -> Result<Plan, CredentialError> {
    match layer {
        Layer::Environment => of_environment(environment, profile),
        Layer::Profile => of_profile(environment, profile.unwrap_or(&Profile::default())),
    }
}

/// The environment variables for credentials.
pub const VARIABLES: [&str; 3] = ["EASEMOB_TOKEN", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"];

fn of_environment(environment: &Environment, profile: Option<&Profile>) -> Result<Plan, CredentialError> {
    let secret = |name: &'static str| {
        let value = environment.get(name)?;
        Some(SecretPlace::Value(SecretString::from(value), name))
    };
    if let Some(token) = secret("EASEMOB_TOKEN") {
        return Ok(Plan::Token(token));
    }
    let id = environment.get("EASEMOB_CLIENT_ID").map(str::to_owned);
    let id = id.or_else(|| profile?.client_id.clone());
    both(id, secret("EASEMOB_CLIENT_SECRET"))
}

fn of_profile(environment: &Environment, profile: &Profile) -> Result<Plan, CredentialError> {
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
        let secret = profile.client_secret.clone();
        secret.map(|secret| SecretPlace::Value(secret, t!("the profile")))
    };
    both(profile.client_id.clone(), secret)
}

fn both(id: Option<String>, secret: Option<SecretPlace>) -> Result<Plan, CredentialError> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Plan::ClientSecret { id, secret }),
        (Some(_), None) => Err(CredentialError::NoSecret),
        (None, Some(_)) => Err(CredentialError::NoId),
        (None, None) => Err(CredentialError::Nothing),
    }
}

impl Plan {
    /// Describes where the credentials come from.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Token(place) => t!("token from {place}"),
            Self::ClientSecret { id, secret } => t!("client id {id}, secret from {secret}"),
            Self::Jwt(key) => t!(
                "tokens signed for `{}` with {}",
                key.subject,
                key.key_file.display()
            ),
        }
    }

    /// Returns true if fetching them runs a command of the profile.
    #[must_use]
    pub fn runs_a_command(&self) -> bool {
        matches!(
            self,
            Self::Token(SecretPlace::Command(_))
                | Self::ClientSecret {
                    secret: SecretPlace::Command(_),
                    ..
                }
        )
    }

    /// Returns the subject of the signed tokens, if tokens are signed.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Jwt(key) => Some(&key.subject),
            Self::Token(_) | Self::ClientSecret { .. } => None,
        }
    }

    /// Returns a warning if other users can read the file with the secret.
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
    pub async fn fetch(&self) -> Result<Fetched, CredentialError> {
        let (credentials, is_of_a_service) = match self {
            Self::Token(place) => {
                let token = place.fetch().await?;
                let is_of_a_service = is_of_a_service(&token);
                (Credentials::fixed_token(token), is_of_a_service)
            }
            Self::ClientSecret { id, secret } => {
                checked(SecretString::from(id.as_str()), t!("the client id"))?;
                let secret = secret.fetch().await?;
                let is_of_a_service = is_of_a_service(&secret);
                (Credentials::client_secret(id.as_str(), secret), is_of_a_service)
            }
            Self::Jwt(key) => (signed(key)?, false),
        };
        Ok(Fetched {
            credentials,
            is_of_a_service,
        })
    }
}

/// Credentials that were read.
pub struct Fetched {
    /// The credentials.
    pub credentials: Credentials,
    /// Whether they are a key of a service of this toolkit, which passes calls on: the server that they are for is that service.
    pub is_of_a_service: bool,
}

/// Keys of a service begin with `ea_`, and its tokens with `eat_`.
fn is_of_a_service(secret: &SecretString) -> bool {
    let secret = secret.expose_secret();
    ["ea_", "eat_"].iter().any(|start| secret.starts_with(start)) && secret.matches('_').count() > 1
}

#[cfg(not(feature = "jwt"))]
fn signed(key: &JwtKey) -> Result<Credentials, CredentialError> {
    Err(CredentialError::Key {
        path: key.key_file.clone(),
        source: t!("this program was built without the feature `jwt`").into(),
    })
}

#[cfg(feature = "jwt")]
fn signed(key: &JwtKey) -> Result<Credentials, CredentialError> {
    let path = &key.key_file;
    let bytes = bytes_of(path)?;
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
    Ok(Credentials::signed_jwt(signer))
}

impl SecretPlace {
    /// Fetches the secret, and blocks the thread meanwhile; works within a runtime as well.
    ///
    /// # Errors
    /// When a file cannot be read, a command fails, or there is no secret.
    pub fn fetch_now(&self) -> Result<SecretString, CredentialError> {
        match self {
            Self::Value(secret, from) => checked(secret.clone(), from),
            Self::File(path) => from_file(path),
            Self::Command(command) => from_command(command),
        }
    }

    async fn fetch(&self) -> Result<SecretString, CredentialError> {
        match self {
            Self::Value(secret, from) => checked(secret.clone(), from),
            Self::File(path) => from_file(path),
            Self::Command(command) => printed_by(command).await,
        }
    }
}

async fn printed_by(command: &str) -> Result<SecretString, CredentialError> {
    let printed = secret_command::printed_by(command).await?;
    secret_of(printed, t!("the output of the secret command"))
}

/// Runs the command that prints a secret, and blocks the thread meanwhile; works within a runtime as well.
///
/// # Errors
/// When the command cannot be run, fails, does not end in time, or prints no secret.
pub fn from_command(command: &str) -> Result<SecretString, CredentialError> {
    let run = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().map_err(CredentialError::Run)?;
        runtime.block_on(printed_by(command))
    };
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads a secret from a file.
///
/// # Errors
/// When the file cannot be read in time, or does not contain a secret.
pub fn from_file(path: &Path) -> Result<SecretString, CredentialError> {
    let bytes = bytes_of(path)?;
    let from = path.display().to_string();
    secret_of(bytes, &from)
}

/// Reads a file in a thread, which is left behind if the file never begins or ends.
fn bytes_of(path: &Path) -> Result<Vec<u8>, CredentialError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let opened = path.to_owned();
    std::thread::spawn(move || {
        let read = || {
            let mut bytes = Vec::new();
            fs::File::open(&opened)?
                .take(LARGEST as u64 + 1)
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // After the timeout, the receiver is gone.
        let _ = sender.send(read());
    });
    let bytes: io::Result<Vec<u8>> = receiver
        .recv_timeout(FILE_TIMEOUT)
        .map_err(|_| CredentialError::Silent(path.to_owned()))?;
    let bytes = bytes.map_err(|source| CredentialError::File {
        path: path.to_owned(),
        source,
    })?;
    if bytes.len() > LARGEST {
        return Err(CredentialError::TooLarge(path.display().to_string()));
    }
    Ok(bytes)
}

/// Extracts the secret from the bytes of a file, a command or standard input; surrounding spaces and line
/// ends are customary.
fn secret_of(bytes: Vec<u8>, from: &str) -> Result<SecretString, CredentialError> {
    if bytes.len() > LARGEST {
        return Err(CredentialError::TooLarge(from.to_owned()));
    }
    // Bytes that are not UTF-8 become a character that the check refuses.
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    checked(SecretString::from(text.trim_ascii()), from)
}

/// Refuses a secret with accidental content.
fn checked(secret: SecretString, from: &str) -> Result<SecretString, CredentialError> {
    match check_secret(secret.expose_secret()) {
        Ok(()) => Ok(secret),
        Err(problem) => Err(CredentialError::Unusable {
            from: from.to_owned(),
            problem,
        }),
    }
}

/// Returns the secret that `profile add` read from stdin.
///
/// # Errors
/// When stdin contains no secret, or more than one candidate.
pub fn from_stdin(bytes: Vec<u8>) -> Result<SecretString, CredentialError> {
    secret_of(bytes, t!("standard input"))
}

/// Returns true if the path is a readable file.
#[must_use]
pub fn is_readable(path: &Path) -> bool {
    fs::File::open(path).is_ok()
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_, from) => f.write_str(from),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Command(_) => f.write_str(t!("a command")),
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

    fn decide(layer: Layer, environment: &[(&str, &str)], profile: &str) -> String {
        let environment: Environment = environment.iter().copied().collect();
        let profile: Profile = toml::from_str(profile).unwrap();
        match plan(&environment, Some(&profile), layer) {
            Ok(plan) => {
                assert!(!format!("{plan:?}").contains("s3cret"));
                plan.describe()
            }
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn each_layer_stands_for_itself() {
        use Layer::{Environment as Env, Profile as File};
        let file = "client_id = \"p\"\nclient_secret_file = \"/f\"\n";
        let asks = "client_id = \"p\"\ncredentials = \"environment\"\n";
        let id = ("EASEMOB_CLIENT_ID", "e");
        let secret = ("EASEMOB_CLIENT_SECRET", "s3cret");
        let token = ("EASEMOB_TOKEN", "s3cret");
        let ours = "client id e, secret from EASEMOB_CLIENT_SECRET";
        let filed = "client id p, secret from /f";
        let no_secret = "error: a client id is configured, but no client secret";
        let no_id = "error: a client secret is configured, but no client id";
        let none = "error: no credentials are configured";
        for (layer, environment, profile, expected) in [
            (File, &[][..], file, filed),
            (File, &[id, secret], file, filed),
            (File, &[id, secret, token], file, filed),
            (File, &[id, secret, token], "", none),
            (File, &[secret], "client_id = \"p\"\n", no_secret),
            (
                File,
                &[id],
                "client_id = \"p\"\nclient_secret = \"s3cret\"\n",
                "client id p, secret from the profile",
            ),
            (
                File,
                &[],
                "client_id = \"p\"\nclient_secret_command = \"pass x\"\n",
                "client id p, secret from a command",
            ),
            (File, &[token], "token_file = \"/t\"\n", "token from /t"),
            (File, &[token], "token_command = \"t\"\n", "token from a command"),
            (Env, &[id, secret], "", ours),
            (Env, &[id, secret, token], "", "token from EASEMOB_TOKEN"),
            (Env, &[token], "", "token from EASEMOB_TOKEN"),
            (Env, &[id], "", no_secret),
            (Env, &[secret], "", no_id),
            (Env, &[], "", none),
            (
                Env,
                &[secret],
                asks,
                "client id p, secret from EASEMOB_CLIENT_SECRET",
            ),
            (Env, &[id, secret], asks, ours),
            (Env, &[], asks, no_secret),
        ] {
            assert_eq!(
                decide(layer, environment, profile),
                expected,
                "{layer:?} {profile}"
            );
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn commands_print_secrets_or_say_why_not() {
        let fetch = async |command: &str| SecretPlace::Command(command.into()).fetch().await;
        assert_eq!(fetch("echo ' s3cret '").await.unwrap().expose_secret(), "s3cret");
        assert!(matches!(fetch("exit 3").await, Err(CredentialError::Failed(_))));
        for (command, expected) in [
            ("true", "the output of the secret command is empty"),
            ("echo; echo", "the output of the secret command is empty"),
            (
                "printf '\\357\\273\\277s3cret'",
                "the output of the secret command begins with a byte order mark",
            ),
            (
                "echo '\"s3cret\"'",
                "the output of the secret command is in quotes",
            ),
            (
                "echo Bearer s3cret",
                "the output of the secret command begins with `Bearer`",
            ),
            (
                "echo s3cret; echo done",
                "the output of the secret command has a line break in it",
            ),
            (
                "printf 's3\\377cret'",
                "the output of the secret command has an invisible or damaged character",
            ),
            (
                "cat /dev/zero",
                "the output of the secret command contains more than 65536 bytes",
            ),
        ] {
            let said = fetch(command).await.unwrap_err().to_string();
            assert!(said.starts_with(expected), "{command}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_read_within_bounds() {
        let home = tempfile::tempdir().unwrap();
        let file = |content: &[u8]| {
            let path = home.path().join("secret");
            fs::write(&path, content).unwrap();
            from_file(&path)
        };
        assert_eq!(file(b"s3cret\r\n").unwrap().expose_secret(), "s3cret");
        assert!(matches!(file(b"\n"), Err(CredentialError::Unusable { .. })));
        assert!(matches!(file(b"s3\ncret"), Err(CredentialError::Unusable { .. })));
        assert!(matches!(
            file(&vec![b'x'; LARGEST + 1]),
            Err(CredentialError::TooLarge(_))
        ));
        assert!(matches!(
            from_file(Path::new("/dev/zero")),
            Err(CredentialError::TooLarge(_))
        ));
        assert!(matches!(
            from_file(home.path()),
            Err(CredentialError::File { .. })
        ));
    }
}
