//! Browsers whose people are signed in: a cookie holds the secret of a session, which is kept without it.

use std::collections::BTreeSet;

use easemob_admin_ops::documents::Kept;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{self, Problem, Scope};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::caller::{Caller, EVERY_APP};
use super::keys;
use super::openid::Person;
use super::token::Token;
use crate::blocking::blocking;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// How long a session lasts: a shift.
const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// For how long somebody who has just signed in may act without doing so again.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// How long a code can be used.
const LIFE_OF_CODE: SignedDuration = SignedDuration::from_mins(60);

/// With what somebody signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    /// A key, by its id. What it may do is read each time, so the session ends with it.
    Key(String),
    /// Something that the service cannot ask again; what the person may do stays as it was.
    Person(api::Caller),
    /// What an issuer said of somebody. What the groups may do is read each time, so the session ends with their roles.
    OpenId(Person),
}

impl By {
    /// Returns when the person showed who it is, if that is known.
    fn proved(&self, began: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Key(_) | Self::Person(_) => Some(began),
            Self::OpenId(person) => person.proved,
        }
    }
}

/// Returns true if somebody who showed at this time who it is may act without doing so again.
fn is_fresh(proved: Option<Timestamp>, now: Timestamp) -> bool {
    proved.is_some_and(|at| now.duration_since(at) < FRESH)
}

/// A session, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredSession {
    sha256: String,
    by: By,
    began: Timestamp,
    ends: Timestamp,
}

/// A code that signs somebody in, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredCode {
    sha256: String,
    person: api::Caller,
    ends: Timestamp,
}

/// A session that has just begun.
#[derive(Clone)]
pub struct NewSession {
    /// What the browser keeps.
    pub secret: String,
    /// When it ends, unless somebody signs out before.
    pub ends: Timestamp,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSession")
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// Somebody who is signed in in a browser. As an extension of a request to the routes of the service, it stands for a key.
#[derive(Clone)]
pub struct SignedIn {
    pub(super) caller: Caller,
    since: Timestamp,
    is_fresh: bool,
    /// Whether an issuer has said who it is.
    by_issuer: bool,
    /// What forms have to send back, so that no other site can act in the name of this person.
    form_secret: String,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn")
            .field("owner", &self.caller.owner)
            .finish_non_exhaustive()
    }
}

impl SignedIn {
    /// Stands for the account that started the service, without a browser.
    pub(crate) fn of_account(owner: &str, now: Timestamp) -> Self {
        Self {
            caller: Caller::from(administrator(owner)),
            since: now,
            is_fresh: true,
            by_issuer: false,
            // Forms send something back, so none can act as the account.
            form_secret: String::new(),
        }
    }

    /// Returns the name that the audit trail shows.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.caller.owner
    }

    /// Returns when the person has last shown who it is.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns true if that was less than 15 minutes ago.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Returns true if the person signed in at an issuer, who may know the browser for longer than the console does.
    #[must_use]
    pub fn is_by_issuer(&self) -> bool {
        self.by_issuer
    }

    /// Returns true if the person may do this for an app.
    #[must_use]
    pub fn may(&self, scope: Scope, app: &str) -> bool {
        self.caller.may(scope, app)
    }

    /// Returns what the person may do for an app.
    #[must_use]
    pub fn scopes(&self, app: &str) -> Vec<Scope> {
        let all = Scope::ALL.iter().copied();
        all.filter(|scope| self.may(*scope, app)).collect()
    }

    /// Returns what forms have to send back.
    #[must_use]
    pub fn form_secret(&self) -> &str {
        &self.form_secret
    }

    /// Returns true if a form has sent that back.
    #[must_use]
    pub fn sent(&self, given: &str) -> bool {
        !given.is_empty() && bool::from(self.form_secret.as_bytes().ct_eq(given.as_bytes()))
    }
}

/// Returns what whoever started the service may do: everything.
fn administrator(owner: &str) -> api::Caller {
    let scopes: BTreeSet<_> = Scope::ALL.iter().copied().collect();
    let apps: BTreeSet<_> = [EVERY_APP.to_owned()].into();
    api::Caller {
        owner: owner.to_owned(),
        key: format!("the account {owner}"),
        scopes: scopes.clone(),
        apps: apps.clone(),
        grants: vec![api::Grant { scopes, apps }],
        groups: BTreeSet::new(),
    }
}

fn sessions(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "session")
}

fn codes(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "sign-in-code")
}

impl Service {
    /// Signs in whoever has this key.
    ///
    /// # Errors
    /// When it is no key of the service, was revoked or has expired, or the session cannot be kept.
    pub async fn sign_in_with_key(&self, key: &str) -> Result<NewSession, Problem> {
        let token = Token::parse(key.trim());
        let this = self.clone();
        let begun = blocking(move || {
            let token = token.ok_or_else(|| not_this("this is not a key of the service"))?;
            let caller = keys::caller(&this, &token)?;
            begin(&this, By::Key(caller.key), LIFE)
        });
        begun.await.map_err(|refusal| refusal.problem())
    }

