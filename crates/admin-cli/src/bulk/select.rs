//! Decides which devices of a user are ended. Pure: no clock, no network.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::SystemTime;

use easemob_admin_api::{DeviceId, Platform};

use super::calls::SeenDevice;

/// Which devices of each user are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Every device.
    All,
    /// One device, by its exact resource id.
    Device(DeviceId),
    /// The devices of one platform.
    Platform(Platform),
    /// On each platform, all but the newest so many.
    KeepNewest {
        /// How many devices stay on each platform.
        keep: usize,
        /// What happens to devices whose age nobody knows.
        unknown_age: UnknownAge,
    },
    /// Every device but this one.
    KeepDevice(DeviceId),
}

/// What `--keep-newest` does with a device whose sign-in time nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownAge {
    /// It stays: a wrong logout cannot be taken back.
    #[default]
    Keep,
    /// It counts as older than every device with a known age.
    Oldest,
}

/// A device with the reason for its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The device.
    pub device: SeenDevice,
    /// Why it is ended, or why it stays.
    pub why: String,
}

/// The devices of one user, divided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// Devices to end.
    pub victims: Vec<Choice>,
    /// Devices that stay.
    pub kept: Vec<Choice>,
}

/// Divides `devices` into those that `selection` ends and those that stay.
///
/// `age` returns when a device signed in, if anybody knows. A device listed twice is decided once.
#[must_use]
pub fn select_victims(
    devices: &[SeenDevice],
    selection: &Selection,
    age: impl Fn(&DeviceId) -> Option<SystemTime>,
) -> Selected {
    let mut unique: BTreeMap<&str, &SeenDevice> = BTreeMap::new();
    for device in devices {
        unique.entry(device.id.as_str()).or_insert(device);
    }
    let mut selected = Selected::default();
    let mut divide = |device: &SeenDevice, ends: bool, why: String| {
        let choice = Choice {
            device: device.clone(),
            why,
        };
        if ends {
            selected.victims.push(choice);
        } else {
            selected.kept.push(choice);
        }
    };
    match selection {
        Selection::All => {
            for device in unique.values() {
                divide(device, true, "all devices".into());
            }
        }
        Selection::Device(wanted) => {
            for device in unique.values() {
                let ends = device.id == *wanted;
                divide(device, ends, if ends { "named" } else { "not named" }.into());
            }
        }
        Selection::Platform(wanted) => {
            for device in unique.values() {
                let platform = device.id.platform();
                let ends = platform == *wanted;
                divide(device, ends, format!("platform {platform}"));
            }
        }
        Selection::KeepDevice(kept) => {
            for device in unique.values() {
                let stays = device.id == *kept;
                divide(
                    device,
                    !stays,
                    if stays {
                        "named to stay"
                    } else {
                        "not named to stay"
                    }
                    .into(),
                );
            }
        }
        Selection::KeepNewest { keep, unknown_age } => {
            keep_newest(unique.into_values(), *keep, *unknown_age, age, &mut divide);
        }
    }
    selected
}

/// Ranks each platform by age and ends what is beyond `keep`.
///
/// Devices of unknown age take no place in the ranking unless they count as oldest: a device with `keep`
/// newer ones of known age is surplus whatever the age of the unknown ones.
fn keep_newest<'a>(
    devices: impl Iterator<Item = &'a SeenDevice>,
    keep: usize,
    unknown_age: UnknownAge,
    age: impl Fn(&DeviceId) -> Option<SystemTime>,
    divide: &mut impl FnMut(&SeenDevice, bool, String),
) {
    let mut platforms: BTreeMap<String, Vec<(Option<SystemTime>, &SeenDevice)>> = BTreeMap::new();
    for device in devices {
        let platform = device.id.platform().to_string();
        platforms
            .entry(platform)
            .or_default()
            .push((age(&device.id), device));
    }
    for (platform, mut ranked) in platforms {
        // None sorts before every time, so that unknown ages come last when reversed.
        ranked.sort_by_key(|(at, device)| (Reverse(*at), device.id.as_str()));
        for (rank, (at, device)) in ranked.into_iter().enumerate() {
            let place = rank + 1;
            match (at, unknown_age) {
                (None, UnknownAge::Keep) => divide(device, false, "age unknown, so it stays".into()),
                (None, UnknownAge::Oldest) if rank >= keep => {
                    divide(
                        device,
                        true,
                        format!("age unknown, taken as oldest on {platform}"),
                    );
                }
                (Some(_), _) if rank >= keep => {
                    divide(device, true, ranked_note(place, &platform, keep));
                }
                _ => divide(device, false, ranked_note(place, &platform, keep)),
            }
        }
    }
}

