//! Who is calling.

use std::collections::BTreeSet;

use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_remote::api::{self, Key, Scope};
use jiff::Timestamp;

use crate::problem::Refusal;
use crate::service::Service;

/// Every app.
pub(crate) const EVERY_APP: &str = "*";

/// What somebody may do, and for which apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) apps: BTreeSet<String>,
}

impl Grant {
    fn is_for(&self, app: &str) -> bool {
        self.apps.contains(EVERY_APP) || self.apps.contains(app)
    }
}

/// Who is calling, and what they may do. Somebody with several roles may do each thing for the apps of its role only.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) owner: String,
    pub(crate) key: String,
    pub(crate) grants: Vec<Grant>,
    pub(crate) groups: BTreeSet<String>,
    /// The reason of acts that bring none.
    pub(crate) reason: Option<String>,
    /// When the key, the token or the session ends.
    pub(crate) ends: Option<Timestamp>,
}

impl From<Key> for Caller {
    fn from(key: Key) -> Self {
        Self {
            owner: key.owner,
            key: key.id,
            grants: vec![Grant {
                scopes: key.scopes,
                apps: key.apps,
            }],
            groups: key.groups,
            reason: key.reason,
            ends: key.expires,
        }
    }
}

impl From<api::Caller> for Caller {
    fn from(caller: api::Caller) -> Self {
        let grants = caller.grants.into_iter();
        Self {
            owner: caller.owner,
            key: caller.key,
            grants: grants
                .map(|grant| Grant {
                    scopes: grant.scopes,
                    apps: grant.apps,
                })
                .collect(),
            groups: caller.groups,
            reason: None,
            ends: None,
        }
    }
}

impl From<Caller> for api::Caller {
    fn from(caller: Caller) -> Self {
        Self {
            scopes: caller.scopes(),
            apps: caller.apps(),
            grants: caller
                .grants
                .into_iter()
                .map(|grant| api::Grant {
                    scopes: grant.scopes,
                    apps: grant.apps,
                })
                .collect(),
            owner: caller.owner,
            key: caller.key,
            groups: caller.groups,
        }
    }
}

impl Caller {
    /// Returns true if something may be done for an app.
    pub(crate) fn is_for(&self, app: &str) -> bool {
        self.grants.iter().any(|grant| grant.is_for(app))
    }

    /// Returns the same caller, who may do only what is allowed for one app.
    pub(crate) fn about(self, app: &str) -> Self {
        let grants = self.grants.iter().filter(|grant| grant.is_for(app));
        let scopes = grants.flat_map(|grant| grant.scopes.iter().copied()).collect();
        let grant = Grant {
            scopes,
            apps: [app.to_owned()].into(),
        };
        Self {
            grants: vec![grant],
            ..self
        }
    }

    /// Returns the same caller, until a time at the latest.
    pub(crate) fn until(self, ends: Timestamp) -> Self {
        let ends = self.ends.map_or(ends, |earlier| earlier.min(ends));
        Self {
            ends: Some(ends),
            ..self
        }
    }

    /// Returns what may be done for any app.
    pub(crate) fn scopes(&self) -> BTreeSet<Scope> {
        self.grants
            .iter()
            .flat_map(|grant| grant.scopes.iter().copied())
            .collect()
    }

    /// Returns all apps, or `*`.
    pub(crate) fn apps(&self) -> BTreeSet<String> {
        self.grants
            .iter()
            .flat_map(|grant| grant.apps.iter().cloned())
            .collect()
    }

    /// Refuses a caller who has none of these scopes.
    pub(crate) fn require_any(&self, scopes: &[Scope]) -> Result<(), Refusal> {
        let mine = self.scopes();
        if scopes.iter().any(|scope| mine.contains(scope)) {
            Ok(())
        } else {
            Err(Refusal::missing(scopes))
        }
    }

    /// Returns true if all of this may be done for an app.
    pub(crate) fn may(&self, scope: Scope, app: &str) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.is_for(app) && grant.scopes.contains(&scope))
    }

    /// Returns the operator that the audit trail names: the owner of the key, on the machine and account of the service.
    pub(crate) fn operator(&self, service: &Service) -> Operator {
        Operator {
            subject: Some(self.owner.clone()),
            ..service.account().clone()
        }
    }
}

#[cfg(test)]
impl Caller {
    /// Returns somebody with these scopes, each for one app.
    pub(crate) fn of_test(grants: &[(Scope, &str)]) -> Self {
        let grant = |(scope, app): &(Scope, &str)| Grant {
            scopes: [*scope].into(),
            apps: [(*app).to_owned()].into(),
        };
        Self {
            owner: "ann".into(),
            key: String::new(),
            grants: grants.iter().map(grant).collect(),
            groups: BTreeSet::new(),
            reason: None,
            ends: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_different_apps_do_not_add_up() {
        let caller = Caller::of_test(&[(Scope::DevicesRead, "prod"), (Scope::SessionsApply, "test")]);
        assert!(caller.may(Scope::SessionsApply, "test") && !caller.may(Scope::SessionsApply, "prod"));
        let in_prod = caller.clone().about("prod");
        assert!(in_prod.require_any(&[Scope::SessionsApply]).is_err());
        assert!(in_prod.require_any(&[Scope::DevicesRead]).is_ok());
        assert!(!caller.is_for("other"));
    }
}
