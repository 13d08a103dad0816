//! The key of the first administrator: from the environment, or by a code that is shown once.

use easemob_admin_ops::documents::Kept;
use easemob_admin_remote::api::{NewKey, NewKeySecret, Scope};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::caller::EVERY_APP;
use super::keys;
use super::token::Token;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// How long a code can be used.
const LIFE: SignedDuration = SignedDuration::from_mins(60);

/// The code that is offered.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Offer {
    sha256: String,
    ends: Timestamp,
}

fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "first-key")
}

fn administrator(owner: &str) -> NewKey {
    NewKey {
        id: None,
        owner: owner.to_owned(),
        scopes: Scope::ALL.iter().copied().collect(),
        apps: [EVERY_APP.to_owned()].into(),
        groups: std::collections::BTreeSet::new(),
        expires: None,
        note: Some("the first administrator".into()),
        reason: None,
    }
}

/// Keeps a key that the environment brings as that of the first administrator, unless it is kept already. Returns false if
/// the text is no key: `ea_ID_SECRET`, with a secret of 32 characters or more.
///
/// # Errors
/// When it cannot be kept.
pub fn first_key(service: &Service, text: &str) -> Result<bool, String> {
    let Some(token) = Token::parse(text) else {
        return Ok(false);
    };
    let known = keys::kept(service).get::<super::StoredKey>(token.id());
    if known.map_err(|error| error.to_string())?.is_none() {
        let made = keys::store(service, administrator("administrator"), "the environment", &token);
        made.map_err(|refusal| refusal.problem().to_string())?;
    }
    Ok(true)
}

/// Returns a code with which somebody makes the first key, if there is no key yet.
pub(crate) fn offer(service: &Service) -> Result<Option<String>, Refusal> {
    if !keys::page(service, None, 1)?.is_empty() {
        return Ok(None);
    }
    let token = Token::random()?;
    let new = Offer {
        sha256: token.digest(),
        ends: service.now() + LIFE,
    };
    // An older code that nobody used is replaced: it was shown to somebody who may not have seen it.
    let older = kept(service).get::<Offer>("code")?;
    let _ = kept(service).put("code", &new, older.map(|(_, revision)| revision))?;
    Ok(Some(token.reveal()))
}

/// Makes the first key for whoever has the code, which is used up then.
pub(crate) fn claim(service: &Service, code: &str, owner: &str) -> Result<NewKeySecret, Refusal> {
    let refused = || {
        Refusal::of(Kind::NotSignedIn)
            .detail("this is not the code, or it was used or has expired")
            .hint("restart `easemob-admin serve`, which shows a new one while there is no key")
    };
    let token = Token::parse(code).ok_or_else(refused)?;
    let now = service.now();
    let is_good = |offer: &Offer| token.is_of(&offer.sha256) && now < offer.ends;
    kept(service).remove_if("code", is_good)?.ok_or_else(refused)?;
    keys::make(service, administrator(owner), "the code of the first start")
}
