//! How the service signs: MD5 of call id, secret and time (page `callback_overview`).

use std::fmt::Write as _;

use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};

/// The secrets of the rules in the console. While a secret is being replaced, there are two.
///
/// ```
/// use easemob_admin_api::webhooks::Secrets;
///
/// let secrets = Secrets::new(["the new one", "the old one"]);
/// assert!(!format!("{secrets:?}").contains("old"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Creates the set of secrets. Nothing is signed with an empty set, nor with an empty text: everybody could sign with
    /// that.
    #[must_use]
    pub fn new<S: Into<SecretString>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let secrets = secrets.into_iter().map(Into::into);
        Self(
            secrets
                .filter(|secret| !secret.expose_secret().trim().is_empty())
                .collect(),
        )
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(ExposeSecret::expose_secret)
    }
}

/// Returns the signature in lower-case hexadecimal.
pub(super) fn signature(call_id: &str, secret: &str, stamp: &str) -> String {
    let digest = Md5::new()
        .chain_update(call_id)
        .chain_update(secret)
        .chain_update(stamp)
        .finalize();
    digest.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
