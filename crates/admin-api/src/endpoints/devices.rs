//! Online devices of a user.

use serde::Deserialize;
use serde_json::Value;

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Device, DeviceId, UserId};
use crate::page::OddEntry;

/// Lists the devices on which a user is signed in now (account page, "online devices").
///
/// A list with an entry that cannot be read is an error, so that no device is overlooked; see [`ReadDevices`].
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

/// Reads the list of [`ListDevices`] as far as it can be read.
///
/// ```
/// use easemob_admin_api::endpoints::devices::ReadDevices;
/// use easemob_admin_api::envelope::Envelope;
/// use easemob_admin_api::UserId;
///
/// let call = ReadDevices { user: UserId::parse("ann")? };
/// let list = Envelope::decode(&call, br#"{"data":[{"res":"ios_77e1"},{"device_name":"Pixel"}]}"#)?;
/// assert_eq!((list.devices.len(), list.odd[0].index), (1, 1));
/// assert!(!list.is_nothing());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadDevices {
    /// Whose devices.
    pub user: UserId,
}

/// The devices of a user, and entries of the list that cannot be read: each may be a device that is online.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceList {
    /// The devices that can be named.
    pub devices: Vec<Device>,
    /// The entries that cannot be read, such as one without `res`.
    pub odd: Vec<OddEntry>,
}

impl DeviceList {
    /// Returns true if nothing is online: there is neither a device nor an entry that may be one.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.devices.is_empty() && self.odd.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireDevice {
    res: DeviceId,
    // Whatever these are, the device can be named.
    #[serde(default)]
    device_uuid: Value,
    #[serde(default)]
    device_name: Value,
}

/// `data` is required: an absent list must not pass for "no device is online".
fn device_list(answer: &Envelope<'_>) -> Result<DeviceList, DecodeError> {
    let (devices, odd) = answer.each_datum::<WireDevice>()?;
    let filled = |value: Value| match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        _ => None,
    };
    let device = |wire: WireDevice| Device {
        id: wire.res,
        uuid: filled(wire.device_uuid),
        name: filled(wire.device_name),
    };
    Ok(DeviceList {
        devices: devices.into_iter().map(device).collect(),
        odd,
    })
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

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<Device>, DecodeError> {
        let list = device_list(answer)?;
        match list.odd.first() {
            None => Ok(list.devices),
            Some(odd) => Err(answer.problem(format!("a device cannot be read: {odd}"))),
        }
    }
}

impl Endpoint for ReadDevices {
    const NAME: &'static str = ListDevices::NAME;
    const EFFECT: Effect = Effect::Read;
    type Output = DeviceList;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "resources"])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<DeviceList, DecodeError> {
        device_list(answer)
    }
}

impl Client {
    /// Lists the devices on which `user` is signed in now; none is an empty list.
    ///
    /// The order means nothing, and no field tells which device signed in first.
    ///
    /// # Errors
    /// When the user is unknown, an entry of the list cannot be read, or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn list_devices(&self, user: &UserId) -> Result<Vec<Device>, Error> {
        self.execute(&ListDevices { user: user.clone() }).await
    }

    /// Lists the devices on which `user` is signed in now, and the entries that cannot be read.
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn read_devices(&self, user: &UserId) -> Result<DeviceList, Error> {
        self.execute(&ReadDevices { user: user.clone() }).await
    }
}
