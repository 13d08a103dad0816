//! Verifies that a post comes from the service: MD5 of call id, secret and timestamp (page
//! `callback_overview`).

use md5::{Digest, Md5};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq as _;

use crate::collector::payload::Post;

/// The secrets of the rules in the console. While a secret is being replaced, there are two.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Creates the set of secrets; there should be at least one.
    #[must_use]
    pub fn new(secrets: Vec<SecretString>) -> Self {
        Self(secrets)
    }

    /// Returns whether one of the secrets signed the post, in time that does not depend on how much of it is
    /// right.
    #[must_use]
    pub fn signed(&self, post: &Post) -> bool {
        let given = post.security.to_ascii_lowercase();
        // Try all of them, so that the time does not reveal which one matches.
        self.0.iter().fold(false, |signed, secret| {
            let expected = signature(&post.call_id, secret.expose_secret(), post.timestamp);
            signed | bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
        })
    }
}

fn signature(call_id: &str, secret: &str, timestamp: i64) -> String {
    use std::fmt::Write as _;
    let digest = Md5::digest(format!("{call_id}{secret}{timestamp}"));
    digest.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(security: &str) -> Post {
        Post {
            call_id: "o#a_7".into(),
            security: security.into(),
            timestamp: 1_712_000_000_003,
            event: None,
        }
    }

    #[test]
    fn one_of_the_secrets_is_enough_and_nothing_else() {
        // echo -n 'o#a_7s3cret1712000000003' | md5sum
        let good = "ebc2401bdede04a8dea750c4a49923dd";
        let secrets = |all: &[&str]| Secrets::new(all.iter().map(|one| SecretString::from(*one)).collect());
        assert!(secrets(&["s3cret"]).signed(&post(good)));
        assert!(secrets(&["old", "s3cret"]).signed(&post(&good.to_uppercase())));
        assert!(!secrets(&["old"]).signed(&post(good)));
        assert!(!secrets(&[]).signed(&post(good)));
        assert!(!secrets(&["s3cret"]).signed(&post("")));
        assert!(!secrets(&["s3cret"]).signed(&post(&good[..31])));
        let later = Post {
            timestamp: 1_712_000_000_004,
            ..post(good)
        };
        assert!(!secrets(&["s3cret"]).signed(&later));
    }

    #[test]
    fn secrets_are_not_shown() {
        let secrets = Secrets::new(vec![SecretString::from("s3cret")]);
        assert!(!format!("{secrets:?}").contains("s3cret"));
    }
}
