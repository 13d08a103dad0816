//! The keys, as they are kept.

use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Key, NewKey, NewKeySecret};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::caller::{Caller, EVERY_APP};
use super::token::Token;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// How exactly the last use is kept.
const LAST_USE: SignedDuration = SignedDuration::from_secs(60);

/// The most characters of an owner or a note.
const LONGEST: usize = 200;

/// A key, with the digest of its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    #[serde(flatten)]
    pub(crate) key: Key,
    sha256: String,
}

pub(super) fn kept(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "key")
}

fn refused(why: &str) -> Refusal {
    Refusal::of(Kind::NotSignedIn)
        .detail(why)
        .hint("ask an administrator of the service for a new key")
}

/// Returns who has a key, if it can still be used.
fn usable(key: &Key, now: Timestamp) -> Result<Caller, Refusal> {
    if key.revoked.is_some() {
        return Err(refused("the key was revoked"));
    }
    if key.expires.is_some_and(|end| end <= now) {
        return Err(refused("the key has expired"));
    }
    Ok(Caller::from(key.clone()))
}

/// Finds out whose key it is, and notes that it was used.
pub(super) fn caller(service: &Service, token: &Token) -> Result<Caller, Refusal> {
    caller_of(service, token.id(), |stored| token.is_of(&stored.sha256))
}

/// Finds out whose key it is if client id and secret are its id and its text.
pub(crate) fn of_secret(service: &Service, id: &str, text: &str) -> Result<Caller, Refusal> {
    let wrong = || Refusal::of(Kind::NotSignedIn).detail("client_id or client_secret does not match");
    let token = Token::parse(text)
        .filter(|token| token.id() == id)
        .ok_or_else(wrong)?;
    caller(service, &token)
}

/// Returns the owner of a key that is proved in some way, and notes that it was used.
pub(super) fn caller_of(
    service: &Service,
    id: &str,
    is_proved: impl Fn(&StoredKey) -> bool,
) -> Result<Caller, Refusal> {
    let found: Option<(StoredKey, u64)> = kept(service).get(id)?;
    let (mut stored, revision) = found
        .filter(|(stored, _)| is_proved(stored))
        .ok_or_else(|| refused("this is not a key of the service"))?;
    let now = service.now();
    let caller = usable(&stored.key, now)?;
    if stored
        .key
        .last_used
        .is_none_or(|last| now.duration_since(last) >= LAST_USE)
    {
        stored.key.last_used = Some(now);
        // If somebody else changed it, it was used by others or is revoked; either is more important.
        let _ = kept(service).put(id, &stored, Some(revision))?;
    }
    Ok(caller)
}

/// Returns true if there is a key with this id that cannot be used any more.
pub(super) fn is_over(service: &Service, id: &str) -> Result<bool, StoreError> {
    let found: Option<(StoredKey, u64)> = kept(service).get(id)?;
    Ok(found.is_some_and(|(stored, _)| usable(&stored.key, service.now()).is_err()))
}

/// Returns whom a key stands for now; nothing if there is no such key, or it cannot be used any more.
pub(crate) fn holder(service: &Service, id: &str) -> Result<Option<Caller>, StoreError> {
    let found: Option<(StoredKey, u64)> = kept(service).get(id)?;
    Ok(found.and_then(|(stored, _)| usable(&stored.key, service.now()).ok()))
}

/// Makes a key. The secret is in the answer, and nowhere else.
pub(crate) fn make(service: &Service, new: NewKey, by: &str) -> Result<NewKeySecret, Refusal> {
    let mut token = Token::random()?;
    if let Some(id) = &new.id {
        if !is_chosen(id) {
            return Err(Refusal::of(Kind::BadRequest).detail("`id` is 8 to 32 digits, small letters and `-`"));
        }
        token = token.with_id(id);
    }
    let key = store(service, new, by, &token)?;
    Ok(NewKeySecret {
        key,
        secret: token.reveal(),
    })
}

