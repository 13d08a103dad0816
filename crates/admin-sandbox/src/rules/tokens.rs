use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Beyond this many tokens, those that expired are forgotten, and again whenever there are twice as many as stayed.
const KEEP: usize = 10_000;

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    App,
    User(String),
}

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It does not have the form of a token.
    Malformed,
    /// It has the form, but this app never issued it.
    Foreign,
    /// It died with a password change or with its user.
    Revoked,
    /// Its time is over.
    Expired,
}

#[derive(Debug, Serialize, Deserialize)]
struct Token {
    subject: Subject,
    /// `None` never expires.
    expires_ms: Option<u64>,
    #[serde(default)]
    revoked: bool,
}

/// The opaque tokens the app has issued.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Tokens {
    all: HashMap<String, Token>,
    /// How many stayed when those that expired were last forgotten.
    #[serde(skip)]
    stayed: usize,
}

impl Tokens {
    /// Issues a token that is good for `ttl_ms`, or for ever.
    pub(crate) fn issue(&mut self, subject: Subject, ttl_ms: Option<u64>, now_ms: u64) -> String {
        if self.all.len() >= KEEP.max(2 * self.stayed) {
            self.all
                .retain(|_, token| !token.revoked && token.expires_ms.is_none_or(|end| end > now_ms));
            self.stayed = self.all.len();
        }
        let value = format!("YWMt{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let expires_ms = ttl_ms.map(|ttl| now_ms.saturating_add(ttl));
        self.all.insert(
            value.clone(),
            Token {
                subject,
                expires_ms,
                revoked: false,
            },
        );
        value
    }

    /// Returns whom a token stands for.
    pub(crate) fn check(&self, value: &str, now_ms: u64) -> Result<&Subject, TokenError> {
        if !value.starts_with("YWMt") {
            return Err(TokenError::Malformed);
        }
        let token = self.all.get(value).ok_or(TokenError::Foreign)?;
        if token.revoked {
            Err(TokenError::Revoked)
        } else if token.expires_ms.is_some_and(|end| end <= now_ms) {
            Err(TokenError::Expired)
        } else {
            Ok(&token.subject)
        }
    }

    /// Returns whose token it is, and when it ends.
    pub(crate) fn check_with_end(
        &self,
        value: &str,
        now_ms: u64,
    ) -> Result<(&Subject, Option<u64>), TokenError> {
        let subject = self.check(value, now_ms)?;
        Ok((subject, self.all.get(value).and_then(|token| token.expires_ms)))
    }

    /// Kills the tokens of one user.
    pub(crate) fn revoke_user(&mut self, name: &str) {
        for token in self.all.values_mut() {
            token.revoked |= matches!(&token.subject, Subject::User(user) if user == name);
        }
    }

    /// Kills the tokens of all users.
    pub(crate) fn revoke_users(&mut self) {
        for token in self.all.values_mut() {
            token.revoked |= token.subject != Subject::App;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_expires_at_its_time() {
        let mut tokens = Tokens::default();
        let token = tokens.issue(Subject::App, Some(10), 100);
        assert_eq!(tokens.check(&token, 109), Ok(&Subject::App));
        assert_eq!(tokens.check(&token, 110), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_without_ttl_never_expires() {
        let mut tokens = Tokens::default();
        let token = tokens.issue(Subject::App, None, 0);
        assert_eq!(tokens.check(&token, u64::MAX), Ok(&Subject::App));
    }

    #[test]
    fn bad_tokens_are_told_apart() {
        let tokens = Tokens::default();
        assert_eq!(tokens.check("nonsense", 0), Err(TokenError::Malformed));
        assert_eq!(tokens.check("YWMtnonsense", 0), Err(TokenError::Foreign));
    }

    #[test]
    fn one_users_tokens_die_alone() {
        let mut tokens = Tokens::default();
        let ann = tokens.issue(Subject::User("ann".into()), None, 0);
        let bob = tokens.issue(Subject::User("bob".into()), None, 0);
        tokens.revoke_user("ann");
        assert_eq!(tokens.check(&ann, 0), Err(TokenError::Revoked));
        assert!(tokens.check(&bob, 0).is_ok());
        tokens.revoke_users();
        assert!(tokens.check(&bob, 0).is_err());
    }

    #[test]
    fn expired_tokens_are_forgotten_in_time() {
        let mut tokens = Tokens::default();
        for _ in 0..KEEP {
            tokens.issue(Subject::App, Some(1), 0);
        }
        tokens.issue(Subject::App, Some(1), 5);
        assert_eq!(tokens.all.len(), 1);
    }

    #[test]
    fn tokens_that_stay_are_not_looked_through_every_time() {
        let mut tokens = Tokens::default();
        for _ in 0..KEEP {
            tokens.issue(Subject::App, None, 0);
        }
        for _ in 0..KEEP {
            tokens.issue(Subject::App, Some(1), 5);
        }
        assert_eq!((tokens.all.len(), tokens.stayed), (2 * KEEP, KEEP));
        tokens.issue(Subject::App, Some(1), 9);
        assert_eq!(tokens.all.len(), KEEP + 1);
        let text = serde_json::to_string(&tokens).unwrap();
        let restored: Tokens = serde_json::from_str(&text).unwrap();
        assert_eq!(restored.all.len(), KEEP + 1);
    }
}
