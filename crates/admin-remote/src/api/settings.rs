//! How a service is run.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Scope;

/// How a service is run, as its arguments and files say. Secrets are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceSettings {
    /// The issuers whose people may sign in, and what their groups may do for the apps of the caller.
    pub issuers: Vec<IssuerRoles>,
    /// Who is told of what somebody should know of, if anybody is.
    #[serde(default)]
    pub notices: Option<NoticesView>,
    /// How many requests in a second each key may send to each process; without it, as many as it likes.
    #[serde(default)]
    pub key_rate: Option<u32>,
}

/// An issuer of `OpenID` Connect, and what its groups may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuerRoles {
    /// Its name, a URL.
    pub issuer: String,
    /// The claim with the groups of a person.
    pub groups_claim: String,
    /// What its groups may do.
    pub roles: Vec<GroupRole>,
}

/// What a group may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupRole {
    /// The group.
    pub group: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// For which apps; `*` is every app.
    pub apps: BTreeSet<String>,
}

/// Where notices go, and how it went since this process of the service began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticesView {
    /// The server of the receiver. The rest of its address may be a secret.
    pub receiver: String,
    /// How many notices the receiver took.
    pub delivered: u64,
    /// How many wait, or are being posted.
    pub waiting: u64,
    /// How many were given up, or lost because too many waited.
    pub lost: u64,
    /// When the receiver last took one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_delivered: Option<Timestamp>,
    /// What is wrong with the receiver, if the last post failed.
    #[serde(default)]
    pub failing: Option<NoticeFailure>,
}

/// What is wrong with a receiver of notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoticeFailure {
    /// Since when every post has failed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The HTTP status of its last answer; without it, there was no answer.
    #[serde(default)]
    pub status: Option<u16>,
}

/// A notice that was sent to try the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestNotice {
    /// Its id, as the receiver gets it.
    pub id: String,
}
