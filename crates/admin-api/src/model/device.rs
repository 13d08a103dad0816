//! Devices that are online.

use serde::{Deserialize, Serialize};

use super::{DeviceId, Platform};

/// A device on which a user is signed in now.
///
/// The server tells neither when it signed in nor which of several is the oldest.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, Platform, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// sandbox.sign_in("ann", "ios")?;
/// let devices = client.list_devices(&UserId::parse("ann")?).await?;
/// assert_eq!(devices[0].platform(), Platform::Ios);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Device {
    /// The resource id, by which the device is logged out.
    pub id: DeviceId,
    /// The device's uuid, if the server gave one.
    pub uuid: Option<String>,
    /// The custom name or the model, if the server gave one.
    pub name: Option<String>,
}

impl Device {
    /// Makes a device of its resource id.
    #[must_use]
    pub fn new(id: DeviceId) -> Self {
        Self {
            id,
            uuid: None,
            name: None,
        }
    }

    /// Returns the platform the device counts for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.id.platform()
    }
}
