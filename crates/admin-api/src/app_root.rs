//! Where an app lives: the app key and the root that every call is relative to.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// The `org#app` pair that names one app of the service.
///
/// ```
/// use easemob_admin_api::AppKey;
///
/// let key = AppKey::parse("acme#chat")?;
/// assert_eq!((key.org(), key.app()), ("acme", "chat"));
/// # Ok::<(), easemob_admin_api::InvalidAppRoot>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppKey {
    org: String,
    app: String,
}

impl AppKey {
    /// Reads an app key of the form `org#app`.
    ///
    /// # Errors
    /// When the text is not two non-empty names with one `#` between them, or a name holds `/`,
    /// white space or control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidAppRoot> {
        let invalid = || InvalidAppRoot::AppKey(text.to_owned());
        let (org, app) = text.split_once('#').ok_or_else(invalid)?;
        let legal = |name: &str| {
            !matches!(name, "" | "." | "..")
                && !name
                    .contains(|c: char| matches!(c, '#' | '/' | '%') || c.is_whitespace() || c.is_control())
        };
        if legal(org) && legal(app) {
            Ok(Self {
                org: org.to_owned(),
                app: app.to_owned(),
            })
        } else {
            Err(invalid())
        }
    }

    /// Returns the organisation, the part before the `#`.
    #[must_use]
    pub fn org(&self) -> &str {
        &self.org
    }

    /// Returns the app name, the part after the `#`.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.org, self.app)
    }
}

impl FromStr for AppKey {
    type Err = InvalidAppRoot;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The URL that every call is relative to.
///
/// Easemob uses `https://host/{org}/{app}`; the newer Agora pages use
/// `https://host/app-id/{app_id}`; everything behind the root is the same.
///
/// ```
/// use easemob_admin_api::{AppKey, AppRoot};
///
/// let easemob = AppRoot::new("https://im.example.com", &AppKey::parse("acme#chat")?)?;
/// assert_eq!(easemob.to_string(), "https://im.example.com/acme/chat");
///
/// let agora = AppRoot::parse("https://im.example.com/app-id/0123abcd")?;
/// assert_eq!(agora.app_key(), None);
/// # Ok::<(), easemob_admin_api::InvalidAppRoot>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppRoot {
    url: Url,
    app_key: Option<AppKey>,
}

impl AppRoot {
    /// Joins a server and an app key to `server/{org}/{app}`.
    ///
    /// `server` is `http://…` or `https://…`, with an optional port and path prefix.
    ///
    /// # Errors
    /// When `server` is not an absolute http or https URL, or carries a user, password, query or fragment.
    pub fn new(server: &str, app_key: &AppKey) -> Result<Self, InvalidAppRoot> {
        let mut url = parse_url(server)?;
        let joined = format!(
            "{}/{}/{}",
            url.path().trim_end_matches('/'),
            app_key.org,
            app_key.app
        );
        url.set_path(&joined);
        Ok(Self {
            url,
            app_key: Some(app_key.clone()),
        })
    }

    /// Reads a whole app root, of either form.
    ///
    /// # Errors
    /// As [`AppRoot::new`]; also when the URL has fewer than two path segments.
    pub fn parse(root: &str) -> Result<Self, InvalidAppRoot> {
        let mut url = parse_url(root)?;
        let path = url.path().trim_end_matches('/').to_owned();
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let [.., first, second] = segments.as_slice() else {
            return Err(InvalidAppRoot::NoApp(root.to_owned()));
        };
        let app_key = if *first == "app-id" {
            None
        } else {
            AppKey::parse(&format!("{first}#{second}")).ok()
        };
        url.set_path(&path);
        Ok(Self { url, app_key })
    }

    /// Returns the app key, or `None` when the root is of the `/app-id/{app_id}` form.
    #[must_use]
    pub fn app_key(&self) -> Option<&AppKey> {
        self.app_key.as_ref()
    }

    /// Returns the host name or address, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns true if the host is this machine: `localhost`, `127.0.0.0/8` or `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns scheme, host and port, such as `https://im.example.com:8443`; the port is left out where it is the usual one.
    ///
    /// A secret belongs to one origin: two app roots of one origin may share credentials, others must not.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url[..url::Position::BeforePath].to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Returns host and port, as the `Host` header has them.
    pub(crate) fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }

    /// Returns the encoded path, which has no slash at its end.
    pub(crate) fn path(&self) -> &str {
        self.url.path()
    }

    /// Returns the address of a path and query on this server.
    pub(crate) fn at(&self, target: &str) -> Option<Url> {
        let server = ..url::Position::BeforePath;
        let url = self.url.join(target).ok()?;
        (url[server] == self.url[server]).then_some(url)
    }
}

impl fmt::Display for AppRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

impl FromStr for AppRoot {
    type Err = InvalidAppRoot;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Writes both as the texts they are read from.
macro_rules! serde_as_text {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(D::Error::custom)
            }
        }
    };
}

