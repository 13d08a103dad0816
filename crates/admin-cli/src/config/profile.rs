//! One profile: a server, an app and how to authenticate.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;
use serde::Deserialize;

/// A profile as it is written in the file.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The server, such as `https://a1.easemob.com`.
    pub server: Option<String>,
    /// The app key, such as `acme#chat`.
    pub app: Option<String>,
    /// The root URL of all calls, instead of server and app.
    pub app_root: Option<String>,
    /// The client id of the app.
    pub client_id: Option<String>,
    /// The client secret itself; a file or a command is better.
    pub client_secret: Option<SecretString>,
    /// A file that contains the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// A command that prints the client secret.
    pub client_secret_command: Option<String>,
    /// A file that contains an existing token.
    pub token_file: Option<PathBuf>,
    /// A command that prints an existing token.
    pub token_command: Option<String>,
    /// A key for signing the operator's own tokens.
    pub jwt: Option<JwtKey>,
    /// Further servers that may receive the credentials of this profile, such as `https://a2.easemob.com`.
    pub origins: Option<Vec<String>>,
    /// Where credentials come from, if not from this profile.
    pub credentials: Option<CredentialsFrom>,
    /// Whether credentials may go to another machine without TLS; false by default.
    pub allow_plain_http: Option<bool>,
    /// A file with certificates that are trusted besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
    /// The SHA-256 fingerprint of the only certificate that the server may show.
    pub pin_sha256: Option<String>,
    /// The unit in which the server reports the lifetime of its tokens; some clusters use milliseconds.
    pub expires_in: Option<LifeUnit>,
    /// The HTTP method for logging out one device; some servers only accept GET.
    pub disconnect_verb: Option<LogoutVerb>,
    /// How many packs of 50 requests a second were bought for the app, besides the 100 that each app has.
    pub packs: Option<Packs>,
    /// The part of the app's rate that commands use; the rest is left to its own backend.
    pub share: Option<Percent>,
    /// The database that keeps the records, `postgres://user@host/database`; the data directory by default.
    pub store: Option<String>,
    /// A file that contains the password of the database.
    pub store_password_file: Option<PathBuf>,
    /// A command that prints the password of the database.
    pub store_password_command: Option<String>,
    /// The service that acts for this profile, such as `https://ops.example.com`, instead of a server with credentials.
    pub service: Option<String>,
    /// A file that contains the key of the service.
    pub service_key_file: Option<PathBuf>,
    /// A command that prints the key of the service.
    pub service_key_command: Option<String>,
    /// The app of the service; by default, it has the name of the profile.
    pub service_app: Option<String>,
    /// Where heads of the audit trail are kept outside the database: a file, `syslog`, `syslog://HOST` or `https://…`.
    pub store_heads: Option<String>,
}

/// A number of packs of requests; as many as the client can send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Packs(pub u16);

impl TryFrom<u64> for Packs {
    type Error = &'static str;

    fn try_from(packs: u64) -> Result<Self, Self::Error> {
        match u16::try_from(packs) {
            Ok(packs @ 0..=10_000) => Ok(Self(packs)),
            _ => Err("`packs` is a number from 0 to 10000"),
        }
    }
}

/// A part in percent, from 1 to 100; 100 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Percent(pub u8);

impl Default for Percent {
    fn default() -> Self {
        Self(100)
    }
}

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_suffix('%').unwrap_or(text).parse() {
            Ok(percent @ 1..=100) => Ok(Self(percent)),
            _ => Err("give a share from 1% to 100%"),
        }
    }
}

impl TryFrom<String> for Percent {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Layers that a profile can take its credentials from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialsFrom {
    /// The environment: `EASEMOB_TOKEN`, or `EASEMOB_CLIENT_SECRET` with the client id of either.
    Environment,
}

/// Units of token lifetimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifeUnit {
    /// As documented.
    Seconds,
    /// As some clusters do.
    Milliseconds,
}

/// HTTP methods for logging out one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogoutVerb {
    /// As documented.
    Delete,
    /// As older servers do.
    Get,
}

/// A key for signed tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtKey {
    /// The file with the private key (PEM), or with the shared secret for HS256.
    pub key_file: PathBuf,
    /// The algorithm of the key.
    pub algorithm: JwtKind,
    /// The subject of the tokens: who the operator is.
    pub subject: String,
    /// The scope of the tokens, separated by spaces.
    pub scope: Option<String>,
    /// The name under which the server knows the key.
    pub key_id: Option<String>,
    /// The lifetime of a token, in seconds.
    pub lifetime_seconds: Option<u64>,
}

