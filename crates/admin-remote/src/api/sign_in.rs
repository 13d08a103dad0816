//! Where people sign in.

use serde::{Deserialize, Serialize};

/// An issuer of `OpenID` Connect whose people the service knows, as a program that signs them in needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// Its name, a URL, below which it describes itself.
    pub issuer: String,
    /// The client that signs people in; it has no secret.
    pub client_id: String,
    /// For whom tokens must be meant.
    pub audience: String,
    /// What to ask for, separated by spaces.
    pub scope: String,
}

/// Where people sign in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIns {
    /// The issuers; none if people have keys only.
    pub issuers: Vec<SignIn>,
}