    /// Returns a code that signs its owner in once, within an hour, as an administrator of every app. For whoever starts the
    /// service, who could read and change its records anyway.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn offer_sign_in(&self, owner: &str) -> Result<String, String> {
        let person = administrator(owner);
        let offered = || {
            let token = Token::random()?;
            let code = StoredCode {
                sha256: token.digest(),
                person,
                ends: self.now() + LIFE_OF_CODE,
            };
            remove_ended(&codes(self), |code: &StoredCode| code.ends <= self.now())?;
            let _ = codes(self).put(token.id(), &code, None)?;
            Ok::<_, Refusal>(token.reveal())
        };
        offered().map_err(|refusal| refusal.problem().to_string())
    }

    /// Signs in whoever has this code, which is used up then.
    ///
    /// # Errors
    /// When it is no code, was used or has expired, or the session cannot be kept.
    pub async fn sign_in_with_code(&self, code: &str) -> Result<NewSession, Problem> {
        let token = Token::parse(code.trim());
        let this = self.clone();
        let begun = blocking(move || {
            let refused = || not_this("this is not a code of the service, or it was used or has expired");
            let token = token.ok_or_else(refused)?;
            let now = this.now();
            let is_good = |code: &StoredCode| token.is_of(&code.sha256) && now < code.ends;
            let code = codes(&this).remove_if(token.id(), is_good)?;
            begin(&this, By::Person(code.ok_or_else(refused)?.person), LIFE)
        });
        begun.await.map_err(|refusal| refusal.problem())
    }

    /// Finds out who is signed in with this secret of a session, if anybody is.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn signed_in(&self, secret: &str) -> Result<Option<SignedIn>, Problem> {
        let Some(token) = Token::parse(secret) else {
            return Ok(None);
        };
        let this = self.clone();
        let found = blocking(move || {
            let now = this.now();
            let found: Option<(StoredSession, u64)> = sessions(&this).get(token.id())?;
            let found = found.filter(|(session, _)| token.is_of(&session.sha256) && now < session.ends);
            let Some((session, _)) = found else {
                return Ok(None);
            };
            let proved = session.by.proved(session.began);
            let by_issuer = matches!(session.by, By::OpenId(_));
            let caller = match session.by {
                By::Person(person) => Caller::from(person),
                By::OpenId(person) => match this.openid().and_then(|openid| openid.caller_of(&person)) {
                    Some(caller) => caller,
                    None => return Ok(None),
                },
                By::Key(id) => match keys::caller_of(&this, &id, |_| true) {
                    Ok(caller) => caller,
                    Err(refusal) if refusal.kind() == Kind::NotSignedIn => return Ok(None),
                    Err(refusal) => return Err(refusal),
                },
            };
            Ok::<_, Refusal>(Some(SignedIn {
                caller: caller.until(session.ends),
                since: proved.unwrap_or(session.began),
                is_fresh: is_fresh(proved, now),
                by_issuer,
                form_secret: format!("{:x}", Sha256::digest(format!("form {}", token.reveal()))),
            }))
        });
        found.await.map_err(|refusal| refusal.problem())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn sign_out(&self, secret: &str) -> Result<(), Problem> {
        let Some(token) = Token::parse(secret) else {
            return Ok(());
        };
        let this = self.clone();
        let ended = blocking(move || {
            let is_this = |session: &StoredSession| token.is_of(&session.sha256);
            sessions(&this).remove_if(token.id(), is_this).map(drop)
        });
        ended.await.map_err(|refusal| refusal.problem())
    }
}

fn not_this(why: &str) -> Refusal {
    Refusal::of(Kind::NotSignedIn).detail(why)
}

/// Returns what is known of a session without its secret, so that [`Back::replaces`](super::openid::console::Back::replaces) can name
/// it.
#[must_use]
pub fn trace_of(secret: &str) -> Option<String> {
    let token = Token::parse(secret)?;
    Some(format!("{} {}", token.id(), token.digest()))
}

/// Begins the session of somebody whom an issuer has named, for so many hours, in place of another session.
pub(super) fn begin_for(
    service: &Service,
    person: Person,
    again: bool,
    hours: i64,
    replaces: Option<&str>,
) -> Result<NewSession, Refusal> {
    if again && !is_fresh(person.proved, service.now()) {
        return Err(Refusal::of(Kind::NotLetIn)
            .detail("the identity provider did not ask who you are again, or does not say when it did")
            .hint("sign out there, then sign in again; or sign in with a key"));
    }
    let begun = begin(
        service,
        By::OpenId(person),
        LIFE.min(SignedDuration::from_hours(hours)),
    )?;
    if let Some((id, digest)) = replaces.and_then(|trace| trace.split_once(' ')) {
        sessions(service).remove_if(id, |session: &StoredSession| session.sha256 == digest)?;
    }
    Ok(begun)
}

/// Begins a session.
fn begin(service: &Service, by: By, life: SignedDuration) -> Result<NewSession, Refusal> {
    let token = Token::random()?;
    let began = service.now();
    let ends = began + life;
    remove_ended(&sessions(service), |session: &StoredSession| {
        session.ends <= began
    })?;
    let session = StoredSession {
        sha256: token.digest(),
        by,
        began,
        ends,
    };
    let _ = sessions(service).put(token.id(), &session, None)?;
    Ok(NewSession {
        secret: token.reveal(),
        ends,
    })
}

/// Removes what has ended, so that they do not become ever more.
fn remove_ended<T: serde::de::DeserializeOwned>(
    kept: &Kept<'_>,
    has_ended: impl Fn(&T) -> bool,
) -> Result<(), StoreError> {
    for (id, value) in kept.all::<T>()? {
        if has_ended(&value) {
            kept.remove_if(&id, &has_ended)?;
        }
    }
    Ok(())
}
