//! Who is calling.

use std::collections::BTreeSet;

use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_remote::api::{Key, Scope};

use crate::problem::Refusal;
use crate::service::Service;

/// Every app.
pub(crate) const EVERY_APP: &str = "*";

/// Who is calling, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) owner: String,
    pub(crate) key: String,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) apps: BTreeSet<String>,
}

impl From<Key> for Caller {
    fn from(key: Key) -> Self {
        Self {
            owner: key.owner,
            key: key.id,
            scopes: key.scopes,
            apps: key.apps,
        }
    }
}

impl Caller {
    /// Returns true if the key is for an app.
    pub(crate) fn is_for(&self, app: &str) -> bool {
        self.apps.contains(EVERY_APP) || self.apps.contains(app)
    }

    /// Refuses a key that has none of these scopes.
    pub(crate) fn require_any(&self, scopes: &[Scope]) -> Result<(), Refusal> {
        if scopes.iter().any(|scope| self.scopes.contains(scope)) {
            Ok(())
        } else {
            Err(Refusal::missing(scopes))
        }
    }

    /// Returns the operator that the audit trail names: the owner of the key, on the machine and account of the service.
    pub(crate) fn operator(&self, service: &Service) -> Operator {
        Operator {
            subject: Some(self.owner.clone()),
            ..service.account().clone()
        }
    }
}