/// Keeps a key with this id and secret.
pub(super) fn store(service: &Service, new: NewKey, by: &str, token: &Token) -> Result<Key, Refusal> {
    check(service, &new)?;
    let NewKey {
        id: _,
        owner,
        scopes,
        apps,
        groups,
        expires,
        note,
        reason,
    } = new;
    let key = Key {
        id: token.id().to_owned(),
        owner: owner.trim().to_owned(),
        scopes,
        apps,
        groups,
        created: service.now(),
        created_by: by.to_owned(),
        expires,
        last_used: None,
        revoked: None,
        note,
        reason: reason.map(|reason| reason.trim().to_owned()),
    };
    let stored = StoredKey {
        key: key.clone(),
        sha256: token.digest(),
    };
    match kept(service).put(token.id(), &stored, None)? {
        Put::Done(_) => Ok(key),
        Put::Changed => {
            Err(Refusal::of(Kind::KeyExists).hint("revoke it if nobody has its secret, and make another one"))
        }
    }
}

/// Returns true for an id that a client may choose.
fn is_chosen(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (8..=32).contains(&id.len()) && id.bytes().all(plain)
}

fn check(service: &Service, new: &NewKey) -> Result<(), Refusal> {
    let bad = |why: String| Refusal::of(Kind::BadRequest).detail(why);
    let text = |name: &str, text: &str| {
        let plain = !text.chars().any(char::is_control) && text.chars().count() <= LONGEST;
        if plain {
            Ok(())
        } else {
            Err(bad(format!("`{name}` is too long, or has control characters")))
        }
    };
    if new.owner.trim().is_empty() {
        return Err(bad("a key has an owner, whom the audit trail names".into()));
    }
    text("owner", &new.owner)?;
    text("note", new.note.as_deref().unwrap_or_default())?;
    text("reason", new.reason.as_deref().unwrap_or_default())?;
    if new
        .reason
        .as_deref()
        .is_some_and(|reason| reason.trim().is_empty())
    {
        return Err(bad("`reason` is empty".into()));
    }
    if new.scopes.is_empty() || new.apps.is_empty() {
        return Err(bad("a key has at least one scope and one app".into()));
    }
    let unknown = new
        .apps
        .iter()
        .find(|app| *app != EVERY_APP && service.apps().get(app).is_none());
    if let Some(app) = unknown {
        return Err(Refusal::of(Kind::NoSuchApp).detail(format!("the service has no app `{app}`")));
    }
    if new.expires.is_some_and(|end| end <= service.now()) {
        return Err(bad("the key would have expired already".into()));
    }
    Ok(())
}

/// Reads a page of keys.
pub(crate) fn page(service: &Service, after: Option<&str>, most: u32) -> Result<Vec<Key>, StoreError> {
    let page = kept(service).page::<StoredKey>(after, most)?;
    Ok(page.into_iter().map(|(_, stored)| stored.key).collect())
}

/// Revokes a key; revoking it again changes nothing.
pub(crate) fn revoke(service: &Service, id: &str) -> Result<Key, Refusal> {
    let now = service.now();
    let revoked = kept(service).change(id, |mut stored: StoredKey| {
        stored.key.revoked.get_or_insert(now);
        stored
    })?;
    revoked.map(|stored| stored.key).ok_or_else(|| no_such_key(id))
}

/// Makes a key like another one, which ends at `old_ends`.
pub(crate) fn rotate(
    service: &Service,
    id: &str,
    old_ends: Timestamp,
    by: &str,
) -> Result<NewKeySecret, Refusal> {
    let found: Option<(StoredKey, u64)> = kept(service).get(id)?;
    let (stored, _) = found.ok_or_else(|| no_such_key(id))?;
    if stored.key.revoked.is_some() {
        return Err(Refusal::of(Kind::NoSuchKey).detail(format!("the key {id} was revoked")));
    }
    let Key {
        owner,
        scopes,
        apps,
        groups,
        expires,
        note,
        reason,
        ..
    } = stored.key;
    let new = NewKey {
        id: None,
        owner,
        scopes,
        apps,
        groups,
        expires,
        note,
        reason,
    };
    let made = make(service, new, by)?;
    kept(service).change(id, |mut stored: StoredKey| {
        stored.key.expires = Some(stored.key.expires.map_or(old_ends, |end| end.min(old_ends)));
        stored
    })?;
    Ok(made)
}

fn no_such_key(id: &str) -> Refusal {
    Refusal::of(Kind::NoSuchKey).detail(format!("there is no key {id}"))
}
