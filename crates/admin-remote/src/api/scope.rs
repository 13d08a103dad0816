//! What a key may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! scopes {
    // As a token, because the schema does not see the word in a fragment of another kind.
    ($($(#[$about:meta])* $name:ident = $word:tt,)+) => {
        /// What a key may do, for the apps that it names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Scope {
            $($(#[$about])* #[serde(rename = $word)] $name,)+
        }

        impl Scope {
            /// All scopes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the word, as it is serialised.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

scopes! {
    /// Read users, their statuses and devices, limits, and what is known of logins.
    DevicesRead = "devices:read",
    /// Preview acts, and read runs.
    SessionsPlan = "sessions:plan",
    /// Sign devices out, and lock users for some time.
    SessionsApply = "sessions:apply",
    /// Set device limits, and sign out what exceeds them.
    LimitsWrite = "limits:write",
    /// Ban users without an end, and lift bans.
    UsersWrite = "users:write",
    /// Register users and set their passwords, through the vendor's API.
    AccountsWrite = "accounts:write",
    /// Delete users for good, through the vendor's API.
    AccountsDelete = "accounts:delete",
    /// Read contacts, groups, mutes and push settings, through the vendor's API.
    SettingsRead = "settings:read",
    /// Change contacts, presence, mutes, nicknames and push settings, through the vendor's API.
    SettingsWrite = "settings:write",
    /// Read, verify and export the audit trail.
    AuditRead = "audit:read",
    /// Approve or refuse what others ask for.
    SessionsApprove = "sessions:approve",
    /// Act in an emergency without the approval that the rules ask for. Every use is loud.
    BreakGlass = "break-glass",
    /// Make and revoke keys, and change the settings of the service.
    Admin = "admin",
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope(String);

impl fmt::Display for UnknownScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no scope; the scopes are", self.0)?;
        Scope::ALL.iter().try_for_each(|scope| write!(f, " {scope}"))
    }
}

impl std::error::Error for UnknownScope {}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
        found.copied().ok_or_else(|| UnknownScope(text.to_owned()))
    }
}
