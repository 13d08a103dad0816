//! The arguments that select devices, the same for listing, planning and acting.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use easemob_admin_api::{DeviceId, Platform, UserId};
use easemob_admin_ops::files::{bounded, encoding};
use easemob_admin_ops::names::{Kind, check, device, key};
use easemob_admin_ops::select::exemptions::{Exemptions, Unmatched};
use easemob_admin_ops::select::pattern::Pattern;
use easemob_admin_ops::select::selection::{Keep, Selection, UnknownAge};
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::completion;
use crate::context::Context;
use crate::exit;

/// The device selection of each user. All conditions must hold; of several values of one condition, any.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Device selection (all devices by default)")]
pub struct SelectionArgs {
    /// Only this device, with the id that `devices list` shows; may be repeated
    #[arg(long = "device", value_name = "DEVICE", value_parser = device)]
    devices: Vec<DeviceId>,
    /// Only devices of this platform: android, ios, web, custom5, or as the server writes it; may be repeated
    #[arg(long = "platform", value_name = "PLATFORM", value_parser = platform, add = completion::platforms())]
    platforms: Vec<Platform>,
    /// Only devices whose id matches, such as "webim_*"; may be repeated
    #[arg(long = "resource", value_name = "PATTERN", value_parser = resource)]
    resources: Vec<Pattern>,
    /// Only devices whose name matches, such as "Pixel*"; may be repeated
    #[arg(long = "device-name", value_name = "PATTERN", value_parser = device_name)]
    names: Vec<Pattern>,
    /// On each platform, keep the newest N of these devices
    #[arg(long, value_name = "N")]
    keep_newest: Option<usize>,
    /// Keep this device; may be repeated
    #[arg(long = "keep-device", value_name = "DEVICE", value_parser = device)]
    keep_devices: Vec<DeviceId>,
    /// Never leave a user with fewer devices than N
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    min_surviving: usize,
    /// Never touch the users and devices in this file: a user, user/device or pattern per line
    #[arg(long, value_name = "FILE")]
    exempt: Option<PathBuf>,
    /// What --keep-newest does with devices of unknown age
    #[arg(long, value_name = "POLICY", default_value = "keep", requires = "keep_newest")]
    unknown_age: Unknown,
}

/// The values of `--unknown-age`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Unknown {
    /// Keep them
    #[default]
    Keep,
    /// Treat them as older than all others
    Oldest,
}

/// Parses a platform from the command line.
///
/// # Errors
/// When it is empty, or no resource id can start with it.
pub fn platform(text: &str) -> Result<Platform, String> {
    if text.trim().is_empty() {
        return Err(t!("give a platform such as android, ios, web or custom5").into());
    }
    check(text, Kind::Platform).map_err(|unclear| unclear.to_string())?;
    if text.contains('_') {
        return Err(t!(
            "`{text}` is not a platform: a platform is the part of a resource id before the first `_`"
        ));
    }
    text.parse().map_err(|error| format!("{error}"))
}

fn resource(text: &str) -> Result<Pattern, String> {
    pattern(text, Kind::DevicePattern)
}

fn device_name(text: &str) -> Result<Pattern, String> {
    pattern(text, Kind::DeviceName)
}

fn pattern(text: &str, kind: Kind) -> Result<Pattern, String> {
    if text.is_empty() {
        return Err(t!("give a pattern such as \"web*\"").into());
    }
    check(text, kind).map_err(|unclear| unclear.to_string())?;
    Ok(text.into())
}

/// Warns about a platform whose name may be a typo: it would match nothing and look like success.
pub fn warn_of_rare(context: &Context, platform: &Platform) {
    if let Platform::Other(name) = platform {
        context.ui.warn(t!(
            "`{name}` is not one of the documented platforms (android, ios, web, custom1 to custom100); \
             selecting devices whose id starts with `{name}_`"
        ));
    }
}

