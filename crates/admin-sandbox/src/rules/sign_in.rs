use serde::{Deserialize, Serialize};

use super::App;
use super::ended::{Cause, Ended};
use super::limits::{DeviceLimits, LimitMode, allowed_on, effective};
use super::live_event::LiveEvent;
use super::login_id::{unused_device, uuid_of};
use super::platform::{normalize, platform_of};

/// What happens to a sign-in on a platform that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInPolicy {
    /// The oldest device of that platform goes; the default.
    #[default]
    Evict,
    /// The newcomer is refused (the service has this as a switch to ask for).
    Refuse,
}

/// A device that is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SandboxDevice {
    /// The resource id, `res` on the wire.
    pub resource: String,
    /// The id of the installation.
    pub device_uuid: String,
    /// The name shown to people.
    pub device_name: String,
    /// The platform the device counts for.
    pub platform: String,
    /// When it signed in, in milliseconds since 1970.
    pub signed_in_ms: u64,
    /// The text the device gave at sign-in for whoever it displaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<String>,
    /// Whether it holds a connection, with which it comes and goes; others are simulated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
}

/// A device asking to be let in.
///
/// ```
/// use easemob_admin_sandbox::SignInRequest;
///
/// let request = SignInRequest::on("web").device_name("Firefox");
/// ```
#[derive(Debug, Clone, Default)]
pub struct SignInRequest {
    pub(crate) platform: String,
    pub(crate) resource: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) device_name: Option<String>,
    pub(crate) device_uuid: Option<String>,
    pub(crate) ext: Option<String>,
    pub(crate) live: bool,
}

impl SignInRequest {
    /// Asks for a new device on `platform`, with ids of the form that platform uses.
    #[must_use]
    pub fn on(platform: &str) -> Self {
        Self {
            platform: normalize(platform),
            ..Self::default()
        }
    }

    /// Asks for a device with a resource id of its own, which also says the platform.
    #[must_use]
    pub fn with_resource(resource: &str) -> Self {
        Self {
            platform: platform_of(resource),
            resource: Some(resource.to_owned()),
            ..Self::default()
        }
    }

    /// Has the password checked; without it the user is taken at his word.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Sets the device's name; the default is the platform's.
    #[must_use]
    pub fn device_name(mut self, name: &str) -> Self {
        self.device_name = Some(name.to_owned());
        self
    }

    /// Sets the id of the installation; the default follows from the resource.
    #[must_use]
    pub fn device_uuid(mut self, uuid: &str) -> Self {
        self.device_uuid = Some(uuid.to_owned());
        self
    }

    /// Says that the device holds a connection.
    pub(crate) fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Sets the text for whoever this sign-in displaces.
    #[must_use]
    pub fn ext(mut self, ext: &str) -> Self {
        self.ext = Some(ext.to_owned());
        self
    }
}

/// A sign-in that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignIn {
    /// `{user}/{resource}`.
    pub login_id: String,
    /// The resource id.
    pub resource: String,
    /// The resources of the devices that had to go, oldest first.
    pub evicted: Vec<String>,
}

/// Why a sign-in was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// There is no user of that name.
    #[error("user {0} does not exist")]
    UnknownUser(String),
    /// The user is banned.
    #[error("user {0} is banned")]
    Banned(String),
    /// The password does not match.
    #[error("wrong password for user {0}")]
    WrongPassword(String),
    /// The platform is full and nobody may be evicted, or it admits no device at all.
    #[error("platform {0} admits no further device")]
    TooManyDevices(String),
    /// Only one device may be online, and another one is that may not be evicted.
    #[error("user {0} is online on another device")]
    OtherDevice(String),
}

/// Why a newcomer must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The platform has no place.
    Platform,
    /// The user has the one device already.
    User,
}

/// Decides who must go for a newcomer, oldest first.
///
/// `online` is in the order of sign-in. A device with the newcomer's own resource is the newcomer's earlier
/// session: it is replaced, neither counted nor evicted. In multi-device mode only devices of the
/// newcomer's platform can be chosen; in single-device mode everyone else goes.
///
/// # Errors
/// When the newcomer must be refused: its platform admits nobody, or whoever is there may not be evicted.
pub(crate) fn select_victims(
    online: &[SandboxDevice],
    newcomer: &str,
    platform: &str,
    limits: &DeviceLimits,
    policy: SignInPolicy,
) -> Result<Vec<String>, Full> {
    let allowed = allowed_on(limits, platform);
    if allowed == 0 {
        return Err(Full::Platform);
    }
    let rivals = online.iter().filter(|device| device.resource != newcomer);
    let (rivals, room, full): (Vec<_>, usize, Full) = match limits.mode {
        LimitMode::Single => (rivals.collect(), 0, Full::User),
        LimitMode::Multi => (
            rivals.filter(|device| device.platform == platform).collect(),
            allowed - 1,
            Full::Platform,
        ),
    };
    let surplus = rivals.len().saturating_sub(room);
    if surplus > 0 && policy == SignInPolicy::Refuse {
        return Err(full);
    }
    Ok(rivals[..surplus]
        .iter()
        .map(|device| device.resource.clone())
        .collect())
}

impl App {
    /// Signs a device in and evicts whom the limits say.
    pub(crate) fn sign_in(
        &mut self,
        name: &str,
        request: SignInRequest,
        now_ms: u64,
    ) -> Result<SignIn, SignInError> {
        let user = self
            .users
            .find_mut(name)
            .ok_or_else(|| SignInError::UnknownUser(name.to_owned()))?;
        if !user.activated {
            return Err(SignInError::Banned(user.name.clone()));
        }
        if request.password.is_some() && request.password != user.password {
            return Err(SignInError::WrongPassword(user.name.clone()));
        }

        let platform = request.platform;
        let (resource, device_uuid) = if let Some(resource) = request.resource {
            let uuid = uuid_of(&resource);
            (resource, uuid)
        } else {
            let ids = unused_device(&platform, &user.devices, &mut user.last_stamp_ms, now_ms);
            (ids.resource, ids.device_uuid)
        };

        let limits = effective(&self.limits, user.limits.as_ref());
        let evicted =
            select_victims(&user.devices, &resource, &platform, &limits, self.policy).map_err(|full| {
                match full {
                    Full::Platform => SignInError::TooManyDevices(platform.clone()),
                    Full::User => SignInError::OtherDevice(user.name.clone()),
                }
            })?;
        let displaced = evicted.iter().map(|evicted| Ended {
            user: user.name.clone(),
            resource: evicted.clone(),
            cause: Cause::Displaced,
            ext: request.ext.clone(),
        });
        self.ended.extend(displaced);
        user.devices
            .retain(|device| device.resource != resource && !evicted.contains(&device.resource));
        user.devices.push(SandboxDevice {
            device_uuid: request.device_uuid.unwrap_or(device_uuid),
            device_name: request.device_name.unwrap_or_else(|| default_name(&platform)),
            resource: resource.clone(),
            platform,
            signed_in_ms: now_ms,
            ext: request.ext,
            live: request.live,
        });
        self.happened.push(LiveEvent::SignIn {
            user: user.name.clone(),
            resource: resource.clone(),
            live: request.live,
        });
        Ok(SignIn {
            login_id: format!("{}/{resource}", user.name),
            resource,
            evicted,
        })
    }
}

pub(crate) fn default_name(platform: &str) -> String {
    // The Web SDK calls itself so; native SDKs send the model, of which there is none here.
    if platform == "web" {
        "webim".to_owned()
    } else {
        platform.to_owned()
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
