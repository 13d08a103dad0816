//! The issuers, as they are configured.

use std::collections::BTreeSet;

use easemob_admin_remote::api::Scope;
use serde::Deserialize;

/// The issuers whose tokens are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdSettings {
    /// The issuers.
    #[serde(default, rename = "issuer")]
    pub issuers: Vec<Issuer>,
}

/// One issuer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its name, as it stands in `iss`: a URL.
    pub issuer: String,
    /// For whom its tokens are meant, as it stands in `aud`.
    pub audience: String,
    /// Where it publishes its keys; found by discovery if it is missing.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// The claim that names a person for the audit trail, unique and the same for ever; `sub` by default.
    #[serde(default = "sub")]
    pub name_claim: String,
    /// The claim with the groups of a person; `groups` by default.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// How long keys that were fetched last are accepted while the issuer is down, in minutes; a day by default.
    #[serde(default = "a_day")]
    pub keys_last_minutes: u32,
    /// The client with which `easemob-admin login` signs people in.
    #[serde(default)]
    pub client_id: Option<String>,
    /// What that client asks for, separated by spaces; by default, who somebody is, and to stay signed in.
    #[serde(default = "scope")]
    pub login_scope: String,
    /// What the groups may do. Nobody else may do anything.
    #[serde(rename = "role")]
    pub roles: Vec<Role>,
}

/// What a group may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The group.
    pub group: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// For which apps; `*` is every app.
    pub apps: BTreeSet<String>,
}

fn scope() -> String {
    "openid profile email offline_access".into()
}

fn sub() -> String {
    "sub".into()
}

fn groups() -> String {
    "groups".into()
}

fn a_day() -> u32 {
    24 * 60
}

impl OpenIdSettings {
    /// Checks what a file of settings says.
    ///
    /// # Errors
    /// When an issuer is named twice, an address is not safe, or a role gives nothing.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for Issuer {
            issuer,
            audience,
            jwks_uri,
            roles,
            ..
        } in &self.issuers
        {
            if !seen.insert(issuer) {
                return Err(format!("the issuer {issuer} is there twice"));
            }
            for address in [Some(issuer), jwks_uri.as_ref()].into_iter().flatten() {
                if !is_safe(address) {
                    return Err(format!(
                        "{address} is no https:// address; keys that anybody could change sign nothing"
                    ));
                }
            }
            if audience.trim().is_empty() {
                return Err(format!("the issuer {issuer} has no `audience`"));
            }
            let empty =
                |role: &Role| role.group.trim().is_empty() || role.scopes.is_empty() || role.apps.is_empty();
            if roles.is_empty() || roles.iter().any(empty) {
                return Err(format!(
                    "the issuer {issuer} needs roles, each with a group, scopes and apps"
                ));
            }
        }
        Ok(())
    }
}

/// Returns true for https, and for http to this machine.
pub(super) fn is_safe(address: &str) -> bool {
    let Some((scheme, rest)) = address.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    !authority.contains('@')
        && (scheme == "https" || (scheme == "http" && ["127.0.0.1", "::1", "localhost"].contains(&host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_nobody_can_change_are_safe() {
        for (address, safe) in [
            ("https://login.example.com/realm", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080/x", true),
            ("http://login.example.com", false),
            ("http://127.0.0.1@evil.example.com/", false),
            ("http://127.0.0.1.evil.example.com/", false),
            ("ftp://127.0.0.1", false),
            ("login.example.com", false),
        ] {
            assert_eq!(is_safe(address), safe, "{address}");
        }
    }
}
