//! Tokens that stand for a key, for programs that sign in as the vendor's do: for the vendor's calls to one app, and no longer
//! than the key.

use std::time::Duration;

use easemob_admin_ops::documents::{Kept, Put};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::keys::{self, StoredKey};
use super::token::Token;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// With what a token begins.
const PREFIX: &str = "eat_";

/// How long a token lives at most, in seconds: a day.
const LONGEST: u64 = 24 * 60 * 60;

/// How many tokens of a key live at once; the oldest one makes room.
const MOST: usize = 100;

/// The tokens of a key.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Issued {
    tokens: Vec<Digested>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Digested {
    sha256: String,
    app: String,
    ends: Timestamp,
}

impl Issued {
    /// Adds a token, and forgets those that have ended.
    fn add(&mut self, token: Digested, now: Timestamp) {
        self.tokens.retain(|token| token.ends > now);
        if self.tokens.len() >= MOST {
            self.tokens.remove(0);
        }
        self.tokens.push(token);
    }
}

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "key-tokens")
}

/// Returns true if a text is to be read as such a token.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Makes a token that stands for a key, and says how long it lives.
pub(crate) fn issue(
    service: &Service,
    key: &str,
    app: &str,
    seconds: Option<u64>,
) -> Result<(String, Duration), Refusal> {
    let now = service.now();
    let mut lives = seconds.unwrap_or(LONGEST).min(LONGEST);
    let found: Option<(StoredKey, u64)> = keys::kept(service).get(key)?;
    if let Some(end) = found.and_then(|(stored, _)| stored.key.expires) {
        lives = lives.min(u64::try_from(end.duration_since(now).as_secs()).unwrap_or(0));
    }
    let token = Token::random()?.with_id(key);
    let digested = Digested {
        sha256: token.digest(),
        app: app.to_owned(),
        ends: now + SignedDuration::from_secs(i64::try_from(lives).unwrap_or(0)),
    };
    loop {
        let (mut issued, revision) = kept(service).get::<Issued>(key)?.unzip();
        let issued = issued.get_or_insert_default();
        issued.add(digested.clone(), now);
        if kept(service).put(key, issued, revision)? != Put::Changed {
            let text = token.reveal().replacen("ea_", PREFIX, 1);
            return Ok((text, Duration::from_secs(lives)));
        }
    }
}

/// Finds out for whom a token stands, who may do with it what the key may do for one app.
pub(super) fn caller(service: &Service, text: &str) -> Result<Caller, Refusal> {
    let refused =
        || Refusal::of(Kind::NotSignedIn).detail("this is not a token of the service, or it has expired");
    let token = Token::parse(&text.replacen(PREFIX, "ea_", 1)).ok_or_else(refused)?;
    let issued = kept(service).get::<Issued>(token.id())?;
    let issued = issued.map(|(issued, _)| issued).unwrap_or_default();
    let now = service.now();
    let known = issued
        .tokens
        .into_iter()
        .find(|known| token.is_of(&known.sha256) && known.ends > now)
        .ok_or_else(refused)?;
    let caller = keys::caller_of(service, token.id(), |_| true)?;
    Ok(caller.about(&known.app).until(known.ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_ended_are_forgotten_and_there_are_never_many() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = |second: i64| Digested {
            sha256: second.to_string(),
            app: "prod".into(),
            ends: at(second),
        };
        let mut issued = Issued::default();
        issued.add(token(10), at(0));
        issued.add(token(20), at(11));
        assert_eq!(issued.tokens.len(), 1);
        for end in 0..200 {
            issued.add(token(1_000 + end), at(12));
        }
        assert_eq!((issued.tokens.len(), issued.tokens[0].ends), (MOST, at(1_100)));
    }
}
