//! `sessions logout`: force users' devices offline.

mod plan;
mod row;

use clap::{Args, ValueEnum};
use easemob_admin_api::{DeviceId, Platform};

use self::row::LogoutRow;
use super::{platform, warn_of_rare};
use crate::bulk::cap::{Cap, CapSpec};
use crate::bulk::logout::{Fate, Mode, UserResult, logout_user};
use crate::bulk::select::{Selection, UnknownAge};
use crate::bulk::tally::{Settled, Tally};
use crate::command_error::CommandError;
use crate::commands::acting::{Acting, users};
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::drive::{Done, Run, drive, summary_of};
use crate::exit::{self, Exit};
use crate::input::spool::Entry;
use crate::summary::Words;

/// Arguments of `sessions logout`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sessions logout ann --reason \"phone stolen\" --ticket INC-7
  easemob-admin sessions logout ann --device ios_7f3a --reason \"phone stolen\"
  easemob-admin sessions logout --from users.txt --dry-run
  easemob-admin sessions logout --from users.txt --platform web --reason \"leak\" --yes -o jsonl > result.jsonl
  easemob-admin sessions logout --from users.txt --keep-newest 1 --max-logouts 5% --reason \"policy\"

A logout is not a ban: the user can sign in again at once (see `users ban`). The device list is read first; \
devices that sign in after that are touched only when all devices of the user are meant. A device whose age \
nobody knows is never ended by --keep-newest unless --unknown-age oldest says so.")]
pub struct LogoutArgs {
    #[command(flatten)]
    users: UserSource,
    /// End only this device, named as `devices list` does
    #[arg(long, value_name = "DEVICE", value_parser = device, group = "selection")]
    device: Option<DeviceId>,
    /// End only devices of this platform
    #[arg(long, value_name = "PLATFORM", value_parser = platform, group = "selection")]
    platform: Option<Platform>,
    /// On each platform, keep the newest N devices and end the others
    #[arg(long, value_name = "N", group = "selection")]
    keep_newest: Option<usize>,
    /// End all devices but this one
    #[arg(long, value_name = "DEVICE", value_parser = device, group = "selection")]
    keep_device: Option<DeviceId>,
    /// What --keep-newest does with devices whose age nobody knows
    #[arg(long, value_name = "POLICY", default_value = "keep", requires = "keep_newest")]
    unknown_age: Unknown,
    /// Stop before more than N devices, or P% of those online, are ended
    #[arg(long, value_name = "N|P%")]
    max_logouts: Option<CapSpec>,
    #[command(flatten)]
    acting: Acting,
}

/// The values of `--unknown-age`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unknown {
    /// Keep them
    Keep,
    /// Count them as older than all others
    Oldest,
}

fn device(text: &str) -> Result<DeviceId, String> {
    DeviceId::parse(text).map_err(|error| error.to_string())
}

impl LogoutArgs {
    /// Takes the user off a login id such as `ann/ios_1`, which SDKs and webhooks use for devices.
    fn own(&self, device: &DeviceId) -> DeviceId {
        let stripped = match &self.users.users[..] {
            [user] => device
                .as_str()
                .strip_prefix(user.as_str())
                .and_then(|rest| rest.strip_prefix('/')),
            _ => None,
        };
        stripped
            .and_then(|resource| DeviceId::parse(resource).ok())
            .unwrap_or_else(|| device.clone())
    }

    fn selection(&self) -> Selection {
        if let Some(device) = &self.device {
            Selection::Device(self.own(device))
        } else if let Some(platform) = &self.platform {
            Selection::Platform(platform.clone())
        } else if let Some(device) = &self.keep_device {
            Selection::KeepDevice(self.own(device))
        } else if let Some(keep) = self.keep_newest {
            let unknown_age = match self.unknown_age {
                Unknown::Keep => UnknownAge::Keep,
                Unknown::Oldest => UnknownAge::Oldest,
            };
            Selection::KeepNewest { keep, unknown_age }
        } else {
            Selection::All
        }
    }
}

/// Says what will be ended, for the question.
fn in_words(selection: &Selection) -> String {
    match selection {
        Selection::All => "log out ALL devices of".into(),
        Selection::Device(device) => format!("log out the device {device} of"),
        Selection::Platform(platform) => format!("log out all {platform} devices of"),
        Selection::KeepDevice(device) => format!("log out all devices but {device} of"),
        Selection::KeepNewest { keep, .. } => {
            format!("log out all but the newest {keep} devices per platform of")
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the list cannot be used, the operator does not agree, or the run was stopped.
pub async fn run(context: &Context, session: &Session, args: &LogoutArgs) -> Result<Exit, CommandError> {
    args.acting.require_reason(session)?;
    let list = args.users.read(context)?;
    let selection = args.selection();
    if let Selection::Platform(platform) = &selection {
        warn_of_rare(context, platform);
    }
    let act = format!("{} {}", in_words(&selection), users(list.users));
    args.acting.confirm(context, session, list.users, &act)?;
    let stream = || {
        list.stream().map_err(|error| {
            CommandError::new(exit::INTERNAL, "the temporary copy of the list cannot be read").because(error)
        })
    };
    let allowance = match args.max_logouts {
        Some(spec @ CapSpec::Percent(_)) => {
            Some(plan::allowance(context, session, stream()?, list.users, &selection, spec).await?)
        }
        Some(CapSpec::Devices(devices)) => Some(devices),
        None => None,
    };
    let mut summary = summary_of(&list);
    args.acting.record(&mut summary);
    let (done, devices, mode) = if args.acting.dry_run {
        ("would be logged out", "would be ended", Mode::DryRun)
    } else {
        ("logged out", "ended", Mode::Act)
    };
    let run = Run {
        context,
        session,
        command: "sessions logout",
        verb: if args.acting.dry_run {
            "reading"
        } else {
            "logging out"
        },
        words: Words {
            done,
            nothing: "nothing to do",
            devices: Some(devices),
        },
        acts: !args.acting.dry_run,
        summary,
    };
    let cap = Cap::new(allowance);
    let work = async |entry: Entry| {
        let result = logout_user(&session.server, &entry.user, &selection, mode, &cap).await;
        done_with(&entry, &result, &selection)
    };
    drive(run, stream()?, work, |entry| vec![LogoutRow::cut_off(&entry)]).await
}

fn done_with(entry: &Entry, result: &UserResult, selection: &Selection) -> Done<LogoutRow> {
    let mut tally = Tally::default();
    tally.count(Settled::of_logout(result));
    let mut cap_hit = false;
    if let UserResult::Read(devices) = result {
        let ended = |fate: &Fate| matches!(fate, Fate::Ended { .. } | Fate::WouldEnd);
        tally.devices = devices.iter().filter(|device| ended(&device.fate)).count() as u64;
        let not_tried = devices.iter().any(|device| matches!(device.fate, Fate::NotTried));
        cap_hit = not_tried && result.failures().next().is_none();
    }
    let failures = result.failures().cloned().collect();
    Done {
        rows: row::rows(entry, result, selection),
        tally,
        failures,
        cap_hit,
    }
}
