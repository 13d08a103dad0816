//! Whether a user is online.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether any device of a user is online.
///
/// Only `offline` means offline: an unknown value, or none, is never counted as that.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, OnlineStatus, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// assert_eq!(client.status(&UserId::parse("ann")?).await?, OnlineStatus::Offline);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OnlineStatus {
    /// At least one device is online.
    Online,
    /// No device is online, or (in a batch, which does not check) there is no such user.
    Offline,
    /// The answer does not mention the user.
    Unreported,
    /// A value this version does not know, as the server writes it.
    #[serde(untagged)]
    Other(String),
}

impl OnlineStatus {
    /// Reads a value of whatever form: one that is strange must not hide those of others.
    pub(crate) fn of(value: &Value) -> Self {
        let Value::String(text) = value else {
            return Self::Other(value.to_string());
        };
        match text.to_ascii_lowercase().as_str() {
            "online" => Self::Online,
            "offline" => Self::Offline,
            _ => Self::Other(text.clone()),
        }
    }
}

impl std::fmt::Display for OnlineStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Unreported => "unreported",
            Self::Other(value) => value,
        })
    }
}