serde_as_text!(AppKey);
serde_as_text!(AppRoot);

fn parse_url(text: &str) -> Result<Url, InvalidAppRoot> {
    let url = Url::parse(text).map_err(|_| InvalidAppRoot::Url(without_secrets(text)))?;
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(url)
    } else {
        Err(InvalidAppRoot::Url(without_secrets(text)))
    }
}

/// A password or token in a mistyped URL must not come back in the message.
fn without_secrets(text: &str) -> String {
    let (address, rest) = match text.find(['?', '#']) {
        Some(at) => (&text[..at], format!("{}…", &text[at..=at])),
        None => (text, String::new()),
    };
    let host = address.find("://").map_or(0, |scheme| scheme + "://".len());
    match address.rfind('@') {
        Some(at) if host <= at => format!("{}…{}{rest}", &address[..host], &address[at..]),
        _ => format!("{address}{rest}"),
    }
}

/// An app key or app root that cannot be used.
///
/// ```
/// use easemob_admin_api::AppRoot;
///
/// let error = AppRoot::parse("im.example.com/acme/chat").unwrap_err();
/// assert!(error.to_string().contains("https://"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAppRoot {
    /// The text is not of the form `org#app`.
    #[error("`{0}` is not an app key; expected `org#app`, as the console shows it")]
    AppKey(String),
    /// The text is not a plain http or https URL.
    #[error("`{0}` is not a server address; expected `https://host` without user, query or fragment")]
    Url(String),
    /// The URL names no app.
    #[error("`{0}` names no app; expected `https://host/org/app` or `https://host/app-id/id`")]
    NoApp(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_key_are_joined_with_port_and_prefix() {
        let key = AppKey::parse("acme#chat").unwrap();
        for (server, root) in [
            ("https://h", "https://h/acme/chat"),
            ("http://h:8080/", "http://h:8080/acme/chat"),
            ("https://h/gateway/im/", "https://h/gateway/im/acme/chat"),
        ] {
            assert_eq!(AppRoot::new(server, &key).unwrap().to_string(), root);
        }
    }

    #[test]
    fn a_whole_root_yields_its_key() {
        let root = AppRoot::parse("https://h/acme/chat/").unwrap();
        assert_eq!(root.app_key().unwrap().to_string(), "acme#chat");
        assert_eq!(root.to_string(), "https://h/acme/chat");
        assert_eq!(AppRoot::parse("https://h/app-id/a1b2").unwrap().app_key(), None);
    }

    #[test]
    fn wrong_forms_are_refused() {
        for key in ["", "acme", "acme#", "#chat", "a#b#c", "a/b#c", "a b#c", "..#x"] {
            assert!(AppKey::parse(key).is_err(), "{key}");
        }
        for root in [
            "h/acme/chat",
            "ftp://h/a/b",
            "https://h",
            "https://h/acme",
            "https://h/a/b?x=1",
        ] {
            assert!(AppRoot::parse(root).is_err(), "{root}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        for (root, shown) in [
            ("https://me:hunter2@h/acme/chat", "`https://…@h/acme/chat`"),
            ("me:hunter2@h/acme/chat", "`…@h/acme/chat`"),
            ("https://me:hunter2@h@i/acme/chat", "`https://…@i/acme/chat`"),
            ("https://:hunter2@h", "`https://…@h`"),
            (
                "https://h/acme/chat?access_token=hunter2",
                "`https://h/acme/chat?…`",
            ),
            ("https://h/acme/chat#hunter2", "`https://h/acme/chat#…`"),
            ("https://h/acme/chat?a=b@hunter2", "`https://h/acme/chat?…`"),
        ] {
            let error = AppRoot::parse(root).unwrap_err().to_string();
            assert!(error.starts_with(shown) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn loopback_hosts_are_known() {
        for (root, expected) in [
            ("http://127.0.0.9/a/b", true),
            ("http://[::1]/a/b", true),
            ("http://localhost/a/b", true),
            ("http://h/a/b", false),
        ] {
            assert_eq!(AppRoot::parse(root).unwrap().is_loopback(), expected, "{root}");
        }
    }

    #[test]
    fn keys_and_roots_are_written_as_they_are_read() {
        let key = AppKey::parse("acme#chat").unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), r#""acme#chat""#);
        assert_eq!(serde_json::from_str::<AppKey>(r#""acme#chat""#).unwrap(), key);
        for root in [
            "https://im.example.com/acme/chat",
            "http://h:8080/app-id/0123abcd",
        ] {
            let root = AppRoot::parse(root).unwrap();
            let text = serde_json::to_string(&root).unwrap();
            assert_eq!(serde_json::from_str::<AppRoot>(&text).unwrap(), root);
        }
        assert!(serde_json::from_str::<AppRoot>(r#""im.example.com""#).is_err());
    }
}
