//! The cap of `--max-logouts`.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The cap as given by the operator: a number of devices, or a share of the devices online.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CapSpec {
    /// At most this many devices.
    Devices(u64),
    /// At most this share of the devices that are online among the users of the run.
    Percent(f64),
}

impl FromStr for CapSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is neither a number of devices (500) nor a share (10%)");
        match text.strip_suffix('%') {
            Some(number) => match number.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => text.parse().map(Self::Devices).map_err(|_| wrong()),
        }
    }
}

impl CapSpec {
    /// Returns how many devices may be signed out when `online` devices were read, rounded down.
    #[must_use]
    pub fn allowance(self, online: u64) -> u64 {
        match self {
            Self::Devices(devices) => devices,
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "device counts are far below 2^52 and the share is between 0 and 100"
            )]
            Self::Percent(percent) => (online as f64 * percent / 100.0).floor() as u64,
        }
    }
}

/// A shared allowance that is spent before each act, never after it.
#[derive(Debug)]
pub struct Cap {
    left: AtomicU64,
    hit: AtomicBool,
}

impl Cap {
    /// Creates an allowance of `devices`, or an unlimited one.
    #[must_use]
    pub fn new(devices: Option<u64>) -> Self {
        Self {
            left: AtomicU64::new(devices.unwrap_or(u64::MAX)),
            hit: AtomicBool::new(false),
        }
    }

    /// Takes `devices` from the allowance, all or nothing.
    ///
    /// After one refusal, every later request is refused too: a user with fewer devices must not slip through
    /// after the run has decided to stop.
    #[must_use]
    pub fn take(&self, devices: u64) -> bool {
        if self.is_hit() {
            return false;
        }
        let taken = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                left.checked_sub(devices)
            })
            .is_ok();
        if !taken {
            self.hit.store(true, Ordering::Release);
        }
        taken
    }

    /// Returns true if a request was refused.
    #[must_use]
    pub fn is_hit(&self) -> bool {
        self.hit.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_shares() {
        assert_eq!("500".parse(), Ok(CapSpec::Devices(500)));
        assert_eq!("12.5%".parse(), Ok(CapSpec::Percent(12.5)));
        for wrong in ["", "-1", "101%", "ten", "%", "NaN%", "1e3"] {
            assert!(wrong.parse::<CapSpec>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(CapSpec::Percent(10.0).allowance(19), 1);
        assert_eq!(CapSpec::Percent(100.0).allowance(19), 19);
        assert_eq!(CapSpec::Percent(0.0).allowance(19), 0);
    }

    #[test]
    fn takes_all_or_nothing_and_stays_shut() {
        let cap = Cap::new(Some(3));
        assert!(cap.take(2));
        assert!(!cap.take(2));
        assert!(cap.is_hit());
        assert!(
            !cap.take(1),
            "a smaller request must not slip through after the refusal"
        );
    }
}