impl SelectionArgs {
    /// Returns the selection, and warns about likely mistakes. `users` are those named as arguments.
    ///
    /// # Errors
    /// When the exemption file cannot be read, or one of its lines is unclear: then it is unknown who must
    /// not be touched.
    pub fn selection(&self, context: &Context, users: &[String]) -> Result<Selection, CommandError> {
        self.platforms
            .iter()
            .for_each(|platform| warn_of_rare(context, platform));
        let own = |devices: &[DeviceId], option: &str| -> Result<Vec<DeviceId>, CommandError> {
            let own = devices.iter().map(|device| without_user(device, users));
            own.map(|device| device.map_err(|device| not_of_the_user(&device, option)))
                .collect()
        };
        Ok(Selection {
            devices: own(&self.devices, "--device")?,
            platforms: self.platforms.clone(),
            resources: self.resources.clone(),
            names: self.names.clone(),
            keep_newest: self.keep_newest.map(Keep::Each),
            unknown_age: match self.unknown_age {
                Unknown::Keep => UnknownAge::Keep,
                Unknown::Oldest => UnknownAge::Oldest,
            },
            keep_devices: own(&self.keep_devices, "--keep-device")?,
            min_surviving: self.min_surviving,
            exempt: self.exemptions()?,
        })
    }

    fn exemptions(&self) -> Result<Exemptions, CommandError> {
        let Some(path) = &self.exempt else {
            return Ok(Exemptions::default());
        };
        let bytes = bounded::whole(path, bounded::WRITTEN_BY_HAND).map_err(|error| {
            let what = t!(
                "cannot read the exemptions in {}, so nothing was done",
                path.display()
            );
            CommandError::new(exit::USAGE, what).because(error)
        })?;
        let unusable = || {
            let what = t!(
                "cannot use the exemptions in {}, so nothing was done",
                path.display()
            );
            CommandError::new(exit::USAGE, what)
        };
        let read = encoding::text(&bytes).map_err(|(line, foreign)| {
            unusable()
                .because(t!("line {line} is {}", foreign.words()))
                .hint(foreign.remedy(Some(path)))
        })?;
        let exemptions = Exemptions::read(read).map_err(|error| {
            unusable().because(error).hint(
                t!("write a comment on a line of its own, starting with #; `?` stands for any character of a name"),
            )
        })?;
        if exemptions.is_empty() {
            let what = t!("{} exempts nobody", path.display());
            return Err(CommandError::new(exit::USAGE, what).hint(t!(
                "write one user, user/device or pattern per line, or remove --exempt"
            )));
        }
        Ok(exemptions)
    }
}

/// Removes the user from a login id such as `ann/ios_1`, which SDKs and webhooks use for devices.
///
/// # Errors
/// When it is, or may be, the login id of another user: as a resource id it would match no device.
fn without_user(device: &DeviceId, users: &[String]) -> Result<DeviceId, DeviceId> {
    let Some((user, resource)) = device.as_str().split_once('/') else {
        return Ok(device.clone());
    };
    match users {
        [only] if key(only) == key(user) => DeviceId::parse(resource).map_err(|_| device.clone()),
        _ => Err(device.clone()),
    }
}

fn not_of_the_user(device: &DeviceId, option: &str) -> CommandError {
    let what = t!("cannot use {option} {device}: it names a user, who is not the only user given");
    let hint = match option {
        "--keep-device" => {
            t!("remove the user and the slash, or write `{device}` to a file and pass it with --exempt")
        }
        _ => t!("remove the user and the slash").into(),
    };
    CommandError::new(exit::USAGE, what).hint(t!(
        "{hint}; for an id with a slash, use --resource with `?` in its place"
    ))
}

/// Finds the exemptions that match none of `users`, and warns about them before anything is changed.
///
/// # Errors
/// When the users cannot be read.
pub fn without_a_user(
    context: &Context,
    exempt: &Exemptions,
    users: impl Iterator<Item = io::Result<UserId>> + Send,
) -> Result<Option<Unmatched>, CommandError> {
    if exempt.is_empty() {
        return Ok(None);
    }
    let unmatched = exempt.unmatched(users).map_err(|error| {
        CommandError::new(exit::INTERNAL, t!("cannot read the users again")).because(error)
    })?;
    if unmatched.count > 0 {
        let Unmatched { count, first } = &unmatched;
        let more = if *count > first.len() as u64 { ", …" } else { "" };
        let these = if *count == 1 {
            t!("1 exemption matches")
        } else {
            &t!("{count} exemptions match")
        };
        context.ui.warn(t!(
            "{these} none of the users: {}{more}; check the spelling of names that must be protected",
            first.join(", ")
        ));
    }
    Ok(Some(unmatched))
}

