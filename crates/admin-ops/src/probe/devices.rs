//! Whoever signs in the devices of a throw-away user.

use std::future::Future;
use std::time::Duration;

use super::throw_away::ThrowAway;

/// Signs devices in and out.
pub trait Devices {
    /// Signs in one more device of the user; `resource` is its id if that can be chosen. Returns as soon as the
    /// device is signed in, or a person was asked to do it.
    ///
    /// # Errors
    /// When that is not possible, with the reason.
    fn sign_in(&mut self, user: &ThrowAway, resource: &str) -> impl Future<Output = Result<(), String>>;

    /// Signs out all devices, or asks a person to do it.
    ///
    /// # Errors
    /// When that is not possible, with the reason.
    fn sign_out(&mut self) -> impl Future<Output = Result<(), String>>;

    /// Returns how many devices there can be.
    fn most(&self) -> usize;

    /// Returns how long a sign-in or sign-out may take.
    fn patience(&self) -> Duration;
}

/// No devices, and why not.
#[derive(Debug)]
pub struct NoDevices(pub String);

impl Devices for NoDevices {
    async fn sign_in(&mut self, _: &ThrowAway, _: &str) -> Result<(), String> {
        Err(self.0.clone())
    }

    async fn sign_out(&mut self) -> Result<(), String> {
        Err(self.0.clone())
    }

    fn most(&self) -> usize {
        0
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}
