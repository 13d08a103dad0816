//! The field's own words as types: user, device, platform, status, limit.

mod device;
mod id;
mod lenient;
mod limits;
mod millis;
mod platform;
mod status;
mod user;

pub use device::Device;
pub use id::{DeviceId, InvalidId, UserId};
pub(crate) use lenient::{Integer, Pairs, without_lone_surrogates};
pub use limits::{DeviceLimits, LimitMode};
pub use millis::UnixMillis;
pub use platform::Platform;
pub use status::OnlineStatus;
pub use user::{NewUser, User};
