//! The audit trail.

use easemob_admin_audit::Entry;
use serde::{Deserialize, Serialize};

/// Entries of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The entries, in the order that was asked for, each with the facts of its run filled in.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub items: Vec<Entry>,
    /// What to send as `after` for the next page; nothing if this is the last one.
    pub next: Option<String>,
    /// The number of the first entry that is there; earlier ones are in archives.
    pub first_entry: u64,
}

/// A key that signs heads of an audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditKey {
    /// Its id, by which heads name it.
    pub id: String,
    /// The public key in PEM form.
    pub pem: String,
}

/// The heads of an audit trail that one key signed: what a verifier compares lines with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditHeads {
    /// The key.
    pub key: AuditKey,
    /// The heads, smallest first, each a compact JWS.
    pub heads: Vec<String>,
    /// The ids of all keys that sign heads of this trail: each machine has one.
    pub keys: Vec<String>,
}

/// The last signed head of an audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditHead {
    /// The name of the trail.
    pub origin: String,
    /// The number of entries that it covers.
    pub size: u64,
    /// The root of the tree over them.
    pub root: String,
    /// When it was signed.
    pub time: String,
    /// The id of the key that signed it.
    pub key: String,
    /// The head, as a compact JWS: what to store elsewhere.
    pub head: String,
    /// The same as the three lines of a C2SP checkpoint.
    pub head_note: String,
}
