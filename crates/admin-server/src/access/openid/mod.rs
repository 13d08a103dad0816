//! People who sign in elsewhere (`OpenID` Connect): their tokens, and what their groups may do.

mod fetch;
mod issuer_keys;
mod settings;
mod verify;

use std::sync::Arc;

use easemob_admin_remote::api::SignIn;
use jiff::Timestamp;

pub use self::fetch::{Fetch, HttpFetch};
use self::issuer_keys::IssuerKeys;
pub use self::settings::{Issuer, OpenIdSettings, Role};
pub(crate) use self::verify::looks_like_a_token;
use self::verify::{Unsigned, Why, claims};
use super::caller::{Caller, Grant};

/// The issuers whose tokens are accepted, with the keys that they publish.
#[derive(Debug)]
pub struct OpenId {
    issuers: Vec<(Issuer, IssuerKeys)>,
}

impl OpenId {
    /// Accepts the tokens of these issuers. Nothing is fetched before a token comes.
    #[must_use]
    pub fn new(settings: OpenIdSettings, fetch: &Arc<dyn Fetch>) -> Self {
        let issuers = settings.issuers.into_iter();
        Self {
            issuers: issuers
                .map(|issuer| (issuer.clone(), IssuerKeys::of(issuer, Arc::clone(fetch))))
                .collect(),
        }
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
            .filter_map(|(issuer, _)| sign_in(issuer))
            .collect()
    }

    /// Finds out whose token it is, and what that person may do.
    pub(crate) async fn caller(&self, token: &str, now: Timestamp) -> Result<Caller, Why> {
        let unsigned = Unsigned::read(token)?;
        let issuer = self
            .issuers
            .iter()
            .find(|(issuer, _)| issuer.issuer == unsigned.issuer);
        let (issuer, keys) = issuer.ok_or(Why::OtherIssuer)?;
        unsigned.fits(issuer)?;
        let mut key = keys.key(&unsigned.key_id, now).await.ok_or(Why::UnknownKey)?;
        let mut read = claims(token, &unsigned, issuer, &key, now);
        // The issuer may have another key under the same name by now.
        if matches!(read, Err(Why::Signature))
            && let Some(newer) = keys.newer_than(&key, &unsigned.key_id, now).await
        {
            key = newer;
            read = claims(token, &unsigned, issuer, &key, now);
        }
        let read = read?;
        let roles = issuer
            .roles
            .iter()
            .filter(|role| read.groups.contains(&role.group));
        let grants: Vec<Grant> = roles
            .map(|role| Grant {
                scopes: role.scopes.clone(),
                apps: role.apps.clone(),
            })
            .collect();
        if grants.is_empty() {
            return Err(Why::NoRole);
        }
        Ok(Caller {
            key: format!("openid {} {}", issuer.issuer, read.name),
            owner: read.name,
            grants,
            groups: read.groups,
            reason: None,
        })
    }
}

#[cfg(test)]
mod tests;