/// Describes the selection for a question: `all ios devices but the newest 2 per platform`.
#[must_use]
pub fn in_words(selection: &Selection) -> String {
    if selection.is_everything() {
        return t!("ALL devices").into();
    }
    let list = |items: Vec<String>| items.join(t!(" or "));
    let strings = |patterns: &[Pattern]| list(patterns.iter().map(ToString::to_string).collect());
    let mut words = if selection.devices.is_empty() {
        let platforms = list(selection.platforms.iter().map(ToString::to_string).collect());
        if platforms.is_empty() {
            t!("all devices").into()
        } else {
            t!("all {platforms} devices")
        }
    } else {
        let ids = list(selection.devices.iter().map(ToString::to_string).collect());
        t!("the device {ids}")
    };
    if !selection.resources.is_empty() {
        words = t!("{words} with an id like {}", strings(&selection.resources));
    }
    if !selection.names.is_empty() {
        words = t!("{words} named like {}", strings(&selection.names));
    }
    let mut but = Vec::new();
    but.extend(selection.keep_newest.as_ref().map(|keep| match keep {
        Keep::Each(keep) => t!("the newest {keep} per platform"),
        Keep::Limits(_) => t!("the newest within the user's limits").into(),
    }));
    but.extend(selection.keep_devices.iter().map(ToString::to_string));
    if !selection.exempt.is_empty() {
        but.push(t!("exempt devices").into());
    }
    if selection.min_surviving > 0 {
        but.push(t!("at least {} per user", selection.min_surviving));
    }
    if but.is_empty() {
        words
    } else {
        t!("{words} but {}", but.join(t!(" and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> DeviceId {
        DeviceId::parse(text).unwrap()
    }

    #[test]
    fn a_login_id_names_the_device_of_its_user() {
        let one = ["ann".to_owned()];
        assert_eq!(without_user(&id("ann/ios_1"), &one), Ok(id("ios_1")));
        assert_eq!(without_user(&id("Ann/ios_1"), &one), Ok(id("ios_1")));
        assert_eq!(without_user(&id("ios_1"), &[]), Ok(id("ios_1")));
        for (device, users) in [
            ("bob/ios_1", &one[..]),
            ("ann/ios_1", &[]),
            ("ann/ios_1", &["ann".into(), "bob".into()]),
        ] {
            assert_eq!(without_user(&id(device), users), Err(id(device)));
        }
    }

    #[test]
    fn what_would_match_no_device_is_refused() {
        for text in ["", "ios\u{200b}", "ios ", "ｉos", "ios,web", "web_x"] {
            assert!(platform(text).is_err(), "{text:?}");
        }
        for text in ["", "web*\u{feff}", " web*", "ｗeb*", "web*,ios*", "web_*/"] {
            assert!(resource(text).is_err(), "{text:?}");
        }
        for text in ["", "Pixel*\u{200b}", "Pixel* ", "Pixel\t7"] {
            assert!(device_name(text).is_err(), "{text:?}");
        }
        assert!(platform("harmony").is_ok() && resource("web_*").is_ok() && device_name("Pixel 7").is_ok());
    }

    #[test]
    fn the_question_says_what_is_meant() {
        let mut selection = Selection::default();
        assert_eq!(in_words(&selection), "ALL devices");
        selection.platforms = vec!["ios".parse().unwrap(), "web".parse().unwrap()];
        selection.names = vec!["Pixel*".into()];
        assert_eq!(in_words(&selection), "all ios or web devices named like Pixel*");
        selection.keep_newest = Some(Keep::Each(1));
        selection.min_surviving = 2;
        let words = in_words(&selection);
        assert!(
            words.ends_with("but the newest 1 per platform and at least 2 per user"),
            "{words}"
        );
    }
}
