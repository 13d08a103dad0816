//! People who sign in elsewhere (`OpenID` Connect): their tokens, and what their groups may do.

mod client;
mod code_flow;
pub mod console;
mod description;
mod fetch;
mod issuer_keys;
mod settings;
mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

use easemob_admin_remote::api::{IssuerRoles, SignIn};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::client::ConsoleClient;
use self::description::Described;
pub use self::fetch::{Fetch, Form, HttpFetch};
use self::issuer_keys::IssuerKeys;
pub use self::settings::{Issuer, OpenIdSettings, Role};
pub(crate) use self::verify::looks_like_a_token;
use self::verify::{Claims, Unsigned, Why, claims};
use super::caller::{Caller, Grant};

/// The issuers whose tokens are accepted, with the keys that they publish.
#[derive(Debug)]
pub struct OpenId {
    issuers: Vec<Known>,
}

/// An issuer, and what is known of it.
#[derive(Debug)]
struct Known {
    issuer: Issuer,
    keys: IssuerKeys,
    described: Described,
    fetch: Arc<dyn Fetch>,
}

/// Somebody whom an issuer has named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    issuer: String,
    name: String,
    groups: BTreeSet<String>,
    /// When the person showed the issuer who it is, if the issuer said so.
    pub(crate) proved: Option<Timestamp>,
}

impl OpenId {
    /// Accepts the tokens of these issuers; `fetch` says how each is reached. Nothing is fetched before a token comes.
    ///
    /// # Errors
    /// When `fetch` has no way to reach one.
    pub fn new(
        settings: OpenIdSettings,
        fetch: impl Fn(&Issuer) -> Result<Arc<dyn Fetch>, String>,
    ) -> Result<Self, String> {
        let known = |issuer: Issuer| {
            let fetch = fetch(&issuer)?;
            Ok(Known {
                keys: IssuerKeys::of(issuer.clone(), Arc::clone(&fetch)),
                described: Described::of(&issuer.issuer, Arc::clone(&fetch)),
                fetch,
                issuer,
            })
        };
        let issuers = settings.issuers.into_iter().map(known);
        Ok(Self {
            issuers: issuers.collect::<Result<_, String>>()?,
        })
    }

    /// Returns where `easemob-admin login` signs people in.
    pub(crate) fn sign_ins(&self) -> Vec<SignIn> {
        let sign_in = |issuer: &Issuer| {
            Some(SignIn {
                client_id: issuer.client_id.clone()?,
                issuer: issuer.issuer.clone(),
                audience: issuer.audience.clone(),
                scope: issuer.login_scope.clone(),
            })
        };
        self.issuers
            .iter()
            .filter_map(|known| sign_in(&known.issuer))
            .collect()
    }

    /// Returns what the groups of each issuer may do.
    pub(crate) fn roles(&self) -> Vec<IssuerRoles> {
        let of = |issuer: &Issuer| IssuerRoles {
            issuer: issuer.issuer.clone(),
            groups_claim: issuer.groups_claim.clone(),
            roles: issuer.roles.iter().map(Role::view).collect(),
        };
        self.issuers.iter().map(|known| of(&known.issuer)).collect()
    }

    /// Finds out whose token it is, and what that person may do.
    pub(crate) async fn caller(&self, token: &str, now: Timestamp) -> Result<Caller, Why> {
        let unsigned = Unsigned::read(token)?;
        let mut known = self.issuers.iter();
        let known = known.find(|known| known.issuer.issuer == unsigned.issuer);
        let known = known.ok_or(Why::OtherIssuer)?;
        let claims = known
            .verified(token, &unsigned, &known.issuer.audience, now)
            .await?;
        let caller = may(&known.issuer, &claims.name, &claims.groups).ok_or(Why::NoRole)?;
        Ok(caller.until(claims.ends))
    }

    /// Returns what somebody may do now whom an issuer has named before; `None` if that is nothing any more.
    pub(crate) fn caller_of(&self, person: &Person) -> Option<Caller> {
        let mut known = self.issuers.iter();
        let known = known.find(|known| known.issuer.issuer == person.issuer)?;
        may(&known.issuer, &person.name, &person.groups)
    }
}

impl Known {
    /// Verifies a token that is meant for `audience`.
    async fn verified(
        &self,
        token: &str,
        unsigned: &Unsigned,
        audience: &str,
        now: Timestamp,
    ) -> Result<Claims, Why> {
        unsigned.fits(audience)?;
        let Self { issuer, keys, .. } = self;
        let key = keys.key(&unsigned.key_id, now).await.ok_or(Why::UnknownKey)?;
        let read = claims(token, unsigned, issuer, audience, &key, now);
        // The issuer may have another key under the same name by now.
        if matches!(read, Err(Why::Signature))
            && let Some(newer) = keys.newer_than(&key, &unsigned.key_id, now).await
        {
            return claims(token, unsigned, issuer, audience, &newer, now);
        }
        read
    }
}

/// Returns what the roles of an issuer's groups give to somebody.
fn may(issuer: &Issuer, name: &str, groups: &BTreeSet<String>) -> Option<Caller> {
    let roles = issuer.roles.iter().filter(|role| groups.contains(&role.group));
    let grants: Vec<Grant> = roles
        .map(|role| Grant {
            scopes: role.scopes.clone(),
            apps: role.apps.clone(),
        })
        .collect();
    (!grants.is_empty()).then(|| Caller {
        key: format!("openid {} {name}", issuer.issuer),
        owner: name.to_owned(),
        grants,
        groups: groups.clone(),
        reason: None,
        ends: None,
    })
}

#[cfg(test)]
mod tests;
