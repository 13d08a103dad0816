//! The client of an issuer with which people sign in to the console, as it is configured.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use super::settings::is_safe;

/// The longest that a session may last, in hours: a shift.
const LONGEST_SESSION: u8 = 12;

/// The most characters of the name of an issuer, which stands on a button.
const LONGEST_NAME: usize = 40;

/// The client of an issuer with which people sign in to the console.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleClient {
    /// Its id at the issuer.
    pub client_id: String,
    /// A file with its secret, if it has one.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// A command that prints its secret, if it has one.
    #[serde(default)]
    pub client_secret_command: Option<String>,
    /// The secret, once it was read.
    #[serde(skip)]
    pub secret: Option<SecretString>,
    /// What the button says; the host of the issuer if it is missing.
    #[serde(default)]
    pub name: Option<String>,
    /// What the client asks for, separated by spaces; by default, who somebody is.
    #[serde(default = "scope")]
    pub scope: String,
    /// The address of the service as browsers see it, such as `https://ops.example.com`. It may be missing if only browsers of this
    /// machine reach the service.
    #[serde(default)]
    pub address: Option<String>,
    /// How long a session lasts, in hours, 1 to 12; 12 by default.
    #[serde(default = "longest_session")]
    pub session_hours: u8,
}

fn scope() -> String {
    "openid profile email".into()
}

fn longest_session() -> u8 {
    LONGEST_SESSION
}

/// How a client shows who it is.
#[derive(Debug)]
pub(super) enum Shown {
    /// With this value of the header `Authorization`.
    Header(SecretString),
    /// With its id, and its secret if it has one, in the form.
    Form(Option<SecretString>),
}

impl ConsoleClient {
    /// Checks what the file says.
    ///
    /// # Errors
    /// When something is missing or cannot be meant.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.client_id.trim().is_empty() {
            return Err("has no `client_id`".into());
        }
        if self.client_secret_file.is_some() && self.client_secret_command.is_some() {
            return Err("has both `client_secret_file` and `client_secret_command`".into());
        }
        if !self.scope.split(' ').any(|scope| scope == "openid") {
            return Err("needs `openid` in its `scope`, or nobody says who signed in".into());
        }
        if !(1..=LONGEST_SESSION).contains(&self.session_hours) {
            return Err(format!("has `session_hours` that are not 1 to {LONGEST_SESSION}"));
        }
        let name = self.name.as_deref().unwrap_or("-");
        if name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
        {
            return Err(format!(
                "has a `name` that is empty, has control characters, or more than {LONGEST_NAME} characters"
            ));
        }
        let is_origin = |address: &String| {
            let parsed = url::Url::parse(address).ok();
            is_safe(address)
                && parsed
                    .is_some_and(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
        };
        match &self.address {
            Some(address) if !is_origin(address) => Err(format!(
                "has the `address` {address}, which is not an https:// address without a path"
            )),
            _ => Ok(()),
        }
    }

    /// Returns what the button says.
    pub(super) fn name(&self, issuer: &str) -> String {
        let host = url::Url::parse(issuer)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        self.name.clone().or(host).unwrap_or_else(|| issuer.to_owned())
    }

    /// Returns how the client shows who it is, where the issuer takes these methods; `None` if it takes none that there is.
    pub(super) fn shown(&self, methods: Option<&[String]>) -> Option<Shown> {
        let Some(secret) = &self.secret else {
            return Some(Shown::Form(None));
        };
        let takes = |method: &str| methods.is_some_and(|methods| methods.iter().any(|one| one == method));
        // This is what an issuer takes that does not say what it takes.
        if methods.is_none() || takes("client_secret_basic") {
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&self.client_id), encoded(secret.expose_secret()));
            return Some(Shown::Header(format!("Basic {}", STANDARD.encode(pair)).into()));
        }
        takes("client_secret_post").then(|| Shown::Form(Some(secret.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(toml: serde_json::Value) -> ConsoleClient {
        serde_json::from_value(toml).unwrap()
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let good = serde_json::json!({"client_id": "console"});
        assert_eq!(client(good.clone()).check(), Ok(()));
        for (field, value, why) in [
            ("client_id", " ".into(), "no `client_id`"),
            ("scope", "profile openid_x".into(), "`openid`"),
            ("session_hours", 0.into(), "1 to 12"),
            ("session_hours", 13.into(), "1 to 12"),
            ("name", " ".into(), "`name`"),
            ("name", "x\ny".into(), "`name`"),
            ("name", "x".repeat(41).into(), "`name`"),
            ("address", "http://ops.example.com".into(), "https://"),
            ("address", "https://ops.example.com/console".into(), "path"),
            ("address", "https://ops.example.com?x".into(), "path"),
            ("address", "ops.example.com".into(), "https://"),
        ] {
            let mut wrong = good.clone();
            let shown = format!("{field} = {value}");
            wrong[field] = value;
            let refused = client(wrong).check().unwrap_err();
            assert!(refused.contains(why), "{shown}: {refused}");
        }
        let both =
            serde_json::json!({"client_id": "c", "client_secret_file": "f", "client_secret_command": "c"});
        assert!(client(both).check().is_err());
    }

    #[test]
    fn a_client_shows_who_it_is_as_the_issuer_wants() {
        let mut console = client(serde_json::json!({"client_id": "a b:c"}));
        assert!(matches!(console.shown(None), Some(Shown::Form(None))));
        console.secret = Some(SecretString::from("s+/é"));
        let Some(Shown::Header(header)) = console.shown(None) else {
            panic!("no header");
        };
        // RFC 6749, section 2.3.1: both parts are encoded as in forms.
        let pair = STANDARD.encode("a+b%3Ac:s%2B%2F%C3%A9");
        assert_eq!(header.expose_secret(), format!("Basic {pair}"));
        let of = |methods: &[&str]| {
            let methods: Vec<String> = methods.iter().map(|one| (*one).to_owned()).collect();
            console.shown(Some(&methods))
        };
        assert!(matches!(of(&["client_secret_post"]), Some(Shown::Form(Some(_)))));
        assert!(matches!(
            of(&["client_secret_post", "client_secret_basic"]),
            Some(Shown::Header(_))
        ));
        assert!(of(&["private_key_jwt"]).is_none());
        assert!(!format!("{console:?}").contains("s+/"), "{console:?}");
    }
}