/// Algorithms of signed tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum JwtKind {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA.
    #[serde(rename = "RS256")]
    Rs256,
    /// A shared secret.
    #[serde(rename = "HS256")]
    Hs256,
}

impl Profile {
    /// Returns the target in one line, for lists.
    #[must_use]
    pub fn target(&self) -> String {
        if let Some(service) = &self.service {
            return service.clone();
        }
        match (&self.app_root, &self.server, &self.app) {
            (Some(root), _, _) => root.clone(),
            (None, server, app) => {
                format!(
                    "{} {}",
                    server.as_deref().unwrap_or("(no server)"),
                    app.as_deref().unwrap_or("(no app)")
                )
            }
        }
    }

    /// Describes where the credentials come from, without fetching them.
    #[must_use]
    pub fn credentials_from(&self) -> &'static str {
        if self.service.is_some() {
            "key of the service"
        } else if self.jwt.is_some() {
            "signed tokens"
        } else if self.token_file.is_some() {
            "token file"
        } else if self.token_command.is_some() {
            "token command"
        } else if self.client_secret_file.is_some() {
            "secret file"
        } else if self.client_secret_command.is_some() {
            "secret command"
        } else if self.client_secret.is_some() {
            "secret in the profile"
        } else if self.credentials.is_some() {
            "environment"
        } else {
            "none"
        }
    }

    /// Describes keys that contradict each other, if there are any.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        if self.app_root.is_some() && (self.server.is_some() || self.app.is_some()) {
            return Some("`app_root` replaces `server` and `app`; keep one of the two forms".into());
        }
        if self.service.is_some() {
            return self.contradicts_the_service();
        }
        let of_a_service = [
            ("service_key_file", self.service_key_file.is_some()),
            ("service_key_command", self.service_key_command.is_some()),
            ("service_app", self.service_app.is_some()),
        ];
        if let Some((name, _)) = of_a_service.into_iter().find(|(_, is_set)| *is_set) {
            return Some(format!("`{name}` needs `service`, the address of the service"));
        }
        if self.store_password_file.is_some() && self.store_password_command.is_some() {
            return Some(
                "`store_password_file` and `store_password_command` cannot be combined; keep one".into(),
            );
        }
        let ways: Vec<&str> = [
            ("client_secret", self.client_secret.is_some()),
            ("client_secret_file", self.client_secret_file.is_some()),
            ("client_secret_command", self.client_secret_command.is_some()),
            ("token_file", self.token_file.is_some()),
            ("token_command", self.token_command.is_some()),
            ("jwt", self.jwt.is_some()),
            ("credentials", self.credentials.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_set)| is_set.then_some(name))
        .collect();
        (ways.len() > 1).then(|| format!("`{}` cannot be combined; keep one", ways.join("` and `")))
    }

    /// Describes a key that a profile with a service cannot have: the service has servers, credentials and records.
    fn contradicts_the_service(&self) -> Option<String> {
        if self.service_key_file.is_some() && self.service_key_command.is_some() {
            return Some("`service_key_file` and `service_key_command` cannot be combined; keep one".into());
        }
        let own = [
            ("server", self.server.is_some()),
            ("app", self.app.is_some()),
            ("app_root", self.app_root.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("client_secret_file", self.client_secret_file.is_some()),
            ("client_secret_command", self.client_secret_command.is_some()),
            ("token_file", self.token_file.is_some()),
            ("token_command", self.token_command.is_some()),
            ("jwt", self.jwt.is_some()),
            ("credentials", self.credentials.is_some()),
            ("origins", self.origins.is_some()),
            ("store", self.store.is_some()),
            ("store_password_file", self.store_password_file.is_some()),
            ("store_password_command", self.store_password_command.is_some()),
            ("store_heads", self.store_heads.is_some()),
            ("packs", self.packs.is_some()),
            ("expires_in", self.expires_in.is_some()),
            ("disconnect_verb", self.disconnect_verb.is_some()),
        ];
        let (name, _) = own.into_iter().find(|(_, is_set)| *is_set)?;
        Some(format!(
            "`{name}` and `service` cannot be combined: the service has the server, the credentials and the records; remove \
             `{name}`, or use another profile for direct access"
        ))
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("target", &self.target())
            .field("credentials", &self.credentials_from())
            .finish()
    }
}
