//! The issuers, as they are configured.

use std::collections::BTreeSet;
use std::path::PathBuf;

use easemob_admin_remote::api::{GroupRole, Scope};
use serde::Deserialize;

use super::client::ConsoleClient;

/// The issuers whose tokens are accepted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdSettings {
    /// The issuers.
    #[serde(default, rename = "issuer")]
    pub issuers: Vec<Issuer>,
}

/// One issuer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its name, as it stands in `iss`: a URL.
    pub issuer: String,
    /// For whom its tokens are meant, as it stands in `aud`.
    pub audience: String,
    /// Where it publishes its keys; found by discovery if it is missing.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// A file with the certificates (PEM) of authorities that are trusted for this issuer, besides those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
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
    /// The client with which people sign in to the console.
    #[serde(default)]
    pub console: Option<ConsoleClient>,
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

impl Role {
    pub(super) fn view(&self) -> GroupRole {
        GroupRole {
            group: self.group.clone(),
            scopes: self.scopes.clone(),
            apps: self.apps.clone(),
        }
    }
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
    /// When an issuer is named twice, an address is not safe, a role gives nothing, or a client of the console cannot be used.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        let mut places = BTreeSet::new();
        for Issuer {
            issuer,
            audience,
            jwks_uri,
            roles,
            console,
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
            if let Some(client) = console {
                client
                    .check()
                    .map_err(|why| format!("`console` of the issuer {issuer} {why}"))?;
                if !places.insert(place_of(issuer)) {
                    return Err(format!(
                        "the issuer {issuer} is too much like another one to tell them apart"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Returns the word for an issuer in addresses of the console, such as `login.example.com-realms-staff`. Each has its own, so that
/// a browser that comes back from another one is noticed.
pub(super) fn place_of(issuer: &str) -> String {
    let (_, rest) = issuer.split_once("://").unwrap_or(("", issuer));
    let plain = |sign: char| match sign {
        'a'..='z' | '0'..='9' | '.' | '-' => sign,
        _ => '-',
    };
    rest.trim_end_matches('/')
        .to_ascii_lowercase()
        .chars()
        .map(plain)
        .collect()
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
    fn issuers_have_words_of_their_own_in_addresses() {
        for (issuer, place) in [
            ("https://login.example.com", "login.example.com"),
            (
                "https://login.example.com/realms/staff/",
                "login.example.com-realms-staff",
            ),
            ("http://127.0.0.1:8080", "127.0.0.1-8080"),
            ("https://login.example.com/../<b>?x", "login.example.com-..--b--x"),
        ] {
            assert_eq!(place_of(issuer), place);
        }
    }

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
