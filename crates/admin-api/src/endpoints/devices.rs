//! Online devices of a user.

use serde::Deserialize;

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Device, DeviceId, UserId};

/// Lists the devices on which a user is signed in now (account page, "online devices").
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::devices::ListDevices;
/// use easemob_admin_api::UserId;
///
/// let path = ListDevices { user: UserId::parse("ann")? }.path();
/// assert_eq!(path.encode()?, "/users/ann/resources");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDevices {
    /// Whose devices.
    pub user: UserId,
}

#[derive(Deserialize)]
struct WireDevice {
    res: DeviceId,
    #[serde(default)]
    device_uuid: Option<String>,
    #[serde(default)]
    device_name: Option<String>,
}

impl Endpoint for ListDevices {
    const NAME: &'static str = "devices.list";
    const EFFECT: Effect = Effect::Read;
    type Output = Vec<Device>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "resources"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    /// `data` is required: an absent list must not pass for "no device is online".
    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<Device>, DecodeError> {
        let devices: Vec<WireDevice> = answer.data()?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(devices
            .into_iter()
            .map(|wire| Device {
                id: wire.res,
                uuid: filled(wire.device_uuid),
                name: filled(wire.device_name),
            })
            .collect())
    }
}

impl Client {
    /// Lists the devices on which `user` is signed in now; none is an empty list.
    ///
    /// The order means nothing, and no field tells which device signed in first.
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn list_devices(&self, user: &UserId) -> Result<Vec<Device>, Error> {
        self.execute(&ListDevices { user: user.clone() }).await
    }
}
