use fastrand::Rng;

use super::{Seed, SeedDevice, SeedUser};

const USERS: u32 = 1_000;
/// All sign-ins lie in the week after this moment (2026-01-05 00:00 UTC).
const EPOCH_MS: u64 = 1_767_571_200_000;
const WEEK_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// Chance of being on the platform, in percent, and the names its devices go by.
const PLATFORMS: [(&str, u8, &[&str]); 5] = [
    (
        "android",
        60,
        &["Pixel 9", "Galaxy S25", "Mate 70", "Redmi Note 14"],
    ),
    ("ios", 40, &["iPhone 16", "iPhone SE", "iPad Air"]),
    ("web", 50, &["webim"]),
    ("custom1", 8, &["Front desk tablet"]),
    ("custom2", 4, &["Meeting room display"]),
];

pub(super) fn demo() -> Seed {
    let mut rng = Rng::with_seed(20_260_105);
    Seed {
        limits: None,
        users: (1..=USERS).map(|number| user(number, &mut rng)).collect(),
    }
}

fn user(number: u32, rng: &mut Rng) -> SeedUser {
    let username = format!("user{number:04}");
    let banned = number.is_multiple_of(100);
    // A banned user cannot be online.
    let devices = if banned { Vec::new() } else { devices(rng) };
    SeedUser {
        username,
        devices,
        banned,
        offline_messages: rng.u64(0..20),
        ..SeedUser::default()
    }
}

fn devices(rng: &mut Rng) -> Vec<SeedDevice> {
    let mut devices = Vec::new();
    for (platform, chance, names) in PLATFORMS {
        if rng.u8(0..100) >= chance {
            continue;
        }
        let crowded = matches!(platform, "web" | "android") && rng.u8(0..100) < 10;
        let count = if crowded {
            rng.usize(3..=4)
        } else {
            rng.usize(1..=2)
        };
        for _ in 0..count {
            let name = names[rng.usize(0..names.len())];
            devices.push(device(platform, name, rng));
        }
    }
    devices
}

fn device(platform: &str, name: &str, rng: &mut Rng) -> SeedDevice {
    let at = EPOCH_MS + rng.u64(0..WEEK_MS);
    let (resource, uuid) = match platform {
        "web" => (format!("webim_random_web_{at}"), format!("random_web_{at}")),
        "android" | "ios" => {
            let uuid = uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid();
            (format!("{platform}_{uuid}"), uuid.to_string())
        }
        _ => (format!("{platform}_web_{at}"), format!("web_{at}")),
    };
    SeedDevice {
        platform: platform.to_owned(),
        device_name: Some(name.to_owned()),
        resource: Some(resource),
        device_uuid: Some(uuid),
        signed_in_ms: Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(user: &SeedUser, platform: &str) -> usize {
        user.devices
            .iter()
            .filter(|device| device.platform == platform)
            .count()
    }

    #[test]
    fn it_is_the_same_every_time() {
        assert_eq!(demo(), demo());
    }

    #[test]
    fn some_users_are_over_a_limit_of_two() {
        let seed = demo();
        for platform in ["web", "android"] {
            let over = seed.users.iter().filter(|user| on(user, platform) > 2).count();
            assert!((20..150).contains(&over), "{platform}: {over}");
        }
        assert!(seed.users.iter().all(|user| on(user, "ios") <= 2));
    }

    #[test]
    fn a_few_users_are_banned() {
        assert_eq!(demo().users.iter().filter(|user| user.banned).count(), 10);
    }
}
