//! The order of device lists.

use std::time::Duration;

use crate::probe::calls::{Answer, Call, ProbeCalls};
use crate::probe::capabilities::DeviceOrder;
use crate::probe::devices::Devices;
use crate::probe::throw_away::ThrowAway;
use crate::probe::{Probe, Unanswered};

/// The ids of the devices, in the order of their sign-ins: sorted by name they are in neither order of time.
pub(super) const RESOURCES: [&str; 3] = ["ios_probe1", "web_probe2", "android_probe3"];

/// The time between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(250);

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn device_order(&mut self) -> Result<String, Unanswered> {
        let user = self.online()?;
        if self.signed_in.is_empty() {
            return Err(Unanswered::because("no device is signed in"));
        }
        while self.signed_in.len() < self.devices.most() {
            self.sign_in_next(&user).await?;
        }
        let listed = self.list(&user).await?;
        let order = judge(&listed, &self.signed_in);
        self.answers.device_order = Some(order?);
        Ok(format!(
            "{} devices that signed in one after the other",
            self.signed_in.len()
        ))
    }

    /// Signs in one more device, and waits until it is in the list.
    pub(super) async fn sign_in_next(&mut self, user: &ThrowAway) -> Result<(), Unanswered> {
        let resource = RESOURCES
            .get(self.signed_in.len())
            .copied()
            .unwrap_or("web_probe");
        let end = self.clock.now() + self.devices.patience();
        self.devices.sign_in(user, resource).await.map_err(Unanswered)?;
        loop {
            let listed = self.list(user).await?;
            let new = listed.iter().find(|device| !self.signed_in.contains(device));
            if let Some(new) = new {
                self.signed_in.push(new.clone());
                return Ok(());
            }
            if self.clock.now() >= end {
                return Err(Unanswered::because(
                    "the device list did not show the device that signed in",
                ));
            }
            self.sleep(LOOK).await;
        }
    }

    /// Returns the ids of the devices of a user, in the order of the server.
    pub(super) async fn list(&mut self, user: &ThrowAway) -> Result<Vec<String>, Unanswered> {
        let answer = self.send(&Call::Devices(user.name.clone())).await?;
        devices_in(&answer).ok_or_else(|| Unanswered::by("the call for devices", &answer))
    }
}

fn devices_in(answer: &Answer) -> Option<Vec<String>> {
    let devices = answer.body["data"].as_array()?;
    devices
        .iter()
        .map(|device| device["res"].as_str().map(str::to_owned))
        .collect()
}

/// Judges a device list by the order in which the devices signed in.
fn judge(listed: &[String], signed_in: &[String]) -> Result<DeviceOrder, Unanswered> {
    if signed_in.len() < 3 || listed.len() != signed_in.len() {
        return Err(Unanswered::because(format!(
            "{} of {} devices are listed; an order shows with 3",
            listed.len(),
            signed_in.len()
        )));
    }
    Ok(if listed == signed_in {
        DeviceOrder::OldestFirst
    } else if listed.iter().eq(signed_in.iter().rev()) {
        DeviceOrder::NewestFirst
    } else {
        DeviceOrder::Other
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_shows_with_three_devices() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let signed_in = names(&RESOURCES);
        let mut sorted = signed_in.clone();
        sorted.sort();
        let mut reversed = signed_in.clone();
        reversed.reverse();
        for (listed, expected) in [
            (signed_in.clone(), Ok(DeviceOrder::OldestFirst)),
            (reversed, Ok(DeviceOrder::NewestFirst)),
            (sorted, Ok(DeviceOrder::Other)),
            (names(&["ios_probe1"]), Err(())),
        ] {
            assert_eq!(judge(&listed, &signed_in).map_err(drop), expected, "{listed:?}");
        }
        let two = names(&["a", "b"]);
        assert!(judge(&two, &two).is_err());
    }
}
