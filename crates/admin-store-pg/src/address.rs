//! The address of a database: `postgres://user@host:port/database?sslmode=verify-full&sslrootcert=/path`.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// The default port of PostgreSQL.
const PORT: u16 = 5432;

/// Where a database is. It never has a password, so it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// The name of the host, or the directory of a Unix socket, which begins with `/`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The account.
    pub user: String,
    /// The name of the database.
    pub database: String,
    /// How connections are encrypted.
    pub encryption: Encryption,
}

/// How connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all. The default on a Unix socket and on this machine.
    Off,
    /// By TLS, with a certificate for the name of the host. The default for any other host.
    Verified {
        /// A file with the certificates to trust, in PEM; `None` trusts what the system trusts.
        roots: Option<PathBuf>,
    },
}

/// Why a text is not the address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not a URL of PostgreSQL.
    #[error("cannot read the address of the database: it must look like postgres://user@host:5432/database")]
    Malformed,
    /// It contains a password, which other users of the machine could read. The text is not repeated here.
    #[error(
        "cannot use the address of the database: it contains a password; remove it, and name a file, a command or a \
         password file of PostgreSQL instead"
    )]
    Password,
    /// A part is missing.
    #[error("cannot use the address of the database: it has no {0}")]
    Missing(&'static str),
    /// An option has no meaning here.
    #[error(
        "cannot use the address of the database: unknown option {0:?}; known are host, sslmode and sslrootcert"
    )]
    UnknownOption(String),
    /// A mode of encryption would not protect the connection.
    #[error("cannot use sslmode={0}: use verify-full, or disable on a trusted network")]
    Mode(String),
    /// Certificates are named for a connection without TLS.
    #[error("cannot use sslrootcert without TLS: add sslmode=verify-full")]
    RootsWithoutTls,
}

impl DatabaseAddress {
    /// Reads an address.
    ///
    /// `sslmode` is `disable`, `require` or `verify-full`. `require` verifies the certificate as `verify-full` does,
    /// because an encrypted connection to an impostor protects nothing.
    ///
    /// # Errors
    /// When the text is not an address, or has a password.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // PostgreSQL lets the host be empty where `host` names a socket; a URL must have one beside a user.
        let url = Url::parse(&text.replacen("@/", "@localhost/", 1)).map_err(|_| AddressError::Malformed)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.fragment().is_some() {
            return Err(AddressError::Malformed);
        }
        if url.password().is_some() {
            return Err(AddressError::Password);
        }
        let (mut host, mut mode, mut roots) = (url.host_str().unwrap_or_default().to_owned(), None, None);
        for (name, value) in url.query_pairs() {
            match &*name {
                "host" => host = value.into_owned(),
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(PathBuf::from(value.into_owned())),
                "password" | "sslpassword" | "passfile" => return Err(AddressError::Password),
                _ => return Err(AddressError::UnknownOption(name.into_owned())),
            }
        }
        // The brackets of an IPv6 address belong to the URL.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let encryption = match mode.as_deref() {
            Some("disable") => Encryption::Off,
            Some("require" | "verify-full") => Encryption::Verified { roots: roots.clone() },
            Some(other) => return Err(AddressError::Mode(other.to_owned())),
            None if is_here(&host) => Encryption::Off,
            None => Encryption::Verified { roots: roots.clone() },
        };
        if roots.is_some() && encryption == Encryption::Off {
            return Err(AddressError::RootsWithoutTls);
        }
        let user = decoded(url.username())?;
        let database = decoded(url.path().trim_start_matches('/'))?;
        for (part, name) in [(&host, "host"), (&user, "user"), (&database, "database")] {
            if part.is_empty() {
                return Err(AddressError::Missing(name));
            }
        }
        Ok(Self {
            host,
            port: url.port().unwrap_or(PORT),
            user,
            database,
            encryption,
        })
    }
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            user,
            database,
            ..
        } = self;
        write!(formatter, "database {database} on {host} port {port} as {user}")
    }
}

/// Returns true if connections do not leave the machine.
fn is_here(host: &str) -> bool {
    host.starts_with('/') || matches!(host, "localhost" | "127.0.0.1" | "::1")
}

fn decoded(part: &str) -> Result<String, AddressError> {
    let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
    Ok(decoded.map_err(|_| AddressError::Malformed)?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16, encryption: Encryption) -> DatabaseAddress {
        DatabaseAddress {
            host: host.into(),
            port,
            user: "ann".into(),
            database: "team".into(),
            encryption,
        }
    }

    #[test]
    fn an_address_says_where_and_how() {
        let verified = |roots: Option<&str>| Encryption::Verified {
            roots: roots.map(PathBuf::from),
        };
        for (text, expected) in [
            (
                "postgres://ann@localhost/team",
                address("localhost", 5432, Encryption::Off),
            ),
            (
                "postgresql://ann@[::1]:7/team",
                address("::1", 7, Encryption::Off),
            ),
            ("postgres://ann@db/team", address("db", 5432, verified(None))),
            (
                "postgres://ann@db/team?sslmode=require",
                address("db", 5432, verified(None)),
            ),
            (
                "postgres://ann@db/team?sslmode=disable",
                address("db", 5432, Encryption::Off),
            ),
            (
                "postgres://ann@127.0.0.1/team?sslmode=verify-full&sslrootcert=/ca.pem",
                address("127.0.0.1", 5432, verified(Some("/ca.pem"))),
            ),
            (
                "postgres://ann@/team?host=/run/pg",
                address("/run/pg", 5432, Encryption::Off),
            ),
            ("postgres://%61nn@db:1/t%65am", address("db", 1, verified(None))),
        ] {
            assert_eq!(DatabaseAddress::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, expected) in [
            ("db", AddressError::Malformed),
            ("mysql://ann@db/team", AddressError::Malformed),
            ("postgres://ann:s3cret@db/team", AddressError::Password),
            ("postgres://ann@db/team?password=s3cret", AddressError::Password),
            ("postgres://db/team", AddressError::Missing("user")),
            ("postgres://ann@db", AddressError::Missing("database")),
            (
                "postgres://ann@db/team?sslmode=prefer",
                AddressError::Mode("prefer".into()),
            ),
            (
                "postgres://ann@db/team?options=x",
                AddressError::UnknownOption("options".into()),
            ),
            (
                "postgres://ann@localhost/team?sslrootcert=/ca.pem",
                AddressError::RootsWithoutTls,
            ),
        ] {
            let error = DatabaseAddress::parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }
}
