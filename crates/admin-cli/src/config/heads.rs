//! Finds where heads of the audit trail are kept outside the database, if that is configured.

use std::fmt;
use std::path::PathBuf;

use easemob_admin_api::{AppKey, AppRoot};

use super::environment::Environment;
use super::origin::ALLOW_PLAIN_HTTP;

/// The variable that names the place.
pub const HEADS: &str = "EASEMOB_STORE_HEADS";

/// The port of syslog.
const SYSLOG_PORT: u16 = 514;

/// A place outside the database.
#[derive(Clone, PartialEq, Eq)]
pub enum HeadsTo {
    /// A file, one head per line.
    File(PathBuf),
    /// The log of this machine.
    Syslog,
    /// The log of another machine.
    RemoteSyslog {
        /// Its name.
        host: String,
        /// The port.
        port: u16,
    },
    /// An address to post to.
    Webhook(String),
}

/// A text names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlaceForHeads {
    /// It has none of the forms.
    #[error(
        "cannot use `store_heads`: it must be an absolute path, `syslog`, `syslog://HOST`, or `https://…`"
    )]
    Malformed,
    /// It would pass over the network unprotected.
    #[error(
        "cannot use `store_heads`: an http address on another machine needs https, or `EASEMOB_ALLOW_PLAIN_HTTP=1`"
    )]
    PlainHttp,
}

/// Reads a place.
///
/// # Errors
/// When the text is none.
pub fn parse(text: &str, environment: &Environment) -> Result<HeadsTo, NoPlaceForHeads> {
    if text == "syslog" {
        return Ok(HeadsTo::Syslog);
    }
    if let Some(at) = text.strip_prefix("syslog://") {
        return remote_syslog(at.strip_suffix('/').unwrap_or(at)).ok_or(NoPlaceForHeads::Malformed);
    }
    if !text.contains("://") {
        let path = environment.at_home(text.as_ref());
        return if path.is_absolute() {
            Ok(HeadsTo::File(path))
        } else {
            Err(NoPlaceForHeads::Malformed)
        };
    }
    let server = server_of(text).ok_or(NoPlaceForHeads::Malformed)?;
    let is_safe = server.origin().starts_with("https://") || server.is_loopback();
    if is_safe || environment.get(ALLOW_PLAIN_HTTP) == Some("1") {
        Ok(HeadsTo::Webhook(text.to_owned()))
    } else {
        Err(NoPlaceForHeads::PlainHttp)
    }
}

fn remote_syslog(at: &str) -> Option<HeadsTo> {
    // An IPv6 address is in brackets, which belong to the URL.
    let (host, port) = match at.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => at.split_at(at.find(':').unwrap_or(at.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if port.is_empty() => SYSLOG_PORT,
        None => return None,
    };
    let is_name = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
    is_name.then(|| HeadsTo::RemoteSyslog {
        host: host.to_owned(),
        port,
    })
}

/// Returns the server of a webhook, as the client needs it: the app counts for nothing.
#[must_use]
pub fn server_of(address: &str) -> Option<AppRoot> {
    let host = address.find("://")? + 3;
    let end = address[host..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |end| host + end);
    AppRoot::new(&address[..end], &AppKey::parse("any#any").ok()?).ok()
}

impl fmt::Display for HeadsTo {
    /// Leaves out the path of a webhook, which is often a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Syslog => f.write_str("syslog"),
            Self::RemoteSyslog { host, port } => write!(f, "syslog on {host} port {port}"),
            Self::Webhook(address) => {
                let server = server_of(address)
                    .map(|server| server.origin())
                    .unwrap_or_default();
                write!(f, "the webhook on {server}")
            }
        }
    }
}

impl fmt::Debug for HeadsTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadsTo({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_a_log_or_an_address() {
        let home = Environment::from_iter([("HOME", "/home/ann")]);
        let webhook = |address: &str| Ok(HeadsTo::Webhook(address.into()));
        let remote = |host: &str, port| {
            Ok(HeadsTo::RemoteSyslog {
                host: host.into(),
                port,
            })
        };
        for (text, expected) in [
            ("/mnt/heads", Ok(HeadsTo::File("/mnt/heads".into()))),
            ("~/heads", Ok(HeadsTo::File("/home/ann/heads".into()))),
            ("syslog", Ok(HeadsTo::Syslog)),
            ("syslog://log.example.com", remote("log.example.com", 514)),
            ("syslog://[::1]:1514", remote("::1", 1514)),
            (
                "https://x.example.com/T0/s3cret",
                webhook("https://x.example.com/T0/s3cret"),
            ),
            ("http://127.0.0.1:8/x", webhook("http://127.0.0.1:8/x")),
            ("http://x.example.com/", Err(NoPlaceForHeads::PlainHttp)),
            ("heads.txt", Err(NoPlaceForHeads::Malformed)),
            ("ftp://x.example.com/", Err(NoPlaceForHeads::Malformed)),
            ("syslog://log/path", Err(NoPlaceForHeads::Malformed)),
        ] {
            assert_eq!(parse(text, &home), expected, "{text}");
            if let Ok(place) = parse(text, &home) {
                assert!(!format!("{place} {place:?}").contains("s3cret"));
            }
        }
    }
}
