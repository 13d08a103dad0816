//! Where a user's devices get push notifications, and how these look (pages `push_*`).

use serde::{Deserialize, Serialize};

/// The push tokens of a user's devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct PushBindings(Vec<PushBinding>);

/// One device's token with one push service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PushBinding {
    pub(crate) device_id: String,
    pub(crate) device_token: String,
    /// The certificate's name.
    pub(crate) notifier_name: String,
}

impl PushBindings {
    /// Binds a device, or unbinds it: from one notifier if the token is empty, from all if no notifier is named.
    pub(crate) fn bind(&mut self, binding: PushBinding) {
        self.0.retain(|other| {
            other.device_id != binding.device_id
                || (!binding.notifier_name.is_empty() && other.notifier_name != binding.notifier_name)
        });
        if !binding.notifier_name.is_empty() && !binding.device_token.is_empty() {
            self.0.push(binding);
        }
    }

    /// Returns the bindings of one device.
    pub(crate) fn of(&self, device_id: &str) -> Vec<&PushBinding> {
        self.0
            .iter()
            .filter(|binding| binding.device_id == device_id)
            .collect()
    }

    /// Returns all bindings.
    pub(crate) fn all(&self) -> &[PushBinding] {
        &self.0
    }
}

/// How push notifications of a user look, and when there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PushSettings {
    /// 0 tells that there is a message, 1 also what it says.
    pub(crate) display_style: Option<u8>,
    pub(crate) no_disturbing: Option<bool>,
    /// Hours of the day.
    pub(crate) no_disturbing_start: Option<u8>,
    pub(crate) no_disturbing_end: Option<u8>,
}

impl PushSettings {
    /// Takes over what `changes` says, if all of it is in range.
    ///
    /// # Errors
    /// With what is out of range; nothing is changed then.
    pub(crate) fn change(&mut self, changes: Self) -> Result<(), &'static str> {
        if changes.display_style.is_some_and(|style| style > 1) {
            return Err("notification_display_style must be 0 or 1");
        }
        let hours = [changes.no_disturbing_start, changes.no_disturbing_end];
        if hours.into_iter().flatten().any(|hour| hour > 23) {
            return Err("notification_no_disturbing_start and _end must be 0 to 23");
        }
        self.display_style = changes.display_style.or(self.display_style);
        self.no_disturbing = changes.no_disturbing.or(self.no_disturbing);
        self.no_disturbing_start = changes.no_disturbing_start.or(self.no_disturbing_start);
        self.no_disturbing_end = changes.no_disturbing_end.or(self.no_disturbing_end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(device: &str, token: &str, notifier: &str) -> PushBinding {
        PushBinding {
            device_id: device.into(),
            device_token: token.into(),
            notifier_name: notifier.into(),
        }
    }

    #[test]
    fn a_device_has_one_token_for_each_notifier_and_is_unbound_by_an_empty_one() {
        let mut bindings = PushBindings::default();
        bindings.bind(binding("d1", "t1", "fcm"));
        bindings.bind(binding("d1", "t2", "fcm"));
        bindings.bind(binding("d1", "t3", "apns"));
        bindings.bind(binding("d2", "t4", "fcm"));
        assert_eq!(
            bindings.of("d1"),
            [&binding("d1", "t2", "fcm"), &binding("d1", "t3", "apns")]
        );
        bindings.bind(binding("d1", "", "fcm"));
        assert_eq!(bindings.of("d1"), [&binding("d1", "t3", "apns")]);
        bindings.bind(binding("d1", "t5", "fcm"));
        bindings.bind(binding("d1", "whatever", ""));
        assert!(bindings.of("d1").is_empty());
        assert_eq!(bindings.all(), [binding("d2", "t4", "fcm")]);
    }

    #[test]
    fn settings_stay_unless_they_are_changed_within_range() {
        let mut settings = PushSettings::default();
        let night = PushSettings {
            no_disturbing: Some(true),
            no_disturbing_start: Some(22),
            no_disturbing_end: Some(6),
            ..PushSettings::default()
        };
        settings.change(night).unwrap();
        let style = |style| PushSettings {
            display_style: Some(style),
            ..PushSettings::default()
        };
        settings.change(style(1)).unwrap();
        let both = PushSettings {
            display_style: Some(1),
            ..night
        };
        assert_eq!(settings, both);
        assert!(settings.change(style(2)).is_err());
        let late = PushSettings {
            no_disturbing_end: Some(24),
            ..PushSettings::default()
        };
        assert!(settings.change(late).is_err());
        assert_eq!(settings, both);
    }
}