/// Says why a device of known age stays or goes.
fn ranked_note(place: usize, platform: &str, keep: usize) -> String {
    if place <= keep {
        format!("one of the newest {keep} on {platform}")
    } else {
        format!("older than the newest {keep} on {platform}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn device(id: &str) -> SeenDevice {
        SeenDevice {
            id: DeviceId::parse(id).unwrap(),
            name: None,
            uuid: None,
        }
    }

    /// Ids end in `@N` where the age is known, for the sake of short tests.
    fn age(id: &DeviceId) -> Option<SystemTime> {
        let (_, seconds) = id.as_str().rsplit_once('@')?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.parse().ok()?))
    }

    fn victims(ids: &[&str], selection: &Selection) -> Vec<String> {
        let devices: Vec<_> = ids.iter().map(|id| device(id)).collect();
        let selected = select_victims(&devices, selection, age);
        selected
            .victims
            .iter()
            .map(|choice| choice.device.id.as_str().to_owned())
            .collect()
    }

    fn newest(keep: usize, unknown_age: UnknownAge) -> Selection {
        Selection::KeepNewest { keep, unknown_age }
    }

    #[test]
    fn all_means_all_and_each_once() {
        assert_eq!(
            victims(&["ios_1", "web_1", "ios_1"], &Selection::All),
            ["ios_1", "web_1"]
        );
    }

    #[test]
    fn one_device_is_matched_exactly() {
        let wanted = Selection::Device(DeviceId::parse("ios_1").unwrap());
        assert_eq!(victims(&["ios_1", "ios_11", "IOS_1"], &wanted), ["ios_1"]);
    }

    #[test]
    fn platform_is_what_precedes_the_first_underscore() {
        let web = Selection::Platform("web".parse().unwrap());
        assert_eq!(
            victims(&["web_1", "webim_2", "website_3", "ios_web"], &web),
            ["web_1", "webim_2"]
        );
    }

    #[test]
    fn keep_newest_counts_each_platform() {
        let ids = ["web_a@1", "web_b@3", "web_c@2", "ios_a@1", "ios_b@2"];
        assert_eq!(
            victims(&ids, &newest(1, UnknownAge::Keep)),
            ["ios_a@1", "web_c@2", "web_a@1"]
        );
    }

    #[test]
    fn keep_newest_zero_spares_only_unknown_ages() {
        assert_eq!(
            victims(&["web_a@1", "web_b"], &newest(0, UnknownAge::Keep)),
            ["web_a@1"]
        );
        assert_eq!(
            victims(&["web_a@1", "web_b"], &newest(0, UnknownAge::Oldest)),
            ["web_a@1", "web_b"]
        );
    }

    #[test]
    fn unknown_age_says_why_it_stays() {
        let selected = select_victims(
            &[device("ios_1"), device("ios_2")],
            &newest(1, UnknownAge::Keep),
            age,
        );
        assert!(selected.victims.is_empty());
        assert!(
            selected
                .kept
                .iter()
                .all(|choice| choice.why == "age unknown, so it stays")
        );
    }

    fn ids() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("(ios|web|webim|custom5)_[a-d](@[0-9])?", 0..24)
    }

    proptest! {
        #[test]
        fn keep_newest_keeps_its_promises(ids in ids(), keep in 0_usize..5, oldest: bool) {
            let policy = if oldest { UnknownAge::Oldest } else { UnknownAge::Keep };
            let devices: Vec<_> = ids.iter().map(|id| device(id)).collect();
            let selected = select_victims(&devices, &newest(keep, policy), age);
            let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
            prop_assert_eq!(selected.victims.len() + selected.kept.len(), unique.len());
            let mut platforms: BTreeMap<String, (usize, usize)> = BTreeMap::new();
            for choice in &selected.kept {
                platforms.entry(choice.device.id.platform().to_string()).or_default().0 += 1;
            }
            for choice in &selected.victims {
                platforms.entry(choice.device.id.platform().to_string()).or_default().1 += 1;
                prop_assert!(oldest || age(&choice.device.id).is_some(), "an unknown age was chosen");
                for kept in &selected.kept {
                    let same = kept.device.id.platform() == choice.device.id.platform();
                    if let (true, Some(kept), Some(ended)) = (same, age(&kept.device.id), age(&choice.device.id)) {
                        prop_assert!(kept >= ended, "an older device was kept");
                    }
                }
            }
            for (kept, ended) in platforms.into_values() {
                prop_assert!(kept >= keep.min(kept + ended), "fewer than promised were kept");
                if oldest { prop_assert!(kept <= keep); }
            }
        }

        #[test]
        fn the_kept_device_is_never_chosen(ids in ids(), kept in "(ios|web)_[a-d]") {
            let devices: Vec<_> = ids.iter().map(|id| device(id)).collect();
            let selection = Selection::KeepDevice(DeviceId::parse(&kept).unwrap());
            let selected = select_victims(&devices, &selection, age);
            prop_assert!(selected.victims.iter().all(|choice| choice.device.id.as_str() != kept));
        }
    }
}
